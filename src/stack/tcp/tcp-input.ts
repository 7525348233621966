/** The way in: every TCP segment for this namespace, and ICMP errors about ours. */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Packet } from '../../engine/packet.ts';
import type { Simulator } from '../../engine/simulator.ts';
import type { NetNamespace } from '../namespace.ts';

/** A TCP segment has come to this namespace. Owns the packet. */
export function receiveTcp(_sim: Simulator, _netns: NetNamespace, _packet: Packet): void {
  throw new Error('not written');
}

/** An ICMP error about a segment of ours. The packet stays the caller's. */
export function tcpError(
  _sim: Simulator,
  _netns: NetNamespace,
  _packet: Packet,
  _icmpType: number,
  _icmpCode: number,
  _info: number,
  _from: Ipv4,
): void {
  throw new Error('not written');
}

/** Answers a segment with RST. The packet stays the caller's. */
export function sendReset(_sim: Simulator, _netns: NetNamespace, _packet: Packet): void {
  throw new Error('not written');
}
