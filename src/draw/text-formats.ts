/** The network as text that other programs draw: Mermaid, Graphviz, GraphML, GEXF. */
import type { GraphEdge, GraphNode, NetworkGraph } from './graph-model.ts';
import { type DeviceView, indexSnapshot, type Snapshot, type SnapshotIndex } from './snapshot.ts';
import { escapeXml } from './svg.ts';

/** Control letters would end a line or a quote of these formats. */
function oneLine(text: string): string {
  return text.toString().replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ');
}

function linesOf({ name, addresses, vni, isUp }: DeviceView): string[] {
  const shown = addresses.filter(({ address }) => !address.startsWith('127.'));
  return [
    name,
    ...shown.slice(0, 4).map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    ...(vni === null ? [] : [`VNI ${vni}`]),
    ...(isUp ? [] : ['down']),
  ];
}

/** Links between drawn interfaces, each once. */
function linksOf(snapshot: Snapshot, index: SnapshotIndex): TextLink[] {
  const links: TextLink[] = [];
  const shown = new Set([...index.devicesOf.values()].flat().map(({ id }) => id));
  for (const device of snapshot.devices) {
    const { id, peerId, masterId, parentId, underlayNamespaceId } = device;
    if (!shown.has(id)) continue;
    if (peerId !== null && id < peerId) links.push({ from: id, to: peerId, kind: 'link' });
    if (masterId !== null) links.push({ from: id, to: masterId, kind: 'port' });
    if (parentId !== null) links.push({ from: id, to: parentId, kind: 'parent' });
    const outside = (index.devicesOf.get(underlayNamespaceId ?? '') ?? []).find(
      ({ masterId: master, addresses }) => master === null && addresses.length > 0,
    );
    if (outside !== undefined) links.push({ from: id, to: outside.id, kind: 'tunnel' });
  }
  return links.filter(({ from, to }) => shown.has(from) && shown.has(to));
}

interface TextLink {
  readonly from: string;
  readonly to: string;
  readonly kind: 'link' | 'port' | 'parent' | 'tunnel';
}

/** Short names for ids, in the order in which they are asked for. */
function numbering(prefix: string): (id: string) => string {
  const numbers = new Map<string, string>();
  return (id) => {
    const known = numbers.get(id) ?? `${prefix}${numbers.size + 1}`;
    numbers.set(id, known);
    return known;
  };
}

// ---- Mermaid

function mermaidText(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '#amp;',
    '<': '#lt;',
    '>': '#gt;',
    '"': '#quot;',
    '#': '#35;',
    '`': '#96;',
  };
  return oneLine(text).replaceAll(/[&<>"#`]/g, (letter) => entities[letter] ?? letter);
}

/** A Markdown file with the network as a Mermaid flow chart, which GitHub and others draw. */
export function writeMarkdown(snapshot: Snapshot): string {
  const title = escapeXml(oneLine(snapshot.title)).replaceAll(
    /[\\`*_{}[\]#|]/g,
    (letter) => `\\${letter}`,
  );
  return `# ${title}\n\n\`\`\`mermaid\n${writeMermaid(snapshot)}\`\`\`\n`;
}

export function writeMermaid(snapshot: Snapshot): string {
  const index = indexSnapshot(snapshot);
  const nameOf = numbering('n');
  const boxOf = numbering('b');
  const lines = ['flowchart TB'];
  for (const machine of snapshot.machines) {
    lines.push(`  subgraph ${boxOf(machine.id)}["${mermaidText(machine.name)}"]`);
    const inside = index.namespacesOf.get(machine.id) ?? [];
    for (const namespace of inside) {
      const isNested = inside.length > 1;
      const indent = isNested ? '      ' : '    ';
      if (isNested) {
        lines.push(`    subgraph ${boxOf(namespace.id)}["${mermaidText(namespace.label)}"]`);
      }
      for (const device of index.devicesOf.get(namespace.id) ?? []) {
        const label = linesOf(device).map(mermaidText).join('<br/>');
        const [open, close] = device.kind === 'bridge' ? ['[[', ']]'] : ['[', ']'];
        lines.push(`${indent}${nameOf(device.id)}${open}"${label}"${close}`);
      }
      if (isNested) lines.push('    end');
    }
    lines.push('  end');
  }
  const arrows = { link: '---', port: '---', parent: '-.-', tunnel: '-. "UDP 4789" .-' } as const;
  for (const { from, to, kind } of linksOf(snapshot, index)) {
    lines.push(`  ${nameOf(from)} ${arrows[kind]} ${nameOf(to)}`);
  }
  return `${lines.join('\n')}\n`;
}

// ---- Graphviz

function dotText(text: string): string {
  return oneLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}

export function writeDot(snapshot: Snapshot): string {
  const index = indexSnapshot(snapshot);
  const nameOf = numbering('n');
  const lines = [
    'graph netsim {',
    `  label="${dotText(snapshot.title)}"; labelloc=t; fontname="sans-serif"; compound=true;`,
    '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=10];',
    '  edge [fontname="sans-serif", fontsize=9];',
  ];
  for (const [i, machine] of snapshot.machines.entries()) {
    lines.push(
      `  subgraph cluster_m${i} {`,
      `    label="${dotText(machine.name)}"; style=rounded;`,
    );
    for (const [j, namespace] of (index.namespacesOf.get(machine.id) ?? []).entries()) {
      lines.push(`    subgraph cluster_m${i}_${j} {`);
      lines.push(`      label="${dotText(namespace.label)}"; style="rounded,dashed";`);
      for (const device of index.devicesOf.get(namespace.id) ?? []) {
        const label = linesOf(device).map(dotText).join('\\n');
        const shape = device.kind === 'bridge' ? ', shape=component' : '';
        lines.push(`      ${nameOf(device.id)} [label="${label}"${shape}];`);
      }
      lines.push('    }');
    }
    lines.push('  }');
  }
  const looks = {
    link: '',
    port: '',
    parent: ' [style=dashed]',
    tunnel: ' [style=dashed, label="UDP 4789"]',
  };
  for (const { from, to, kind } of linksOf(snapshot, index)) {
    lines.push(`  ${nameOf(from)} -- ${nameOf(to)}${looks[kind]};`);
  }
  lines.push('}');
  return `${lines.join('\n')}\n`;
}

// ---- GraphML

const NODE_KEYS = [
  'label',
  'kind',
  'type',
  'parent',
  'addresses',
  'mac',
  'mtu',
  'network',
] as const;
const EDGE_KEYS = ['kind', 'network'] as const;

/** @source http://graphml.graphdrawing.org/specification.html */
export function writeGraphml(graph: NetworkGraph): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
  ];
  for (const key of NODE_KEYS) {
    const type = key === 'mtu' ? 'int' : 'string';
    lines.push(`  <key id="n_${key}" for="node" attr.name="${key}" attr.type="${type}"/>`);
  }
  for (const key of EDGE_KEYS) {
    lines.push(`  <key id="e_${key}" for="edge" attr.name="${key}" attr.type="string"/>`);
  }
  lines.push('  <graph id="netsim" edgedefault="undirected">');
  graph.forEachNode((id, attributes: GraphNode) => {
    lines.push(`    <node id="${escapeXml(id)}">`);
    for (const key of NODE_KEYS) {
      const value = attributes[key];
      if (value === '' || value === 0) continue;
      lines.push(`      <data key="n_${key}">${escapeXml(String(value))}</data>`);
    }
    lines.push('    </node>');
  });
  graph.forEachEdge((id, attributes: GraphEdge, source, target) => {
    const ends = `source="${escapeXml(source)}" target="${escapeXml(target)}"`;
    lines.push(`    <edge id="${escapeXml(id)}" ${ends}>`);
    for (const key of EDGE_KEYS) {
      if (attributes[key] === '') continue;
      lines.push(`      <data key="e_${key}">${escapeXml(attributes[key])}</data>`);
    }
    lines.push('    </edge>');
  });
  lines.push('  </graph>', '</graphml>', '');
  return lines.join('\n');
}

// ---- GEXF

/** For Gephi; written by graphology. */
export async function writeGexf(graph: NetworkGraph): Promise<string> {
  const { write } = await import('graphology-gexf');
  const clean = (text: string): string =>
    text.replaceAll(/[^\P{Cc}\t\n\r]|[\p{Cs}\ufffe\uffff]/gu, '\ufffd');
  return write(graph, {
    version: '1.2',
    formatNode: (id, attributes) => {
      const { label, mtu, ...rest } = attributes as GraphNode;
      const texts = Object.entries(rest).map(([key, value]) => [key, clean(value)]);
      return { label: clean(label), attributes: { ...Object.fromEntries(texts), mtu, id } };
    },
    formatEdge: (_id, attributes) => ({ attributes }),
  });
}
