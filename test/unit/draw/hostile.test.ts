// Names from users reach pictures as text, whatever they are; files are written whole or not at all.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type DrawOptions, drawSnapshot } from '../../../src/draw/draw.ts';
import { TEXT_FORMATS, writeDrawing } from '../../../src/draw/formats.ts';
import { makePage } from '../../../src/draw/page.ts';
import type { Snapshot } from '../../../src/draw/snapshot.ts';
import { escapeXml } from '../../../src/draw/svg.ts';
import { fitText, shortName, textWidth } from '../../../src/draw/text.ts';
import { netsim } from '../../support/cli.ts';
import { drawBundled, drawScript } from '../../support/draw-topology.ts';
import { measureDrawing } from '../../support/measure-drawing.ts';
import { xmlProblems } from '../../support/xml-check.ts';

const OPTIONS: DrawOptions = {
  detail: 'devices',
  theme: 'light',
  language: 'en',
  title: '',
  hasLegend: true,
  isFolded: null,
  aspect: null,
};

/** The network with every name replaced. */
function renamed(snapshot: Snapshot, name: string): Snapshot {
  return {
    ...snapshot,
    title: name,
    description: name,
    machines: snapshot.machines.map((machine) => ({ ...machine, name })),
    namespaces: snapshot.namespaces.map((each) => ({
      ...each,
      label: name,
      note: name,
      service: name,
      guests: [name],
      translations: [name],
    })),
    devices: snapshot.devices.map((device) => ({ ...device, name })),
    networks: snapshot.networks.map((network) => ({ ...network, name, subnets: [name] })),
  };
}

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "a' onload='x' \" && </title></svg>",
  'x'.repeat(200),
  'مرحبا بالعالم server שלום',
  '\u202eevil\u202c\u0000\u0007\ud800',
  '```\n# title\n--> "end"',
  '数据库'.repeat(20),
  ']]> <!-- --><![CDATA[',
  '',
];

describe('hostile names', () => {
  test.each(HOSTILE)('%j in every format', async (name) => {
    const { snapshot } = await drawBundled('overlay-by-hand');
    const drawing = await drawSnapshot(renamed(snapshot, name), OPTIONS);
    const page = makePage(drawing.scene, 'auto');
    for (const format of TEXT_FORMATS) {
      const text = await writeDrawing(format, drawing, page);
      if (['svg', 'graphml', 'gexf', 'drawio'].includes(format))
        expect(xmlProblems(text)).toEqual([]);
      if (format !== 'json' && format !== 'dot') expect(text).not.toMatch(/<(script|img)/i);
    }
    const { crossings: _, ...flaws } = measureDrawing(drawing.placement);
    expect(Object.values(flaws).flat()).toEqual([]);
  });

  test('any text is well-formed after escaping, and its letters are kept', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeXml(text);
        expect(xmlProblems(`<a b="${escaped}">${escaped}</a>`)).toEqual([]);
        const plain = text.replaceAll(/[^\P{Cc}\t\n\r]|[\p{Cs}\ufffe\uffff]/gu, '\ufffd');
        const back = escaped
          .replaceAll('&lt;', '<')
          .replaceAll('&gt;', '>')
          .replaceAll('&quot;', '"')
          .replaceAll('&#39;', "'")
          .replaceAll('&amp;', '&');
        expect(back).toBe(plain);
      }),
      { numRuns: 50 },
    );
  });

  test('a text that is fitted is no wider than its room', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 0, max: 300 }),
        (text, room) => {
          const shown = fitText(text, room, 11, 'bold');
          expect(textWidth(shown, 11, 'bold')).toBeLessThanOrEqual(Math.max(room, 0));
          expect([...shortName(text, 12)].length).toBeLessThanOrEqual(12);
        },
      ),
    );
  });
});

describe('large and empty worlds', () => {
  test('a thousand namespaces on one bridge are folded to a picture that reads', async () => {
    const { snapshot } = await drawBundled('isolation');
    const many = multiplied(snapshot, 1000);
    expect(many.namespaces.length).toBeGreaterThan(1000);
    const drawing = await drawSnapshot(many, OPTIONS);
    expect(drawing.scene.width).toBeLessThan(1500);
    expect(drawing.scene.description).toContain('1003 containers');
    const { crossings: _, ...flaws } = measureDrawing(drawing.placement);
    expect(Object.values(flaws).flat()).toEqual([]);
  });

  test('without folding there are a thousand boxes', async () => {
    const { snapshot } = await drawBundled('isolation');
    const drawing = await drawSnapshot(multiplied(snapshot, 1000), { ...OPTIONS, isFolded: false });
    expect(drawing.placement.boxes.length).toBeGreaterThan(2000);
  });

  test('an empty world says that there is nothing', async () => {
    const { snapshot } = await drawScript('true');
    for (const detail of ['devices', 'networks', 'services'] as const) {
      const { scene } = await drawSnapshot(
        { ...snapshot, machines: [], namespaces: [], devices: [], networks: [] },
        { ...OPTIONS, detail },
      );
      expect(scene.description).toContain('Nothing to draw');
      expect(scene.width).toBeGreaterThan(100);
    }
  });
});

/** The first container copied, with its pair of interfaces. */
function multiplied(snapshot: Snapshot, count: number): Snapshot {
  const model = snapshot.namespaces.find(({ kind }) => kind === 'container')!;
  const device = snapshot.devices.find(
    ({ namespaceId, isLoopback }) => namespaceId === model.id && !isLoopback,
  )!;
  const port = snapshot.devices.find(({ id }) => id === device.peerId)!;
  const numbers = Array.from({ length: count }, (_, i) => i);
  return {
    ...snapshot,
    namespaces: [
      ...snapshot.namespaces,
      ...numbers.map((i) => ({ ...model, id: `x${i}`, label: `x${i}`, name: `x${i}` })),
    ],
    devices: [
      ...snapshot.devices,
      ...numbers.flatMap((i) => [
        { ...device, id: `x${i}:1`, namespaceId: `x${i}`, peerId: `x${i}:2` },
        { ...port, id: `x${i}:2`, name: `veth${i}`, peerId: `x${i}:1` },
      ]),
    ],
  };
}

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netsim-graph-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('PNG and PDF are what their endings say, equal from run to run', async () => {
    const write = async (name: string): Promise<Buffer> => {
      const { exitCode, stderr } = await netsim(['graph', 'overlay-by-hand', '-o', name], {
        cwd: folder,
      });
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      return readFileSync(join(folder, name));
    };
    const png = await write('a.png');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.length).toBeGreaterThan(50_000); // without its font it would be much smaller
    expect(png.equals(await write('b.png'))).toBe(true);
    const pdf = await write('a.pdf');
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(pdf.includes('/FontFile2')).toBe(true);
    expect(pdf.equals(await write('b.pdf'))).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['a.pdf', 'a.png', 'b.pdf', 'b.png']);
  });

  test.each([
    ['missing/x.svg', 'there is no such folder'],
    ['folder.svg', 'it is a folder'],
    ['x.jpeg', 'unknown format "jpeg"'],
    ['noending', 'unknown format ""'],
  ])('%s: %s', async (name, reason) => {
    mkdirSync(join(folder, 'folder.svg'), { recursive: true });
    const { exitCode, stderr } = await netsim(['graph', 'docker0', '-o', name], { cwd: folder });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(reason);
    expect(existsSync(join(folder, 'x.jpeg'))).toBe(false);
  });

  test.each([
    [['graph'], 'expected a topology'],
    [['graph', 'docker0', '--theme', 'pink'], 'pink'],
    [
      ['graph', 'docker0', '--path', 'c1', 'c2', '--path', 'c2', 'c1', '--path', 'a', 'b'],
      'at most 2',
    ],
    [['graph', 'docker0', '--path', 'nobody', 'c2'], 'there is no namespace "nobody"'],
    [['graph', 'docker0', '--format', 'png'], 'not for the terminal'],
    [['graph', 'docker0', 'more'], 'unexpected argument "more"'],
  ])('%j', async (line, reason) => {
    const { exitCode, stderr, stdout } = await netsim(line, { cwd: folder });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(reason);
  });
});
