/**
 * The world of a Docker lab: hosts with an engine each on one LAN, a client that is everybody's
 * gateway and name server, and an internet behind it.
 *
 *     node1 eth0 --- lan-n1 [       ]
 *     node2 eth0 --- lan-n2 [ lan0  ] client eth0 --- eth0 internet
 *     ...                   [  .1   ]                 www.google.com, 8.8.8.8 ...
 *
 * Addresses, names and MACs are those of the recorded labs: the client holds the bridge of the LAN,
 * and all machines share one CPU, as those of the labs shared one kernel.
 */
import { assert } from '../base/assert.ts';
import { type Ipv4, parseIpv4 } from '../base/ipv4-address.ts';
import { type Mac, parseMac } from '../base/mac-address.ts';
import { type CableOptions, createCable } from '../devices/cable.ts';
import { createEngine, type EngineOptions } from '../docker/engine.ts';
import type { Device } from '../engine/device.ts';
import { runOn, runUntil } from '../engine/simulator.ts';
import { addAddress } from '../stack/address.ts';
import { addRoute } from '../stack/fib.ts';
import { createLink, findDevice, registerDevice, setLinkMaster, setLinkUp } from '../stack/link.ts';
import { namespaceOf } from '../stack/namespace.ts';
import { writeSysctl } from '../stack/sysctl-tree.ts';
import type { Machine } from '../world/machine.ts';
import { addMachine, createWorld, type World, type WorldOptions } from '../world/world.ts';
import { addInternet } from './internet.ts';

/** Nodes of one world at most: the LAN is a /24. */
export const NODES_MAX = 200;

const LAN_PREFIX_LENGTH = 24;
/** The client: gateway and name server of the LAN. */
const CLIENT_ADDRESS = addressOf('192.168.0.1');
const CLIENT_MAC = macFrom('52:54:00:00:00:01');
/** node1 follows: 192.168.0.11, 52:54:00:00:00:11. */
const NODE_ADDRESS = addressOf('192.168.0.10');
const NODE_MAC = macFrom('52:54:00:00:00:10');

/** What the LAN sends at its birth (group reports) is over before dockerd starts and counts. */
const LAN_AGE_NS = 5e9;

/** Bytes of receive buffers since Linux 6.17: a window scale of 10. @source net/ipv4/tcp.c tcp_init() */
const TCP_RMEM = '4096 131072 33554432';

export interface DockerWorldOptions {
  /** How many hosts: node1, node2 ... */
  readonly nodes?: number;
  /** Whether the client has a way to an internet with names; without it nobody answers there. */
  readonly internet?: boolean;
  readonly seed?: number;
  /** How dockerd is started on each node; null for none. */
  readonly engine?: EngineOptions | null;
  readonly world?: Omit<WorldOptions, 'seed'>;
  /**
   * Machines of their own instead of virtual ones on one computer: a CPU each, and a cable to each from a
   * switch whose work delays nothing. The client has as many processors as it needs.
   */
  readonly cables?: CableOptions | null;
}

export interface DockerWorld {
  readonly world: World;
  readonly nodes: readonly Machine[];
  readonly client: Machine;
  /** Null without one. */
  readonly internet: Machine | null;
}

/** Builds the world; every link is up and every engine runs when it returns. */
export function buildDockerWorld(options: DockerWorldOptions = {}): DockerWorld {
  const { nodes: nodeCount = 1, internet: hasInternet = true, seed = 1, engine = {} } = options;
  const { cables = null } = options;
  assert(nodeCount >= 1 && nodeCount <= NODES_MAX, 'a Docker world has 1 to 200 nodes');
  const world = createWorld({ ...options.world, seed });
  const nodes: Machine[] = [];
  for (let number = 1; number <= nodeCount; number++) {
    nodes.push(addMachine(world, `node${number}`, cables === null ? world.sim.cpu : null));
  }
  const client = addMachine(world, 'client', cables === null ? world.sim.cpu : null);
  client.cpu.isUnlimited = cables !== null;
  wireLan(client, nodes, cables);
  for (const machine of [...nodes, client]) {
    // The packages of Debian 12 have Engine 20.10.
    machine.release = engine?.version === '20.10' ? 'debian-12' : 'debian-13';
    writeSysctl(machine.root, 'net.ipv6.conf.all.disable_ipv6', '0');
    writeSysctl(machine.root, 'net.ipv4.tcp_rmem', TCP_RMEM);
  }
  const internet = hasInternet ? addInternet(world, client) : null;
  runUntil(world.sim, LAN_AGE_NS);
  for (const machine of nodes) {
    machine.files.writeFile('/etc/resolv.conf', 'nameserver 192.168.0.1\n');
    if (engine !== null) act(machine, () => createEngine(world, machine, engine));
  }
  return { world, nodes, client, internet };
}

/** The client's bridge, and a cable from it to each node. */
function wireLan(client: Machine, nodes: readonly Machine[], cables: CableOptions | null): void {
  const lan = act(client, () => {
    setLinkUp(client.root.loopback);
    const bridge = createLink(client.root, { kind: 'bridge', name: 'lan0', mac: CLIENT_MAC });
    setLinkUp(bridge);
    const address = { address: CLIENT_ADDRESS, prefixLength: LAN_PREFIX_LENGTH };
    addAddress(client.root, bridge, address);
    return bridge;
  });
  nodes.forEach((node, index) => {
    plugIn(lan, node, index + 1, cables);
  });
}

function plugIn(lan: Device, node: Machine, number: number, cables: CableOptions | null): void {
  const { root } = node;
  const lanNetns = namespaceOf(lan);
  const eth0 = act(node, () => {
    setLinkUp(root.loopback);
    if (cables !== null) return layCable(lan, node, number, cables);
    const peer = { name: `lan-n${number}`, netns: lanNetns };
    return createLink(root, { kind: 'veth', name: 'eth0', mac: NODE_MAC + number, peer });
  });
  act(node, () => {
    const port = findDevice(lanNetns, `lan-n${number}`);
    setLinkMaster(port, lan);
    setLinkUp(port);
    setLinkUp(eth0);
    const address = { address: NODE_ADDRESS + number, prefixLength: LAN_PREFIX_LENGTH };
    addAddress(root, eth0, address);
    addRoute(root, { prefix: 0, prefixLength: 0, gateway: CLIENT_ADDRESS });
  });
}

/** @returns the card of the node. */
function layCable(lan: Device, node: Machine, number: number, options: CableOptions): Device {
  const mac = NODE_MAC + number;
  const ends = createCable(node.root, 'eth0', namespaceOf(lan), `lan-n${number}`, {
    ...options,
    macs: [mac, mac + 0x100], // the other end is another card
  });
  registerDevice(node.root, ends[0]);
  registerDevice(namespaceOf(lan), ends[1]);
  return ends[0];
}

/** A system call of root on a machine. */
function act<Result>(machine: Machine, what: () => Result): Result {
  return runOn(machine.world.sim, machine.cpu, what);
}

function addressOf(text: string): Ipv4 {
  const address = parseIpv4(text);
  assert(address !== null, 'a constant of this file is an address');
  return address;
}

function macFrom(text: string): Mac {
  const mac = parseMac(text);
  assert(mac !== null, 'a constant of this file is a MAC');
  return mac;
}
