/**
 * `npm run bench`: what a hop costs in each shape, with tinybench. Every task sends batches of packets
 * through a warm shape; all tasks run in one process, so absolute figures are of the machine, and the
 * ratios to the stored baseline (bench/baseline.json) are what counts.
 *
 *     npm run bench                    all shapes against the baseline
 *     npm run bench -- bridge overlay  some shapes
 *     npm run bench -- --save          write the baseline
 *     npm run bench -- --quick         short, for a look
 */
import { readFile, writeFile } from 'node:fs/promises';
import { arch, cpus, platform } from 'node:os';
import { Bench } from 'tinybench';
import { tuneCompiler } from '../src/cli/compiler-flags.ts';
import { makeTraffic, type Traffic } from './measure.ts';
import { buildShape, SHAPE_NAMES, type ShapeName } from './shapes.ts';

const BASELINE = new URL('./baseline.json', import.meta.url);
const BATCH = 2000;

interface Baseline {
  readonly machine: string;
  readonly node: string;
  readonly nsPerHop: Readonly<Record<string, number>>;
}

interface Row {
  readonly name: string;
  readonly nsPerHop: number;
  readonly packetsPerSec: number;
  readonly heapBytesPerPacket: number;
  readonly checksum: number;
}

const words = process.argv.slice(2);
const isQuick = words.includes('--quick');
const chosen = words.filter((word) => !word.startsWith('--'));
const unknown = chosen.filter((word) => !(SHAPE_NAMES as readonly string[]).includes(word));
if (unknown.length > 0) {
  console.error(`bench: no shape named ${unknown.join(', ')}; there are ${SHAPE_NAMES.join(', ')}`);
  process.exit(2);
}
const names = SHAPE_NAMES.filter((name) => chosen.length === 0 || chosen.includes(name));

tuneCompiler();
const rows: Row[] = [];
for (const name of names) rows.push(await measure(name));
const baseline = await readBaseline();
print(rows, baseline);
if (words.includes('--save')) await saveBaseline(rows);

async function measure(name: ShapeName): Promise<Row> {
  const traffic = makeTraffic(buildShape(name, name === 'leafspine' ? 100 : 0), 64);
  traffic.send(20_000); // ARP, conntrack, pool, compilation
  const bench = new Bench({
    time: isQuick ? 100 : 1000,
    warmupTime: isQuick ? 50 : 300,
    retainSamples: false,
  });
  bench.add(name, () => traffic.send(BATCH));
  await bench.run();
  const result = bench.tasks[0]?.result;
  if (result === undefined || !('latency' in result)) throw new Error(`${name} was not measured`);
  const perPacketNs = (result.latency.mean * 1e6) / BATCH;
  return {
    name,
    nsPerHop: perPacketNs / traffic.hopsPerPacket,
    packetsPerSec: 1e9 / perPacketNs,
    heapBytesPerPacket: heapPerPacket(traffic),
    checksum: traffic.checksum >>> 0,
  };
}

/** Growth of the heap over packets that are forwarded without a collection in between. */
function heapPerPacket(traffic: Traffic): number {
  const growths: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = process.memoryUsage().heapUsed;
    const delivered = traffic.delivered;
    traffic.send(BATCH * 5);
    growths.push((process.memoryUsage().heapUsed - before) / (traffic.delivered - delivered));
  }
  growths.sort((a, b) => a - b);
  return growths[2] ?? 0;
}

async function readBaseline(): Promise<Baseline | null> {
  try {
    return JSON.parse(await readFile(BASELINE, 'utf8')) as Baseline;
  } catch {
    return null;
  }
}

async function saveBaseline(measured: readonly Row[]): Promise<void> {
  const stored: Baseline = {
    machine: `${cpus()[0]?.model ?? 'unknown'}, ${platform()} ${arch()}`,
    node: process.version,
    nsPerHop: Object.fromEntries(measured.map((row) => [row.name, Math.round(row.nsPerHop)])),
  };
  await writeFile(BASELINE, `${JSON.stringify(stored, null, 2)}\n`);
}

function print(measured: readonly Row[], stored: Baseline | null): void {
  const cells = (...texts: string[]) => texts.map((text) => text.padStart(14)).join('');
  console.log(`${'shape'.padEnd(12)}${cells('ns/hop', 'packets/s', 'bytes/packet', 'x baseline')}`);
  for (const row of measured) {
    const before = stored?.nsPerHop[row.name];
    const ratio = before === undefined ? '-' : (row.nsPerHop / before).toFixed(2);
    console.log(
      row.name.padEnd(12) +
        cells(
          row.nsPerHop.toFixed(0),
          Math.round(row.packetsPerSec).toLocaleString('en'),
          row.heapBytesPerPacket.toFixed(1),
          ratio,
        ) +
        `   #${row.checksum.toString(16)}`,
    );
  }
  if (stored !== null) console.log(`baseline: ${stored.machine}, node ${stored.node}`);
}
