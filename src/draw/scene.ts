/**
 * A picture as a list of shapes, independent of the format it is written in: SVG and PDF are two ways
 * to write the same list.
 */
import type { FontName } from './text.ts';

export interface Paint {
  /** A colour, or null for none. */
  readonly fill?: string | null;
  readonly stroke?: string | null;
  readonly strokeWidth?: number;
  readonly dash?: string;
  readonly opacity?: number;
}

export interface RectShape extends Paint {
  readonly kind: 'rect';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly radius?: number;
}

export interface PathShape extends Paint {
  readonly kind: 'path';
  /** SVG path data. */
  readonly data: string;
  readonly isRound?: boolean;
}

export interface CircleShape extends Paint {
  readonly kind: 'circle';
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

export interface TextShape {
  readonly kind: 'text';
  readonly x: number;
  /** The base line. */
  readonly y: number;
  readonly text: string;
  readonly size: number;
  readonly font: FontName;
  readonly fill: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  /** A rim in this colour, so that it reads across wires. */
  readonly halo?: string;
}

/** Shapes that are one thing, with a name for screen readers and tooltips. */
export interface GroupShape {
  readonly kind: 'group';
  /** What the group stands for in the snapshot; empty for nothing. */
  readonly id: string;
  readonly className: string;
  readonly title: string;
  readonly children: readonly Shape[];
}

export type Shape = RectShape | PathShape | CircleShape | TextShape | GroupShape;

export interface Scene {
  /** Where the picture's corner is: less than 0 where a page adds a margin. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly background: string;
  readonly title: string;
  readonly description: string;
  readonly language: string;
  readonly shapes: readonly Shape[];
}
