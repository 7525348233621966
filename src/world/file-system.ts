/**
 * A machine's files, in memory. Synchronous, so that a program inside the simulation (a web server)
 * can read a file while it runs; modification times are virtual.
 */
import { assert } from '../base/assert.ts';

/** Bytes that all files of one machine may hold together. */
export const FILES_BYTES_MAX = 256 * 1024 * 1024;

/** Symbolic links that one path may cross. @source fs/namei.c MAXSYMLINKS */
const LINKS_MAX = 40;

/** Files as programs see them. Paths are absolute unless the view says otherwise. */
export interface FileSystem {
  /** The text of a file; null if there is no such file. */
  readFile(path: string): string | null;
  readBytes(path: string): Uint8Array | null;
  /** Creates or replaces a file; its folder must be there. False: it is not, or is no folder. */
  writeFile(path: string, content: string | Uint8Array): boolean;
  appendFile(path: string, content: string | Uint8Array): boolean;
  exists(path: string): boolean;
  isDirectory(path: string): boolean;
  /** Names in a folder, sorted; null if it is none. */
  list(path: string): string[] | null;
  /** Virtual time of the last change; null if there is no such file. */
  modifiedAtNs(path: string): number | null;
  /** Makes a folder and those above it. False: a file is in the way. */
  makeDirectory(path: string): boolean;
  /** Removes a file or a folder with all that is in it. False: there is none. */
  remove(path: string): boolean;
}

/** One entry of the tree. */
export interface FileNode {
  kind: 'file' | 'directory' | 'link';
  content: Uint8Array;
  /** Where a link points to. */
  target: string;
  mode: number;
  modifiedAtNs: number;
  readonly children: Map<string, FileNode>;
}

/** The tree of a machine; the shell's view of it adds /proc and /sys. */
export interface FileTree extends FileSystem {
  readonly root: FileNode;
  /** The node at a path, links followed (but the last one not, if `keepLink`); null if none. */
  find(path: string, keepLink?: boolean): FileNode | null;
  /** Puts a node into an existing folder. */
  put(path: string, node: FileNode): boolean;
  readonly now: () => number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The absolute path of `path` as seen from the folder `base`, without `.`, `..` and double slashes. */
export function resolvePath(base: string, path: string): string {
  const parts: string[] = [];
  for (const part of `${path.startsWith('/') ? '' : base}/${path}`.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}

export function makeFileNode(
  kind: FileNode['kind'],
  nowNs: number,
  content: Uint8Array = new Uint8Array(0),
): FileNode {
  const mode = kind === 'directory' ? 0o755 : kind === 'link' ? 0o777 : 0o644;
  return { kind, content, target: '', mode, modifiedAtNs: nowNs, children: new Map() };
}

/** An empty tree with the usual top folders. @param now the virtual time, for modification times. */
export function makeFileTree(now: () => number): FileTree {
  const root = makeFileNode('directory', 0);
  const find = (path: string, keepLink = false): FileNode | null =>
    findNode(root, path, keepLink, 0);
  const put = (path: string, node: FileNode): boolean => {
    const { folder, name } = split(path);
    const parent = find(folder);
    if (parent === null || parent.kind !== 'directory' || name === '') return false;
    parent.children.set(name, node);
    parent.modifiedAtNs = now();
    return true;
  };
  const tree: FileTree = { root, find, put, now, ...fileFunctions(root, find, put, now) };
  for (const folder of ['/etc', '/tmp', '/srv', '/root', '/home', '/var/log', '/dev', '/run']) {
    tree.makeDirectory(folder);
  }
  const varRun = makeFileNode('link', 0);
  varRun.target = '/run';
  put('/var/run', varRun);
  return tree;
}

function fileFunctions(
  root: FileNode,
  find: FileTree['find'],
  put: FileTree['put'],
  now: () => number,
): FileSystem {
  const fileAt = (path: string): FileNode | null => {
    const node = find(path);
    return node !== null && node.kind === 'file' ? node : null;
  };
  const writeFile = (path: string, content: string | Uint8Array): boolean => {
    const bytes = typeof content === 'string' ? encoder.encode(content) : content.slice();
    assert(bytes.length <= FILES_BYTES_MAX, 'a file is smaller than the bound on all files');
    const old = find(path);
    if (old?.kind === 'directory') return false;
    if (old !== null) {
      old.content = bytes;
      old.modifiedAtNs = now();
      return true;
    }
    return put(path, makeFileNode('file', now(), bytes));
  };
  return {
    readBytes: (path) => fileAt(path)?.content ?? null,
    readFile(path) {
      const node = fileAt(path);
      return node === null ? null : decoder.decode(node.content);
    },
    writeFile,
    appendFile(path, content) {
      const old = fileAt(path)?.content ?? new Uint8Array(0);
      const added = typeof content === 'string' ? encoder.encode(content) : content;
      const bytes = new Uint8Array(old.length + added.length);
      bytes.set(old);
      bytes.set(added, old.length);
      return writeFile(path, bytes);
    },
    exists: (path) => find(path) !== null,
    isDirectory: (path) => find(path)?.kind === 'directory',
    list(path) {
      const node = find(path);
      return node === null || node.kind !== 'directory' ? null : [...node.children.keys()].sort();
    },
    modifiedAtNs: (path) => find(path)?.modifiedAtNs ?? null,
    makeDirectory: (path) => makeFolders(root, path, now()),
    remove(path) {
      const { folder, name } = split(path);
      return find(folder)?.children.delete(name) ?? false;
    },
  };
}

/** The folder that a path is in, and its last part. */
function split(path: string): { folder: string; name: string } {
  const whole = resolvePath('/', path);
  const at = whole.lastIndexOf('/');
  return { folder: at === 0 ? '/' : whole.slice(0, at), name: whole.slice(at + 1) };
}

function makeFolders(root: FileNode, path: string, nowNs: number): boolean {
  let node = root;
  for (const name of resolvePath('/', path).split('/').slice(1)) {
    if (name === '') continue;
    let child = node.children.get(name);
    if (child === undefined) {
      child = makeFileNode('directory', nowNs);
      node.children.set(name, child);
    }
    if (child.kind === 'link') child = findNode(root, child.target, false, 0) ?? child;
    if (child.kind !== 'directory') return false;
    node = child;
  }
  return true;
}

function findNode(root: FileNode, path: string, keepLink: boolean, depth: number): FileNode | null {
  if (depth > LINKS_MAX) return null;
  const parts = resolvePath('/', path).split('/').slice(1);
  let node: FileNode = root;
  for (let i = 0; i < parts.length; i++) {
    const name = parts[i]!;
    if (name === '') continue;
    const child = node.kind === 'directory' ? node.children.get(name) : undefined;
    if (child === undefined) return null;
    const isLast = i === parts.length - 1;
    if (child.kind !== 'link' || (isLast && keepLink)) {
      node = child;
      continue;
    }
    const folder = `/${parts.slice(0, i).join('/')}`;
    const rest = parts.slice(i + 1).join('/');
    return findNode(root, resolvePath(folder, `${child.target}/${rest}`), keepLink, depth + 1);
  }
  return node;
}
