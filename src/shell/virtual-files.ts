/**
 * A machine's files as a process in one of its namespaces sees them: the tree, and over it
 * /proc/sys/net, /proc/net and /sys/class/net, made up when they are read.
 */
import { KernelError } from '../base/errors.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { listSysctls, readSysctl, writeSysctl } from '../stack/sysctl.ts';
import { type FileSystem, resolvePath } from '../world/file-system.ts';
import type { Machine } from '../world/machine.ts';
import { PROC_NET } from './proc-net.ts';
import { listSysClassNet, readSysClassNet } from './sys-class-net.ts';

/** Folders that are made up; nothing else can be put into them. */
const VIRTUAL = ['/proc', '/sys'];

/** Whether the path lies in a made-up folder. */
export function isVirtual(path: string): boolean {
  return VIRTUAL.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

/** The view of `machine`'s files from `netns`; relative paths start at `cwd`. */
export function viewFiles(machine: Machine, netns: NetNamespace, cwd = '/'): FileSystem {
  const tree = machine.files;
  const at = (path: string): string => resolvePath(cwd, path);
  const readVirtual = (path: string): string | null => readMadeUp(machine, netns, path);
  const encoder = new TextEncoder();
  return {
    readFile(path) {
      const whole = at(path);
      return isVirtual(whole) ? readVirtual(whole) : tree.readFile(whole);
    },
    readBytes(path) {
      const whole = at(path);
      if (!isVirtual(whole)) return tree.readBytes(whole);
      const text = readVirtual(whole);
      return text === null ? null : encoder.encode(text);
    },
    writeFile(path, content) {
      const whole = at(path);
      if (isVirtual(whole)) return writeMadeUp(netns, whole, content);
      return whole === '/dev/null' || tree.writeFile(whole, content);
    },
    appendFile(path, content) {
      const whole = at(path);
      if (isVirtual(whole)) return writeMadeUp(netns, whole, content);
      return whole === '/dev/null' || tree.appendFile(whole, content);
    },
    exists(path) {
      const whole = at(path);
      if (!isVirtual(whole)) return whole === '/dev/null' || tree.exists(whole);
      return readVirtual(whole) !== null || listMadeUp(netns, whole) !== null;
    },
    isDirectory(path) {
      const whole = at(path);
      return isVirtual(whole) ? listMadeUp(netns, whole) !== null : tree.isDirectory(whole);
    },
    list(path) {
      const whole = at(path);
      return isVirtual(whole) ? listMadeUp(netns, whole) : tree.list(whole);
    },
    modifiedAtNs(path) {
      const whole = at(path);
      return isVirtual(whole) ? tree.now() : tree.modifiedAtNs(whole);
    },
    makeDirectory: (path) => !isVirtual(at(path)) && tree.makeDirectory(at(path)),
    remove: (path) => !isVirtual(at(path)) && tree.remove(at(path)),
  };
}

/** `net.ipv4.ip_forward` of `/proc/sys/net/ipv4/ip_forward`; null if the path is no sysctl's. */
export function sysctlKeyOf(path: string): string | null {
  if (!path.startsWith('/proc/sys/')) return null;
  return path
    .slice('/proc/sys/'.length)
    .split('/')
    .map((part) => part.replaceAll('.', '/'))
    .join('.');
}

function readMadeUp(machine: Machine, netns: NetNamespace, path: string): string | null {
  const key = sysctlKeyOf(path);
  if (key !== null) {
    const value = readSysctl(netns, key);
    return value === null ? null : `${value}\n`;
  }
  if (path.startsWith('/proc/net/') || path.startsWith('/proc/self/net/')) {
    return PROC_NET[path.slice(path.indexOf('/net/') + 5)]?.(netns) ?? null;
  }
  if (path.startsWith('/sys/class/net/')) return readSysClassNet(netns, path.slice(15));
  if (path === '/proc/sys/kernel/hostname') return `${machine.name}\n`;
  return null;
}

function writeMadeUp(netns: NetNamespace, path: string, content: string | Uint8Array): boolean {
  const key = sysctlKeyOf(path);
  if (key === null || readSysctl(netns, key) === null) return false;
  const text = typeof content === 'string' ? content : new TextDecoder().decode(content);
  if (text === '') return true; // the shell opens the file before it writes to it
  try {
    writeSysctl(netns, key, text.trim());
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

function listMadeUp(netns: NetNamespace, path: string): string[] | null {
  if (path === '/proc') return ['net', 'sys'];
  if (path === '/proc/net') return Object.keys(PROC_NET).sort();
  if (path === '/sys') return ['class'];
  if (path === '/sys/class') return ['net'];
  if (path.startsWith('/sys/class/net')) return listSysClassNet(netns, path.slice(15));
  if (path !== '/proc/sys' && !path.startsWith('/proc/sys/')) return null;
  const prefix = path === '/proc/sys' ? '' : `${sysctlKeyOf(path)}.`;
  const names = new Set<string>();
  for (const key of listSysctls(netns)) {
    if (key.startsWith(prefix)) names.add(key.slice(prefix.length).split('.')[0]!);
  }
  return names.size === 0 ? null : [...names].map((name) => name.replaceAll('/', '.')).sort();
}
