/** Wires as SVG path data: right angles with small curves, and an arc where one hops over another. */
import type { Point, Wire } from './placement.ts';
import { number } from './svg.ts';

const CORNER = 5;
const HOP = 4.5;
/** Pairs of segments that are compared; a larger drawing has no hops. */
const SEGMENTS_MAX = 4000;

interface Segment {
  readonly wire: number;
  readonly a: Point;
  readonly b: Point;
}

/** Where each wire hops over an earlier one: points on its horizontal segments. */
export function findHops(wires: readonly Wire[]): Map<string, Point[]> {
  const hops = new Map<string, Point[]>();
  const segments: Segment[] = wires.flatMap(({ points }, wire) =>
    points.slice(1).map((b, i) => ({ wire, a: points[i]!, b })),
  );
  if (segments.length > SEGMENTS_MAX) return hops;
  const across = segments.filter(({ a, b }) => Math.abs(a.y - b.y) < 0.5);
  const down = segments.filter(({ a, b }) => Math.abs(a.x - b.x) < 0.5 && a.y !== b.y);
  for (const h of across) {
    for (const v of down) {
      if (h.wire === v.wire || !crosses(h, v)) continue;
      const { id } = wires[h.wire]!;
      hops.set(id, [...(hops.get(id) ?? []), { x: v.a.x, y: h.a.y }]);
    }
  }
  return hops;
}

/** A horizontal and a vertical segment that meet away from their ends. */
function crosses(h: Segment, v: Segment): boolean {
  const [left, right] = h.a.x < h.b.x ? [h.a.x, h.b.x] : [h.b.x, h.a.x];
  const [top, bottom] = v.a.y < v.b.y ? [v.a.y, v.b.y] : [v.b.y, v.a.y];
  return v.a.x > left + 1 && v.a.x < right - 1 && h.a.y > top + 1 && h.a.y < bottom - 1;
}

/** Path data of a line of right angles. */
export function roundedPath(points: readonly Point[], hops: readonly Point[] = []): string {
  const path = withoutStops(points);
  const first = path[0];
  if (first === undefined) return '';
  let data = `M${xy(first)}`;
  let from = first;
  for (let i = 1; i < path.length; i++) {
    const to = path[i]!;
    const next = path[i + 1];
    const room =
      next === undefined ? 0 : Math.min(CORNER, length(from, to) / 2, length(to, next) / 2);
    const end = towards(to, from, room);
    data += hopsBetween(from, end, hops) + `L${xy(end)}`;
    if (next !== undefined) data += `Q${xy(to)} ${xy(towards(to, next, room))}`;
    from = next === undefined ? to : towards(to, next, room);
  }
  return data;
}

function hopsBetween(from: Point, to: Point, hops: readonly Point[]): string {
  if (Math.abs(from.y - to.y) > 0.5) return '';
  const isRight = to.x > from.x;
  const inside = hops
    .filter(
      ({ x, y }) =>
        Math.abs(y - from.y) < 0.5 &&
        Math.abs(x - (from.x + to.x) / 2) < Math.abs(to.x - from.x) / 2 - HOP,
    )
    .sort((one, other) => (isRight ? one.x - other.x : other.x - one.x));
  let data = '';
  let last = Number.NaN;
  for (const { x, y } of inside) {
    if (Math.abs(x - last) < 2 * HOP + 1) continue;
    last = x;
    const [a, b] = isRight ? [x - HOP, x + HOP] : [x + HOP, x - HOP];
    data += `L${number(a)} ${number(y)}A${HOP} ${HOP} 0 0 ${isRight ? 1 : 0} ${number(b)} ${number(y)}`;
  }
  return data;
}

/** Without repeated points and points in the middle of a straight line. */
export function withoutStops(points: readonly Point[]): Point[] {
  const kept: Point[] = [];
  for (const point of points) {
    const last = kept.at(-1);
    if (last !== undefined && length(last, point) < 0.5) continue;
    const before = kept.at(-2);
    const isStraight =
      before !== undefined &&
      last !== undefined &&
      ((Math.abs(before.x - last.x) < 0.5 &&
        Math.abs(last.x - point.x) < 0.5 &&
        Math.sign(last.y - before.y) === Math.sign(point.y - last.y)) ||
        (Math.abs(before.y - last.y) < 0.5 &&
          Math.abs(last.y - point.y) < 0.5 &&
          Math.sign(last.x - before.x) === Math.sign(point.x - last.x)));
    if (isStraight) kept.pop();
    kept.push(point);
  }
  return kept;
}

const xy = ({ x, y }: Point): string => `${number(x)} ${number(y)}`;

export const length = (a: Point, b: Point): number => Math.abs(a.x - b.x) + Math.abs(a.y - b.y);

function towards(from: Point, to: Point, distance: number): Point {
  const whole = length(from, to);
  if (whole === 0) return from;
  const part = distance / whole;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}
