// Arrivals, means with their confidence, and what a run's record counts.
import { describe, expect, test } from 'vitest';
import { makePrng } from '../../../src/base/prng.ts';
import { advance, makeArrivals } from '../../../src/load/arrivals.ts';
import { makeRecord, noteAnswer, noteLoss, noteOffered } from '../../../src/load/record.ts';
import { estimate, studentT95 } from '../../../src/load/statistics.ts';

describe('arrivals', () => {
  const gaps = (kind: 'poisson' | 'constant', count: number): number[] => {
    const arrivals = makeArrivals(kind, 1e6, 0, makePrng(7, 'test'));
    return Array.from({ length: count }, () => {
      const before = arrivals.nextNs;
      advance(arrivals);
      return arrivals.nextNs - before;
    });
  };

  test('constant ones have equal gaps', () => {
    expect(new Set(gaps('constant', 100))).toEqual(new Set([1000]));
  });

  test('the gaps of a Poisson process have the deviation of their mean, and no memory', () => {
    const list = gaps('poisson', 20_000);
    const mean = list.reduce((a, b) => a + b) / list.length;
    const deviation = Math.sqrt(list.reduce((a, b) => a + (b - mean) ** 2, 0) / list.length);
    expect(Math.abs(mean - 1000)).toBeLessThan(30);
    expect(Math.abs(deviation / mean - 1)).toBeLessThan(0.03);
    // A gap is longer than the mean with the probability 1/e.
    const longer = list.filter((gap) => gap > 1000).length / list.length;
    expect(Math.abs(longer - Math.exp(-1))).toBeLessThan(0.015);
  });
});

describe('estimates', () => {
  test('one value has no interval', () => {
    expect(estimate([5])).toEqual({ mean: 5, halfWidth: null, count: 1 });
  });

  test('the interval is that of Student', () => {
    // Mean 3, deviation sqrt(2.5), t(4) = 2.776.
    const { mean, halfWidth } = estimate([1, 2, 3, 4, 5]);
    expect(mean).toBe(3);
    expect(halfWidth).toBeCloseTo((2.776 * Math.sqrt(2.5)) / Math.sqrt(5), 6);
  });

  test('quantiles beyond the table go to those of the normal distribution', () => {
    expect(studentT95(1)).toBe(12.706);
    expect(studentT95(40)).toBeCloseTo(2.021, 2);
    expect(studentT95(100_000)).toBeCloseTo(1.96, 3);
  });
});

describe('a record', () => {
  test('counts requests by the moment at which they were meant to be sent', () => {
    const record = makeRecord(100, 200, 2);
    for (const intendedNs of [99, 100, 150, 199, 200]) noteOffered(record, intendedNs);
    noteAnswer(record, 1, 99, 120); // of the warm-up; its answer came in the window
    noteAnswer(record, 0, 150, 450);
    noteAnswer(record, 1, 199, 209);
    noteLoss(record, 100, 'no answer');
    noteLoss(record, 200, 'no answer');
    expect(record).toMatchObject({ offered: 3, answered: 2, answeredInWindow: 1 });
    expect([...record.losses]).toEqual([['no answer', 1]]);
    expect([...record.answers]).toEqual([1, 1]);
    expect(record.latency.maxValue).toBe(300);
  });

  test('latencies keep three digits from nanoseconds to a minute', () => {
    const record = makeRecord(0, 1e12, 1);
    const values = [17, 1234, 56_789, 1_234_567, 987_654_321, 60e9];
    for (const value of values) noteAnswer(record, 0, 0, value);
    values.forEach((value, i) => {
      const found = record.latency.getValueAtPercentile(((i + 1) / values.length) * 100);
      expect(Math.abs(found / value - 1)).toBeLessThan(0.001);
    });
  });
});
