// The calibrated table gives the costs that the kernel was measured to have.
import { expect, test } from 'vitest';
import { makeTraffic } from '../../../bench/measure.ts';
import { buildShape } from '../../../bench/shapes.ts';
import type { CostTable } from '../../../src/engine/cost.ts';
import { LINUX_618_VM } from '../../../src/load/cost-tables.ts';
import { openUdp, sendUdp } from '../../../src/stack/udp-socket.ts';

const PACKETS = 200;

test.each(LINUX_618_VM.measurements)('$shape: within a tenth', ({ shape: name, packetsPerSec }) => {
  const { cost } = LINUX_618_VM;
  const shape = buildShape(name);
  const traffic = makeTraffic(shape, 64);
  traffic.send(10); // ARP, conntrack
  const { sim, streams } = shape;
  (sim as { cost: CostTable }).cost = cost; // shapes are built without costs
  const [stream] = streams;
  const socket = openUdp(stream!.from);
  const payload = new Uint8Array(64);
  sendUdp(socket, payload, stream!.target, stream!.targetPort); // its flow's first packet
  const before = traffic.delivered;
  sim.workNs = 0;
  for (let i = 0; i < PACKETS; i++) {
    sim.workNs += cost.systemCallNs;
    sendUdp(socket, payload, stream!.target, stream!.targetPort);
  }
  expect(traffic.delivered - before).toBe(PACKETS);
  const measuredNs = 1e9 / packetsPerSec;
  expect(sim.workNs / PACKETS / measuredNs).toBeGreaterThan(0.9);
  expect(sim.workNs / PACKETS / measuredNs).toBeLessThan(1.1);
});
