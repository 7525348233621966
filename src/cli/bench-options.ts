/** The options of `netsim bench mesh`, and what they mean together. */
import { type Command, Option } from 'commander';
import { NetsimError } from '../base/errors.ts';
import { REQUESTS_MAX } from '../load/clients.ts';
import { COST_NAMES, type CostName } from '../load/cost-tables.ts';
import { DATAGRAM_MAX_BYTES, DATAGRAM_MIN_BYTES } from '../load/exchange.ts';
import {
  LOAD_DEFAULTS,
  type LoadProtocol,
  type LoadSpec,
  PROTOCOLS,
  VARIANTS,
  type Variant,
} from '../load/load-spec.ts';
import { readDuration, readNumber, readSize, readSweep, type Sweep } from './bench-values.ts';

export interface BenchOptions {
  /** The runs, in order: variants, then the values of each sweep. Seeds are not in it. */
  readonly specs: readonly LoadSpec[];
  readonly variants: readonly Variant[];
  readonly sweeps: readonly Sweep[];
  readonly seeds: number;
  readonly isJson: boolean;
  readonly isPlotted: boolean;
  readonly isQuiet: boolean;
  /** Where pages and tables go; null for nowhere. */
  readonly output: string | null;
  readonly csv: string | null;
}

interface Flags {
  readonly nodes: string;
  readonly replicas: string;
  readonly rate?: string;
  readonly duration: string;
  readonly warmup: string;
  readonly variant: string;
  readonly compare?: string;
  readonly sweep: readonly string[];
  readonly protocol: LoadProtocol;
  readonly loop: 'open' | 'closed';
  readonly arrivals?: 'poisson' | 'constant';
  readonly clients?: string;
  readonly think?: string;
  readonly flows?: string;
  readonly keepAlive?: boolean;
  readonly size: string;
  readonly reply?: string;
  readonly service: string;
  readonly timeout: string;
  readonly linkRate: string;
  readonly linkDelay: string;
  readonly queue: string;
  readonly ring: string;
  readonly costs: CostName;
  readonly seed: string;
  readonly seeds: string;
  readonly json?: boolean;
  readonly plot?: boolean;
  readonly quiet?: boolean;
  readonly output?: string;
  readonly csv?: string;
}

/** Names in --sweep and the fields that they are; those of options without an own sweep are left out. */
const SWEPT = {
  nodes: 'nodes',
  replicas: 'replicas',
  rate: 'ratePerSec',
  clients: 'clients',
  flows: 'flows',
  size: 'requestBytes',
  reply: 'replyBytes',
  service: 'serviceNs',
} as const;
type SweptName = keyof typeof SWEPT;
const SWEPT_NAMES = Object.keys(SWEPT) as SweptName[];

/** Runs of one command at most. */
const RUNS_MAX = 2000;
/** The LAN is a /24 with room for 200 hosts, one of which the clients may need. */
const NODES_MAX = 199;
/** What a veth bridge and an IPVS service are known to bear; netsim builds in seconds up to here. */
const REPLICAS_MAX = 2000;

export function prepareBench(command: Command): void {
  const option = (flags: string, text: string, value?: string): void => {
    command.option(flags, text, value);
  };
  option('--nodes <n>', 'hosts of the swarm', '3');
  option('--replicas <n>', 'replicas of the service', '6');
  option('--rate <n>', 'open loop: requests a second, as 200k or 1.5M (default: 20k)');
  option('--duration <time>', 'virtual time that is measured, as 200ms or 1s', '200ms');
  option('--warmup <time>', 'virtual time before that, cut off', '50ms');
  option('--variant <name>', `way to the service: ${VARIANTS.join(', ')}`, 'ingress');
  option('--compare <names>', 'several variants side by side, with commas between');
  command.option(
    '--sweep <name=values>',
    `NAME=1,10,100 or NAME=3..300 or 3..30..3 (step); NAME is one of ${SWEPT_NAMES.join(', ')}; repeatable`,
    (value: string, before: readonly string[]) => [...before, value],
    [],
  );
  const choice = (flags: string, text: string, values: readonly string[], value?: string): void => {
    const made = new Option(flags, text).choices(values);
    command.addOption(value === undefined ? made : made.default(value));
  };
  choice('--protocol <name>', 'of the requests', PROTOCOLS, 'udp');
  choice('--loop <kind>', 'requests at a rate, or clients that wait', ['open', 'closed'], 'open');
  choice('--arrivals <kind>', 'open loop (default: poisson)', ['poisson', 'constant']);
  option('--clients <n>', 'closed loop: clients (default: 32)');
  option('--think <time>', 'closed loop: between an answer and the next request (default: 0s)');
  option('--flows <n>', 'open loop: UDP sockets, or connections kept alive (default: 256)');
  option('--keep-alive', 'tcp, http: many requests over one connection');
  option('--size <bytes>', 'of a request (http: of the body of the answer)', '64');
  option('--reply <bytes>', 'of an answer (default: as --size)');
  option('--service <time>', 'CPU time of a replica for a request', '5us');
  option('--timeout <time>', 'after which a request is lost', '1s');
  option('--link-rate <bit/s>', 'of each host', '10G');
  option('--link-delay <time>', 'of each cable', '5us');
  option('--queue <frames>', 'that wait in front of a link', '1000');
  option('--ring <frames>', 'that a network card holds for its CPU', '1024');
  choice('--costs <table>', 'what each step costs the CPU', COST_NAMES, 'linux-6.18-vm');
  option('--seed <n>', 'of everything random', '1');
  option('--seeds <n>', 'runs with different seeds; means with 95 % confidence intervals', '1');
  option('--csv <file>', 'every run as a line of a table');
  option('-o, --output <file.html>', 'charts as a page, and FILE.csv beside it');
  option('--plot', 'charts on the terminal');
  option('--json', 'print one JSON document');
  option('--quiet', 'no progress');
}

/** @throws NetsimError naming the option that is wrong. */
export function readBench(command: Command): BenchOptions {
  const flags = command.opts<Flags>();
  checkCombinations(flags);
  const base = readBase(flags);
  const variants = readVariants(flags);
  const sweeps = flags.sweep.map((text) => readSweep(text, SWEPT_NAMES));
  const names = sweeps.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new NetsimError('usage', `--sweep ${twice}: given twice`);
  let specs: LoadSpec[] = [base];
  for (const { name, values } of sweeps) {
    const field = SWEPT[name as SweptName]; // readSweep takes no other name
    specs = specs.flatMap((spec) => values.map((value) => ({ ...spec, [field]: value })));
  }
  specs = variants.flatMap((variant) => specs.map((spec) => ({ ...spec, variant })));
  const seeds = readNumber('--seeds', flags.seeds, 1, 1000);
  if (specs.length * seeds > RUNS_MAX) {
    throw new NetsimError('usage', `${specs.length * seeds} runs are too many`, {
      hint: `at most ${RUNS_MAX}: fewer values in --sweep, or fewer --seeds`,
    });
  }
  for (const spec of specs) checkSpec(spec);
  if (flags.output !== undefined && !/\.html?$/i.test(flags.output)) {
    throw new NetsimError(
      'usage',
      `-o: found "${flags.output}", expected a file that ends in .html`,
      {
        hint: '--csv writes a table, --json prints everything',
      },
    );
  }
  return {
    specs,
    variants,
    sweeps,
    seeds,
    isJson: flags.json === true,
    isPlotted: flags.plot === true,
    isQuiet: flags.quiet === true,
    output: flags.output ?? null,
    csv: flags.csv ?? null,
  };
}

function readBase(flags: Flags): LoadSpec {
  const size = readSize('--size', flags.size, 1, 10_000_000);
  return {
    ...LOAD_DEFAULTS,
    nodes: readNumber('--nodes', flags.nodes, 1, NODES_MAX),
    replicas: readNumber('--replicas', flags.replicas, 1, REPLICAS_MAX),
    protocol: flags.protocol,
    loop: flags.loop,
    arrivals: flags.arrivals ?? LOAD_DEFAULTS.arrivals,
    ratePerSec: readNumber('--rate', flags.rate ?? '20k', 1, 100_000_000),
    clients: readNumber('--clients', flags.clients ?? '32', 1, 10_000),
    thinkNs: readDuration('--think', flags.think ?? '0s', 0, 60e9),
    flows: readNumber('--flows', flags.flows ?? '256', 1, 20_000),
    isKeptAlive: flags.keepAlive === true,
    requestBytes: size,
    replyBytes: flags.reply === undefined ? size : readSize('--reply', flags.reply, 1, 10_000_000),
    serviceNs: readDuration('--service', flags.service, 0, 10e9),
    warmupNs: readDuration('--warmup', flags.warmup, 0, 600e9),
    durationNs: readDuration('--duration', flags.duration, 1e6, 3600e9),
    timeoutNs: readDuration('--timeout', flags.timeout, 1e6, 60e9),
    linkBitPerSec: readNumber('--link-rate', flags.linkRate, 1000, 1e12),
    linkDelayNs: readDuration('--link-delay', flags.linkDelay, 0, 1e9),
    queueFrames: readNumber('--queue', flags.queue, 1, 1_000_000),
    ringFrames: readNumber('--ring', flags.ring, 1, 65_536),
    cost: flags.costs,
    seed: readNumber('--seed', flags.seed, 0, 1e15),
  };
}

function readVariants({ variant, compare }: Flags): Variant[] {
  const option = compare === undefined ? '--variant' : '--compare';
  const words = (compare ?? variant).split(',').map((word) => word.trim());
  return words.map((word, i) => {
    const found = VARIANTS.find((each) => each === word);
    if (found === undefined) {
      throw new NetsimError('usage', `${option}: found "${word}"`, {
        hint: `the variants are ${VARIANTS.join(', ')}`,
      });
    }
    if (words.indexOf(word) !== i)
      throw new NetsimError('usage', `${option}: ${word} stands twice`);
    return found;
  });
}

/** Options that would have no effect are a mistake. */
function checkCombinations(flags: Flags): void {
  const swept = new Set(flags.sweep.map((text) => text.split('=')[0]));
  const forbid = (isGiven: boolean, option: string, why: string, hint: string): void => {
    if (isGiven) throw new NetsimError('usage', `${option} has no effect ${why}`, { hint });
  };
  const has = (value: unknown, name: string): boolean => value !== undefined || swept.has(name);
  const open = 'with --loop closed';
  if (flags.loop === 'closed') {
    forbid(
      has(flags.rate, 'rate'),
      '--rate',
      open,
      'clients that wait set their own rate: --clients',
    );
    forbid(flags.arrivals !== undefined, '--arrivals', open, 'leave it out');
    forbid(has(flags.flows, 'flows'), '--flows', open, 'each client is a flow: --clients');
  } else {
    const why = 'with --loop open';
    forbid(has(flags.clients, 'clients'), '--clients', why, 'add --loop closed, or use --rate');
    forbid(flags.think !== undefined, '--think', why, 'add --loop closed');
  }
  if (flags.protocol === 'udp') {
    forbid(flags.keepAlive === true, '--keep-alive', 'with --protocol udp', 'use --flows');
  } else if (flags.loop === 'open' && flags.keepAlive !== true) {
    const hint = 'add --keep-alive: then it is the number of connections';
    forbid(has(flags.flows, 'flows'), '--flows', 'when each request makes a connection', hint);
  }
  if (flags.protocol === 'http') {
    forbid(has(flags.reply, 'reply'), '--reply', 'with --protocol http', 'use --size');
  }
}

function checkSpec({
  protocol,
  requestBytes,
  replyBytes,
  ratePerSec,
  loop,
  warmupNs,
  durationNs,
}: LoadSpec): void {
  if (protocol === 'udp') {
    for (const bytes of [requestBytes, replyBytes]) {
      if (bytes >= DATAGRAM_MIN_BYTES && bytes <= DATAGRAM_MAX_BYTES) continue;
      throw new NetsimError('usage', `a datagram of ${bytes} bytes is not possible`, {
        hint: `--size and --reply from ${DATAGRAM_MIN_BYTES} to ${DATAGRAM_MAX_BYTES} with --protocol udp`,
      });
    }
  }
  if (protocol === 'tcp' && replyBytes < 4) {
    throw new NetsimError('usage', '--reply: an answer has at least 4 bytes, to tell its replica');
  }
  const requests = (ratePerSec * (warmupNs + durationNs)) / 1e9;
  if (loop === 'open' && requests > REQUESTS_MAX * 0.9) {
    throw new NetsimError('usage', `${Math.round(requests)} requests are too many for one run`, {
      hint: `at most ${REQUESTS_MAX * 0.9}: a shorter --duration, or a lower --rate`,
    });
  }
}

/** What a sweep of this name has set. */
export function specValue(spec: LoadSpec, name: string): number {
  return Object.hasOwn(SWEPT, name) ? spec[SWEPT[name as SweptName]] : 0;
}

const LABELS: Readonly<Record<SweptName, string>> = {
  nodes: 'nodes',
  replicas: 'replicas',
  rate: 'requests per second',
  clients: 'clients',
  flows: 'flows',
  size: 'bytes of a request',
  reply: 'bytes of an answer',
  service: 'CPU nanoseconds of a request',
};

/** What the values of a sweep count. */
export function sweptLabel(name: string): string {
  return Object.hasOwn(LABELS, name) ? LABELS[name as SweptName] : name;
}
