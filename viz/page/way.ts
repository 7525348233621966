/** The way of a packet on the drawing: along the wires between two boxes. */
import type { PageBox, PageData } from '../../src/page/page-data.ts';

export interface Spot {
  readonly x: number;
  readonly y: number;
}

export interface Ways {
  readonly boxes: ReadonlyMap<string, PageBox>;
  between(from: string, to: string): readonly Spot[];
}

/** Wires that one movement may follow. */
const WIRES_MAX = 5;

export function makeWays({ boxes, wires }: PageData): Ways {
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const near = new Map<string, { to: string; points: readonly Spot[] }[]>();
  const join = (from: string, to: string, points: readonly Spot[]): void => {
    const list = near.get(from) ?? [];
    list.push({ to, points });
    near.set(from, list);
  };
  for (const { from, to, points } of wires) {
    const spots = points.map(([x, y]) => ({ x, y }));
    join(from, to, spots);
    join(to, from, [...spots].reverse());
  }
  const known = new Map<string, readonly Spot[]>();
  return {
    boxes: byId,
    between(from, to) {
      const key = `${from} ${to}`;
      let spots = known.get(key);
      if (spots === undefined) {
        spots = [restOf(byId.get(from)), ...search(near, from, to), restOf(byId.get(to))];
        known.set(key, spots);
      }
      return spots;
    },
  };
}

/** The spots of the fewest wires from one box to the other; empty if they are not joined. */
function search(
  near: ReadonlyMap<string, readonly { to: string; points: readonly Spot[] }[]>,
  from: string,
  to: string,
): readonly Spot[] {
  let edge: { at: string; spots: readonly Spot[] }[] = [{ at: from, spots: [] }];
  const seen = new Set([from]);
  for (let i = 0; i < WIRES_MAX && edge.length > 0; i++) {
    const next: typeof edge = [];
    for (const { at, spots } of edge) {
      for (const wire of near.get(at) ?? []) {
        const longer = [...spots, ...wire.points];
        if (wire.to === to) return longer;
        if (seen.has(wire.to)) continue;
        seen.add(wire.to);
        next.push({ at: wire.to, spots: longer });
      }
    }
    edge = next;
  }
  return [];
}

/** Where a packet rests in a box: at its upper right corner, beside what is written there. */
export function restOf(box: PageBox | undefined): Spot {
  if (box === undefined) return { x: 0, y: 0 };
  return {
    x: box.x + box.width - Math.min(6, box.width / 2),
    y: box.y + Math.min(7, box.height / 2),
  };
}

/** The spot after `fraction` of the way. */
export function spotAt(spots: readonly Spot[], fraction: number): Spot {
  const lengths = spots.slice(1).map((spot, i) => distance(spots[i]!, spot));
  let left = lengths.reduce((sum, each) => sum + each, 0) * fraction;
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i]!;
    if (left <= length && length > 0) {
      const a = spots[i]!;
      const b = spots[i + 1]!;
      return { x: a.x + ((b.x - a.x) * left) / length, y: a.y + ((b.y - a.y) * left) / length };
    }
    left -= length;
  }
  return spots.at(-1) ?? { x: 0, y: 0 };
}

function distance(a: Spot, b: Spot): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
