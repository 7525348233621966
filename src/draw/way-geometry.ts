/**
 * Where a packet's way runs on the drawing: from box to box along the wires, found as shortest paths
 * in the graph of what is drawn.
 */
import { UndirectedGraph } from 'graphology';
import { bidirectional } from 'graphology-shortest-path';
import type { PacketWay } from './packet-way.ts';
import {
  type Box,
  bottomOf,
  centreX,
  centreY,
  type Placement,
  type Point,
  type Wire,
} from './placement.ts';
import { length, withoutStops } from './wire-path.ts';

export interface StationPlace {
  /** Which hop of the way. */
  readonly hop: number;
  readonly boxId: string;
  /** Where its number may stand, best first. */
  readonly candidates: readonly Point[];
}

export interface WayLine {
  readonly points: Point[];
  /** What of it runs along wires, without the ways through boxes. */
  readonly pieces: readonly (readonly Point[])[];
  readonly stations: readonly StationPlace[];
  /** Where its end is marked: the corner of the box that it reached, or where it died. */
  readonly end: Point;
  /** It came to the box from below. */
  readonly isFromBelow: boolean;
}

interface Piece {
  readonly points: readonly Point[];
}

const BADGE_OFFSET = 11;

/** The drawn places as a graph: boxes are nodes, wires edges, a port touches its bridge. */
export class WayFinder {
  private readonly graph = new UndirectedGraph();
  private readonly boxOf: Map<string, Box>;
  private readonly wireOf = new Map<string, Wire>();

  constructor({ boxes, wires }: Placement) {
    this.boxOf = new Map(boxes.map((box) => [box.id, box]));
    for (const { id } of boxes) this.graph.mergeNode(id);
    for (const wire of wires) this.addWire(wire);
    for (const box of boxes) {
      if (box.kind !== 'port' || box.parentId === null) continue;
      const at = { x: centreX(box), y: bottomOf(box) };
      const id = `${box.id}|${box.parentId}`;
      const ends = { from: box.id, to: box.parentId };
      this.addWire({ id, kind: 'touch', ...ends, points: [at, at], networkId: null, label: '' });
    }
  }

  private addWire(wire: Wire): void {
    if (!this.graph.hasNode(wire.from) || !this.graph.hasNode(wire.to)) return;
    this.graph.mergeEdge(wire.from, wire.to);
    this.wireOf.set(`${wire.from}>${wire.to}`, wire);
  }

  has(boxId: string): boolean {
    return this.boxOf.has(boxId);
  }

  box(boxId: string): Box | undefined {
    return this.boxOf.get(boxId);
  }

  /** Box ids from one to the other, both included; null if no wires lead there. */
  path(from: string, to: string): readonly string[] | null {
    if (!this.has(from) || !this.has(to)) return null;
    return bidirectional(this.graph, from, to);
  }

  /** The wire's points in this direction. */
  wire(from: string, to: string): readonly Point[] {
    const forward = this.wireOf.get(`${from}>${to}`);
    if (forward !== undefined) return forward.points;
    return [...(this.wireOf.get(`${to}>${from}`)?.points ?? [])].reverse();
  }
}

/** The line of a way; null if nothing of it is on the drawing. */
export function lineOf(way: PacketWay, finder: WayFinder, endBoxId: string | null): WayLine | null {
  const known = way.hops
    .map(({ deviceId }, hop) => ({ deviceId, hop }))
    .filter(({ deviceId }) => finder.has(deviceId));
  const first = known[0];
  if (first === undefined) return null;
  const boxes: string[] = [first.deviceId];
  const stops = new Map<number, number>([[first.hop, 0]]);
  for (const { deviceId, hop } of known.slice(1)) {
    const path = finder.path(boxes.at(-1)!, deviceId);
    boxes.push(...(path === null ? [deviceId] : path.slice(1)));
    stops.set(hop, boxes.length - 1);
  }
  if (endBoxId !== null && endBoxId !== boxes.at(-1)) {
    const path = finder.path(boxes.at(-1)!, endBoxId);
    if (path !== null) boxes.push(...path.slice(1));
  }
  const pieces = boxes.slice(1).map((id, i) => pieceBetween(finder, boxes[i]!, id));
  const points = joinPieces(finder, boxes, pieces);
  const stations = known.map(({ hop, deviceId }) => {
    const at = stops.get(hop)!;
    const isOut = way.hops[hop]!.direction === 'out';
    const before = pieces[at - 1]?.points ?? [];
    const after = pieces[at]?.points ?? [];
    return {
      hop,
      boxId: deviceId,
      candidates: candidatesFor(finder.box(deviceId)!, before, after, isOut),
    };
  });
  const last = finder.box(boxes.at(-1)!)!;
  const edge = pieces.at(-1)?.points.at(-1) ?? points.at(-1)!;
  const end = way.drop === null ? { x: last.x + last.width - 3, y: last.y + 3 } : edge;
  const wires = pieces.map((piece) => piece.points).filter((line) => line.length > 1);
  const isFromBelow = edge.y > centreY(last);
  return { points, pieces: wires.filter(isLong), stations, end, isFromBelow };
}

function pieceBetween(finder: WayFinder, from: string, to: string): Piece {
  const points = finder.wire(from, to);
  if (points.length > 0) return { points };
  // Two interfaces of one namespace with nothing drawn between them: straight across.
  const a = finder.box(from)!;
  const b = finder.box(to)!;
  return {
    points: [
      { x: centreX(a), y: centreY(a) },
      { x: centreX(b), y: centreY(b) },
    ],
  };
}

/** The pieces with the ways through the boxes between them. */
function joinPieces(
  finder: WayFinder,
  boxes: readonly string[],
  pieces: readonly Piece[],
): Point[] {
  const first = finder.box(boxes[0]!)!;
  const points: Point[] = [insideOf(first, pieces[0]?.points[0])];
  for (const [i, piece] of pieces.entries()) {
    const box = finder.box(boxes[i]!)!;
    const from = points.at(-1)!;
    const to = piece.points[0]!;
    points.push(...through(box, from, to), ...piece.points);
  }
  const last = finder.box(boxes.at(-1)!)!;
  const from = points.at(-1)!;
  points.push(insideOf(last, pieces.length === 0 ? undefined : from));
  return withoutStops(points);
}

/** Ports touch their bridge: that is no wire. */
function isLong(points: readonly Point[]): boolean {
  return points.slice(1).some((point, i) => length(points[i]!, point) > 1);
}

/** Just within the edge of a box at this point of it: the middle stays readable. */
function insideOf(box: Box, at: Point | undefined): Point {
  if (at === undefined) return { x: centreX(box), y: centreY(box) };
  const depth = Math.min(8, box.height / 2);
  if (Math.abs(at.y - box.y) < 1) return { x: at.x, y: at.y + depth };
  if (Math.abs(at.y - bottomOf(box)) < 1) return { x: at.x, y: at.y - depth };
  return { x: at.x < centreX(box) ? at.x + depth : at.x - depth, y: at.y };
}

/** From where a line enters a box to where it leaves it: along its middle. */
function through(box: Box, from: Point, to: Point): Point[] {
  if (Math.abs(from.x - to.x) < 0.5) return [];
  const isTop = Math.abs(from.y - box.y) < 1 && Math.abs(to.y - box.y) < 1;
  if (Math.abs(from.y - to.y) < 0.5 && !isTop) return [];
  const isSide = (p: Point): boolean =>
    Math.abs(p.x - box.x) < 1 || Math.abs(p.x - box.x - box.width) < 1;
  if (isSide(from) && !isSide(to)) return [{ x: to.x, y: from.y }];
  if (isSide(to) && !isSide(from)) return [{ x: from.x, y: to.y }];
  const y = box.kind === 'bar' ? box.y + box.height - 5 : centreY(box);
  return [
    { x: from.x, y },
    { x: to.x, y },
  ];
}

/** On the wire just outside of the box, else at its corners. */
function candidatesFor(
  box: Box,
  before: readonly Point[],
  after: readonly Point[],
  isOut: boolean,
): Point[] {
  const found: Point[] = [];
  const outward = isOut ? [after, [...before].reverse()] : [[...before].reverse(), after];
  for (const line of outward) {
    for (const distance of [BADGE_OFFSET, 22, 30, 38]) {
      const at = pointAt(line, distance);
      if (at !== null) found.push(at);
    }
  }
  const { x, y, width, height } = box;
  if (box.kind === 'bar' && found.length === 0) {
    // Under the port through which it goes.
    const at = (isOut ? after[0] : before.at(-1)) ?? after[0] ?? before.at(-1);
    if (at !== undefined) found.push({ x: at.x, y: at.y + (at.y > box.y + 1 ? -14 : 16) });
  }
  if (box.kind === 'port') {
    // Beside a port, whose name fills it.
    found.push({ x: x - 9, y: y + height / 2 }, { x: x + width + 9, y: y + height / 2 });
  }
  const corners = [
    { x, y: y + height / 2 },
    { x: x + width, y: y + height / 2 },
    { x, y },
    { x: x + width, y },
    { x, y: y + height },
    { x: x + width, y: y + height },
  ];
  return [...found, ...corners];
}

/** A point on a line, so far from its start; null if the line is shorter than twice that. */
function pointAt(points: readonly Point[], distance: number): Point | null {
  const total = points.slice(1).reduce((sum, point, i) => sum + length(points[i]!, point), 0);
  if (total < distance + 4) return null;
  let left = distance;
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1]!;
    const b = points[i]!;
    const step = length(a, b);
    if (left <= step && step > 0) {
      const part = left / step;
      return { x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part };
    }
    left -= step;
  }
  return null;
}
