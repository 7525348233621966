import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSimulator } from '../../../src/engine/simulator.ts';
import {
  armTimer,
  disarmTimer,
  earliestNs,
  isArmed,
  makeTimer,
  makeTimerQueue,
  popTimer,
} from '../../../src/engine/timer-queue.ts';

const cpu = makeSimulator().cpu;

describe('timer queue', () => {
  it('pops in order of time, then of arming, whatever was moved or disarmed in between', () => {
    const step = fc.record({
      what: fc.constantFrom('arm' as const, 'disarm' as const, 'pop' as const),
      which: fc.nat(15),
      timeNs: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = makeTimerQueue();
        const timers = Array.from({ length: 16 }, () => makeTimer(cpu, () => {}));
        let model: Array<{ which: number; timeNs: number; order: number }> = [];
        let order = 0;
        for (const { what, which, timeNs } of steps) {
          const timer = timers[which]!;
          if (what === 'arm') {
            armTimer(queue, timer, timeNs);
            model = model.filter((each) => each.which !== which);
            model.push({ which, timeNs, order: order++ });
          } else if (what === 'disarm') {
            disarmTimer(queue, timer);
            model = model.filter((each) => each.which !== which);
          } else if (model.length > 0) {
            model.sort((a, b) => a.timeNs - b.timeNs || a.order - b.order);
            const first = model.shift()!;
            expect(earliestNs(queue)).toBe(first.timeNs);
            expect(popTimer(queue)).toBe(timers[first.which]);
          }
          expect(queue.count).toBe(model.length);
          expect(timers.map(isArmed)).toEqual(
            timers.map((_, index) => model.some((each) => each.which === index)),
          );
        }
      }),
    );
  });

  it('grows beyond its first size', () => {
    const queue = makeTimerQueue();
    for (let i = 1000; i > 0; i--)
      armTimer(
        queue,
        makeTimer(cpu, () => {}),
        i,
      );
    let last = 0;
    while (queue.count > 0) {
      const at = earliestNs(queue);
      popTimer(queue);
      expect(at).toBeGreaterThan(last);
      last = at;
    }
    expect(last).toBe(1000);
  });

  it('refuses to pop from an empty queue', () => {
    expect(() => popTimer(makeTimerQueue())).toThrow('a queue that has one');
  });
});
