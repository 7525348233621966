/** `netsim ping TOPOLOGY [FROM] [TO]`: what iputils prints, then the way in one picture. */
import { NetsimError } from '../../base/errors.ts';
import { explainLosses, isNotableDrop } from '../../observe/explain.ts';
import { drawLostWay, drawWays, type PictureOptions } from '../../observe/picture.ts';
import { eventsOf, type TraceEvent } from '../../observe/trace.ts';
import { findEchoWays, findLostWay } from '../../observe/way.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { machineOf, type Topology } from '../../topology/topology.ts';
import { describeDevice } from '../device-label.ts';
import {
  hasFlag,
  readCommonOptions,
  readComposeOptions,
  type SplitArguments,
  splitArguments,
  withCommonOptions,
} from '../options.ts';
import { findPlace, hostOfNamespace } from '../place.ts';
import { reportJson } from '../report.ts';
import { addressOfName } from '../resolve.ts';
import {
  closeSession,
  openTopology,
  runCommand,
  type Session,
  startObservers,
} from '../session.ts';
import { takeTopology } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

/** Flags of iputils' ping that have a value. @source iputils ping/ping.c getopt string */
const VALUE_FLAGS = 'cCeFiIlmMNpQsStTwW';
/** Echoes when nobody says how many. */
const DEFAULT_COUNT = 5;

export const ping: NetsimCommand = {
  name: 'ping',
  usage: '<topology> [from] [to] [flags of ping]',
  description: 'ping from a namespace, and draw the way',
  help: `
FROM is a namespace, TO a namespace or an address; without them the topology's own ping runs.
Flags go to ping as they are: -c COUNT (${DEFAULT_COUNT} if not given), -i, -s, -t, -W, -w, -I, -M, -Q, -q, -n ...
Exit code: 0 replies came, 1 none came, 2 anything else.
`,
  prepare: (command) => void withCommonOptions(command),
  async run(args, command, surroundings) {
    const options = readCommonOptions(command, surroundings);
    const split = splitArguments(args, VALUE_FLAGS);
    const taken = takeTopology(split.words, { ...surroundings, ...readComposeOptions(command) });
    if (taken === null) {
      throw new NetsimError('usage', 'expected a topology', { hint: 'netsim ping overlay' });
    }
    const { name, loaded } = taken;
    const { from, to } = endsOf(loaded.topology, taken.rest);
    const session = await openTopology(loaded, options, surroundings);
    const place = findPlace(session, from);
    const target = addressOfName(session, place, to) ?? to;
    if (!options.isQuiet) startObservers(session, true);
    const exitCode = await runCommand(session, place, pingArguments(split, target));
    if (options.isJson) {
      const counts = countsOf(session.output);
      reportJson(session, {
        command: 'ping',
        topology: name,
        from,
        to: target,
        exitCode,
        ...counts,
      });
    } else if (!options.isQuiet && exitCode !== 2) {
      tell(session, place.netns, loaded.topology, exitCode);
    }
    closeSession(session);
    return exitCode;
  },
};

/** How many requests and replies ping counted. */
function countsOf(output: string): { transmitted: number; received: number } | null {
  const match = /^(\d+) packets transmitted, (\d+) received/m.exec(output);
  if (match === null) return null;
  return { transmitted: Number(match[1]), received: Number(match[2]) };
}

/** One word is the target, two are source and target. */
function endsOf(topology: Topology, words: readonly string[]): { from: string; to: string } {
  if (words.length > 2) {
    throw new NetsimError('usage', `unexpected argument "${words[2]}"`, {
      hint: 'netsim ping TOPOLOGY [FROM] [TO]; flags of ping come with a dash',
    });
  }
  const from = words.length === 2 ? words[0] : topology.ping?.from;
  const to = words.at(-1) ?? topology.ping?.to;
  if (from === undefined || to === undefined) {
    throw new NetsimError('no-default-ping', `${topology.name} does not say who pings whom`, {
      hint: `netsim ping ${topology.name} FROM TO`,
    });
  }
  return { from, to };
}

function pingArguments({ flags }: SplitArguments, target: string): string[] {
  const isBounded = hasFlag(flags, 'cw', VALUE_FLAGS);
  const asksOnly = hasFlag(flags, 'Vh', VALUE_FLAGS);
  const count = isBounded || asksOnly ? [] : ['-c', String(DEFAULT_COUNT)];
  return ['ping', ...count, ...flags, target];
}

/** The picture, and why packets were lost. */
function tell(session: Session, netns: NetNamespace, topology: Topology, exitCode: number): void {
  const { surroundings, trace, options } = session;
  if (trace === null) return;
  const events = eventsOf(trace);
  const heading = (text: string): string => (options.hasColor ? `\x1b[1m${text}\x1b[0m` : text);
  const picture = draw(events, netns, {
    machineOf: (name, number) =>
      machineOf(topology, name) ?? hostOfNamespace(session.world, name, number),
    labelOf: (name, device, number) => describeDevice(session, name, device, number),
  });
  if (picture !== '') surroundings.write(`\n${heading(topology.title)}\n\n${picture}`);
  if (exitCode === 0) return;
  const reasons = explainLosses(events);
  surroundings.write(`\n${heading('Why')}\n\n`);
  surroundings.write(
    reasons.length > 0
      ? reasons.map((line) => `${line}\n`).join('')
      : '  No packet was dropped: somebody answered with an error, or not in time.\n',
  );
}

/** The way of an echo, or, if none left the namespace, of what was lost instead (an ARP request). */
function draw(events: TraceEvent[], netns: NetNamespace, options: PictureOptions): string {
  const ways = findEchoWays(events, netns.id);
  if (ways !== null && ways.there.hops.length > 0) return drawWays(ways, options);
  const lost = findLostWay(events, isNotableDrop) ?? findLostWay(events, () => true);
  return lost === null ? '' : drawLostWay(lost, options);
}
