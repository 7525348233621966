/** A drawing as PDF: vectors, real text, and the font inside. */
import { once } from 'node:events';
import type { Page } from '../draw/page.ts';
import type { Paint, Shape, TextShape } from '../draw/scene.ts';
import { fontFiles } from './font-files.ts';

type Document = InstanceType<typeof import('pdfkit')>;

/** The same date in every file: equal runs write equal bytes. */
const WRITTEN = new Date(Date.UTC(2025, 0, 1));

/** The file's bytes. */
export async function renderPdf(page: Page): Promise<Uint8Array> {
  const { default: PdfDocument } = await import('pdfkit');
  const { scene, widthPoints, heightPoints } = page;
  const pdf = new PdfDocument({
    size: [widthPoints, heightPoints],
    margin: 0,
    lang: scene.language,
    displayTitle: true,
    info: {
      Title: scene.title,
      Subject: scene.description,
      Creator: 'netsim',
      CreationDate: WRITTEN,
    },
  });
  const chunks: Uint8Array[] = [];
  pdf.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  const files = fontFiles();
  for (const [name, path] of Object.entries(files)) pdf.registerFont(name, path);
  const scale = widthPoints / scene.width;
  pdf.rect(0, 0, widthPoints, heightPoints).fill(scene.background);
  pdf.scale(scale).translate(-scene.left, -scene.top);
  for (const shape of scene.shapes) paint(pdf, shape);
  const end = once(pdf, 'end');
  pdf.end();
  await end;
  return Buffer.concat(chunks);
}

function paint(pdf: Document, shape: Shape): void {
  switch (shape.kind) {
    case 'group':
      for (const child of shape.children) paint(pdf, child);
      return;
    case 'text':
      write(pdf, shape);
      return;
    case 'rect': {
      const { x, y, width, height, radius } = shape;
      if (radius === undefined || radius === 0) pdf.rect(x, y, width, height);
      else pdf.roundedRect(x, y, width, height, Math.min(radius, width / 2, height / 2));
      break;
    }
    case 'circle':
      pdf.circle(shape.x, shape.y, shape.radius);
      break;
    case 'path':
      pdf.path(shape.data);
      if (shape.isRound === true) pdf.lineCap('round').lineJoin('round');
  }
  apply(pdf, shape);
  pdf.lineCap('butt').lineJoin('miter').opacity(1);
}

function apply(pdf: Document, { fill, stroke, strokeWidth, dash, opacity }: Paint): void {
  if (opacity !== undefined) pdf.opacity(opacity);
  const hasFill = fill !== undefined && fill !== null;
  const hasStroke = stroke !== undefined && stroke !== null;
  if (hasStroke) pdf.lineWidth(strokeWidth ?? 1);
  const steps = (dash ?? '').split(' ').filter(Boolean).map(Number);
  if (steps.length > 0)
    pdf.dash(steps as unknown as number, {}); // pdfkit takes a list; its types do not say so
  else pdf.undash();
  if (hasFill && hasStroke) pdf.fillAndStroke(fill, stroke);
  else if (hasFill) pdf.fill(fill);
  else if (hasStroke) pdf.stroke(stroke);
  pdf.undash();
}

function write(pdf: Document, { x, y, text, size, font, fill, anchor, halo }: TextShape): void {
  if (text === '') return;
  pdf.font(font).fontSize(size);
  const width = anchor === undefined || anchor === 'start' ? 0 : pdf.widthOfString(text);
  const left = anchor === 'middle' ? x - width / 2 : x - width;
  const place = { lineBreak: false, baseline: 'alphabetic' } as const;
  if (halo !== undefined) {
    pdf.lineWidth(3).lineJoin('round').strokeColor(halo);
    pdf.text(text, left, y, { ...place, stroke: true, fill: false });
  }
  pdf.fillColor(fill);
  pdf.text(text, left, y, place);
}
