/**
 * Places intervals on a line in their order, without overlap and as near as can be to where each
 * wants to be (least squares: pools of adjacent violators).
 */
export interface SpreadItem {
  /** Where its centre wants to be. */
  readonly wanted: number;
  readonly width: number;
}

/** @returns the centre of each, within [min, max] if they fit there. */
export function spread(
  items: readonly SpreadItem[],
  { gap, min, max }: { readonly gap: number; readonly min: number; readonly max: number },
): number[] {
  // With the widths before each taken away, "no overlap" becomes "not falling".
  const offsets: number[] = [];
  let used = 0;
  for (const [i, { width }] of items.entries()) {
    if (i > 0) used += items[i - 1]!.width / 2 + gap + width / 2;
    offsets.push(used);
  }
  const pools: { sum: number; count: number }[] = [];
  for (const [i, { wanted }] of items.entries()) {
    pools.push({ sum: wanted - offsets[i]!, count: 1 });
    while (pools.length > 1 && mean(pools.at(-2)!) > mean(pools.at(-1)!)) {
      const last = pools.pop()!;
      const before = pools.at(-1)!;
      before.sum += last.sum;
      before.count += last.count;
    }
  }
  const low = min + (items[0]?.width ?? 0) / 2;
  const high = max - (items.at(-1)?.width ?? 0) / 2 - (offsets.at(-1) ?? 0);
  const starts = pools.flatMap((pool) => Array<number>(pool.count).fill(mean(pool)));
  return starts.map((start, i) => Math.max(low, Math.min(high, start)) + offsets[i]!);
}

const mean = ({ sum, count }: { sum: number; count: number }): number => sum / count;
