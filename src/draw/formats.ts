/** The formats of a drawing that are text; PNG and PDF need fonts, and are made by the command line. */
import type { Drawing } from './draw.ts';
import { writeDrawio } from './drawio.ts';
import { makeGraph } from './graph-model.ts';
import { writeHtml } from './html.ts';
import type { Page } from './page.ts';
import { looksOf } from './paint.ts';
import { indexSnapshot } from './snapshot.ts';
import { writeSvg } from './svg.ts';
import { writeDot, writeGexf, writeGraphml, writeMarkdown } from './text-formats.ts';
import { THEME_OF } from './theme.ts';
import { captionsOf } from './way-captions.ts';
import { WORDS } from './words.ts';

export const TEXT_FORMATS = [
  'svg',
  'html',
  'md',
  'dot',
  'graphml',
  'gexf',
  'drawio',
  'json',
] as const;
export type TextFormat = (typeof TEXT_FORMATS)[number];
export const FORMATS = [...TEXT_FORMATS, 'png', 'pdf'] as const;
export type Format = (typeof FORMATS)[number];

export function isTextFormat(format: Format): format is TextFormat {
  return format !== 'png' && format !== 'pdf';
}

/** The whole file. */
export async function writeDrawing(
  format: TextFormat,
  drawing: Drawing,
  page: Page,
): Promise<string> {
  const { placement, snapshot, options, scene, whole } = drawing;
  const theme = THEME_OF[options.theme];
  switch (format) {
    case 'svg':
      return writeSvg(page.scene, { page });
    case 'html':
      return writeHtml(page, whole, options.theme, WORDS[options.language]);
    case 'md':
      return writeMarkdown(snapshot);
    case 'dot':
      return writeDot(snapshot);
    case 'graphml':
      return writeGraphml(makeGraph(whole));
    case 'gexf':
      return writeGexf(makeGraph(whole));
    case 'drawio':
      return writeDrawio(placement, scene.title, theme, looksOf(snapshot.networks, theme));
    case 'json':
      return `${JSON.stringify(documentOf(drawing), null, 1)}\n`;
  }
}

/** Everything as data: what was found, where it is drawn, and the ways. */
function documentOf({ scene, placement, whole, options, ways }: Drawing): unknown {
  const index = indexSnapshot(whole);
  const words = WORDS[options.language];
  return {
    format: 'netsim-graph 1',
    title: scene.title,
    snapshot: whole,
    drawing: {
      width: scene.width,
      height: scene.height,
      boxes: placement.boxes,
      wires: placement.wires,
    },
    ways: ways.map(({ from, to, way, hasAnswer, isSameWayBack }) => ({
      from,
      to,
      hasAnswer,
      isSameWayBack,
      isDelivered: way !== null && way.drop === null,
      dropReason: way?.drop?.reason ?? null,
      steps: way === null ? [] : captionsOf(way, index, words, 1),
    })),
  };
}
