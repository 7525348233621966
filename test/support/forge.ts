/**
 * Frames that no program of the emulated machines sends, byte for byte as a test wants them, put on a
 * wire as if somebody's driver had made them.
 */
import { macHi, macLo, parseMac } from '../../src/base/mac-address.ts';
import { type Device, transmit } from '../../src/engine/device.ts';
import { takePacket } from '../../src/engine/packet-pool.ts';
import { runOn } from '../../src/engine/simulator.ts';
import { writeArp } from '../../src/protocols/arp.ts';
import { writeUint16 } from '../../src/protocols/bytes.ts';
import { makeViewedBytes } from '../../src/protocols/checksum.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../../src/protocols/ethernet.ts';
import { ICMP_BYTES, writeIcmp } from '../../src/protocols/icmp.ts';
import { IPV4_BYTES, writeIpv4 } from '../../src/protocols/ipv4.ts';
import { TCP_BYTES, writeTcpChecksum } from '../../src/protocols/tcp.ts';
import { UDP_BYTES, writeUdp } from '../../src/protocols/udp.ts';
import { ip } from './stack-lab.ts';

/** Sends a frame out of a device, in process context. */
export function sendFrame(device: Device, frame: Uint8Array): void {
  const { sim } = device.netns;
  runOn(sim, device.netns.cpu, () => {
    const packet = takePacket(sim, frame.length);
    packet.end = packet.start + frame.length;
    packet.bytes.set(frame, packet.start);
    transmit(sim, device, packet);
  });
}

export interface Ends {
  readonly fromMac: string;
  readonly toMac: string;
  readonly from: string;
  readonly to: string;
}

/** A frame with any ethertype and payload. */
export function etherFrame(
  fromMac: string,
  toMac: string,
  ethertype: number,
  payload: Uint8Array,
): Uint8Array {
  const frame = new Uint8Array(ETHERNET_BYTES + payload.length);
  const [from, to] = [parseMac(fromMac)!, parseMac(toMac)!];
  writeTargetMac(frame, 0, macHi(to), macLo(to));
  writeSourceMac(frame, 0, macHi(from), macLo(from));
  writeEthertype(frame, 0, ethertype);
  frame.set(payload, ETHERNET_BYTES);
  return frame;
}

/** ARP, from and about what `ends` says. */
export function arpFrame(ends: Ends, operation: number): Uint8Array {
  const arp = new Uint8Array(28);
  const mac = parseMac(ends.fromMac)!;
  writeArp(arp, 0, operation, macHi(mac), macLo(mac), ip(ends.from), 0, 0, ip(ends.to));
  return etherFrame(ends.fromMac, ends.toMac, ETHERTYPE_ARP, arp);
}

export interface IpOptions {
  readonly id?: number;
  /** Flags and offset. */
  readonly fragmentField?: number;
  readonly ttlHops?: number;
}

/** An IPv4 packet in a frame, with a good header checksum. */
export function ipFrame(
  ends: Ends,
  protocol: number,
  payload: Uint8Array,
  options: IpOptions = {},
): Uint8Array {
  const { id = 7, fragmentField = 0, ttlHops = 64 } = options;
  const bytes = makeViewedBytes(IPV4_BYTES + payload.length);
  const [source, target] = [ip(ends.from), ip(ends.to)];
  const { length } = bytes;
  writeIpv4(bytes, 0, 0, length, id, fragmentField, ttlHops, protocol, source, target);
  bytes.set(payload, IPV4_BYTES);
  return etherFrame(ends.fromMac, ends.toMac, ETHERTYPE_IPV4, bytes);
}

/** An ICMP message with `payload` behind its header; `rest` is bytes 4..7 of that. */
export function icmpFrame(
  ends: Ends,
  type: number,
  code: number,
  rest: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const icmp = makeViewedBytes(ICMP_BYTES + payload.length);
  icmp.set(payload, ICMP_BYTES);
  writeIcmp(icmp, 0, icmp.length, type, code, rest);
  return ipFrame(ends, 1, icmp);
}

export function udpFrame(ends: Ends, fromPort: number, toPort: number): Uint8Array {
  const udp = makeViewedBytes(UDP_BYTES + 8);
  writeUdp(udp, 0, udp.length, fromPort, toPort, ip(ends.from), ip(ends.to));
  return ipFrame(ends, 17, udp);
}

/** A TCP segment without options and data. */
export function tcpFrame(ends: Ends, fromPort: number, toPort: number, flags: number): Uint8Array {
  const tcp = makeViewedBytes(TCP_BYTES);
  writeUint16(tcp, 0, fromPort);
  writeUint16(tcp, 2, toPort);
  tcp[12] = 0x50;
  tcp[13] = flags;
  writeUint16(tcp, 14, 65535);
  writeTcpChecksum(tcp, 0, tcp.length, ip(ends.from), ip(ends.to));
  return ipFrame(ends, 6, tcp);
}

/** The same frame with one byte changed: counted from the start, or from the end if negative. */
export function spoil(frame: Uint8Array, at: number): Uint8Array {
  const copy = frame.slice();
  const index = at < 0 ? copy.length + at : at;
  copy[index] = copy[index]! ^ 0x5a;
  return copy;
}
