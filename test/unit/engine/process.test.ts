import { describe, expect, it } from 'vitest';
import { COST_TABLES } from '../../../src/engine/cost.ts';
import {
  kill,
  makeWaitQueue,
  type Process,
  type Program,
  sleep,
  spawn,
  waitFor,
  wake,
} from '../../../src/engine/process.ts';
import { makeSimulator, runUntil, timeNs } from '../../../src/engine/simulator.ts';

const ideal = () => makeSimulator({ cost: COST_TABLES.ideal });
const forever = Number.POSITIVE_INFINITY;

describe('processes', () => {
  it('run until they block, one after the other, in the order in which they were started', () => {
    const sim = ideal();
    const log: string[] = [];
    const program = (name: string) =>
      function* (process: Process): Program {
        log.push(`${name} starts`);
        yield* sleep(process, 10);
        log.push(`${name} at ${timeNs(sim)}`);
        return 0;
      };
    spawn(sim, sim.cpu, 'a', program('a'));
    spawn(sim, sim.cpu, 'b', program('b'));
    expect(runUntil(sim, forever)).toBe('idle');
    expect(log).toEqual(['a starts', 'b starts', 'a at 10', 'b at 10']);
  });

  it('wait for a condition, or until the time is over', () => {
    const sim = ideal();
    const queue = makeWaitQueue();
    let isTrue = false;
    const outcomes: Array<[boolean, number]> = [];
    spawn(sim, sim.cpu, 'patient', function* (process) {
      outcomes.push([yield* waitFor(process, [queue], () => isTrue), timeNs(sim)]);
      return 0;
    });
    spawn(sim, sim.cpu, 'hasty', function* (process) {
      outcomes.push([yield* waitFor(process, [queue], () => isTrue, 5), timeNs(sim)]);
      return 0;
    });
    spawn(sim, sim.cpu, 'waker', function* (process) {
      yield* sleep(process, 20);
      isTrue = true;
      wake(queue);
      return 0;
    });
    runUntil(sim, forever);
    expect(outcomes).toEqual([
      [false, 5],
      [true, 20],
    ]);
    expect(queue.waiters).toEqual([]);
  });

  it('end by a signal: SIGKILL at once with 137, SIGINT when the program sees it', () => {
    const sim = ideal();
    const codes: number[] = [];
    const cleaned: string[] = [];
    const start = (name: string) => {
      const process = spawn(sim, sim.cpu, name, function* (self) {
        self.cleanups.push(() => cleaned.push(name));
        yield* sleep(self, 1e12);
        return self.signal === 'SIGINT' ? 130 : 0;
      });
      process.onExit.push((code) => codes.push(code));
      return process;
    };
    const killed = start('killed');
    const interrupted = start('interrupted');
    runUntil(sim, 100);
    kill(killed, 'SIGKILL');
    kill(interrupted, 'SIGINT');
    runUntil(sim, 200);
    expect(codes).toEqual([137, 130]);
    expect(cleaned).toEqual(['killed', 'interrupted']);
  });

  it('cost the time of their system calls and wake-ups', () => {
    const sim = makeSimulator();
    let started = -1;
    // biome-ignore lint/correctness/useYield: a program that never blocks
    spawn(sim, sim.cpu, 'a', function* () {
      started = timeNs(sim);
      return 0;
    });
    runUntil(sim, forever);
    expect(started).toBe(sim.cost.wakeUpNs + sim.cost.systemCallNs);
  });
});
