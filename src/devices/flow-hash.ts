/**
 * The hash of a flow: the socket's own if the packet carries one, else from the addresses, the
 * protocol and the ports inside the frame. Symmetric: both directions of a flow have the same hash.
 * @source net/core/flow_dissector.c __skb_get_hash(); include/net/udp.h udp_flow_src_port()
 */
import { makePrng, nextInt32 } from '../base/prng.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import { readInt32, readUint16 } from '../protocols/bytes.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_IPV4,
  ethertypeOf,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
} from '../protocols/ethernet.ts';
import {
  IPV4_BYTES,
  ipHeaderBytes,
  ipIsFragment,
  ipProtocol,
  ipSource,
  ipTarget,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../protocols/ipv4.ts';

/** The key of the hash: drawn once a run, the same for all devices. @source net_get_random_once(hashrnd) */
export function flowHashKey(sim: Simulator): number {
  return nextInt32(makePrng(sim.seed, 'devices/flow-hash'));
}

/** The hash of a frame bytes[packet.start, packet.end) as an int32. */
export function flowHashOf(packet: Packet, key: number): number {
  if (packet.hash !== 0) return packet.hash;
  const { bytes, start, end } = packet;
  const ip = start + ETHERNET_BYTES;
  if (ethertypeOf(bytes, start) !== ETHERTYPE_IPV4 || end - ip < IPV4_BYTES) {
    const hi = sourceMacHi(bytes, start) + targetMacHi(bytes, start);
    return mix(mix(key, hi), sourceMacLo(bytes, start) + targetMacLo(bytes, start));
  }
  const protocol = ipProtocol(bytes, ip);
  let source = ipSource(bytes, ip);
  let target = ipTarget(bytes, ip);
  let ports = 0;
  const transport = ip + ipHeaderBytes(bytes, ip);
  const hasPorts = protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
  if (hasPorts && !ipIsFragment(bytes, ip) && transport + 4 <= end) {
    ports = readInt32(bytes, transport);
    const isSwapped = readUint16(bytes, transport) > readUint16(bytes, transport + 2);
    if (source === target && isSwapped) ports = (ports << 16) | (ports >>> 16);
  }
  if (source > target) {
    const smaller = target;
    target = source;
    source = smaller;
    ports = (ports << 16) | (ports >>> 16);
  }
  return mix(mix(mix(mix(key, source), target), ports), protocol);
}

/** A hash scaled into the ports [low, high). */
export function flowSourcePort(hash: number, low: number, high: number): number {
  const folded = (hash ^ (hash << 16)) >>> 0;
  return low + Math.floor((folded / 0x100000000) * (high - low));
}

function mix(hash: number, word: number): number {
  let mixed = Math.imul(hash ^ word, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
