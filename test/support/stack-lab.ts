/**
 * Builders for tests of the stack: namespaces joined by veth pairs, system calls at a moment of virtual
 * time, and what went over each wire as lines of text.
 */
import { formatIpv4, parseCidr, parseIpv4 } from '../../src/base/ipv4-address.ts';
import { parseMac } from '../../src/base/mac-address.ts';
import { NS_PER_SEC } from '../../src/base/units.ts';
import { addTap, type Device } from '../../src/engine/device.ts';
import type { Packet } from '../../src/engine/packet.ts';
import { makeSimulator, runOn, runUntil, type Simulator } from '../../src/engine/simulator.ts';
import { ARP_REPLY, arpOperation, arpSenderIp, arpTargetIp } from '../../src/protocols/arp.ts';
import { ETHERTYPE_ARP, ethertypeOf, targetMacHi } from '../../src/protocols/ethernet.ts';
import { icmpCode, icmpType } from '../../src/protocols/icmp.ts';
import {
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTtl,
  PROTOCOL_ICMP,
  PROTOCOL_UDP,
} from '../../src/protocols/ipv4.ts';
import { udpSourcePort, udpTargetPort } from '../../src/protocols/udp.ts';
import { addAddress } from '../../src/stack/address.ts';
import { createNamespace } from '../../src/stack/create-namespace.ts';
import { addRoute } from '../../src/stack/fib.ts';
import { createLink, setLinkUp } from '../../src/stack/link.ts';
import type { NetNamespace } from '../../src/stack/namespace.ts';

export interface Lab {
  readonly sim: Simulator;
  /** Drop reasons so far, in order. */
  readonly drops: string[];
}

export function makeLab(seed = 1): Lab {
  const sim = makeSimulator({ seed });
  const drops: string[] = [];
  sim.onDrop = (_packet, reason) => drops.push(reason);
  return { sim, drops };
}

/** An address written as text. */
export function ip(text: string): number {
  const address = parseIpv4(text);
  if (address === null) throw new Error(`no address: ${text}`);
  return address;
}

/** A namespace whose lo is up. */
export function host(lab: Lab, name: string): NetNamespace {
  const netns = createNamespace(lab.sim, name);
  call(lab, () => setLinkUp(netns.loopback));
  return netns;
}

/** Does something at the present moment, as a system call. */
export function call<Result>(lab: Lab, act: () => Result): Result {
  return runOn(lab.sim, lab.sim.cpu, act);
}

/** Lets virtual time pass. */
export function pass(lab: Lab, seconds: number): void {
  runUntil(lab.sim, lab.sim.nowNs + seconds * NS_PER_SEC);
}

/** One end of a veth pair. */
export interface End {
  readonly netns: NetNamespace;
  readonly name: string;
  /** `10.0.0.1/24`, or none. */
  readonly cidr?: string;
  readonly mac: string;
}

/** A veth pair, both ends up and with their addresses. */
export function wire(lab: Lab, one: End, other: End): [Device, Device] {
  const [a, b] = call(lab, () => {
    const device = createLink(one.netns, {
      kind: 'veth',
      name: one.name,
      mac: parseMac(one.mac)!,
      peer: { name: other.name, netns: other.netns, mac: parseMac(other.mac)! },
    });
    const peer = other.netns.deviceByName.get(other.name)!;
    setLinkUp(device);
    setLinkUp(peer);
    return [device, peer] as [Device, Device];
  });
  if (one.cidr !== undefined) address(lab, a, one.cidr);
  if (other.cidr !== undefined) address(lab, b, other.cidr);
  return [a, b];
}

/** `ip addr add CIDR dev DEV`. */
export function address(lab: Lab, device: Device, cidr: string): void {
  const parsed = parseCidr(cidr);
  if (parsed === null) throw new Error(`no address: ${cidr}`);
  const netns = device.netns as NetNamespace;
  call(lab, () => addAddress(netns, device, parsed));
}

/** `ip route add CIDR via GATEWAY`. */
export function via(lab: Lab, netns: NetNamespace, cidr: string, gateway: string): void {
  const { address: prefix, prefixLength } = parseCidr(cidr)!;
  call(lab, () => addRoute(netns, { prefix, prefixLength, gateway: ip(gateway) }));
}

export interface Seen {
  readonly lines: string[];
  readonly timesNs: number[];
}

/** Watches a device: one line a frame, in and out. */
export function watch(device: Device): Seen {
  const seen: Seen = { lines: [], timesNs: [] };
  addTap(device, {
    capture(_device, packet, direction, timeNs) {
      seen.lines.push(`${direction} ${describe(packet)}`);
      seen.timesNs.push(timeNs);
    },
  });
  return seen;
}

function describe(packet: Packet): string {
  const { bytes, start } = packet;
  const ip = start + 14;
  if (ethertypeOf(bytes, start) === ETHERTYPE_ARP) {
    const kind = arpOperation(bytes, ip) === ARP_REPLY ? 'is-at' : 'who-has';
    const cast = targetMacHi(bytes, start) === 0xffff ? 'all' : 'one';
    return `arp ${kind} ${formatIpv4(arpTargetIp(bytes, ip))} tell ${formatIpv4(arpSenderIp(bytes, ip))} ${cast}`;
  }
  const ends = `${formatIpv4(ipSource(bytes, ip))} > ${formatIpv4(ipTarget(bytes, ip))}`;
  const transport = ip + ipHeaderBytes(bytes, ip);
  const ttl = `ttl ${ipTtl(bytes, ip)}`;
  switch (ipProtocol(bytes, ip)) {
    case PROTOCOL_ICMP:
      return `icmp ${icmpType(bytes, transport)}/${icmpCode(bytes, transport)} ${ends} ${ttl}`;
    case PROTOCOL_UDP:
      return `udp ${ends} ${udpSourcePort(bytes, transport)}>${udpTargetPort(bytes, transport)} ${ttl}`;
    default:
      return `ip ${ends} ${ttl}`;
  }
}

/** An ICMP echo request as a program writes it. */
export function echo(id: number, sequence: number, sizeBytes = 56): Uint8Array {
  const bytes = new Uint8Array(8 + sizeBytes);
  bytes[0] = 8;
  bytes[4] = id >> 8;
  bytes[5] = id & 255;
  bytes[6] = sequence >> 8;
  bytes[7] = sequence & 255;
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  sum = (sum & 0xffff) + (sum >> 16);
  const check = ~sum & 0xffff;
  bytes[2] = check >> 8;
  bytes[3] = check & 255;
  return bytes;
}
