/** A drawing as PNG. */
import type { Page } from '../draw/page.ts';
import { writeSvg } from '../draw/svg.ts';
import { fontFiles } from './font-files.ts';

/** Twice as fine as the screen, unless the page says otherwise. */
const SCALE = 2;
/** The longer side at most: larger pictures are of no use, and of many megabytes. */
const PIXELS_MAX = 12_000;

/** The file's bytes. The renderer is loaded when it is needed. */
export async function renderPng(page: Page): Promise<Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js');
  const { width, height } = page.scene;
  const wanted = page.widthPixels ?? Math.round(width * SCALE);
  const most = Math.floor((PIXELS_MAX * width) / Math.max(width, height));
  const resvg = new Resvg(writeSvg(page.scene), {
    font: {
      loadSystemFonts: false,
      fontFiles: Object.values(fontFiles()),
      defaultFontFamily: 'DejaVu Sans',
    },
    fitTo: { mode: 'width', value: Math.max(1, Math.min(wanted, most)) },
  });
  return resvg.render().asPng();
}
