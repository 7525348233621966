/** `ls`: names in folders, with `-l` in GNU's columns; everything belongs to root. @source coreutils src/ls.c; ls(1) */
import { type FileNode, resolvePath } from '../../world/file-system.ts';
import { getopt } from '../getopt.ts';
import type { ProgramContext, ProgramDefinition } from '../program.ts';
import { timestamp } from './docker/duration-text.ts';

const LONG_OPTIONS = {
  all: 'a',
  'almost-all': 'A',
  directory: 'd',
  classify: 'F',
  'human-readable': 'h',
  inode: 'i',
  recursive: 'R',
  reverse: 'r',
  size: 's',
  color: 'color:',
};
const BLOCK_BYTES = 4096;
const BLOCK_UNITS = 4;
const HALF_YEAR_S = 31_556_952 / 2;

/** One row: a file, or the folder itself. */
interface Entry {
  readonly name: string;
  readonly kind: FileNode['kind'];
  readonly mode: number;
  readonly links: number;
  readonly sizeBytes: number;
  readonly modifiedAtNs: number;
  readonly target: string;
}

interface Listing {
  readonly context: ProgramContext;
  readonly has: (option: string) => boolean;
}

export const ls: ProgramDefinition = {
  name: 'ls',
  async run(context) {
    const read = getopt(context.args, { short: 'aAdFhiRrsStl1pnGgoU', long: LONG_OPTIONS });
    if (read.error !== null) {
      context.writeError(`ls: ${read.error}\nTry 'ls --help' for more information.\n`);
      return 2;
    }
    const given = new Set(read.options.map(({ name }) => name));
    const listing: Listing = { context, has: (option) => given.has(option) };
    const operands = read.operands.length === 0 ? ['.'] : [...read.operands].sort();
    const isFolder = (name: string): boolean =>
      !listing.has('d') && context.fileSystem.isDirectory(name);
    let exitCode = 0;
    const files: Entry[] = [];
    const folders: string[] = [];
    for (const name of operands) {
      if (isFolder(name)) folders.push(name);
      else {
        const entry = entryAt(listing, name, name);
        if (entry !== null) files.push(entry);
        else {
          context.writeError(`ls: cannot access '${name}': No such file or directory\n`);
          exitCode = 2;
        }
      }
    }
    if (files.length > 0) context.write(rowsText(listing, files));
    const isTitled = operands.length > 1 || listing.has('R');
    folders.forEach((name, index) => {
      const gap = index > 0 || files.length > 0 ? '\n' : '';
      context.write(`${gap}${isTitled ? `${name}:\n` : ''}`);
      listFolder(listing, name);
    });
    return exitCode;
  },
};

function listFolder(listing: Listing, path: string): void {
  const { context, has } = listing;
  const names = context.fileSystem.list(path) ?? [];
  const hidden = has('a') ? ['.', '..', ...names] : names;
  const shown = hidden.filter((name) => has('a') || has('A') || !name.startsWith('.'));
  const entries = shown.flatMap((name) => entryAt(listing, `${path}/${name}`, name) ?? []);
  sortEntries(listing, entries);
  const total = entries.reduce((sum, entry) => sum + blocksOf(entry), 0);
  if (has('l')) context.write(`total ${total}\n`);
  context.write(rowsText(listing, entries));
  if (!has('R')) return;
  for (const { name, kind } of entries) {
    if (kind !== 'directory' || name === '.' || name === '..') continue;
    context.write(`\n${path}/${name}:\n`);
    listFolder(listing, `${path}/${name}`);
  }
}

function sortEntries({ has }: Listing, entries: Entry[]): void {
  if (has('t')) entries.sort((a, b) => b.modifiedAtNs - a.modifiedAtNs);
  else if (has('S')) entries.sort((a, b) => b.sizeBytes - a.sizeBytes);
  if (has('r')) entries.reverse();
}

/** Units of 1024 bytes on the disk; files that stand for a namespace have none. */
function blocksOf({ kind, sizeBytes }: Entry): number {
  if (kind === 'link') return 0;
  if (kind === 'directory') return BLOCK_UNITS;
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_UNITS;
}

function entryAt({ context }: Listing, path: string, name: string): Entry | null {
  const { machine, fileSystem, cwd } = context;
  const node = machine.files.find(resolvePath(cwd, path), true);
  if (node !== null) {
    const folders = [...node.children.values()].filter(({ kind }) => kind === 'directory');
    const isFolder = node.kind === 'directory';
    return {
      name,
      kind: node.kind,
      mode: node.mode,
      links: isFolder ? 2 + folders.length : 1,
      sizeBytes: sizeOf(node),
      modifiedAtNs: node.modifiedAtNs,
      target: node.target,
    };
  }
  if (!fileSystem.exists(path)) return null;
  // What the kernel makes up: /proc, /sys.
  const isFolder = fileSystem.isDirectory(path);
  return {
    name,
    kind: isFolder ? 'directory' : 'file',
    mode: isFolder ? 0o555 : 0o644,
    links: isFolder ? 2 : 1,
    sizeBytes: 0,
    modifiedAtNs: fileSystem.modifiedAtNs(path) ?? 0,
    target: '',
  };
}

function sizeOf(node: FileNode): number {
  if (node.kind === 'directory') return BLOCK_BYTES;
  return node.kind === 'link' ? node.target.length : node.content.length;
}

function rowsText(listing: Listing, entries: readonly Entry[]): string {
  const { has } = listing;
  const suffix = ({ kind }: Entry): string => {
    if (kind === 'directory' && (has('F') || has('p'))) return '/';
    return kind === 'link' && has('F') && !has('l') ? '@' : '';
  };
  if (!has('l')) return entries.map((entry) => `${entry.name}${suffix(entry)}\n`).join('');
  const width = (of: (entry: Entry) => string): number =>
    Math.max(0, ...entries.map((entry) => of(entry).length));
  const links = ({ links: count }: Entry): string => String(count);
  const size = ({ sizeBytes }: Entry): string => (has('h') ? human(sizeBytes) : String(sizeBytes));
  const [linksWidth, sizeWidth] = [width(links), width(size)];
  const owner = has('n') ? '0 0' : 'root root';
  return entries
    .map((entry) => {
      const arrow = entry.kind === 'link' ? ` -> ${entry.target}` : '';
      return `${modeText(entry)} ${links(entry).padStart(linksWidth)} ${owner} ${size(entry).padStart(sizeWidth)} ${dateText(listing, entry)} ${entry.name}${suffix(entry)}${arrow}\n`;
    })
    .join('');
}

const KINDS = { directory: 'd', file: '-', link: 'l' } as const;

function modeText({ kind, mode }: Entry): string {
  const bits = kind === 'link' ? 0o777 : mode;
  const letters = [...'rwxrwxrwx'].map((letter, at) => ((bits >> (8 - at)) & 1 ? letter : '-'));
  return KINDS[kind] + letters.join('');
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Nov 21 01:34`; what is older than half a year has the year instead of the time. */
function dateText({ context }: Listing, { modifiedAtNs }: Entry): string {
  const { epochS, sim } = context.world;
  const [date = '', clock = ''] = timestamp(epochS, modifiedAtNs).split('T');
  const [year = '', month = '', day = ''] = date.split('-');
  const isRecent = (sim.nowNs - modifiedAtNs) / 1e9 < HALF_YEAR_S;
  const last = isRecent ? clock.slice(0, 5) : ` ${year}`;
  return `${MONTHS[Number(month) - 1]} ${String(Number(day)).padStart(2)} ${last}`;
}

/** `4.0K`, `12M`. @source gnulib human.c, ceiling */
function human(bytes: number): string {
  if (bytes < 1024) return String(bytes);
  let value = bytes;
  let at = -1;
  while (value >= 1024 && at < 3) {
    value /= 1024;
    at++;
  }
  const rounded = value < 10 ? (Math.ceil(value * 10) / 10).toFixed(1) : String(Math.ceil(value));
  return `${rounded}${'KMGT'[at]}`;
}
