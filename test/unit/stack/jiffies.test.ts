import { expect, test } from 'vitest';
import { makeSimulator, runUntil } from '../../../src/engine/simulator.ts';
import { makeTimer } from '../../../src/engine/timer-queue.ts';
import { armWheelTimer, JIFFY_NS, jiffiesOf, jiffiesOfMs } from '../../../src/stack/jiffies.ts';

test.each([
  [1, 2],
  [62, 63],
  [63, 64],
  [64, 72],
  [250, 256],
  [503, 504],
  [504, 512],
  [1250, 1280],
  [7500, 7680],
])('a timer of %i ticks fires at the boundary of its slot, tick %i', (delay, tick) => {
  const sim = makeSimulator();
  let firedAt = -1;
  const timer = makeTimer(sim.cpu, () => {
    firedAt = jiffiesOf(sim);
  });
  armWheelTimer(sim, timer, delay);
  runUntil(sim, 100 * 250 * JIFFY_NS);
  expect(firedAt).toBe(tick);
});

test('timers of one slot fire newest first, those of coarser levels before finer ones', () => {
  const sim = makeSimulator();
  const order: string[] = [];
  const at = (name: string, tick: number) =>
    armWheelTimer(
      sim,
      makeTimer(sim.cpu, () => order.push(name)),
      tick,
    );
  at('fine', 1);
  at('first', 250);
  at('second', 251);
  runUntil(sim, 200 * JIFFY_NS);
  at('late', 255);
  runUntil(sim, 600 * JIFFY_NS);
  expect(order).toEqual(['fine', 'second', 'first', 'late']);
});

test('milliseconds are rounded up to ticks', () => {
  expect([0, 1, 4, 5, 1000].map(jiffiesOfMs)).toEqual([0, 1, 1, 2, 250]);
});
