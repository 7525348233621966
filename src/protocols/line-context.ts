/**
 * What the printers of one-line packet texts share: how much to say, the state of TCP flows, and
 * reading that stops cleanly where the captured bytes end.
 * @source tcpdump 4.99 netdissect.h struct netdissect_options
 */
import { formatIpv4 } from '../base/ipv4-address.ts';
import { readInt32, readUint16 } from './bytes.ts';

export interface LineOptions {
  /** -n: addresses and ports as numbers. */
  readonly isNumeric: boolean;
  /** -v, -vv, -vvv: 0 to 3. */
  readonly verbosity: number;
  /** -e: the Ethernet header. */
  readonly showsLink: boolean;
  /** -q: less. */
  readonly isQuick: boolean;
  /** -S: TCP sequence numbers as they are. */
  readonly isAbsolute: boolean;
  /** The name of an address (int32), or null; not asked if isNumeric. */
  readonly nameOf: ((address: number) => string | null) | null;
}

/** First sequence numbers of a TCP conversation, as int32. */
export interface TcpFlowStart {
  sequence: number;
  acknowledgment: number;
}

export interface LineContext {
  readonly options: LineOptions;
  /** By addresses and ports. */
  readonly flows: Map<string, TcpFlowStart>;
  bytes: Uint8Array;
  /** One past the last captured byte. */
  end: number;
  /** The text of an Ethernet frame of `sizeBytes` at `start`: line-frame.ts, for tunnels. */
  readonly frameText: (context: LineContext, start: number, sizeBytes: number) => string;
  /** The text of an IPv4 packet of `sizeBytes` at `start`: line-ip.ts, for quoted packets. */
  readonly ipText: (context: LineContext, start: number, sizeBytes: number) => string;
}

/** An IPv4 packet as its transport's printer sees it. */
export interface LinePacket {
  /** Offset of the IP header. */
  readonly ip: number;
  /** Offset of what follows it. */
  readonly start: number;
  /** Bytes of what follows, by the IP header's length. */
  readonly sizeBytes: number;
  /** More fragments follow. */
  readonly isFragmented: boolean;
}

/** Thrown when a printer needs a byte that was not captured: `[|tcp]` is added to the line. */
export class TruncatedError extends Error {
  override name = 'TruncatedError';
  readonly protocol: string;

  constructor(protocol: string) {
    super(`the capture ends within ${protocol}`);
    this.protocol = protocol;
  }
}

/** Makes sure that bytes[offset, offset + sizeBytes) were captured. */
export function need(
  context: LineContext,
  offset: number,
  sizeBytes: number,
  protocol: string,
): void {
  if (offset + sizeBytes > context.end) throw new TruncatedError(protocol);
}

/** An address as it is printed: a name if one is known and wanted. */
export function addressText(context: LineContext, offset: number): string {
  const address = readInt32(context.bytes, offset);
  const { isNumeric, nameOf } = context.options;
  const name = isNumeric || nameOf === null ? null : nameOf(address);
  return name ?? formatIpv4(address);
}

/** Well-known ports by number: what getservbyport() finds. @source IANA service names */
const SERVICES: Readonly<Record<number, string>> = {
  7: 'echo',
  9: 'discard',
  20: 'ftp-data',
  21: 'ftp',
  22: 'ssh',
  23: 'telnet',
  25: 'smtp',
  37: 'time',
  53: 'domain',
  67: 'bootps',
  68: 'bootpc',
  69: 'tftp',
  80: 'http',
  88: 'kerberos',
  110: 'pop3',
  111: 'sunrpc',
  119: 'nntp',
  123: 'ntp',
  137: 'netbios-ns',
  138: 'netbios-dgm',
  139: 'netbios-ssn',
  143: 'imap2',
  161: 'snmp',
  162: 'snmp-trap',
  179: 'bgp',
  389: 'ldap',
  443: 'https',
  445: 'microsoft-ds',
  500: 'isakmp',
  514: 'shell',
  587: 'submission',
  636: 'ldaps',
  853: 'domain-s',
  873: 'rsync',
  993: 'imaps',
  995: 'pop3s',
  1194: 'openvpn',
  1433: 'ms-sql-s',
  2049: 'nfs',
  3306: 'mysql',
  3389: 'ms-wbt-server',
  5060: 'sip',
  5353: 'mdns',
  5432: 'postgresql',
  5672: 'amqp',
  6379: 'redis',
  6443: 'kubernetes',
  8080: 'http-alt',
  8081: 'tproxy',
  11211: 'memcache',
};
/** Ports whose service exists for one protocol only, or is named otherwise there. */
const UDP_SERVICES: Readonly<Record<number, string>> = { 514: 'syslog' };
const TCP_ONLY = new Set([21, 22, 23, 25, 80, 110, 119, 179, 587, 873, 993, 995, 3306, 8080, 8081]);

/** The service of a port, or null: `http` of 80. */
export function serviceName(port: number, protocol: 'tcp' | 'udp'): string | null {
  if (protocol === 'udp') {
    if (TCP_ONLY.has(port)) return null;
    return UDP_SERVICES[port] ?? SERVICES[port] ?? null;
  }
  return SERVICES[port] ?? null;
}

/** The port of a service, or null. */
export function servicePort(name: string): number | null {
  for (const [port, service] of Object.entries(SERVICES)) if (service === name) return Number(port);
  return null;
}

/** A port as it is printed. */
export function portText(context: LineContext, port: number, protocol: 'tcp' | 'udp'): string {
  if (context.options.isNumeric) return String(port);
  return serviceName(port, protocol) ?? String(port);
}

/** A 16-bit value as `0x0800`. */
export function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

/** The 16-bit word at `offset`, captured or not. */
export function wordAt(context: LineContext, offset: number, protocol: string): number {
  need(context, offset, 2, protocol);
  return readUint16(context.bytes, offset);
}
