// The meter: busy time, work that waits, and samples, on a CPU that is given known work.
import { expect, test } from 'vitest';
import { addCpu, makeSimulator, scheduleAt } from '../../../src/engine/simulator.ts';
import { makeTimer } from '../../../src/engine/timer-queue.ts';
import { doneNs, makeMeter, runMetered } from '../../../src/load/meter.ts';

function works(times: readonly number[], workNs: number, isUnlimited = false) {
  const sim = makeSimulator();
  const cpu = addCpu(sim, 'node');
  cpu.isUnlimited = isUnlimited;
  const ends: number[] = [];
  for (const at of times) {
    const timer = makeTimer(cpu, () => {
      sim.workNs += workNs;
      ends.push(sim.nowNs + sim.workNs);
    });
    scheduleAt(sim, timer, at);
  }
  return { sim, cpu, ends };
}

test('work is counted when it is done, not when it is given', () => {
  const { sim, cpu, ends } = works([100, 150, 200], 300);
  const meter = makeMeter(sim, [], 100, 0);
  runMetered(meter, 500);
  expect(ends).toEqual([400, 700, 1000]); // one after the other
  expect(doneNs(meter, cpu, 500)).toBe(400);
  expect(sim.nowNs).toBe(1000);
});

test('what was given before a meter starts and is yet to be done counts', () => {
  const { sim, cpu } = works([100, 150, 200], 300);
  runMetered(makeMeter(sim, [], 1000, 0), 500);
  const second = makeMeter(sim, [], 1000, 500);
  runMetered(second, 1500);
  expect(doneNs(second, cpu, 1500)).toBe(500);
  expect(doneNs(second, cpu, 500)).toBe(0);
});

test('on an unlimited CPU nothing waits', () => {
  const { sim, cpu, ends } = works([100, 150, 200], 300, true);
  const meter = makeMeter(sim, [], 100, 0);
  runMetered(meter, 600);
  expect(ends).toEqual([400, 450, 500]);
  expect(doneNs(meter, cpu, 600)).toBe(900);
});
