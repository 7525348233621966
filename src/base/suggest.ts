/** "Did you mean": the known names that are closest to what was typed. */

/** Letters that may differ, as a share of the length of the longer word. */
const DISTANCE_SHARE_MAX = 0.4;
const SUGGESTIONS_MAX = 3;

/** The most similar of the known names, best first; empty if none is near. */
export function similarNames(typed: string, known: readonly string[]): string[] {
  const wanted = typed.toLowerCase();
  return known
    .map((name) => ({ name, distance: distanceOf(wanted, name.toLowerCase()) }))
    .filter(({ name, distance }) => {
      const longest = Math.max(wanted.length, name.length);
      return distance <= Math.max(1, longest * DISTANCE_SHARE_MAX) || isPart(wanted, name);
    })
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, SUGGESTIONS_MAX)
    .map(({ name }) => name);
}

/** A sentence for an error's hint: what is similar, or else what there is. */
export function suggestionFor(typed: string, known: readonly string[]): string {
  const similar = similarNames(typed, known);
  if (similar.length > 0) return `did you mean ${similar.join(' or ')}?`;
  return known.length === 0 ? 'there is none' : `there is ${known.join(', ')}`;
}

function isPart(wanted: string, name: string): boolean {
  return wanted.length >= 3 && name.toLowerCase().includes(wanted);
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`. */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let best = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) best = Math.min(best, before[j - 2]! + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
