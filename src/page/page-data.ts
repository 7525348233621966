/** What a page is given: the drawing's places, the run, and the words for them. */
import type { Recording } from '../observe/recording.ts';

export interface PageBox {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PageWire {
  readonly from: string;
  readonly to: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface PagePlace {
  /** For people. */
  readonly label: string;
  /** Of the namespace, as Recording.states has it; 0 for none. */
  readonly namespaceNumber: number;
  readonly namespaceLabel: string;
  readonly deviceName: string;
  /** Null: it is not on the drawing. */
  readonly boxId: string | null;
}

/** What a box of the drawing stands for: a device, or a whole namespace (no device name). */
export interface PageOwner {
  readonly namespaceNumber: number;
  readonly namespaceLabel: string;
  readonly deviceName: string;
}

export interface PageReason {
  readonly sentence: string;
  readonly hint: string;
}

export interface PageData {
  readonly title: string;
  readonly language: 'en' | 'es';
  readonly boxes: readonly PageBox[];
  readonly wires: readonly PageWire[];
  /** In the order of Recording.places. */
  readonly places: readonly PagePlace[];
  /** By the id of a box. */
  readonly owners: Readonly<Record<string, PageOwner>>;
  readonly reasons: Readonly<Record<string, PageReason>>;
  readonly recording: Recording;
}
