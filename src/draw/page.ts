/** Sheets of a size: the picture in the middle of a page or a slide. */
import type { Scene } from './scene.ts';

export const PAGE_SIZES = ['auto', 'a4', 'slide'] as const;
export type PageSize = (typeof PAGE_SIZES)[number];

export interface Page {
  /** The picture with its margins. */
  readonly scene: Scene;
  /** As SVG's width and height. */
  readonly width: string;
  readonly height: string;
  /** In points, 1/72 of an inch: the size of a PDF page. */
  readonly widthPoints: number;
  readonly heightPoints: number;
  /** Of a PNG; null: twice the picture's own. */
  readonly widthPixels: number | null;
}

const A4_LONG = 297;
const A4_SHORT = 210;
const POINTS_PER_MM = 72 / 25.4;
const SLIDE_WIDTH = 1920;
const SLIDE_HEIGHT = 1080;
/** A picture's pixel is 1/96 of an inch. */
const POINTS_PER_PIXEL = 0.75;

/** Width over height that a page wants; null if any will do. */
export function aspectOf(size: PageSize): number | null {
  if (size === 'slide') return SLIDE_WIDTH / SLIDE_HEIGHT;
  return size === 'a4' ? A4_LONG / A4_SHORT : null;
}

export function makePage(scene: Scene, size: PageSize): Page {
  if (size === 'slide') {
    return {
      scene: pad(scene, SLIDE_WIDTH / SLIDE_HEIGHT),
      width: String(SLIDE_WIDTH),
      height: String(SLIDE_HEIGHT),
      widthPoints: SLIDE_WIDTH / 2,
      heightPoints: SLIDE_HEIGHT / 2,
      widthPixels: SLIDE_WIDTH,
    };
  }
  if (size === 'a4') {
    const isWide = scene.width >= scene.height;
    const [width, height] = isWide ? [A4_LONG, A4_SHORT] : [A4_SHORT, A4_LONG];
    return {
      scene: pad(scene, width / height),
      width: `${width}mm`,
      height: `${height}mm`,
      widthPoints: width * POINTS_PER_MM,
      heightPoints: height * POINTS_PER_MM,
      widthPixels: Math.round((width / 25.4) * 200),
    };
  }
  const { width, height } = scene;
  return {
    scene,
    width: String(Math.round(width * 100) / 100),
    height: String(Math.round(height * 100) / 100),
    widthPoints: width * POINTS_PER_PIXEL,
    heightPoints: height * POINTS_PER_PIXEL,
    widthPixels: null,
  };
}

/** Adds margins until the proportions are right. */
function pad(scene: Scene, aspect: number): Scene {
  const width = Math.max(scene.width, scene.height * aspect);
  const height = Math.max(scene.height, scene.width / aspect);
  const left = (scene.width - width) / 2;
  const top = (scene.height - height) / 2;
  return { ...scene, left, top, width, height };
}
