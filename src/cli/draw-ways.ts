/** Sends real packets and finds the ways that they took: what `graph --path` draws. */
import { NetsimError } from '../base/errors.ts';
import { findPacketWays, type PacketWay } from '../draw/packet-way.ts';
import type { NamedWay } from '../draw/paint-way.ts';
import { recordWays } from '../draw/record-way.ts';
import { clearTrace, eventsOf } from '../observe/trace.ts';
import { findPlace, type Place } from './place.ts';
import { addressOfName } from './resolve.ts';
import { runCommand, type Session } from './session.ts';

/** From where to where: `c1` to `c2` is a ping, `client` to `node2:8080` a connection. */
export interface WayWish {
  readonly from: string;
  readonly to: string;
}

/** Ways that one picture shows side by side. */
export const WAYS_MAX = 2;

/** `A B C D` as two ways. A name too many is given back: it was the topology. */
export function readWishes(names: readonly string[]): { wishes: WayWish[]; rest: string[] } {
  const pairs = Math.floor(names.length / 2);
  if (pairs > WAYS_MAX) {
    throw new NetsimError('usage', `--path: found ${pairs} ways, expected at most ${WAYS_MAX}`, {
      hint: 'draw the others into a second picture',
    });
  }
  const wishes = Array.from({ length: pairs }, (_, i) => ({
    from: names[2 * i]!,
    to: names[2 * i + 1]!,
  }));
  return { wishes, rest: names.slice(2 * pairs) };
}

/** Runs the pings and connections one after the other. The session's output is not printed. */
export async function walkWays(session: Session, wishes: readonly WayWish[]): Promise<NamedWay[]> {
  if (wishes.length === 0) return [];
  const recorder = recordWays(session.world.sim);
  const ways: NamedWay[] = [];
  for (const wish of wishes) {
    const place = findPlace(session, wish.from);
    clearTrace(recorder.trace);
    const protocol = await send(session, place, wish.to);
    const found = findPacketWays({
      events: eventsOf(recorder.trace),
      deviceOf: recorder.deviceOf,
      isStart: (deviceId) => deviceId.startsWith(`${place.netns.id}:`),
      protocol,
    });
    ways.push({
      ...wish,
      way: found?.there ?? null,
      hasAnswer: found?.back != null,
      isSameWayBack: found?.back != null && isReverse(found.there, found.back),
    });
  }
  return ways;
}

async function send(session: Session, from: Place, to: string): Promise<'icmp' | 'tcp'> {
  const url = /^(?:https?:\/\/)?([^/:]+):(\d{1,5})(\/.*)?$/.exec(to);
  const name = url?.[1] ?? to;
  const address = addressOfName(session, from, name);
  if (address === null && /^[\d.]+$/.test(name)) {
    throw new NetsimError('bad-address', `--path: "${name}" is no address`);
  }
  const target = address ?? name;
  if (url === null) {
    await runCommand(session, from, ['ping', '-c', '2', '-i', '0.2', '-W', '1', target]);
    return 'icmp';
  }
  const path = url[3] ?? '/';
  const words = ['curl', '-s', '-o', '/dev/null', '-m', '5', `http://${target}:${url[2]}${path}`];
  await runCommand(session, from, words);
  return 'tcp';
}

function isReverse(there: PacketWay, back: PacketWay): boolean {
  const forward = there.hops.map(({ deviceId }) => deviceId);
  const backward = back.hops.map(({ deviceId }) => deviceId).reverse();
  return forward.length === backward.length && forward.every((id, i) => id === backward[i]);
}
