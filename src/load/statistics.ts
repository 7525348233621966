/** Means over runs with different seeds, and how sure they are. */

export interface Estimate {
  readonly mean: number;
  /** Half of the 95 % confidence interval by Student's t; null for a single run. */
  readonly halfWidth: number | null;
  readonly count: number;
}

/** The two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom. */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
];
const NORMAL_95 = 1.96;

/** Beyond the table: the first term of the quantile's expansion around that of the normal distribution. */
export function studentT95(freedom: number): number {
  const listed = T_95[freedom - 1];
  return listed ?? NORMAL_95 + (NORMAL_95 ** 3 + NORMAL_95) / (4 * freedom);
}

export function estimate(values: readonly number[]): Estimate {
  const count = values.length;
  const mean = count === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, halfWidth: null, count };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (count - 1));
  return { mean, halfWidth: (studentT95(count - 1) * deviation) / Math.sqrt(count), count };
}
