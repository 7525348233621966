/**
 * The file system that just-bash works on: a machine's files as one namespace sees them, and the
 * devices of the terminal (see rewrite.ts). Errors have the words that just-bash knows.
 */
import type { IFileSystem } from 'just-bash';
import type { NetNamespace } from '../stack/namespace.ts';
import { type FileNode, type FileSystem, makeFileNode, resolvePath } from '../world/file-system.ts';
import type { Machine } from '../world/machine.ts';
import type { DateRecord, ShellHost } from './driver.ts';
import { TERMINAL_PATH } from './rewrite.ts';
import { isVirtual, viewFiles } from './virtual-files.ts';

type Stat = Awaited<ReturnType<IFileSystem['stat']>>;

/** Where commands write that write to the terminal. */
export interface TerminalSink {
  /** A command at this line is about to run. */
  atLine(line: number): void;
  /** It wrote `bytes` to descriptor 1 or 2. */
  /** @param program whose outputs both go to the terminal; empty for any other. */
  output(fd: 1 | 2, line: number, bytes: Uint8Array, program?: string): void;
}

/** The file system of one shell. */
export function makeBashFiles(
  machine: Machine,
  netns: NetNamespace,
  host: ShellHost,
  sink: () => TerminalSink | null,
): IFileSystem {
  const files = viewFiles(machine, netns);
  const reading = readingFunctions(machine, files, host);
  const writing = writingFunctions(machine, files, sink);
  return { ...reading, ...writing, resolvePath, getAllPaths: () => [] };
}

function fail(code: string, text: string, path: string): never {
  throw new Error(`${code}: ${text}, '${path}'`);
}

function notFound(what: string, path: string): never {
  return fail('ENOENT', `no such file or directory, ${what}`, path);
}

type Reading = Pick<
  IFileSystem,
  'readFile' | 'readFileBuffer' | 'exists' | 'stat' | 'lstat' | 'readdir' | 'readlink' | 'realpath'
>;

function readingFunctions(machine: Machine, files: FileSystem, host: ShellHost): Reading {
  const { tree } = { tree: machine.files };
  const dateOf = (ns: number): DateRecord => host.makeDate(machine.world.epochS * 1e3 + ns / 1e6);
  const read = (path: string): Uint8Array => {
    if (path === '/dev/null') return new Uint8Array(0);
    if (files.isDirectory(path)) fail('EISDIR', 'illegal operation on a directory, read', path);
    return files.readBytes(path) ?? notFound('open', path);
  };
  const statVirtual = (path: string): Stat => {
    const isDirectory = files.isDirectory(path);
    if (!isDirectory && !files.exists(path)) notFound('stat', path);
    const mode = isDirectory ? 0o755 : 0o644;
    const mtime = dateOf(tree.now());
    return { isFile: !isDirectory, isDirectory, isSymbolicLink: false, mode, size: 0, mtime };
  };
  const stat = (path: string, keepLink: boolean): Stat => {
    if (isVirtual(path) || path === '/dev/null') return statVirtual(path);
    const node = tree.find(path, keepLink) ?? notFound('stat', path);
    return {
      isFile: node.kind === 'file',
      isDirectory: node.kind === 'directory',
      isSymbolicLink: node.kind === 'link',
      mode: node.mode,
      size: node.content.length,
      mtime: dateOf(node.modifiedAtNs),
    };
  };
  return {
    readFile: async (path, options) => decode(read(path), options),
    readFileBuffer: async (path) => read(path).slice(),
    exists: async (path) => files.exists(path),
    stat: async (path) => stat(path, false),
    lstat: async (path) => stat(path, true),
    readdir: async (path) => files.list(path) ?? notFound('scandir', path),
    readlink: async (path) => {
      const node = tree.find(path, true) ?? notFound('readlink', path);
      return node.kind === 'link'
        ? node.target
        : fail('EINVAL', 'invalid argument, readlink', path);
    },
    realpath: async (path) => {
      if (!files.exists(path)) notFound('realpath', path);
      return resolvePath('/', path);
    },
  };
}

type Writing = Pick<
  IFileSystem,
  | 'writeFile'
  | 'appendFile'
  | 'mkdir'
  | 'rm'
  | 'cp'
  | 'mv'
  | 'chmod'
  | 'symlink'
  | 'link'
  | 'utimes'
>;

function writingFunctions(
  machine: Machine,
  files: FileSystem,
  sink: () => TerminalSink | null,
): Writing {
  const tree = machine.files;
  const find = (path: string, what: string): FileNode => tree.find(path) ?? notFound(what, path);
  const put = (path: string, node: FileNode, what: string): void => {
    if (isVirtual(path) || !tree.put(path, node)) notFound(what, path);
  };
  return {
    async writeFile(path, content, options) {
      if (!files.writeFile(path, encode(content, options))) refuseWrite(files, path);
    },
    async appendFile(path, content, options) {
      const bytes = encode(content, options);
      if (path.startsWith(TERMINAL_PATH)) writeToTerminal(sink(), path, bytes);
      else if (!files.appendFile(path, bytes)) refuseWrite(files, path);
    },
    async mkdir(path, options) {
      if (options?.recursive === true) {
        if (!files.makeDirectory(path)) fail('EEXIST', 'file already exists, mkdir', path);
        return;
      }
      if (files.exists(path)) fail('EEXIST', 'file already exists, mkdir', path);
      put(path, makeFileNode('directory', tree.now()), 'mkdir');
    },
    async rm(path, options) {
      const node = tree.find(path, true);
      if (node === null || isVirtual(path)) {
        if (options?.force === true) return;
        notFound('rm', path);
      }
      if (node.children.size > 0 && options?.recursive !== true) {
        fail('ENOTEMPTY', 'directory not empty, rm', path);
      }
      tree.remove(path);
    },
    async cp(source, target, options) {
      const node = find(source, 'cp');
      if (node.kind === 'directory' && options?.recursive !== true) {
        fail('EISDIR', 'is a directory, cp', source);
      }
      put(target, copyOf(node), 'cp');
    },
    async mv(source, target) {
      const node = tree.find(source, true) ?? notFound('mv', source);
      if (`${target}/`.startsWith(`${source}/`)) fail('EINVAL', 'cannot move, mv', source);
      put(target, node, 'mv');
      tree.remove(source);
    },
    async chmod(path, mode) {
      if (!isVirtual(path)) find(path, 'chmod').mode = mode;
    },
    async symlink(target, path) {
      if (tree.find(path, true) !== null) fail('EEXIST', 'file already exists, symlink', path);
      const node = makeFileNode('link', tree.now());
      node.target = target;
      put(path, node, 'symlink');
    },
    async link(existing, path) {
      put(path, find(existing, 'link'), 'link');
    },
    async utimes(path, _accessed, modified) {
      find(path, 'utimes').modifiedAtNs = (modified.getTime() - machine.world.epochS * 1e3) * 1e6;
    },
  };
}

function refuseWrite(files: FileSystem, path: string): never {
  if (files.isDirectory(path)) fail('EISDIR', 'illegal operation on a directory, open', path);
  if (isVirtual(path) && files.exists(path)) fail('EINVAL', 'Invalid argument, write', path);
  return notFound('open', path);
}

function copyOf(node: FileNode): FileNode {
  const children = new Map([...node.children].map(([name, child]) => [name, copyOf(child)]));
  return { ...node, content: node.content.slice(), children };
}

function writeToTerminal(sink: TerminalSink | null, path: string, bytes: Uint8Array): void {
  const [fdText, lineText, program = ''] = path.slice(TERMINAL_PATH.length).split('/');
  const [fd, line] = [Number(fdText), Number(lineText)];
  if (sink === null || Number.isNaN(line) || (fd !== 1 && fd !== 2)) return;
  if (bytes.length === 0) sink.atLine(line);
  else sink.output(fd, line, bytes, program);
}

type Encoding = Parameters<IFileSystem['readFile']>[1];

function isBinary(options: Encoding): boolean {
  const encoding = typeof options === 'string' ? options : options?.encoding;
  return encoding === 'binary' || encoding === 'latin1';
}

function decode(bytes: Uint8Array, options: Encoding): string {
  if (!isBinary(options)) return new TextDecoder().decode(bytes);
  return latin1Of(bytes);
}

/** One character for each byte. */
export function latin1Of(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return text;
}

function encode(content: string | Uint8Array, options: Encoding): Uint8Array {
  if (typeof content !== 'string') return content;
  if (!isBinary(options)) return new TextEncoder().encode(content);
  const bytes = new Uint8Array(content.length);
  for (let i = 0; i < content.length; i++) bytes[i] = content.charCodeAt(i);
  return bytes;
}
