/** `netsim bench mesh`: load on a service of a swarm, and what it comes to. */
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { NetsimError } from '../../base/errors.ts';
import { suggestionFor } from '../../base/suggest.ts';
import { loadCharts } from '../../draw/chart-load.ts';
import { type ChartPage, csvOf, writeChartPage } from '../../draw/chart-page.ts';
import { plotChart } from '../../draw/chart-terminal.ts';
import { COSTS } from '../../load/cost-tables.ts';
import { runnableReplicas } from '../../load/load-spec.ts';
import { type LoadResult, loadSteps } from '../../load/run-load.ts';
import { type LoadPoint, makePoint, resultRows } from '../../load/series.ts';
import {
  type BenchOptions,
  prepareBench,
  readBench,
  specValue,
  sweptLabel,
} from '../bench-options.ts';
import { comparison, countText, fullReport } from '../bench-report.ts';
import { EXIT_INTERRUPTED, type Surroundings } from '../surroundings.ts';
import { writeWhole } from '../write-whole.ts';
import type { NetsimCommand } from './command.ts';

/** Progress is told about a run that takes longer, and then this often. */
const PROGRESS_MS = 1000;
/** Between two looks for Ctrl-C. */
const BREATH_MS = 100;

export const bench: NetsimCommand = {
  name: 'bench',
  usage: 'mesh',
  description: 'load on a service of a swarm: throughput, latency, loss',
  help: `
Examples:
  netsim bench mesh --nodes 5 --replicas 10 --rate 50k --duration 1s
  netsim bench mesh --compare ingress,host,vip,dnsrr,encrypted -o mesh.html
  netsim bench mesh --sweep nodes=3,10 --sweep replicas=3..30 --csv out.csv
  netsim bench mesh --protocol http --loop closed --clients 64 --keep-alive
Times are virtual: a run depends on nothing but its options and seed, and the hash tells whether two runs
were the same. docs/method.md says what is modelled. Exit code: 0 done, 2 a mistake in the command line.
`,
  prepare: prepareBench,
  async run(args, command: Command, surroundings) {
    checkWords(args);
    const options = readBench(command);
    const points: LoadPoint[] = [];
    let results: LoadResult[] = [];
    let isFinished = false;
    const finish = (): void => {
      if (isFinished) return;
      isFinished = true;
      report(points, options, surroundings);
    };
    surroundings.onInterrupt(() => {
      // Seeds of the load that was under way count too.
      const spec = options.specs[points.length];
      if (spec !== undefined && results.length > 0) points.push(makePoint(spec, results));
      surroundings.writeError(
        `\nnetsim: stopped; here is what is done: ${points.length} of ${options.specs.length}\n`,
      );
      finish();
    });
    warn(options, surroundings);
    const progress = makeProgress(options, surroundings);
    for (const spec of options.specs) {
      results = [];
      for (let i = 0; i < options.seeds; i++) {
        results.push(await runOne({ ...spec, seed: spec.seed + i }, progress));
        if (isFinished) return EXIT_INTERRUPTED;
      }
      points.push(makePoint(spec, results));
      results = [];
    }
    progress.end();
    finish();
    return 0;
  },
};

function checkWords([what, ...rest]: readonly string[]): void {
  if (what !== 'mesh') {
    const found = what === undefined ? 'nothing' : `"${what}"`;
    throw new NetsimError('usage', `expected what to measure, found ${found}`, {
      hint: what === undefined ? 'netsim bench mesh' : suggestionFor(what, ['mesh']),
    });
  }
  if (rest.length > 0) throw new NetsimError('usage', `unexpected argument "${rest[0]}"`);
}

/** What is asked for and cannot be is said, once. */
function warn({ specs }: BenchOptions, { writeError }: Surroundings): void {
  const fewer = specs.find((spec) => runnableReplicas(spec) < spec.replicas);
  if (fewer === undefined) return;
  writeError(
    'netsim: warning: a port of a host serves one replica: ' +
      `host runs ${runnableReplicas(fewer)} of ${fewer.replicas} replicas on ${fewer.nodes} nodes\n`,
  );
}

interface Progress {
  /** `share` of the current run is done. */
  readonly tell: (share: number) => void;
  readonly next: () => void;
  readonly end: () => void;
}

function makeProgress(
  { specs, seeds, isQuiet }: BenchOptions,
  { writeError }: Surroundings,
): Progress {
  const startMs = performance.now();
  const total = specs.length * seeds;
  let lastMs = startMs;
  let done = 0;
  let isShown = false;
  return {
    tell(share) {
      const nowMs = performance.now();
      if (isQuiet || nowMs - lastMs < PROGRESS_MS) return;
      lastMs = nowMs;
      isShown = true;
      const whole = (done + share) / total;
      const leftSec = whole > 0.01 ? ((nowMs - startMs) / whole - (nowMs - startMs)) / 1000 : null;
      const left = leftSec === null ? '' : `, about ${Math.ceil(leftSec)} s left`;
      const text = `bench: run ${done + 1} of ${total}, ${Math.floor(whole * 100)} %${left}`;
      writeError(`\r${text.padEnd(60)}`);
    },
    next() {
      done++;
    },
    end() {
      if (isShown) writeError(`\r${' '.repeat(60)}\r`);
    },
  };
}

async function runOne(
  spec: Parameters<typeof loadSteps>[0],
  progress: Progress,
): Promise<LoadResult> {
  const breathe = (): Promise<void> => new Promise((done) => setImmediate(done));
  await breathe();
  progress.tell(0);
  const steps = loadSteps(spec);
  let lastMs = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      progress.next();
      return step.value;
    }
    progress.tell(step.value);
    if (performance.now() - lastMs < BREATH_MS) continue;
    await breathe();
    lastMs = performance.now();
  }
}

/** Prints and writes what there is. */
function report(
  points: readonly LoadPoint[],
  options: BenchOptions,
  surroundings: Surroundings,
): void {
  if (points.length === 0) return;
  const axes = options.sweeps.map(({ name }) => ({
    name,
    label: sweptLabel(name),
    numberOf: ({ spec }: { readonly spec: LoadPoint['spec'] }) => specValue(spec, name),
  }));
  const [only] = points;
  if (options.isJson) surroundings.write(`${JSON.stringify(documentOf(points), null, 2)}\n`);
  else if (points.length === 1 && only !== undefined) surroundings.write(fullReport(only));
  else surroundings.write(comparison(points, axes));
  const charts = options.isPlotted || options.output !== null ? loadCharts(points, axes) : [];
  if (options.isPlotted && !options.isJson) {
    surroundings.write(charts.map((chart) => `\n${plotChart(chart)}`).join(''));
  }
  const rows = resultRows(points);
  const place = (file: string): string => resolve(surroundings.cwd, file);
  if (options.csv !== null) writeWhole(place(options.csv), csvOf(rows), options.csv);
  if (options.output === null) return;
  const csv = options.output.replace(/\.html?$/i, '.csv');
  const page: ChartPage = {
    title: 'Load on a service of a swarm',
    notes: notesOf(points, options),
    charts,
    rows,
    csvName: basename(csv),
  };
  writeWhole(place(csv), csvOf(rows), csv);
  writeWhole(place(options.output), writeChartPage(page), options.output);
}

function documentOf(points: readonly LoadPoint[]): unknown {
  return {
    schema: 1,
    costs: Object.fromEntries(points.map(({ spec }) => [spec.cost, COSTS[spec.cost]])),
    points: points.map(({ spec, estimates, results }) => ({ spec, estimates, results })),
  };
}

function notesOf(points: readonly LoadPoint[], { seeds, sweeps }: BenchOptions): string[] {
  const { spec } = points[0]!; // report() has looked
  const swept = new Set(sweeps.map(({ name }) => name));
  const fixed = (name: string, text: string): string[] => (swept.has(name) ? [] : [text]);
  const load =
    spec.loop === 'open'
      ? [
          `open loop with ${spec.arrivals} arrivals`,
          ...fixed('rate', `${countText(spec.ratePerSec)} requests a second`),
        ]
      : ['closed loop', ...fixed('clients', `${spec.clients} clients`)];
  const facts = [
    spec.protocol,
    ...load,
    ...fixed('nodes', `${spec.nodes} nodes`),
    ...fixed('replicas', `${spec.replicas} replicas`),
    ...fixed('size', `requests of ${spec.requestBytes} bytes`),
    ...fixed('reply', `answers of ${spec.replyBytes} bytes`),
    `costs ${spec.cost}`,
  ];
  return [
    `${facts.join(', ')}; ${spec.durationNs / 1e9} s of virtual time after ${spec.warmupNs / 1e9} s of warm-up.`,
    seeds === 1
      ? `One run each, seed ${spec.seed}.`
      : `Means of ${seeds} runs with seeds ${spec.seed} to ${spec.seed + seeds - 1}; whiskers are 95 % confidence intervals.`,
  ];
}
