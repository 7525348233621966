/** The drawing for draw.io (diagrams.net): boxes that can be moved, wires that stay attached. */

import type { Looks } from './paint.ts';
import type { Box, Placement, Wire } from './placement.ts';
import { escapeXml, number } from './svg.ts';
import type { Theme } from './theme.ts';

export function writeDrawio(
  { boxes, wires }: Placement,
  title: string,
  theme: Theme,
  looks: Looks,
): string {
  const boxOf = new Map(boxes.map((box) => [box.id, box]));
  const cells = boxes.map((box) => boxCell(box, boxOf, theme, looks));
  cells.push(...wires.filter(({ kind }) => kind !== 'touch').map((wire) => wireCell(wire, looks)));
  return [
    '<mxfile host="netsim">',
    `  <diagram id="netsim" name="${escapeXml(title)}">`,
    '    <mxGraphModel grid="0" page="0">',
    '      <root>',
    '        <mxCell id="0"/>',
    '        <mxCell id="1" parent="0"/>',
    ...cells,
    '      </root>',
    '    </mxGraphModel>',
    '  </diagram>',
    '</mxfile>',
    '',
  ].join('\n');
}

/** Labels are HTML in draw.io: escaped twice, once for it and once for XML. */
function labelOf({ lines, note }: Box): string {
  const texts = lines.map(({ text, style }) => {
    const safe = escapeXml(text);
    return style === 'title' || style === 'name' ? `<b>${safe}</b>` : safe;
  });
  if (note !== '' && texts[0] !== undefined) texts[0] += ` ${escapeXml(note)}`;
  return escapeXml(texts.join('<br>'));
}

function boxCell(box: Box, boxOf: ReadonlyMap<string, Box>, theme: Theme, looks: Looks): string {
  const parent = box.parentId === null ? undefined : boxOf.get(box.parentId);
  const x = box.x - (parent?.x ?? 0);
  const y = box.y - (parent?.y ?? 0);
  const size = `width="${number(box.width)}" height="${number(box.height)}"`;
  const style = styleOf(box, theme, looks);
  const parentId = parent === undefined ? '1' : `b ${parent.id}`;
  return (
    `        <mxCell id="${escapeXml(`b ${box.id}`)}" value="${labelOf(box)}" style="${style}" ` +
    `vertex="1" parent="${escapeXml(parentId)}"><mxGeometry x="${number(x)}" y="${number(y)}" ` +
    `${size} as="geometry"/></mxCell>`
  );
}

function styleOf(box: Box, theme: Theme, looks: Looks): string {
  const base = 'html=1;whiteSpace=wrap;fontSize=10;';
  const isFrame = box.kind === 'machine' || box.kind === 'namespace';
  if (isFrame) {
    const fill = box.kind === 'machine' ? theme.machineFill : theme.namespaceFill;
    const line = box.kind === 'machine' ? theme.machineLine : theme.namespaceLine;
    const dash = box.tone === 'sandbox' ? 'dashed=1;' : '';
    return `${base}rounded=1;arcSize=3;container=1;verticalAlign=top;align=left;spacingLeft=8;fillColor=${fill};strokeColor=${line};${dash}`;
  }
  if (box.kind === 'tap') return `${base}opacity=0;`;
  if (box.kind === 'router') {
    return `${base}rounded=1;arcSize=40;fillColor=${theme.routerFill};strokeColor=${theme.routerLine};`;
  }
  const look = looks(box.networkId);
  const isPort = box.kind === 'port';
  const round = box.kind === 'bar' ? 'rounded=0;strokeWidth=2;' : 'rounded=1;arcSize=8;';
  const fill = isPort ? theme.namespaceFill : look.fill;
  return `${base}${round}fillColor=${fill};strokeColor=${look.line};${isPort ? 'fontSize=8;' : ''}`;
}

function wireCell(wire: Wire, looks: Looks): string {
  const look = looks(wire.networkId);
  const dash = wire.kind === 'link' ? '' : 'dashed=1;';
  const style = `edgeStyle=orthogonalEdgeStyle;endArrow=none;html=1;strokeWidth=2;${dash}strokeColor=${look.line};`;
  const points = wire.points
    .slice(1, -1)
    .map(({ x, y }) => `<mxPoint x="${number(x)}" y="${number(y)}"/>`)
    .join('');
  const list = points === '' ? '' : `<Array as="points">${points}</Array>`;
  const ends = `source="${escapeXml(`b ${wire.from}`)}" target="${escapeXml(`b ${wire.to}`)}"`;
  return (
    `        <mxCell id="${escapeXml(`w ${wire.id}`)}" value="${escapeXml(escapeXml(wire.label))}" ` +
    `style="${style}" edge="1" parent="1" ${ends}>` +
    `<mxGeometry relative="1" as="geometry">${list}</mxGeometry></mxCell>`
  );
}
