import { describe, expect, it } from 'vitest';
import { nextInt32 } from '../../../src/base/prng.ts';
import { COST_TABLES } from '../../../src/engine/cost.ts';
import {
  addCpu,
  makeSimulator,
  runOn,
  runUntil,
  schedule,
  scheduleAt,
  streamOf,
  timeNs,
} from '../../../src/engine/simulator.ts';
import { makeTimer } from '../../../src/engine/timer-queue.ts';

describe('simulator', () => {
  it('starts what comes while the CPU is busy when it is free, and another CPU at once', () => {
    const sim = makeSimulator();
    const other = addCpu(sim, 'other');
    const seen: Array<[string, number]> = [];
    const work = makeTimer(sim.cpu, () => {
      sim.workNs += 1000;
    });
    const late = makeTimer(sim.cpu, () => seen.push(['same', timeNs(sim)]));
    const apart = makeTimer(other, () => seen.push(['other', timeNs(sim)]));
    scheduleAt(sim, work, 0);
    scheduleAt(sim, late, 100);
    scheduleAt(sim, apart, 100);
    runUntil(sim, Number.POSITIVE_INFINITY);
    expect(seen).toEqual([
      ['same', 1000],
      ['other', 100],
    ]);
  });

  it('stands at the deadline when nothing is due before it', () => {
    const sim = makeSimulator();
    schedule(
      sim,
      makeTimer(sim.cpu, () => {}),
      5000,
    );
    expect(runUntil(sim, 2000)).toBe('deadline');
    expect(timeNs(sim)).toBe(2000);
    expect(runUntil(sim, 6000)).toBe('idle');
    expect(timeNs(sim)).toBe(6000);
  });

  it('refuses the past and fractions', () => {
    const sim = makeSimulator();
    const timer = makeTimer(sim.cpu, () => {});
    runUntil(sim, 100);
    expect(() => scheduleAt(sim, timer, 99)).toThrow('in the past');
    expect(() => schedule(sim, timer, 0.5)).toThrow('integer');
    expect(() => schedule(sim, timer, -1)).toThrow('integer');
  });

  it('pauses after the event that asks for it and goes on later', () => {
    const sim = makeSimulator({ cost: COST_TABLES.ideal });
    const order: number[] = [];
    for (const at of [1, 2, 3]) {
      const timer = makeTimer(sim.cpu, () => {
        order.push(at);
        if (at === 2) sim.pauseRequested = true;
      });
      scheduleAt(sim, timer, at);
    }
    expect(runUntil(sim, 10)).toBe('paused');
    expect(order).toEqual([1, 2]);
    expect(runUntil(sim, 10)).toBe('idle');
    expect(order).toEqual([1, 2, 3]);
  });

  it('runs equal times in another order when ties are shuffled, the same for the same seed', () => {
    const orderWith = (seed: number, shuffleTies: boolean) => {
      const sim = makeSimulator({ seed, shuffleTies });
      const order: number[] = [];
      for (let i = 0; i < 20; i++) {
        scheduleAt(
          sim,
          makeTimer(sim.cpu, () => order.push(i)),
          7,
        );
      }
      runUntil(sim, 10);
      return order.join();
    };
    const inOrder = Array.from({ length: 20 }, (_, i) => i).join();
    expect(orderWith(1, false)).toBe(inOrder);
    expect(orderWith(1, true)).not.toBe(inOrder);
    expect(orderWith(1, true)).toBe(orderWith(1, true));
    expect(orderWith(1, true)).not.toBe(orderWith(2, true));
  });

  it('draws from streams that do not disturb each other', () => {
    const draw = (others: number) => {
      const sim = makeSimulator({ seed: 42 });
      for (let i = 0; i < others; i++) nextInt32(streamOf(sim, 'other'));
      return nextInt32(streamOf(sim, 'mine'));
    };
    expect(draw(0)).toBe(draw(5));
  });

  it('does what is called from outside at the present moment and charges the CPU', () => {
    const sim = makeSimulator();
    runUntil(sim, 500);
    const result = runOn(sim, sim.cpu, () => {
      sim.workNs += 30;
      return timeNs(sim);
    });
    expect(result).toBe(530);
    expect(sim.freeAtNs[sim.cpu.index]).toBe(530);
  });
});
