/**
 * A frame taken apart for people: addresses and ports as text, the wrapped frame of a VXLAN packet
 * as a frame of its own. For observers only: the data plane reads bytes where they lie.
 */
import { formatIpv4 } from '../base/ipv4-address.ts';
import { formatMacHalves } from '../base/mac-address.ts';
import {
  ARP_BYTES,
  ARP_REQUEST,
  arpOperation,
  arpSenderIp,
  arpSenderMacHi,
  arpSenderMacLo,
  arpTargetIp,
} from '../protocols/arp.ts';
import { readUint16 } from '../protocols/bytes.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_VLAN,
  ethertypeOf,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
} from '../protocols/ethernet.ts';
import {
  ICMP_BYTES,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  icmpCode,
  icmpEchoId,
  icmpEchoSequence,
  icmpMtu,
  icmpType,
} from '../protocols/icmp.ts';
import {
  IP_MF,
  IP_OFFSET_MASK,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTotalBytes,
  ipTtl,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../protocols/ipv4.ts';
import {
  TCP_BYTES,
  tcpFlags,
  tcpHeaderBytes,
  tcpSourcePort,
  tcpTargetPort,
} from '../protocols/tcp.ts';
import { UDP_BYTES, udpSourcePort, udpTargetPort } from '../protocols/udp.ts';
import { VLAN_TAG_BYTES, vlanIdOf } from '../protocols/vlan.ts';
import { VXLAN_BYTES, VXLAN_PORT, vxlanVni } from '../protocols/vxlan.ts';

/** Wrapped frames within wrapped frames that are looked at. */
const NESTING_MAX = 4;

export interface FrameView {
  readonly sizeBytes: number;
  /** Empty for a datagram without a frame around it. */
  readonly sourceMac: string;
  readonly targetMac: string;
  readonly vlanId: number | null;
  /** `ARP who has A, tell B`, `ICMP echo request, id 1, seq 1`, `TCP 1 > 2 SYN` ... */
  readonly what: string;
  readonly ip: IpView | null;
  /** A fragment but not the first one: its transport header is elsewhere. */
  readonly isFragment: boolean;
  readonly echo: EchoView | null;
  readonly vni: number | null;
  /** The frame inside, for VXLAN. */
  readonly inner: FrameView | null;
}

export interface IpView {
  readonly source: string;
  readonly target: string;
  readonly ttlHops: number;
  readonly totalBytes: number;
}

export interface EchoView {
  readonly kind: 'request' | 'reply';
  readonly id: number;
  readonly sequence: number;
}

const EMPTY: Omit<FrameView, 'sizeBytes'> = {
  sourceMac: '',
  targetMac: '',
  vlanId: null,
  what: '',
  ip: null,
  isFragment: false,
  echo: null,
  vni: null,
  inner: null,
};

/** The frame bytes[start, end); reads nothing outside, whatever the bytes say. */
export function viewFrame(bytes: Uint8Array, start: number, end: number, depth = 0): FrameView {
  const sizeBytes = end - start;
  if (sizeBytes < ETHERNET_BYTES) return { ...EMPTY, sizeBytes, what: 'frame cut short' };
  const macs = {
    sourceMac: formatMacHalves(sourceMacHi(bytes, start), sourceMacLo(bytes, start)),
    targetMac: formatMacHalves(targetMacHi(bytes, start), targetMacLo(bytes, start)),
  };
  let type = ethertypeOf(bytes, start);
  let payload = start + ETHERNET_BYTES;
  let vlanId: number | null = null;
  if (type === ETHERTYPE_VLAN && sizeBytes >= ETHERNET_BYTES + VLAN_TAG_BYTES) {
    vlanId = vlanIdOf(bytes, start);
    type = readUint16(bytes, payload + 2);
    payload += VLAN_TAG_BYTES;
  }
  if (type === ETHERTYPE_IPV4) {
    return { ...viewDatagram(bytes, payload, end, depth), ...macs, vlanId, sizeBytes };
  }
  const what =
    type === ETHERTYPE_ARP && end - payload >= ARP_BYTES
      ? arpText(bytes, payload)
      : `ethertype 0x${type.toString(16).padStart(4, '0')}`;
  return { ...EMPTY, ...macs, vlanId, sizeBytes, what };
}

/** The IPv4 packet bytes[ip, end) without a frame around it. */
export function viewDatagram(bytes: Uint8Array, ip: number, end: number, depth = 0): FrameView {
  const sizeBytes = end - ip;
  const headerBytes = sizeBytes >= IPV4_BYTES ? ipHeaderBytes(bytes, ip) : 0;
  if (headerBytes < IPV4_BYTES || headerBytes > sizeBytes) {
    return { ...EMPTY, sizeBytes, what: 'IP header cut short' };
  }
  const totalBytes = ipTotalBytes(bytes, ip);
  const header = {
    source: formatIpv4(ipSource(bytes, ip)),
    target: formatIpv4(ipTarget(bytes, ip)),
    ttlHops: ipTtl(bytes, ip),
    totalBytes,
  };
  const stop = Math.min(end, ip + Math.max(totalBytes, headerBytes));
  const field = ipFragmentField(bytes, ip);
  const offsetBytes = (field & IP_OFFSET_MASK) * 8;
  if (offsetBytes > 0) {
    const what = `${protocolName(ipProtocol(bytes, ip))} fragment at ${offsetBytes}`;
    return { ...EMPTY, sizeBytes, ip: header, isFragment: true, what };
  }
  const rest = viewTransport(bytes, ip, ip + headerBytes, stop, depth);
  const what = (field & IP_MF) === 0 ? rest.what : `${rest.what}, first fragment`;
  return { ...EMPTY, ...rest, sizeBytes, ip: header, what };
}

function viewTransport(
  bytes: Uint8Array,
  ip: number,
  at: number,
  end: number,
  depth: number,
): Partial<FrameView> & { what: string } {
  const protocol = ipProtocol(bytes, ip);
  const sizeBytes = end - at;
  if (protocol === PROTOCOL_ICMP && sizeBytes >= ICMP_BYTES) {
    return { what: icmpText(bytes, at), echo: echoOf(bytes, at) };
  }
  if (protocol === PROTOCOL_UDP && sizeBytes >= UDP_BYTES) {
    const target = udpTargetPort(bytes, at);
    const what = `UDP ${udpSourcePort(bytes, at)} > ${target}`;
    const frame = at + UDP_BYTES + VXLAN_BYTES;
    if (target !== VXLAN_PORT || depth >= NESTING_MAX || frame + ETHERNET_BYTES > end) {
      return { what };
    }
    const vni = vxlanVni(bytes, at + UDP_BYTES);
    return {
      what: `${what} VXLAN VNI ${vni}`,
      vni,
      inner: viewFrame(bytes, frame, end, depth + 1),
    };
  }
  if (protocol === PROTOCOL_TCP && sizeBytes >= TCP_BYTES) {
    return { what: tcpText(bytes, at, end) };
  }
  return { what: protocolName(protocol) };
}

function arpText(bytes: Uint8Array, arp: number): string {
  const target = formatIpv4(arpTargetIp(bytes, arp));
  const sender = formatIpv4(arpSenderIp(bytes, arp));
  if (arpOperation(bytes, arp) === ARP_REQUEST) return `ARP who has ${target}, tell ${sender}`;
  const mac = formatMacHalves(arpSenderMacHi(bytes, arp), arpSenderMacLo(bytes, arp));
  return `ARP ${sender} is at ${mac}`;
}

const UNREACHABLE_TEXTS: Readonly<Record<number, string>> = {
  0: 'net unreachable',
  1: 'host unreachable',
  2: 'protocol unreachable',
  3: 'port unreachable',
  9: 'net prohibited',
  10: 'host prohibited',
  13: 'administratively prohibited',
};

function icmpText(bytes: Uint8Array, icmp: number): string {
  const type = icmpType(bytes, icmp);
  const code = icmpCode(bytes, icmp);
  const echo = echoOf(bytes, icmp);
  if (echo !== null) return `ICMP echo ${echo.kind}, id ${echo.id}, seq ${echo.sequence}`;
  if (type === ICMP_UNREACHABLE && code === 4) {
    return `ICMP fragmentation needed, MTU ${icmpMtu(bytes, icmp)}`;
  }
  if (type === ICMP_UNREACHABLE) return `ICMP ${UNREACHABLE_TEXTS[code] ?? 'unreachable'}`;
  if (type === ICMP_TIME_EXCEEDED) {
    return code === 0 ? 'ICMP time to live exceeded' : 'ICMP reassembly time exceeded';
  }
  if (type === ICMP_REDIRECT) return 'ICMP redirect';
  return `ICMP type ${type} code ${code}`;
}

function echoOf(bytes: Uint8Array, icmp: number): EchoView | null {
  const type = icmpType(bytes, icmp);
  if (type !== ICMP_ECHO && type !== ICMP_ECHO_REPLY) return null;
  return {
    kind: type === ICMP_ECHO ? 'request' : 'reply',
    id: icmpEchoId(bytes, icmp),
    sequence: icmpEchoSequence(bytes, icmp),
  };
}

const TCP_FLAG_NAMES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

function tcpText(bytes: Uint8Array, tcp: number, end: number): string {
  const flags = tcpFlags(bytes, tcp);
  const names = TCP_FLAG_NAMES.filter((_, bit) => (flags >> bit) & 1).join(',');
  const dataBytes = Math.max(0, end - tcp - tcpHeaderBytes(bytes, tcp));
  const data = dataBytes === 0 ? '' : `, ${dataBytes} bytes of data`;
  return `TCP ${tcpSourcePort(bytes, tcp)} > ${tcpTargetPort(bytes, tcp)} ${names}${data}`;
}

function protocolName(protocol: number): string {
  if (protocol === PROTOCOL_ICMP) return 'ICMP';
  if (protocol === PROTOCOL_UDP) return 'UDP';
  if (protocol === PROTOCOL_TCP) return 'TCP';
  return `IP protocol ${protocol}`;
}

/** One line: `10.0.1.3 > 10.0.1.4 ICMP echo request, id 7, seq 1, ttl 64`. */
export function describeFrame(view: FrameView): string {
  const tag = view.vlanId === null ? '' : `VLAN ${view.vlanId} `;
  if (view.ip === null) return `${tag}${view.what}`;
  const own = `${tag}${view.ip.source} > ${view.ip.target} ${view.what}, ttl ${view.ip.ttlHops}`;
  return view.inner === null ? own : `${own} [${describeFrame(view.inner)}]`;
}

/** The innermost frame: what the containers of an overlay sent. */
export function innermost(view: FrameView): FrameView {
  return view.inner === null ? view : innermost(view.inner);
}
