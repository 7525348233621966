/**
 * `conntrack`: shows, deletes and watches the tracked flows of a namespace.
 * Unlike Linux's, it lists flows in the order in which they began (the kernel's is that of a random hash).
 * @source conntrack-tools 1.4.7 src/conntrack.c
 */
import { type Process, type Program, waitFor } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import type { Flow } from '../../netfilter/conntrack-flow.ts';
import {
  type Conntrack,
  type FlowEvent,
  killFlow,
  listFlows,
  nowTicks,
  secondsLeft,
} from '../../netfilter/conntrack-table.ts';
import { flowText, listedSeconds } from '../../netfilter/conntrack-text.ts';
import { PROTOCOL_ICMP } from '../../protocols/ipv4.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';
import { BadValue, matchesFilter } from './conntrack-filter.ts';
import { type ConntrackRequest, readConntrackRequest } from './conntrack-request.ts';
import { USAGE } from './conntrack-usage.ts';

/** Debian 12 has 1.4.7, Debian 13 1.4.8. */
function banner({ machine }: ProgramContext): string {
  return `conntrack v1.4.${machine.release === 'debian-13' ? 8 : 7} (conntrack-tools)`;
}

const HELP = "Try `conntrack -h' or 'conntrack --help' for more information.\n";

/** Names of options in "Illegal option". */
const LONG_OF: Readonly<Record<string, string>> = {
  s: 'orig-src',
  d: 'orig-dst',
  r: 'reply-src',
  q: 'reply-dst',
  p: 'protonum',
  f: 'family',
  t: 'timeout',
  u: 'status',
  z: 'zero',
  e: 'event-mask',
  m: 'mark',
  o: 'output',
  n: 'src-nat',
  g: 'dst-nat',
  j: 'any-nat',
  w: 'zone',
};

/** Options that each command takes. */
const ALLOWED: Readonly<Record<string, string>> = {
  L: 'sdrqpfumngjzowlb',
  G: 'sdrqpfmow',
  D: 'sdrqpfumngjowt',
  E: 'sdrqpfumngjeowb',
  F: 'f',
  C: 'f',
  S: '',
  '': '',
};

export const conntrack: ProgramDefinition = {
  name: 'conntrack',
  async run(context) {
    let request: ConntrackRequest;
    try {
      request = readConntrackRequest(context.args);
    } catch (error) {
      if (error instanceof BadValue) return fail(context, error.message);
      throw error;
    }
    return execute(context, request);
  },
};

function fail(context: ProgramContext, message: string): number {
  context.writeError(`${banner(context)}: ${message}\n${HELP}`);
  return 2;
}

const NOT_EMULATED_OUTPUTS = ['xml', 'ktimestamp', 'labels', 'save'];

async function execute(context: ProgramContext, request: ConntrackRequest): Promise<number> {
  const { command } = request;
  if (command === 'I' || command === 'A' || command === 'U') {
    return refuse(context, 'conntrack', `command -${command}`);
  }
  if (command === '' && request.given.length === 0) {
    context.write(USAGE);
    return 0;
  }
  const allowed = ALLOWED[command] ?? '';
  const isIllegal = (option: string): boolean => option.length === 1 && !allowed.includes(option);
  const illegal = command === 'V' || command === 'h' ? undefined : request.given.find(isIllegal);
  if (illegal !== undefined) {
    return fail(context, `Illegal option \`--${LONG_OF[illegal] ?? illegal}' with this command`);
  }
  const output = NOT_EMULATED_OUTPUTS.find((each) => request.outputs.has(each));
  if (output !== undefined) return refuse(context, 'conntrack', `option -o ${output}`);
  const odd = ['c', 'l'].find((each) => request.given.includes(each));
  if (odd !== undefined) return refuse(context, 'conntrack', `option -${odd}`);
  return context.kernel(() => dispatch(context, request));
}

function dispatch(context: ProgramContext, request: ConntrackRequest): number | Promise<number> {
  const table = context.netns.netfilter.conntrack;
  switch (request.command) {
    case 'V':
      context.write(`${banner(context)}\n`);
      return 0;
    case 'h':
      context.write(USAGE);
      return 0;
    case 'C':
      context.write(`${request.table === 'expect' ? 0 : listFlows(table).length}\n`);
      return 0;
    case 'S':
      context.write(statisticsText(table));
      return 0;
    case 'F':
      return flush(context, table, request);
    case 'G':
      return get(context, table, request);
    case 'D':
      return remove(context, table, request);
    case 'E':
      return watch(context, table, request);
    default:
      return list(context, table, request);
  }
}

function lineOf(table: Conntrack, request: ConntrackRequest, flow: Flow): string {
  const showsId = request.outputs.has('id');
  return flowText(flow, {
    seconds: listedSeconds(table, flow),
    showsCounters: table.settings.acct !== 0,
    showsFamily: request.outputs.has('extended'),
    tail: `mark=${flow.mark >>> 0} use=1${showsId ? ` id=${flow.id}` : ''}`,
  });
}

/** Standard error comes first: standard output is buffered when it is no terminal. */
function list(context: ProgramContext, table: Conntrack, request: ConntrackRequest): number {
  if (request.table === 'expect') {
    context.writeError(`${banner(context)}: 0 expectations have been shown.\n`);
    return 0;
  }
  const flows =
    request.table === 'conntrack'
      ? listFlows(table).filter((flow) => matchesFilter(request.filter, flow))
      : [];
  context.writeError(`${banner(context)}: ${flows.length} flow entries have been shown.\n`);
  context.write(flows.map((flow) => `${lineOf(table, request, flow)}\n`).join(''));
  if (request.given.includes('z')) for (const flow of flows) zeroCounters(flow);
  return 0;
}

function zeroCounters(flow: Flow): void {
  flow.originalPackets = 0;
  flow.originalBytes = 0;
  flow.replyPackets = 0;
  flow.replyBytes = 0;
}

function get(context: ProgramContext, table: Conntrack, request: ConntrackRequest): number {
  const { filter } = request;
  const hasPorts = filter.originalSourcePort !== null && filter.originalTargetPort !== null;
  if (filter.protocol === null) {
    return fail(context, "missing option `--protonum' which is mandatory for this command");
  }
  if (filter.protocol !== PROTOCOL_ICMP && !hasPorts) {
    return fail(context, "you have to specify `--sport' and `--dport'");
  }
  const flow = listFlows(table).find((each) => matchesFilter(filter, each));
  if (flow === undefined) {
    context.writeError(`${banner(context)}: Operation failed: such conntrack doesn't exist\n`);
    return 1;
  }
  context.writeError(`${banner(context)}: 1 flow entries have been shown.\n`);
  context.write(`${lineOf(table, request, flow)}\n`);
  return 0;
}

function remove(context: ProgramContext, table: Conntrack, request: ConntrackRequest): number {
  const flows = listFlows(table).filter((flow) => matchesFilter(request.filter, flow));
  const lines = flows.map((flow) => `${lineOf(table, request, flow)}\n`);
  for (const flow of flows) killFlow(table, flow);
  context.writeError(`${banner(context)}: ${flows.length} flow entries have been deleted.\n`);
  context.write(lines.join(''));
  return flows.length === 0 ? 1 : 0;
}

function flush(context: ProgramContext, table: Conntrack, request: ConntrackRequest): number {
  if (request.table === 'expect') {
    context.writeError(`${banner(context)}: expectation table has been emptied.\n`);
    return 0;
  }
  for (const flow of listFlows(table)) killFlow(table, flow);
  context.writeError(`${banner(context)}: connection tracking table has been emptied.\n`);
  return 0;
}

/** found and insert are counted by Linux only on paths that netsim does not have. */
function statisticsText(table: Conntrack): string {
  const { invalid, insertFailed, drop, earlyDrop, error, clashResolved } = table.statistics;
  return (
    `cpu=0   \tfound=0 invalid=${invalid} insert=0 insert_failed=${insertFailed} drop=${drop} ` +
    `early_drop=${earlyDrop} error=${error} search_restart=0 clash_resolve=${clashResolved} ` +
    'chaintoolong=0 \n'
  );
}

/** `-E`: a line an event until a signal ends it. */
function watch(
  context: ProgramContext,
  table: Conntrack,
  request: ConntrackRequest,
): Promise<number> {
  let count = 0;
  const { sim } = context.netns;
  const show = (event: FlowEvent, flow: Flow): void => {
    if (request.events.size > 0 && !request.events.has(event)) return;
    if (!matchesFilter(request.filter, flow)) return;
    count++;
    const stamp = request.outputs.has('timestamp') ? `${timestampText(timeNs(sim))}\t` : '';
    context.write(`${stamp}${`[${event}]`.padStart(9)} ${eventText(table, request, flow)}\n`);
  };
  return context.run('conntrack', (process) => listen(context, process, table, show, () => count));
}

function* listen(
  context: ProgramContext,
  process: Process,
  table: Conntrack,
  show: (event: FlowEvent, flow: Flow) => void,
  count: () => number,
): Program {
  const earlier = table.onEvent;
  const both = (event: FlowEvent, flow: Flow): void => {
    earlier?.(event, flow);
    show(event, flow);
  };
  table.onEvent = both;
  process.cleanups.push(() => {
    if (table.onEvent === both) table.onEvent = earlier;
  });
  yield* waitFor(process, [], () => process.signal !== null);
  context.writeError(`${banner(context)}: ${count()} flow events have been shown.\n`);
  return 0;
}

function eventText(table: Conntrack, request: ConntrackRequest, flow: Flow): string {
  const mark = flow.mark === 0 ? '' : `mark=${flow.mark >>> 0} `;
  return flowText(flow, {
    seconds: secondsLeft(flow, nowTicks(table.netns.sim)),
    showsCounters: false,
    showsFamily: request.outputs.has('extended'),
    tail: `${mark}${request.outputs.has('id') ? `id=${flow.id}` : ''}`,
  });
}

function timestampText(ns: number): string {
  const micros = Math.floor(ns / 1000);
  const fraction = String(micros % 1_000_000).padStart(6, '0');
  return `[${Math.floor(micros / 1_000_000)}.${fraction}     ]`;
}
