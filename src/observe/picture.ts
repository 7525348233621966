/**
 * The way of a ping in one picture of text: machines, namespaces in them, interfaces with numbered
 * steps. The way goes down on the left and up on the right, and what lies in the middle (a wire, a
 * switch, a router) is at the bottom.
 *
 *     ┌─ node1 ──────────┐    ┌─ node2 ──────────┐
 *     │ ┌─ c1 ─────────┐ │    │ ┌─ c2 ─────────┐ │
 *     │ │ 1 eth0     8 │ │    │ │ 4 eth0     5 │ │
 *     │ └────┬─────────┘ │    │ └────▲─────────┘ │
 *     └──────│───────────┘    └──────│───────────┘
 *     ┌─ wire ▼──────────────────────┴───────────┐
 */
import { detailText } from './explain.ts';
import { describeFrame, type FrameView } from './frame-view.ts';
import { shortNamespaceName } from './packet-place.ts';
import type { TraceEvent } from './trace.ts';
import type { EchoWays, Hop, Way } from './way.ts';

export interface PictureOptions {
  /** The machine on which a namespace lives, null if it stands for itself. */
  readonly machineOf: (namespaceName: string, namespaceNumber: number) => string | null;
  /** What to write beside an interface: its address, its VNI. Empty for nothing. */
  readonly labelOf: (namespaceName: string, deviceName: string, namespaceNumber: number) => string;
}

/** The widest picture. */
export const PICTURE_MAX_COLUMNS = 100;
const GAP_COLUMNS = 4;
/** A column with its borders, two of them within an outer box: 2 * 46 + 4 + 4 = 100. */
const COLUMN_MAX = 46;
const COLUMN_MIN = 26;
/** Where the way crosses the borders, counted from the right border of the column. */
const WAY_FROM_RIGHT = 8;

interface Row {
  readonly left: string;
  readonly right: string;
}

interface Visit {
  readonly namespaceName: string;
  readonly namespaceNumber: number;
  readonly machine: string | null;
  readonly rows: Row[];
}

interface Group {
  readonly machine: string | null;
  readonly visits: Visit[];
}

/** The picture and the list of its steps. */
export function drawWays(ways: EchoWays, options: PictureOptions): string {
  const { there, back } = ways;
  const isSameWay = back !== null && isReverse(there, back);
  const backFrom = there.hops.length + 1;
  const lines = drawWay(there, isSameWay ? back : null, 1, options);
  const heading = back === null ? [] : [isSameWay ? 'there (numbers on the left)' : 'there'];
  lines.push('', ...heading, ...listSteps(there, 1));
  if (back !== null) {
    if (!isSameWay) lines.push('', 'The way back is another one:', '');
    if (!isSameWay) lines.push(...drawWay(back, null, backFrom, options));
    const title = isSameWay ? 'back (numbers on the right)' : 'back';
    lines.push('', title, ...listSteps(back, backFrom));
  }
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** The picture of one way only: that of a packet that was lost. */
export function drawLostWay(way: Way, options: PictureOptions): string {
  const lines = [...drawWay(way, null, 1, options), '', ...listSteps(way, 1)];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function isReverse(there: Way, back: Way): boolean {
  const nameOf = (hop: Hop, way: 'in' | 'out'): string =>
    `${hop.namespaceNumber} ${hop.namespaceName}.${hop.deviceName} ${hop.direction === way}`;
  const forward = there.hops.map((hop) => nameOf(hop, 'in'));
  const backward = back.hops.map((hop) => nameOf(hop, 'out')).reverse();
  return forward.length === backward.length && forward.every((each, i) => each === backward[i]);
}

// ---- from hops to rows

function visitsOf(way: Way, back: Way | null, first: number, options: PictureOptions): Visit[] {
  const visits: Visit[] = [];
  const total = way.hops.length;
  way.hops.forEach((hop, index) => {
    const { namespaceName, namespaceNumber, deviceName } = hop;
    let visit = visits.at(-1);
    const isSame =
      visit?.namespaceName === namespaceName && visit.namespaceNumber === namespaceNumber;
    if (visit === undefined || !isSame) {
      const machine = options.machineOf(namespaceName, namespaceNumber);
      visit = { namespaceName, namespaceNumber, machine, rows: [] };
      visits.push(visit);
    }
    const label = options.labelOf(namespaceName, deviceName, namespaceNumber);
    visit.rows.push({
      left: `${String(first + index).padStart(2)} ${deviceName}${label === '' ? '' : `  ${label}`}`,
      right: back === null ? '' : String(first + total + (total - 1 - index)),
    });
    const notes = [...hop.decisions.map(noteOf), ...translations(hop, way.hops[index + 1])];
    for (const text of notes) {
      if (text !== '') visit.rows.push({ left: `   ${text}`, right: '' });
    }
  });
  const { end } = way;
  if (end !== null && end.kind === 'drop') {
    visits.at(-1)?.rows.push({ left: ` x dropped: ${end.reason ?? ''}`, right: '' });
  }
  return visits;
}

/** What a namespace decided about the packet, if it is worth a line in the picture. */
function noteOf({ kind, detail, place: { deviceName } }: TraceEvent): string {
  switch (kind) {
    case 'forward':
      return `[${deviceName}] knows the MAC: ${detail.port}`;
    case 'flood':
      return `[${deviceName}] floods`;
    case 'encapsulate':
      return `+50 bytes, to ${detail.to}`;
    case 'fragment':
    case 'reassemble':
      return `${kind}: ${detailText(detail)}`;
    default:
      return '';
  }
}

/** Addresses that are others when the packet is seen next: NAT happened in between. */
function translations(hop: Hop, next: Hop | undefined): string[] {
  const before = hop.frame.ip;
  const after = next?.frame.ip ?? null;
  if (before === null || after === null || next === undefined) return [];
  if (hop.frame.inner !== null || next.frame.inner !== null) return [];
  if (hop.frame.echo?.kind !== next.frame.echo?.kind) return [];
  const notes: string[] = [];
  if (before.source !== after.source) notes.push(`SNAT: source ${after.source}`);
  if (before.target !== after.target) notes.push(`DNAT: target ${after.target}`);
  return notes;
}

/** Neighbouring visits on the same machine; a namespace without machine is a group of its own. */
function groupsOf(visits: readonly Visit[]): Group[] {
  const groups: Group[] = [];
  for (const visit of visits) {
    const last = groups.at(-1);
    if (last !== undefined && last.machine !== null && last.machine === visit.machine) {
      last.visits.push(visit);
    } else {
      groups.push({ machine: visit.machine, visits: [visit] });
    }
  }
  return groups;
}

// ---- from rows to boxes

interface Halves {
  readonly left: readonly Group[];
  readonly middle: Visit | null;
  readonly right: readonly Group[];
  /** All on one machine: a box around everything. */
  readonly outer: string | null;
}

function drawWay(way: Way, back: Way | null, first: number, options: PictureOptions): string[] {
  const visits = visitsOf(way, back, first, options);
  if (visits.length === 0) return [];
  const halves = splitInHalves(visits);
  const width = columnWidth(visits);
  const left = drawColumn(halves.left, width, 'down');
  const right = drawColumn(halves.right, width, 'up');
  const height = Math.max(left.length, right.length);
  const lines = Array.from({ length: height }, (_, i) => {
    const a = left[i - height + left.length] ?? ' '.repeat(width);
    const b = right[i - height + right.length] ?? '';
    return halves.right.length === 0 ? a : a + ' '.repeat(GAP_COLUMNS) + b;
  });
  const whole = halves.right.length === 0 ? width : 2 * width + GAP_COLUMNS;
  if (halves.middle !== null) {
    lines.push(...drawMiddle(halves.middle, whole, width));
  } else if (halves.right.length > 0) {
    const across = '─'.repeat(width + GAP_COLUMNS - 1);
    lines.push(`${' '.repeat(width - WAY_FROM_RIGHT)}└${across}┘`);
  }
  return halves.outer === null ? lines : frame(halves.outer, lines, whole);
}

function splitInHalves(visits: readonly Visit[]): Halves {
  const groups = groupsOf(visits);
  if (groups.length === 1) {
    const { machine } = groups[0]!;
    const plain = visits.map((visit) => ({ machine: null, visits: [visit] }));
    if (visits.length === 1) return { left: plain, middle: null, right: [], outer: machine };
    const half = Math.floor(visits.length / 2);
    const isOdd = visits.length % 2 === 1;
    return {
      left: plain.slice(0, half),
      middle: isOdd ? visits[half]! : null,
      right: plain.slice(isOdd ? half + 1 : half),
      outer: machine,
    };
  }
  return bestSplit(groups);
}

function bestSplit(groups: readonly Group[]): Halves {
  const heightOf = (part: readonly Group[]): number =>
    part.flatMap(({ visits }) => visits).reduce((sum, { rows }) => sum + rows.length + 2, 0);
  let best: Halves = { left: groups, middle: null, right: [], outer: null };
  let bestScore = Number.POSITIVE_INFINITY;
  for (let at = 1; at < groups.length; at++) {
    const left = groups.slice(0, at);
    const here = groups[at]!;
    const candidates: Halves[] = [{ left, middle: null, right: groups.slice(at), outer: null }];
    if (here.visits.length === 1 && at < groups.length - 1) {
      const right = groups.slice(at + 1);
      candidates.unshift({ left, middle: here.visits[0]!, right, outer: null });
    }
    for (const each of candidates) {
      const score = Math.abs(heightOf(each.left) - heightOf(each.right));
      if (score < bestScore) {
        bestScore = score;
        best = each;
      }
    }
  }
  return best;
}

function columnWidth(visits: readonly Visit[]): number {
  // Borders of the machine and of the namespace with a blank each: 8.
  const needed = visits.flatMap(({ rows, namespaceName, machine }) => [
    ...rows.map(({ left, right }) => left.length + (right === '' ? 0 : right.length + 2) + 8),
    shortNamespaceName(namespaceName).length + WAY_FROM_RIGHT + 10,
    (machine ?? '').length + WAY_FROM_RIGHT + 6,
  ]);
  return Math.min(COLUMN_MAX, Math.max(COLUMN_MIN, ...needed));
}

function drawColumn(groups: readonly Group[], width: number, way: 'down' | 'up'): string[] {
  const isDown = way === 'down';
  const inOrder = isDown ? groups : [...groups].reverse();
  return inOrder.flatMap((group, index) => {
    const isTop = index === 0;
    const visits = isDown ? group.visits : [...group.visits].reverse();
    const only = visits[0]!;
    const isNested =
      group.machine !== null && !(visits.length === 1 && only.namespaceName === group.machine);
    if (!isNested) return drawVisits(visits, width, way, isTop);
    const inside = drawVisits(visits, width - 4, way, isTop, width - WAY_FROM_RIGHT - 2);
    const lines = frame(group.machine, inside, width - 4);
    const last = lines.length - 1;
    if (!isTop) lines[0] = putAt(lines[0]!, width - WAY_FROM_RIGHT, '│');
    lines[last] = putAt(lines[last]!, width - WAY_FROM_RIGHT, '│');
    return lines;
  });
}

function drawVisits(
  visits: readonly Visit[],
  width: number,
  way: 'down' | 'up',
  isTop: boolean,
  wayColumn: number = width - WAY_FROM_RIGHT,
): string[] {
  return visits.flatMap((visit, index) => {
    const rows = way === 'down' ? visit.rows : [...visit.rows].reverse();
    const lines = drawNamespace(shortNamespaceName(visit.namespaceName), rows, width);
    const last = lines.length - 1;
    const isEnd = isTop && index === 0;
    if (!isEnd) lines[0] = putAt(lines[0]!, wayColumn, way === 'down' ? '▼' : '┴');
    lines[last] = putAt(lines[last]!, wayColumn, way === 'down' ? '┬' : '▲');
    return lines;
  });
}

function drawMiddle(visit: Visit, whole: number, width: number): string[] {
  const title =
    visit.machine === null || visit.machine === visit.namespaceName
      ? visit.namespaceName
      : `${visit.machine}: ${shortNamespaceName(visit.namespaceName)}`;
  const lines = drawNamespace(title, visit.rows, whole);
  const down = width - WAY_FROM_RIGHT;
  lines[0] = putAt(putAt(lines[0]!, down, '▼'), down + width + GAP_COLUMNS, '┴');
  return lines;
}

function drawNamespace(title: string, rows: readonly Row[], width: number): string[] {
  const inside = width - 4;
  const lines = rows.map(({ left, right }) => {
    const room = inside - (right === '' ? 0 : right.length + 1);
    return padOrCut(left, room) + (right === '' ? '' : ` ${right}`);
  });
  return frame(title, lines, inside);
}

/** A box around lines of `inside` columns. Its title ends before the place of the way. */
function frame(title: string | null, lines: readonly string[], inside: number): string[] {
  const name = title === null ? '' : ` ${title} `;
  const room = inside - WAY_FROM_RIGHT;
  const shown = name.length > room ? `${name.slice(0, room - 2)}… ` : name;
  return [
    `┌─${shown}${'─'.repeat(inside + 1 - shown.length)}┐`,
    ...lines.map((line) => `│ ${padOrCut(line, inside)} │`),
    `└${'─'.repeat(inside + 2)}┘`,
  ];
}

function padOrCut(text: string, columns: number): string {
  if (text.length <= columns) return text.padEnd(columns);
  return `${text.slice(0, Math.max(0, columns - 1))}…`;
}

function putAt(line: string, column: number, letter: string): string {
  return line.slice(0, column) + letter + line.slice(column + 1);
}

// ---- the list of steps

function listSteps(way: Way, first: number): string[] {
  const nameOf = ({ namespaceName, deviceName }: Hop): string =>
    `${shortNamespaceName(namespaceName)}.${deviceName}`;
  const nameColumns = Math.max(...way.hops.map((hop) => nameOf(hop).length), 1);
  let before = '';
  return way.hops.map((hop, index) => {
    const text = stepText(hop.frame);
    const shown = text === before ? '"' : text;
    before = text;
    const head = `${String(first + index).padStart(3)}  ${nameOf(hop).padEnd(nameColumns)}`;
    return cut(`${head}  ${hop.direction.padEnd(3)}  ${shown}`);
  });
}

function stepText(view: FrameView): string {
  const { inner, ip } = view;
  const size = `${view.sizeBytes} bytes`;
  if (view.echo !== null && ip !== null) {
    const { kind, sequence } = view.echo;
    const what = `ICMP echo ${kind} ${sequence}, ttl ${ip.ttlHops}`;
    return `${ip.source} > ${ip.target} ${what}, ${size}`;
  }
  if (inner === null || ip === null) return `${describeFrame(view)}, ${size}`;
  const within = inner.ip === null ? inner.what : `${inner.ip.source} > ${inner.ip.target}`;
  return `${ip.source} > ${ip.target} VXLAN VNI ${view.vni ?? 0} [${within}], ${size}`;
}

function cut(line: string): string {
  return line.length <= PICTURE_MAX_COLUMNS ? line : `${line.slice(0, PICTURE_MAX_COLUMNS - 1)}…`;
}
