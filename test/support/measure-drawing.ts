// How good a placement is: boxes that overlap, wires through boxes, crossings.
import type { Box, Placement, Point, Wire } from '../../src/draw/placement.ts';

export interface Measures {
  /** Pairs of boxes that overlap although neither is in the other. */
  readonly overlaps: readonly string[];
  /** Boxes that stick out of the box they are in. */
  readonly strays: readonly string[];
  /** Wires that run through a box that is neither an end of theirs nor around one. */
  readonly throughs: readonly string[];
  readonly crossings: number;
  /** Pieces of two wires that lie on top of each other. */
  readonly coverings: readonly string[];
  /** Wires that do not begin and end at the edges of their boxes, or are not in right angles. */
  readonly loose: readonly string[];
}

export function measureDrawing({ boxes, wires }: Placement): Measures {
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const solid = boxes.filter(({ kind }) => kind !== 'tap');
  return {
    overlaps: overlapsOf(solid, byId),
    strays: solid.filter((box) => isStray(box, byId)).map(({ id }) => id),
    throughs: throughsOf(solid, wires, byId),
    crossings: crossingsOf(wires),
    coverings: coveringsOf(wires),
    loose: wires.filter((wire) => isLoose(wire, byId)).map(({ id }) => id),
  };
}

function ancestorsOf(box: Box, byId: ReadonlyMap<string, Box>): Set<string> {
  const found = new Set<string>();
  for (let at: Box | undefined = box; at !== undefined; at = byId.get(at.parentId ?? '')) {
    found.add(at.id);
  }
  return found;
}

function overlapsOf(boxes: readonly Box[], byId: ReadonlyMap<string, Box>): string[] {
  const found: string[] = [];
  for (const [i, one] of boxes.entries()) {
    for (const other of boxes.slice(i + 1)) {
      if (ancestorsOf(one, byId).has(other.id) || ancestorsOf(other, byId).has(one.id)) continue;
      const dx = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
      const dy = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
      if (dx > 0.5 && dy > 0.5) found.push(`${one.id} and ${other.id}`);
    }
  }
  return found;
}

/** A port sits on the edge of its bridge; everything else is inside. */
function isStray(box: Box, byId: ReadonlyMap<string, Box>): boolean {
  const parent = byId.get(box.parentId ?? '');
  if (parent === undefined) return box.parentId !== null && box.kind !== 'port';
  const slack = 0.5;
  const isWide = box.x >= parent.x - slack && box.x + box.width <= parent.x + parent.width + slack;
  if (box.kind === 'port') return !isWide || Math.abs(box.y + box.height - parent.y) > slack;
  const isHigh =
    box.y >= parent.y - slack && box.y + box.height <= parent.y + parent.height + slack;
  return !isWide || !isHigh;
}

function segmentsOf({ points }: Wire): (readonly [Point, Point])[] {
  return points.slice(1).map((b, i) => [points[i]!, b] as const);
}

function throughsOf(
  boxes: readonly Box[],
  wires: readonly Wire[],
  byId: ReadonlyMap<string, Box>,
): string[] {
  const found: string[] = [];
  for (const wire of wires) {
    const near = new Set<string>();
    for (const id of [wire.from, wire.to]) {
      const end = byId.get(id);
      if (end !== undefined) for (const each of ancestorsOf(end, byId)) near.add(each);
    }
    for (const box of boxes) {
      // The lines of a bus view pass behind the bars of other networks.
      if (near.has(box.id) || (box.kind === 'network' && wire.kind === 'link')) continue;
      if (segmentsOf(wire).some((segment) => runsThrough(segment, box))) {
        found.push(`${wire.id} through ${box.id}`);
      }
    }
  }
  return found;
}

function runsThrough([a, b]: readonly [Point, Point], box: Box): boolean {
  const slack = 0.6;
  return (
    Math.max(a.x, b.x) > box.x + slack &&
    Math.min(a.x, b.x) < box.x + box.width - slack &&
    Math.max(a.y, b.y) > box.y + slack &&
    Math.min(a.y, b.y) < box.y + box.height - slack
  );
}

function crossingsOf(wires: readonly Wire[]): number {
  let count = 0;
  for (const [i, one] of wires.entries()) {
    for (const other of wires.slice(i + 1)) {
      for (const s of segmentsOf(one)) for (const t of segmentsOf(other)) if (cross(s, t)) count++;
    }
  }
  return count;
}

function cross([a, b]: readonly [Point, Point], [c, d]: readonly [Point, Point]): boolean {
  const side = (p: Point, q: Point, r: Point): number =>
    Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

function coveringsOf(wires: readonly Wire[]): string[] {
  const found: string[] = [];
  for (const [i, one] of wires.entries()) {
    for (const other of wires.slice(i + 1)) {
      const shares = segmentsOf(one).some((s) => segmentsOf(other).some((t) => covers(s, t)));
      if (shares) found.push(`${one.id} and ${other.id}`);
    }
  }
  return found;
}

/** Two parallel pieces less than two pixels apart, for more than four pixels. */
function covers([a, b]: readonly [Point, Point], [c, d]: readonly [Point, Point]): boolean {
  const along = (isX: boolean): boolean => {
    const [k, m] = isX ? (['x', 'y'] as const) : (['y', 'x'] as const);
    if (Math.abs(a[m] - b[m]) > 0.5 || Math.abs(c[m] - d[m]) > 0.5) return false;
    if (Math.abs(a[m] - c[m]) > 2) return false;
    const from = Math.max(Math.min(a[k], b[k]), Math.min(c[k], d[k]));
    return Math.min(Math.max(a[k], b[k]), Math.max(c[k], d[k])) - from > 4;
  };
  return along(true) || along(false);
}

function isLoose(wire: Wire, byId: ReadonlyMap<string, Box>): boolean {
  const isBent = segmentsOf(wire).some(
    ([a, b]) => Math.abs(a.x - b.x) > 0.6 && Math.abs(a.y - b.y) > 0.6,
  );
  const isOff = (id: string, at: Point | undefined): boolean => {
    const box = byId.get(id);
    if (box === undefined || at === undefined) return true;
    const slack = box.kind === 'tap' ? 12 : 1.5;
    const { x, y, width, height } = box;
    const isWithin =
      at.x > x - slack && at.x < x + width + slack && at.y > y - slack && at.y < y + height + slack;
    const isDeep =
      at.x > x + slack && at.x < x + width - slack && at.y > y + slack && at.y < y + height - slack;
    return !isWithin || (isDeep && box.kind !== 'tap');
  };
  return isBent || isOff(wire.from, wire.points[0]) || isOff(wire.to, wire.points.at(-1));
}
