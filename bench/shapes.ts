/**
 * The shapes whose cost per hop is measured: wired with the ordinary devices, rules and namespaces,
 * by the same calls as `ip` and `iptables` make. A hop is one frame crossing one link.
 *
 *     bridge      c1 - [br0] - c2                              2 hops
 *     chainK      r0 - r1 - ... - r(K+1)                       K+1 hops
 *     dnat        client - host (published port) - [docker0] - c1   2 hops
 *     overlay     c1 - [br0 vxlan] - h1 - h2 - [vxlan br0] - c2     3 hops
 *     leafspine   N hosts, 32 a leaf, one spine; cables of 10 Gbit/s and 500 ns   2 or 4 hops
 */

import { assert } from '../src/base/assert.ts';
import { parseCidr, parseIpv4 } from '../src/base/ipv4-address.ts';
import { macOf } from '../src/base/mac-address.ts';
import { createCable } from '../src/devices/cable.ts';
import { addVxlanFdb } from '../src/devices/vxlan-control.ts';
import { COST_TABLES } from '../src/engine/cost.ts';
import type { Device } from '../src/engine/device.ts';
import { addCpu, makeSimulator, type Simulator } from '../src/engine/simulator.ts';
import { runIptables } from '../src/netfilter/iptables/iptables.ts';
import { addAddress } from '../src/stack/address.ts';
import { createNamespace } from '../src/stack/create-namespace.ts';
import { addRoute } from '../src/stack/fib.ts';
import {
  createLink,
  moveLink,
  registerDevice,
  setLinkMaster,
  setLinkUp,
} from '../src/stack/link.ts';
import type { NetNamespace } from '../src/stack/namespace.ts';
import { addNeighbour } from '../src/stack/neighbour.ts';
import { writeSysctl } from '../src/stack/sysctl.ts';

/** One stream of packets: who sends to which address and port, and who receives it there. */
export interface Stream {
  readonly from: NetNamespace;
  readonly target: number;
  readonly targetPort: number;
  readonly to: NetNamespace;
  readonly listenPort: number;
  readonly hops: number;
}

export interface Shape {
  readonly sim: Simulator;
  readonly streams: readonly Stream[];
}

export const SHAPE_NAMES = [
  'bridge',
  'chain1',
  'chain4',
  'chain16',
  'dnat',
  'overlay',
  'leafspine',
] as const;
export type ShapeName = (typeof SHAPE_NAMES)[number];

/** Wires a shape in a fresh simulator; `hosts` counts for leafspine only. */
export function buildShape(name: ShapeName, hosts = 10): Shape {
  const sim = makeSimulator({ cost: COST_TABLES.ideal, maxFrames: Number.POSITIVE_INFINITY });
  if (name === 'bridge') return buildBridge(sim);
  if (name === 'dnat') return buildDnat(sim);
  if (name === 'overlay') return buildOverlay(sim);
  if (name === 'leafspine') return buildLeafSpine(sim, hosts);
  return buildChain(sim, Number(name.slice('chain'.length)));
}

function ip(text: string): number {
  const address = parseIpv4(text);
  assert(address !== null, `${text} is an address`);
  return address;
}

function address(netns: NetNamespace, device: Device, text: string): void {
  const cidr = parseCidr(text);
  assert(cidr !== null, `${text} is an address with a prefix length`);
  addAddress(netns, device, cidr);
}

function host(sim: Simulator, name: string): NetNamespace {
  const netns = createNamespace(sim, name);
  setLinkUp(netns.loopback);
  writeSysctl(netns, 'net.ipv4.ip_forward', '1');
  return netns;
}

/** A veth pair between two namespaces, both ends up. */
function pair(a: NetNamespace, aName: string, b: NetNamespace, bName: string): [Device, Device] {
  const one = createLink(a, { kind: 'veth', name: aName, peer: { name: bName, netns: b } });
  const other = b.deviceByName.get(bName);
  assert(other !== undefined, 'a veth has its peer');
  setLinkUp(one);
  setLinkUp(other);
  return [one, other];
}

function bridge(netns: NetNamespace, name: string): Device {
  const device = createLink(netns, { kind: 'bridge', name });
  setLinkUp(device);
  return device;
}

function route(netns: NetNamespace, target: string, via: string): void {
  const cidr = parseCidr(target);
  assert(cidr !== null, `${target} is a subnet`);
  addRoute(netns, { prefix: cidr.address, prefixLength: cidr.prefixLength, gateway: ip(via) });
}

function rules(netns: NetNamespace, ...lines: string[]): void {
  for (const line of lines) {
    const result = runIptables(netns.netfilter, line.split(' '));
    assert(result.exitCode === 0, `iptables ${line}: ${result.stderr}`);
  }
}

function stream(from: NetNamespace, target: string, to: NetNamespace, hops: number): Stream {
  return { from, target: ip(target), targetPort: 9, to, listenPort: 9, hops };
}

function buildBridge(sim: Simulator): Shape {
  const [c1, c2, br] = [host(sim, 'c1'), host(sim, 'c2'), host(sim, 'br')];
  const br0 = bridge(br, 'br0');
  const [a, v1] = pair(c1, 'eth0', br, 'v1');
  const [b, v2] = pair(c2, 'eth0', br, 'v2');
  setLinkMaster(v1, br0);
  setLinkMaster(v2, br0);
  address(c1, a, '10.0.0.2/24');
  address(c2, b, '10.0.0.3/24');
  return { sim, streams: [stream(c1, '10.0.0.3', c2, 2)] };
}

function buildChain(sim: Simulator, routers: number): Shape {
  const last = routers + 1;
  const hosts = Array.from({ length: last + 1 }, (_, i) => host(sim, `r${i}`));
  for (let i = 1; i <= last; i++) {
    const [out, into] = pair(hosts[i - 1]!, `o${i}`, hosts[i]!, `i${i}`);
    address(hosts[i - 1]!, out, `10.0.${i}.1/24`);
    address(hosts[i]!, into, `10.0.${i}.2/24`);
  }
  for (let i = 0; i < routers; i++) route(hosts[i]!, `10.0.${last}.0/24`, `10.0.${i + 1}.2`);
  for (let i = 2; i <= last; i++) route(hosts[i]!, '10.0.1.0/24', `10.0.${i}.1`);
  return { sim, streams: [stream(hosts[0]!, `10.0.${last}.2`, hosts[last]!, last)] };
}

function buildDnat(sim: Simulator): Shape {
  const [client, h1, c1] = [host(sim, 'cl'), host(sim, 'h1'), host(sim, 'c1')];
  const [clientEth, hostEth] = pair(client, 'eth0', h1, 'eth0');
  address(client, clientEth, '192.168.0.9/24');
  address(h1, hostEth, '192.168.0.1/24');
  const docker0 = bridge(h1, 'docker0');
  address(h1, docker0, '172.17.0.1/16');
  const [eth0, v1] = pair(c1, 'eth0', h1, 'v1');
  setLinkMaster(v1, docker0);
  address(c1, eth0, '172.17.0.2/16');
  route(c1, '0.0.0.0/0', '172.17.0.1');
  rules(
    h1,
    '-t nat -N DOCKER',
    '-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
    '-t nat -A DOCKER ! -i docker0 -p udp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    '-P FORWARD DROP',
    '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -d 172.17.0.2 ! -i docker0 -o docker0 -p udp --dport 80 -j ACCEPT',
  );
  return {
    sim,
    streams: [
      {
        from: client,
        target: ip('192.168.0.1'),
        targetPort: 8080,
        to: c1,
        listenPort: 80,
        hops: 2,
      },
    ],
  };
}

function buildOverlay(sim: Simulator): Shape {
  const [h1, h2] = [host(sim, 'h1'), host(sim, 'h2')];
  const hosts = [h1, h2];
  const under = pair(h1, 'eth0', h2, 'eth0');
  address(h1, under[0], '192.168.0.1/24');
  address(h2, under[1], '192.168.0.2/24');
  const containers = [1, 2].map((i) => {
    const [sandbox, container] = [host(sim, `o${i}`), host(sim, `c${i}`)];
    const br0 = bridge(sandbox, 'br0');
    const vx = createLink(hosts[i - 1]!, {
      kind: 'vxlan',
      name: `vx${i}`,
      mtu: 1450,
      vxlan: { id: 4097, port: 4789, local: ip(`192.168.0.${i}`), isLearning: false },
    });
    moveLink(vx, sandbox);
    setLinkMaster(vx, br0);
    setLinkUp(vx);
    const [eth0, port] = pair(container, 'eth0', sandbox, `v${i}`);
    setLinkMaster(port, br0);
    address(container, eth0, `10.0.0.${1 + i}/24`);
    return { container, vx, eth0 };
  });
  containers.forEach(({ container, vx, eth0 }, at) => {
    const other = containers[1 - at]!;
    const mac = macOf(other.eth0.macHi, other.eth0.macLo);
    const remote = ip(`192.168.0.${2 - at}`);
    addVxlanFdb(sim, vx, { mac, remote, state: 'permanent', how: 'append' });
    addNeighbour(container, { device: eth0, address: ip(`10.0.0.${3 - at}`), mac });
  });
  return {
    sim,
    streams: [stream(containers[0]!.container, '10.0.0.3', containers[1]!.container, 3)],
  };
}

/** Hosts behind one leaf router. */
const HOSTS_PER_LEAF = 32;
const LINK = { delayNs: 500, rateBitPerSec: 10_000_000_000, queuePackets: 1000 };

function buildLeafSpine(sim: Simulator, count: number): Shape {
  const leafCount = Math.ceil(count / HOSTS_PER_LEAF);
  const machine = (name: string): NetNamespace => {
    const netns = createNamespace(sim, name, addCpu(sim, name));
    setLinkUp(netns.loopback);
    writeSysctl(netns, 'net.ipv4.ip_forward', '1');
    return netns;
  };
  const cable = (a: NetNamespace, aName: string, b: NetNamespace, bName: string) => {
    const ends = createCable(a, aName, b, bName, LINK);
    registerDevice(a, ends[0]);
    registerDevice(b, ends[1]);
    setLinkUp(ends[0]);
    setLinkUp(ends[1]);
    return ends;
  };
  const spine = machine('spine');
  const hosts: NetNamespace[] = [];
  for (let l = 0; l < leafCount; l++) {
    const leaf = machine(`leaf${l}`);
    const [down, up] = cable(spine, `l${l}`, leaf, 'up');
    const net = `172.${16 + Math.floor(l / 256)}.${l % 256}`;
    address(spine, down, `${net}.1/24`);
    address(leaf, up, `${net}.2/24`);
    route(spine, `10.${Math.floor(l / 256)}.${l % 256}.0/24`, `${net}.2`);
    route(leaf, '0.0.0.0/0', `${net}.1`);
    for (let x = 0; x < HOSTS_PER_LEAF && l * HOSTS_PER_LEAF + x < count; x++) {
      const netns = machine(`h${l * HOSTS_PER_LEAF + x}`);
      const [port, eth0] = cable(leaf, `p${x}`, netns, 'eth0');
      const base = `10.${Math.floor(l / 256)}.${l % 256}`;
      address(leaf, port, `${base}.${x * 4 + 1}/30`);
      address(netns, eth0, `${base}.${x * 4 + 2}/30`);
      route(netns, '0.0.0.0/0', `${base}.${x * 4 + 1}`);
      hosts.push(netns);
    }
  }
  const streams = hosts.map((from, i): Stream => {
    let j = (i * 7919 + 1 + Math.floor(count / 2)) % count;
    if (j === i) j = (i + 1) % count;
    const leafOf = (k: number) => Math.floor(k / HOSTS_PER_LEAF);
    const base = `10.${Math.floor(leafOf(j) / 256)}.${leafOf(j) % 256}`;
    const target = `${base}.${(j % HOSTS_PER_LEAF) * 4 + 2}`;
    return stream(from, target, hosts[j]!, leafOf(i) === leafOf(j) ? 2 : 4);
  });
  return { sim, streams };
}
