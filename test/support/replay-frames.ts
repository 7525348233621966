// Captures around commands of a recorded swarm, by the recorder's own file names: `n2-host-eth0`,
// `n2-1-rlo0mt8g98-vxlan0`, `n3-c34138b16077-eth1`, `n0-host-lan0`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { engineOf } from '../../src/docker/engine.ts';
import type { Device } from '../../src/engine/device.ts';
import {
  type Capture,
  captureDevices,
  closeCapture,
  makeCapture,
} from '../../src/observe/capture.ts';
import { type CapturedFrame, readPcap } from '../../src/observe/pcap.ts';
import { setPromiscuous } from '../../src/stack/link.ts';
import type { DockerWorld } from '../../src/topology/docker-world.ts';
import { type Machine, namespaceAt } from '../../src/world/machine.ts';
import { compareLines, frameLines } from './compare-frames.ts';
import { type IdMap, ownName } from './replay-ids.ts';

const SANDBOXES = '/var/run/docker/netns';

export interface OpenCapture {
  readonly capture: Capture;
  readonly names: Map<Device, string>;
}

/** Opens a capture on every interface of the lab. */
export function openCapture({ nodes, client }: DockerWorld): OpenCapture {
  const names = new Map<Device, string>();
  [client, ...nodes].forEach((machine, number) => {
    for (const [place, devices] of placesOf(machine)) {
      for (const device of devices) {
        if (!device.isLoopback) names.set(device, `n${number}-${place}-${device.name}`);
      }
    }
  });
  const capture = makeCapture();
  captureDevices(capture, names.keys());
  for (const device of names.keys()) setPromiscuous(device, true);
  return { capture, names };
}

function placesOf(machine: Machine): Map<string, readonly Device[]> {
  const places = new Map<string, readonly Device[]>([['host', machine.root.devices]]);
  const folder = machine.files.find(SANDBOXES);
  for (const name of folder?.children.keys() ?? []) {
    const netns = namespaceAt(machine, `${SANDBOXES}/${name}`);
    if (netns !== null) places.set(name, netns.devices);
  }
  for (const { netns, sandboxKey } of engineOf(machine)?.containers.values() ?? []) {
    const name = sandboxKey.split('/').at(-1) ?? '';
    if (netns !== null && netns !== machine.root) places.set(name, netns.devices);
  }
  return places;
}

export function finishCapture({
  capture,
  names,
}: OpenCapture): Map<string, readonly CapturedFrame[]> {
  closeCapture(capture);
  for (const device of names.keys()) setPromiscuous(device, false);
  return new Map(capture.interfaces.map(({ device, frames }) => [names.get(device)!, frames]));
}

export interface FrameComparison {
  readonly file: string;
  readonly recorded: number;
  readonly own: number;
  readonly equal: number;
  /** The longer side. */
  readonly total: number;
  /** The lines that only one side has, each with the second of the window: `-` recorded, `+` ours. */
  readonly differences: readonly string[];
}

/** Compares every recorded interface of a folder. */
export function compareFrames(
  folder: string,
  frames: ReadonlyMap<string, readonly CapturedFrame[]>,
  ids: IdMap,
): FrameComparison[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.pcap'));
  return files.sort().map((file) => {
    const recorded = readPcap(readFileSync(join(folder, file))).frames;
    const theirs = linesOf(recorded);
    const own = framesFor(theirs, frames, ids, file.replace('.pcap', ''));
    const ours = linesOf(own);
    const { equalCount, totalCount } = compareLines(theirs, ours);
    return {
      file,
      recorded: theirs.length,
      own: ours.length,
      equal: equalCount,
      total: totalCount,
      differences: oneSided(theirs, secondsOf(recorded), ours, secondsOf(own)),
    };
  });
}

/** Of an interface whose name no command printed: the one of the same kind and node that fits best. */
function framesFor(
  theirs: readonly string[],
  frames: ReadonlyMap<string, readonly CapturedFrame[]>,
  ids: IdMap,
  file: string,
): readonly CapturedFrame[] {
  const own = frames.get(ownFile(ids, file));
  if (own !== undefined) return own;
  const [, node = '', place = '', device = ''] = /^(n\d)-(.*)-([^-]+)$/.exec(file) ?? [];
  const kind = new RegExp(
    `^${node}-${/^[0-9a-f]{12}$/.test(place) ? '[0-9a-f]{12}' : place}-${device.replace(/^veth[0-9a-f]{7}$/, 'veth[0-9a-f]{7}')}$`,
  );
  let best: readonly CapturedFrame[] = [];
  let most = -1;
  for (const [name, candidate] of frames) {
    if (!kind.test(name)) continue;
    const { equalCount, totalCount } = compareLines(theirs, linesOf(candidate));
    const score = equalCount - (totalCount - equalCount);
    if (score > most || most === -1) [best, most] = [candidate, score];
  }
  return best;
}

/** `n2-1-rlo0mt8g98-veth0` with our sandbox's name. */
function ownFile(ids: IdMap, file: string): string {
  const [, node = '', place = '', device = ''] = /^(n\d)-(.*)-([^-]+(?:-n\d)?)$/.exec(file) ?? [];
  return `${node}-${ownName(ids, place)}-${ownName(ids, device)}`;
}

const MAC = /\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g;
const MEANT_MAC = /^(02:42:(ac:1|0a:00)|52:54:00|01:00:5e|01:80:c2|33:33|00:00:00|ff:ff)/;

/**
 * Frames as lines: without IPv6, which netsim does not send, without the control plane, which the
 * recordings do not have, without random MACs.
 */
function linesOf(frames: readonly CapturedFrame[]): string[] {
  const kept = frames.filter(isCompared).map(({ bytes }) => bytes);
  const lines = frameLines(kept, null, { isPartial: true });
  return lines.map((line) => line.replace(MAC, (mac) => (MEANT_MAC.test(mac) ? mac : 'RANDOM')));
}

const isCompared = ({ bytes }: CapturedFrame): boolean =>
  !isIpv6(bytes) && !isControl(bytes) && !isNodesRefresh(bytes);

/**
 * A unicast ARP exchange of two nodes of the swarm. The control plane's datagrams cause them: an entry
 * that no TCP confirmed in its time, which the kernel draws at random, is asked for again. As the
 * recordings are without the control plane (and a slow CPU changes what it sends: memberlist falls back
 * to TCP), when these exchanges come, and whether, cannot be known. Broadcasts are compared, and so is
 * every exchange with the client.
 */
function isNodesRefresh(bytes: Uint8Array): boolean {
  if (bytes[12] !== 8 || bytes[13] !== 6 || (bytes[0]! & 1) !== 0) return false;
  return isNode(bytes, 28) && isNode(bytes, 38);
}

/** Whether 192.168.0.11 to .13 is there. */
function isNode(bytes: Uint8Array, at: number): boolean {
  const [a, b, c, d = 0] = bytes.subarray(at, at + 4);
  return a === 192 && b === 168 && c === 0 && d > 10 && d < 14;
}

/** When each compared frame was seen, in seconds of its hour: two recordings differ in the hour only. */
function secondsOf(frames: readonly CapturedFrame[]): string[] {
  return frames.filter(isCompared).map(({ timeNs }) => ((timeNs / 1e9) % 3600).toFixed(3));
}

/** The lines outside of a longest common subsequence, in order. */
function oneSided(
  theirs: readonly string[],
  theirTimes: readonly string[],
  ours: readonly string[],
  ourTimes: readonly string[],
): string[] {
  const lengths = theirs.map(() => new Array<number>(ours.length + 1).fill(0));
  lengths.push(new Array<number>(ours.length + 1).fill(0));
  for (let i = theirs.length - 1; i >= 0; i--) {
    for (let j = ours.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        theirs[i] === ours[j]
          ? lengths[i + 1]![j + 1]! + 1
          : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const out: string[] = [];
  for (let i = 0, j = 0; i < theirs.length || j < ours.length; ) {
    if (i < theirs.length && j < ours.length && theirs[i] === ours[j]) {
      i++;
      j++;
    } else if (
      j >= ours.length ||
      (i < theirs.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)
    ) {
      out.push(`- ${theirTimes[i]} ${theirs[i++]}`);
    } else out.push(`+ ${ourTimes[j]} ${ours[j++]}`);
  }
  return out;
}

function isIpv6(bytes: Uint8Array): boolean {
  if (bytes[12] === 0x86 && bytes[13] === 0xdd) return true;
  // In a tunnel: Ethernet, IP, UDP, VXLAN.
  return portsOf(bytes).includes(4789) && bytes[62] === 0x86 && bytes[63] === 0xdd;
}

function isControl(bytes: Uint8Array): boolean {
  return portsOf(bytes).some((port) => port === 2377 || port === 7946);
}

function portsOf(bytes: Uint8Array): readonly number[] {
  if (bytes[12] !== 8 || bytes[13] !== 0 || (bytes[23] !== 6 && bytes[23] !== 17)) return [];
  const at = 14 + (bytes[14]! & 15) * 4;
  return [bytes[at]! * 256 + bytes[at + 1]!, bytes[at + 2]! * 256 + bytes[at + 3]!];
}
