/** Where things are on the drawing: nested boxes and the wires between them, in pixels. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export type BoxKind =
  | 'machine'
  | 'namespace'
  | 'interface'
  | 'bar'
  | 'port'
  | 'router'
  | 'list'
  | 'fold'
  | 'network'
  | 'service'
  | 'tap';

/** How a line of a box is written. */
export type LineStyle = 'title' | 'name' | 'address' | 'small' | 'vip';

export interface BoxLine {
  readonly text: string;
  readonly style: LineStyle;
}

export interface Box {
  readonly id: string;
  readonly kind: BoxKind;
  /** The box that it is in; null at the top. */
  readonly parentId: string | null;
  x: number;
  y: number;
  width: number;
  height: number;
  readonly lines: readonly BoxLine[];
  /** Its hue; null for none. */
  readonly networkId: string | null;
  /** What it is, for screen readers and as a tooltip. */
  readonly description: string;
  /** Finer tone of the kind: `container`, `sandbox`, `host`, `client`, `internet`, `down` ... */
  readonly tone: string;
  /** What it is, beside the title of a frame. */
  readonly note: string;
}

export type WireKind = 'link' | 'route' | 'tunnel' | 'parent' | 'touch';

export interface Wire {
  readonly id: string;
  readonly kind: WireKind;
  readonly from: string;
  readonly to: string;
  /** From the edge of one box to the edge of the other, in right angles. */
  points: Point[];
  readonly networkId: string | null;
  readonly label: string;
}

export interface Placement {
  readonly width: number;
  readonly height: number;
  /** Outer boxes before inner ones. */
  readonly boxes: readonly Box[];
  readonly wires: readonly Wire[];
}

export const centreX = ({ x, width }: Box): number => x + width / 2;
export const centreY = ({ y, height }: Box): number => y + height / 2;
export const rightOf = ({ x, width }: Box): number => x + width;
export const bottomOf = ({ y, height }: Box): number => y + height;

/** Moves boxes and wires. */
export function shift(
  { boxes, wires }: Pick<Placement, 'boxes' | 'wires'>,
  dx: number,
  dy: number,
): void {
  for (const box of boxes) {
    box.x += dx;
    box.y += dy;
  }
  for (const wire of wires) {
    wire.points = wire.points.map(({ x, y }) => ({ x: x + dx, y: y + dy }));
  }
}

/** A box within which everything is: for drawings whose frame follows from what is in it. */
export function boundsOf(boxes: readonly Box[]): { width: number; height: number } {
  return {
    width: Math.max(0, ...boxes.map(rightOf)),
    height: Math.max(0, ...boxes.map(bottomOf)),
  };
}
