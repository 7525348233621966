/** Writes a scene as SVG: valid, small, readable without this program, and safe with any text. */
import type { Paint, Scene, Shape, TextShape } from './scene.ts';
import type { FontName } from './text.ts';

/** Other fonts in the list are no wider than the first, whose widths the layout counts with. */
export const SANS_FAMILIES =
  "'DejaVu Sans Condensed','Inter','Segoe UI','Roboto','Helvetica Neue',Arial,'Liberation Sans',sans-serif";
export const MONO_FAMILIES = "'DejaVu Sans Mono','Menlo','Consolas','Liberation Mono',monospace";

export interface SvgOptions {
  /** Size on paper or screen, `297mm`; the picture keeps its shape. Null for pixels. */
  readonly page?: { readonly width: string; readonly height: string } | null;
  /** Prefix of ids, where several pictures share one document. */
  readonly idPrefix?: string;
}

/** A text for an element or attribute: no markup, no letters that XML 1.0 forbids. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\P{Cc}\t\n\r]|[\p{Cs}\ufffe\uffff]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** The whole document. */
export function writeSvg(scene: Scene, options: SvgOptions = {}): string {
  const { left, top, width, height, title, description, language } = scene;
  const prefix = options.idPrefix ?? '';
  const page = options.page ?? { width: `${number(width)}`, height: `${number(height)}` };
  const head =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${page.width}" height="${page.height}" ` +
    `viewBox="${number(left)} ${number(top)} ${number(width)} ${number(height)}" role="img" xml:lang="${language}" ` +
    `aria-labelledby="${prefix}t ${prefix}d" font-family="${SANS_FAMILIES}">`;
  const lines = [
    head,
    `<title id="${prefix}t">${escapeXml(title)}</title>`,
    `<desc id="${prefix}d">${escapeXml(description)}</desc>`,
    backgroundOf(scene),
  ];
  for (const shape of scene.shapes) writeShape(shape, lines);
  lines.push('</svg>', '');
  return lines.join('\n');
}

function backgroundOf({ left, top, background }: Scene): string {
  const corner = left === 0 && top === 0 ? '' : ` x="${number(left)}" y="${number(top)}"`;
  return `<rect${corner} width="100%" height="100%" fill="${background}"/>`;
}

function writeShape(shape: Shape, lines: string[]): void {
  switch (shape.kind) {
    case 'rect': {
      const { x, y, width, height, radius } = shape;
      const round = radius === undefined || radius === 0 ? '' : ` rx="${number(radius)}"`;
      const size = `width="${number(width)}" height="${number(height)}"`;
      lines.push(`<rect x="${number(x)}" y="${number(y)}" ${size}${round}${paint(shape)}/>`);
      return;
    }
    case 'circle':
      lines.push(
        `<circle cx="${number(shape.x)}" cy="${number(shape.y)}" r="${number(shape.radius)}"${paint(shape)}/>`,
      );
      return;
    case 'path': {
      const round = shape.isRound === true ? ' stroke-linecap="round" stroke-linejoin="round"' : '';
      lines.push(`<path d="${shape.data}"${paint(shape)}${round}/>`);
      return;
    }
    case 'text':
      lines.push(textElement(shape));
      return;
    case 'group': {
      const id = shape.id === '' ? '' : ` data-id="${escapeXml(shape.id)}"`;
      const name = shape.className === '' ? '' : ` class="${escapeXml(shape.className)}"`;
      lines.push(`<g${name}${id}>`);
      if (shape.title !== '') lines.push(`<title>${escapeXml(shape.title)}</title>`);
      for (const child of shape.children) writeShape(child, lines);
      lines.push('</g>');
    }
  }
}

function textElement({ x, y, text, size, font, fill, anchor, halo }: TextShape): string {
  const where = anchor === undefined || anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  const rim =
    halo === undefined
      ? ''
      : ` stroke="${halo}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"`;
  const look = `font-size="${number(size)}"${fontAttributes(font)} fill="${fill}"`;
  // Names of either direction keep their place: the sentence around them runs left to right.
  const isolated = RIGHT_TO_LEFT.test(text) ? ' direction="ltr" unicode-bidi="isolate"' : '';
  return `<text x="${number(x)}" y="${number(y)}" ${look}${where}${rim}${isolated}>${escapeXml(text)}</text>`;
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

function fontAttributes(font: FontName): string {
  if (font === 'bold') return ' font-weight="bold"';
  return font === 'mono' ? ` font-family="${MONO_FAMILIES}"` : '';
}

function paint({ fill, stroke, strokeWidth, dash, opacity }: Paint): string {
  let text = ` fill="${fill ?? 'none'}"`;
  if (stroke !== undefined && stroke !== null) {
    text += ` stroke="${stroke}"`;
    if (strokeWidth !== undefined && strokeWidth !== 1) {
      text += ` stroke-width="${number(strokeWidth)}"`;
    }
    if (dash !== undefined && dash !== '') text += ` stroke-dasharray="${dash}"`;
  }
  if (opacity !== undefined && opacity !== 1) text += ` opacity="${number(opacity)}"`;
  return text;
}

/** Two digits after the point are more than a screen shows. */
export function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}
