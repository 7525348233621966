/**
 * The channel between two rows: each wire comes down at one x, goes across on a track of its own and
 * down again at another x. Tracks are ordered so that few wires cross.
 */
export interface ChannelWire {
  readonly fromX: number;
  readonly toX: number;
}

/** More wires than this are ordered by a rule of thumb only: trying all pairs costs n² a round. */
const SEARCH_MAX = 60;
const ROUNDS_MAX = 8;
/** Wires whose ends are this close run straight. */
export const STRAIGHT_MAX = 0.5;

/** @returns the track of each wire, 0 at the top; -1 for a wire that runs straight. */
export function assignTracks(wires: readonly ChannelWire[]): number[] {
  const bent = wires.map((_, i) => i).filter((i) => !isStraight(wires[i]!));
  const order = orderBent(wires, bent);
  const tracks = wires.map(() => -1);
  for (const [at, i] of order.entries()) {
    let track = 0;
    for (const j of order.slice(0, at)) {
      if (touches(wires[i]!, wires[j]!)) track = Math.max(track, tracks[j]! + 1);
    }
    tracks[i] = track;
  }
  return tracks;
}

function isStraight({ fromX, toX }: ChannelWire): boolean {
  return Math.abs(fromX - toX) <= STRAIGHT_MAX;
}

function spanOf({ fromX, toX }: ChannelWire): readonly [number, number] {
  return fromX < toX ? [fromX, toX] : [toX, fromX];
}

function touches(one: ChannelWire, other: ChannelWire): boolean {
  const [a, b] = spanOf(one);
  const [c, d] = spanOf(other);
  return a <= d + 3 && c <= b + 3;
}

/** Crossings of the pair if `upper` has the higher track. */
function crossings(upper: ChannelWire, lower: ChannelWire): number {
  const [a, b] = spanOf(upper);
  const [c, d] = spanOf(lower);
  // The lower wire comes down through the upper's track; the upper goes down through the lower's.
  const first = lower.fromX > a && lower.fromX < b ? 1 : 0;
  const second = upper.toX > c && upper.toX < d ? 1 : 0;
  // Ends that share an x would run on top of each other.
  const clash = Math.abs(lower.fromX - upper.toX) < 3 ? 10 : 0;
  return first + second + clash;
}

function orderBent(wires: readonly ChannelWire[], bent: readonly number[]): number[] {
  const order = [...bent].sort((i, j) => ruleOfThumb(wires[i]!) - ruleOfThumb(wires[j]!) || i - j);
  if (order.length > SEARCH_MAX) return order;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let isBetter = false;
    for (let at = 0; at + 1 < order.length; at++) {
      const upper = wires[order[at]!]!;
      const lower = wires[order[at + 1]!]!;
      if (crossings(lower, upper) >= crossings(upper, lower)) continue;
      [order[at], order[at + 1]] = [order[at + 1]!, order[at]!];
      isBetter = true;
    }
    if (!isBetter) break;
  }
  return order;
}

/** Wires to the right: the rightmost highest; wires to the left: the leftmost highest. */
function ruleOfThumb({ fromX, toX }: ChannelWire): number {
  return fromX < toX ? -fromX : fromX;
}
