/**
 * A machine: a CPU, a root network namespace, the namespaces that `ip netns add` made, files and
 * processes. In the world of a script there is one; a topology may have several.
 */
import { KernelError } from '../base/errors.ts';
import type { Cpu } from '../engine/cpu.ts';
import type { Process } from '../engine/process.ts';
import { createNamespace } from '../stack/create-namespace.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { type FileNode, type FileTree, makeFileNode, makeFileTree } from './file-system.ts';
import type { World } from './world.ts';

/** Named namespaces that one world may have. */
export const NAMESPACES_MAX = 4096;

/** Processes in the background that one machine may have. */
export const DAEMONS_MAX = 4096;

/** A process that lives on in the background: a server, a job of the shell. */
export interface Daemon {
  readonly pid: number;
  readonly process: Process;
  readonly netns: NetNamespace;
  /** Its command line, as `ps` shows it. */
  readonly command: string;
}

export interface Machine {
  readonly world: World;
  readonly name: string;
  readonly cpu: Cpu;
  /** Where commands run that name no namespace; a container gets a new one at each start. */
  root: NetNamespace;
  /** The machine that a container runs on; null for a machine of its own. */
  readonly host: Machine | null;
  /** What its processes may do (NET_RAW, NET_ADMIN ...); null for everything. */
  capabilities: ReadonlySet<string> | null;
  /** By the names of `ip netns`. */
  readonly namespaces: Map<string, NetNamespace>;
  readonly files: FileTree;
  /** The kernel's log, as dmesg prints it: one line each, without time. */
  readonly kernelLog: KernelLogLine[];
  readonly daemons: Daemon[];
  nextPid: number;
  /** Which system its programs come from: how ip, curl, conntrack ... write. */
  release: Release;
  /** Whether its small programs (wget, ip, ifconfig ...) are those of busybox, as in Alpine. */
  hasBusybox: boolean;
}

/** Debian 12: iproute2 6.1, curl 7.88; Debian 13: iproute2 6.15, curl 8.14. */
export type Release = 'debian-12' | 'debian-13';

export interface KernelLogLine {
  readonly timeNs: number;
  readonly text: string;
}

/** Lines of the kernel's log that are kept; the oldest go first. */
export const KERNEL_LOG_MAX = 10_000;

/** What a machine that is a container shares with its host. */
export interface MachineOptions {
  readonly host?: Machine;
  /** An existing namespace as its root (host mode, or until the sandbox is made). */
  readonly root?: NetNamespace;
  readonly capabilities?: ReadonlySet<string>;
}

/** A machine in the world; world.ts keeps the list (containers are not in it). */
export function makeMachine(
  world: World,
  name: string,
  cpu: Cpu,
  options: MachineOptions = {},
): Machine {
  const now = (): number => world.sim.nowNs + world.sim.workNs;
  const machine: Machine = {
    world,
    name,
    cpu,
    root: options.root ?? createNamespace(world.sim, name, cpu),
    host: options.host ?? null,
    capabilities: options.capabilities ?? null,
    namespaces: new Map(),
    files: makeFileTree(now),
    kernelLog: [],
    daemons: [],
    nextPid: 1000,
    release: 'debian-12',
    hasBusybox: false,
  };
  if (options.root === undefined) connectLog(machine, machine.root);
  machine.files.writeFile('/etc/hostname', `${name}\n`);
  machine.files.writeFile('/etc/hosts', `127.0.0.1\tlocalhost\n`);
  machine.files.writeFile('/etc/resolv.conf', '');
  return machine;
}

/** `ip netns add`. @throws KernelError EEXIST, ENOSPC (more than NAMESPACES_MAX). */
export function addNamespace(machine: Machine, name: string): NetNamespace {
  if (machine.namespaces.has(name)) throw new KernelError('EEXIST');
  if (machine.namespaces.size >= NAMESPACES_MAX) throw new KernelError('ENOSPC');
  const netns = createNamespace(machine.world.sim, name, machine.cpu);
  connectLog(machine, netns);
  machine.namespaces.set(name, netns);
  bindNamespace(machine, `/run/netns/${name}`, netns);
  return netns;
}

/** The files on which namespaces are mounted. */
interface BoundNamespace {
  readonly netns: NetNamespace;
  /** Called before somebody looks into it; null: nothing to do. */
  readonly prepare: (() => void) | null;
}

const boundNamespaces = new WeakMap<FileNode, BoundNamespace>();

/** Makes a file that stands for a namespace (a mount of /proc/PID/ns/net), and the folders above it. */
export function bindNamespace(
  machine: Machine,
  path: string,
  netns: NetNamespace,
  prepare: (() => void) | null = null,
): void {
  const { files } = machine;
  files.makeDirectory(path.slice(0, path.lastIndexOf('/')));
  const node = makeFileNode('file', files.now());
  node.mode = 0o444;
  files.put(path, node);
  boundNamespaces.set(node, { netns, prepare });
}

/** The namespace of such a file; links are followed. Null if the path is none. */
export function namespaceAt(machine: Machine, path: string): NetNamespace | null {
  const node = machine.files.find(path);
  const bound = node === null ? undefined : boundNamespaces.get(node);
  bound?.prepare?.();
  return bound?.netns ?? null;
}

/** Names of `ip netns` with their namespaces, the newest first, as the folder lists them. */
export function namedNamespaces(machine: Machine): Array<readonly [string, NetNamespace]> {
  const folder = machine.files.find('/run/netns');
  const found: Array<readonly [string, NetNamespace]> = [];
  for (const [name, node] of folder?.children ?? []) {
    const bound = boundNamespaces.get(node);
    bound?.prepare?.();
    if (bound !== undefined) found.unshift([name, bound.netns]);
  }
  return found;
}

/** Gives a machine another root namespace, made here: a container's sandbox. */
export function renewRoot(machine: Machine): NetNamespace {
  machine.root = createNamespace(machine.world.sim, machine.name, machine.cpu);
  connectLog(machine.host ?? machine, machine.root);
  return machine.root;
}

/**
 * What a namespace's LOG rules write goes to the machine's log.
 * Unlike Linux, also from namespaces other than the root (as with nf_log_all_netns=1).
 */
function connectLog(machine: Machine, netns: NetNamespace): void {
  const { sim } = machine.world;
  netns.netfilter.kernelLog = (text) => {
    machine.kernelLog.push({ timeNs: sim.nowNs + sim.workNs, text });
    if (machine.kernelLog.length > KERNEL_LOG_MAX) machine.kernelLog.shift();
  };
}

/** Notes a process that lives on, until it ends. @throws KernelError EAGAIN if there are too many. */
export function addDaemon(
  machine: Machine,
  process: Process,
  netns: NetNamespace,
  command: string,
): Daemon {
  if (machine.daemons.length >= DAEMONS_MAX) throw new KernelError('EAGAIN');
  const daemon: Daemon = { pid: machine.nextPid++, process, netns, command };
  machine.daemons.push(daemon);
  process.onExit.push(() => {
    const at = machine.daemons.indexOf(daemon);
    if (at >= 0) machine.daemons.splice(at, 1);
  });
  return daemon;
}
