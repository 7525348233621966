/**
 * One shape, measured alone in its process: `node bench/shape.ts SHAPE SIZE COUNT [N]`.
 * Prints delivered packets, hops per packet and the CPU seconds of the run phase (warm-up excluded).
 */
import { assert } from '../src/base/assert.ts';
import { tuneCompiler } from '../src/cli/compiler-flags.ts';
import { makeTraffic } from './measure.ts';
import { buildShape, SHAPE_NAMES, type ShapeName } from './shapes.ts';

const [name = 'bridge', size = '64', count = '1000000', hosts = '10'] = process.argv.slice(2);
assert(
  (SHAPE_NAMES as readonly string[]).includes(name),
  `shape is one of ${SHAPE_NAMES.join(' ')}`,
);

tuneCompiler();
const traffic = makeTraffic(buildShape(name as ShapeName, Number(hosts)), Number(size));
const total = Number(count);
traffic.send(Math.floor(total / 5)); // warm-up: compilation, ARP, conntrack, pool
const before = traffic.delivered;
const heapBefore = process.memoryUsage().heapUsed;
const cpuBefore = process.cpuUsage();
traffic.send(total);
const cpu = process.cpuUsage(cpuBefore);
const heapBytes = process.memoryUsage().heapUsed - heapBefore;
const delivered = traffic.delivered - before;
const cpuSec = (cpu.user + cpu.system) / 1e6;
const line = [
  `shape=${name} size=${size} delivered=${delivered} hops_per_pkt=${traffic.hopsPerPacket}`,
  `cpu_s=${cpuSec.toFixed(4)} ns_per_hop=${((cpuSec * 1e9) / delivered / traffic.hopsPerPacket).toFixed(1)}`,
  `heap_bytes_per_pkt=${(heapBytes / delivered).toFixed(2)} checksum=${traffic.checksum >>> 0}`,
];
console.log(line.join(' '));
