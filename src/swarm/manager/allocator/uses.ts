/** How often something of one is used by another. */

/** Adds to a count of two keys; a count of 0 is not kept. @returns the new count. */
export function addUses(
  counts: Map<string, Map<string, number>>,
  one: string,
  other: string,
  change: number,
): number {
  let own = counts.get(one);
  if (own === undefined) {
    own = new Map();
    counts.set(one, own);
  }
  const count = (own.get(other) ?? 0) + change;
  if (count > 0) own.set(other, count);
  else own.delete(other);
  if (own.size === 0) counts.delete(one);
  return Math.max(0, count);
}
