// Every picture of docs/gallery.md is drawn anew and compared: the gallery is never stale.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { netsim } from '../../support/cli.ts';
import { measureDrawing } from '../../support/measure-drawing.ts';
import { xmlProblems } from '../../support/xml-check.ts';

const ROOT = join(import.meta.dirname, '../../..');
const GALLERY = join(ROOT, 'docs/gallery');
const GOLDEN = join(ROOT, 'test/golden/graph');

/** What `netsim graph` is told, by the name of the picture. */
const PICTURES: Readonly<Record<string, string>> = {
  docker0: 'docker0 --legend',
  isolation: 'isolation',
  macvlan: 'macvlan --legend',
  'mesh-by-hand': 'mesh-by-hand',
  mtu: 'mtu',
  'overlay-by-hand': 'overlay-by-hand',
  'port-map': 'port-map',
  routers: 'routers',
  'overlay-way': 'overlay-by-hand --path c1 c2 --legend',
  'overlay-print': 'overlay-by-hand --path c1 c2 --theme print --size a4',
  'docker0-dark': 'docker0 --path c1 internet --theme dark',
  'isolation-ways': 'isolation --path a1 a2 --path a1 b1',
  'port-map-way': 'port-map --path out host:8080',
  'mesh-camino': 'mesh-by-hand --path client node:8080 --lang es --legend',
  'mtu-slide': 'mtu --path client server --size slide --title Paths',
  'shop-services': 'docs/gallery/shop.yaml --detail services',
  'shop-networks': 'docs/gallery/shop.yaml --detail networks',
  'shop-devices': 'docs/gallery/shop.yaml',
  'many-folded': 'docs/gallery/many.yaml',
};

describe('pictures', () => {
  test.each(Object.entries(PICTURES))('%s', async (name, line) => {
    const { stdout, stderr, exitCode } = await netsim(['graph', ...line.split(' ')], { cwd: ROOT });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(xmlProblems(stdout)).toEqual([]);
    await expect(stdout).toMatchFileSnapshot(join(GALLERY, `${name}.svg`));
  });

  test('a swarm, and the way through its routing mesh', async () => {
    const line = ['graph', 'docs/gallery/swarm', '--path', 'client', 'node2:8080'];
    const { stdout } = await netsim([...line, '--format', 'json'], { cwd: ROOT, isRestless: true });
    const { drawing, ways } = JSON.parse(stdout);
    const { crossings, ...flaws } = measureDrawing(drawing);
    expect(Object.values(flaws).flat()).toEqual([]);
    expect(crossings).toBeLessThanOrEqual(18);
    const places: string[] = ways[0].steps.map(({ place }: { place: string }) => place);
    expect(ways[0].isDelivered).toBe(true);
    expect(places[0]).toBe('client lan0');
    expect(places).toContain('ingress_sbox eth1');
    expect(places.at(-1)).toMatch(/^web\.\d eth\d$/);
    const texts = ways[0].steps.map(({ text }: { text: string }) => text).join('\n');
    expect(texts).toMatch(/IPVS: 172\.18\.0\.2 becomes 10\.0\.0\.\d+:8080/);
  });

  test('the gallery shows each, with the command that draws it', async () => {
    const text = await readFile(join(ROOT, 'docs/gallery.md'), 'utf8');
    for (const [name, line] of Object.entries(PICTURES)) {
      expect(text).toContain(`gallery/${name}.svg`);
      expect(text).toContain(`netsim graph ${line}`);
    }
  });
});

describe('formats for other programs', () => {
  test.each(['md', 'dot', 'graphml', 'gexf', 'drawio'])('%s', async (format) => {
    const line = ['graph', 'overlay-by-hand', '--format', format];
    const { stdout, exitCode } = await netsim(line);
    expect(exitCode).toBe(0);
    if (['graphml', 'gexf', 'drawio'].includes(format)) expect(xmlProblems(stdout)).toEqual([]);
    await expect(stdout).toMatchFileSnapshot(join(GOLDEN, `overlay.${format}`));
  });

  test('json has the snapshot, the places and the way', async () => {
    const line = ['graph', 'overlay-by-hand', '--format', 'json', '--path', 'c1', 'c2'];
    const { stdout } = await netsim(line);
    const { format, snapshot, drawing, ways } = JSON.parse(stdout);
    expect(format).toBe('netsim-graph 1');
    expect(snapshot.devices.length).toBeGreaterThan(10);
    expect(drawing.boxes.length).toBeGreaterThan(10);
    expect(ways[0]).toMatchObject({ from: 'c1', to: 'c2', isDelivered: true, isSameWayBack: true });
    expect(ways[0].steps.map(({ place }: { place: string }) => place)).toEqual([
      'c1 eth0',
      'sb1 veth0',
      'sb1 vxlan0',
      'h1 eth0',
      'wire p1',
      'wire p2',
      'h2 eth0',
      'sb2 vxlan0',
      'sb2 veth0',
      'c2 eth0',
    ]);
  });

  test('the same input gives the same bytes', async () => {
    for (const format of ['svg', 'html', 'drawio', 'gexf']) {
      const line = ['graph', 'routers', '--format', format, '--path', 'client', 'server'];
      const [one, other] = [await netsim(line), await netsim(line)];
      expect(one.stdout).toBe(other.stdout);
    }
  });
});
