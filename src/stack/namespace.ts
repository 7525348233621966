/**
 * One network namespace: everything that `ip`, `iptables` and sockets see.
 * The record and its parts; create-namespace.ts puts one together.
 * @source include/net/net_namespace.h struct net
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device, Netns } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import type { Netfilter } from '../netfilter/netfilter.ts';
import type { Fib } from './fib.ts';
import type { IcmpLimits } from './icmp-limit.ts';
import type { IpIds } from './ip-id.ts';
import type { NeighbourTable } from './neighbour.ts';
import type { PathMtuCache } from './path-mtu.ts';
import type { RawSocket } from './raw-socket.ts';
import type { Fragments } from './reassembly.ts';
import type { Sysctls } from './sysctl.ts';
import type { TcpTable } from './tcp/tcp-table.ts';
import type { UdpTable } from './udp-socket.ts';
import type { Xfrm } from './xfrm/xfrm-record.ts';

/** A transport protocol's entry: owns the packet; packet.network and .transport are set. */
export type ProtocolHandler = (sim: Simulator, netns: NetNamespace, packet: Packet) => void;

/**
 * Told of an ICMP error about a packet that this namespace sent. `packet.network` and `.transport`
 * point at the *quoted* headers; the packet stays the caller's.
 */
export type ErrorHandler = (
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  icmpType: number,
  icmpCode: number,
  /** Next-hop MTU or gateway: bytes 4..7 of the ICMP header as int32. */
  info: number,
  /** Who sent the error. */
  from: Ipv4,
) => void;

/**
 * icmp-error.ts sendIcmpError(), for the files that an error goes through on its own way out (route,
 * output, neighbour): they cannot import it.
 */
export type SendIcmpError = (
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  type: number,
  code: number,
  rest: number,
) => void;

export interface NetNamespace extends Netns {
  name: string;
  /** By ifindex order; lo is the first. */
  readonly devices: Device[];
  readonly deviceByName: Map<string, Device>;
  nextIndex: number;
  readonly loopback: Device;
  readonly fib: Fib;
  readonly neighbours: NeighbourTable;
  readonly sysctl: Sysctls;
  readonly netfilter: Netfilter;
  readonly pathMtu: PathMtuCache;
  readonly fragments: Fragments;
  readonly ipIds: IpIds;
  readonly icmpLimits: IcmpLimits;
  readonly rawSockets: RawSocket[];
  readonly udp: UdpTable;
  readonly tcp: TcpTable;
  /** IPsec, null until there is a state or a policy. */
  xfrm: Xfrm | null;
  /** By IP protocol number; null: nobody handles it (protocol unreachable). */
  readonly protocols: Array<ProtocolHandler | null>;
  readonly errorHandlers: Array<ErrorHandler | null>;
  readonly sendIcmpError: SendIcmpError;
  /** Called after a device's state or addresses changed: 'up', 'down', 'address', 'removed'. */
  readonly deviceWatchers: Array<(device: Device, change: DeviceChange) => void>;
  /** False once it was deleted. */
  isAlive: boolean;
}

export type DeviceChange =
  | 'up'
  | 'down'
  | 'address'
  | 'removed'
  | 'renamed'
  | 'carrier'
  | 'mtu'
  | 'mac';

/** The namespace of a device. Every device's `netns` is a whole NetNamespace: createNamespace makes no other. */
export function namespaceOf(device: Device): NetNamespace {
  return device.netns as NetNamespace;
}
