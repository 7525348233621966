import { describe, expect, test } from 'vitest';
import { releasePacket, takePacket } from '../../../src/engine/packet-pool.ts';
import { makeSimulator, schedule } from '../../../src/engine/simulator.ts';
import { makeTimer } from '../../../src/engine/timer-queue.ts';
import { checkLaws } from '../../../src/observe/invariants.ts';

describe('the laws', () => {
  test('hold for a network in which nothing happened', () => {
    expect(() => checkLaws(makeSimulator())).not.toThrow();
  });

  test('name a packet that nobody gave back', () => {
    const sim = makeSimulator();
    const packet = takePacket(sim, 60);
    expect(() => checkLaws(sim)).toThrow('1 were not given back');
    expect(() => checkLaws(sim, { heldPackets: 1 })).not.toThrow();
    releasePacket(sim, packet);
    expect(() => checkLaws(sim)).not.toThrow();
  });

  test('name packets that came from nowhere', () => {
    const sim = makeSimulator();
    releasePacket(sim, takePacket(sim, 60));
    sim.pool.released++;
    expect(() => checkLaws(sim)).toThrow('1 packets were taken, but 2 given back');
  });

  test('name drops that gave nothing back', () => {
    const sim = makeSimulator();
    sim.dropCounts.set('no-route', 1);
    expect(() => checkLaws(sim)).toThrow('1 packets were dropped, but 0 given back');
  });

  test('name a queue out of order', () => {
    const sim = makeSimulator();
    for (const delayNs of [5, 10, 20])
      schedule(
        sim,
        makeTimer(sim.cpu, () => {}),
        delayNs,
      );
    expect(() => checkLaws(sim)).not.toThrow();
    sim.queue.times[0] = 15;
    expect(() => checkLaws(sim)).toThrow('before its parent');
  });
});
