/**
 * Names to addresses and back, as glibc does it: a number is itself, then /etc/hosts, then the
 * servers of /etc/resolv.conf with its search list, timeouts and attempts.
 * @source glibc getaddrinfo(3), resolv.conf(5), hosts(5); resolv/res_send.c
 */
import { type Ipv4, parseIpv4 } from '../base/ipv4-address.ts';
import { nextBelow } from '../base/prng.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { type Process, type Program, waitFor } from '../engine/process.ts';
import { streamOf, timeNs } from '../engine/simulator.ts';
import {
  DNS_FLAG_RECURSION_DESIRED,
  DNS_PORT,
  DNS_TYPES,
  type DnsMessage,
  dnsRcodeOf,
  parseDns,
  reverseNameOf,
  writeDns,
} from '../protocols/dns.ts';
import { UDP_BYTES } from '../protocols/udp.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { takeReceived } from '../stack/socket.ts';
import { closeUdp, connectUdp, openUdp, sendUdp, type UdpSocket } from '../stack/udp-socket.ts';

/** The texts of the files that names come from. */
export interface NameSources {
  readonly hosts: string;
  readonly resolvConf: string;
}

/** Why a name has no address, in the words of gai_strerror(). */
export const RESOLVE_ERRORS = {
  noname: 'Name or service not known',
  again: 'Temporary failure in name resolution',
  nodata: 'No address associated with hostname',
} as const;
export type ResolveError = keyof typeof RESOLVE_ERRORS;

export interface Resolved {
  /** At least one, in the order of the answer. */
  readonly addresses: readonly Ipv4[];
  /** The name at the end of all aliases. */
  readonly canonicalName: string;
}

/** What resolv.conf says. */
export interface ResolverConfig {
  readonly servers: readonly Ipv4[];
  readonly search: readonly string[];
  readonly ndots: number;
  readonly timeoutSec: number;
  readonly attempts: number;
}

const SERVERS_MAX = 3;

/** Reads resolv.conf; without a name server it is the local host. */
export function parseResolvConf(text: string): ResolverConfig {
  const servers: Ipv4[] = [];
  let search: string[] = [];
  const options = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [key, ...values] = line.trim().split(/\s+/);
    if (key === 'nameserver') {
      const address = parseIpv4(values[0] ?? '');
      if (address !== null && servers.length < SERVERS_MAX) servers.push(address);
    } else if (key === 'search' || key === 'domain') {
      search = values.filter((each) => each !== '.');
    } else if (key === 'options') {
      for (const value of values) {
        const [name, number] = value.split(':');
        options.set(name!, Number(number ?? 1));
      }
    }
  }
  return {
    servers: servers.length > 0 ? servers : [0x7f000001],
    search,
    ndots: Math.min(15, options.get('ndots') ?? 1),
    timeoutSec: Math.max(1, Math.min(30, options.get('timeout') ?? 5)),
    attempts: Math.max(1, Math.min(5, options.get('attempts') ?? 2)),
  };
}

/** Addresses of a name in /etc/hosts; the second value is the first name of its line. */
export function findInHosts(hosts: string, name: string): Resolved | null {
  const wanted = name.toLowerCase();
  const addresses: Ipv4[] = [];
  let canonicalName = name;
  for (const { address, names } of hostLines(hosts)) {
    if (!names.some((each) => each.toLowerCase() === wanted)) continue;
    if (addresses.length === 0) canonicalName = names[0]!;
    addresses.push(address);
  }
  return addresses.length === 0 ? null : { addresses, canonicalName };
}

function* hostLines(hosts: string): Generator<{ address: Ipv4; names: string[] }> {
  for (const line of hosts.split('\n')) {
    const [text, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const address = parseIpv4(text ?? '');
    if (address !== null && names.length > 0) yield { address, names };
  }
}

/** Numbers as inet_aton() takes them: 1 to 4 parts, the last one fills the rest; hex and octal too. */
export function parseLooseIpv4(text: string): Ipv4 | null {
  const parts = text.split('.');
  if (parts.length > 4 || text === '') return null;
  let value = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (!/^(0x[0-9a-f]+|\d+)$/i.test(part)) return null;
    const isOctal = /^0\d/.test(part);
    if (isOctal && /[89]/.test(part)) return null;
    const number = isOctal ? Number.parseInt(part, 8) : Number(part);
    const isLast = i === parts.length - 1;
    const limit = isLast ? 256 ** (4 - i) : 256;
    if (number >= limit) return null;
    value = isLast ? value * limit + number : value * 256 + number;
  }
  return value | 0;
}

/** Finds the addresses of a host. */
export function* resolveHost(
  process: Process,
  netns: NetNamespace,
  sources: NameSources,
  name: string,
): Program<Resolved | ResolveError> {
  const literal = parseLooseIpv4(name);
  if (literal !== null) return { addresses: [literal], canonicalName: name };
  const known = findInHosts(sources.hosts, name.replace(/\.$/, ''));
  if (known !== null) return known;
  if (name === '' || name.length > 253 || /[\s/]|\.\./.test(name)) return 'noname';
  const config = parseResolvConf(sources.resolvConf);
  let error: ResolveError = 'noname';
  for (const candidate of candidatesOf(name, config)) {
    const types = [DNS_TYPES.A, DNS_TYPES.AAAA];
    const replies = yield* askServers(process, netns, config, candidate, types);
    if (replies === null) return 'again';
    const found = addressesOf(replies, candidate);
    if (found !== null) return found;
    const rcode = dnsRcodeOf(replies[0]!);
    if (rcode === 'SERVFAIL' || rcode === 'REFUSED') error = 'again';
    else if (rcode === 'NOERROR' && error === 'noname') error = 'nodata';
  }
  return error;
}

/** Finds the name of an address, null if it has none. */
export function* nameOfAddress(
  process: Process,
  netns: NetNamespace,
  sources: NameSources,
  address: Ipv4,
): Program<string | null> {
  for (const line of hostLines(sources.hosts)) if (line.address === address) return line.names[0]!;
  const config = parseResolvConf(sources.resolvConf);
  const name = reverseNameOf(address);
  const replies = yield* askServers(process, netns, config, name, [DNS_TYPES.PTR]);
  for (const record of replies?.[0]?.answers ?? []) {
    if (record.type === DNS_TYPES.PTR && record.data.kind === 'name') return record.data.name;
  }
  return null;
}

/** Full names to try: as it is first if it has enough dots, else after the search list. */
function candidatesOf(name: string, config: ResolverConfig): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const dots = name.split('.').length - 1;
  const searched = config.search.map((domain) => `${name}.${domain}`);
  return dots >= config.ndots ? [name, ...searched] : [...searched, name];
}

function addressesOf(replies: readonly DnsMessage[], name: string): Resolved | null {
  const addresses: Ipv4[] = [];
  let canonicalName = name;
  for (const record of replies[0]!.answers) {
    if (record.data.kind === 'name' && record.type === DNS_TYPES.CNAME) {
      canonicalName = record.data.name;
    } else if (record.data.kind === 'address' && record.type === DNS_TYPES.A) {
      addresses.push(parseIpv4(record.data.address)!);
    }
  }
  return addresses.length === 0 ? null : { addresses, canonicalName };
}

/**
 * Asks one server after the other, attempt after attempt, until one knows more than that it failed.
 * @returns a reply per type; null: none came.
 */
function* askServers(
  process: Process,
  netns: NetNamespace,
  config: ResolverConfig,
  name: string,
  types: readonly number[],
): Program<DnsMessage[] | null> {
  // A server that failed is asked again from the same port; one that was silent from a new one.
  const sockets = new Map<Ipv4, UdpSocket>();
  process.cleanups.push(() => closeAll(sockets));
  let failed: DnsMessage[] | null = null;
  for (let attempt = 0; attempt < config.attempts; attempt++) {
    const waitSec = (config.timeoutSec << attempt) / (attempt === 0 ? 1 : config.servers.length);
    for (const server of config.servers) {
      const timeoutNs = Math.max(1, Math.floor(waitSec)) * NS_PER_SEC;
      const socket = sockets.get(server) ?? openTo(netns, server);
      if (socket === null) continue;
      const replies = yield* askServer(process, socket, name, types, timeoutNs);
      if (replies === null) closeUdp(socket);
      const isUseful = replies !== null && !replies.every(isFailure);
      if (replies === null) sockets.delete(server);
      else sockets.set(server, socket);
      if (isUseful || process.signal !== null) {
        closeAll(sockets);
        return isUseful ? replies : null;
      }
      failed = replies ?? failed;
    }
  }
  closeAll(sockets);
  return failed;
}

function closeAll(sockets: ReadonlyMap<Ipv4, UdpSocket>): void {
  for (const socket of sockets.values()) closeUdp(socket);
}

/** A socket connected to a server; null if there is no way to it. */
function openTo(netns: NetNamespace, server: Ipv4): UdpSocket | null {
  const socket = openUdp(netns);
  if (connectUdp(socket, server, DNS_PORT) === null) return socket;
  closeUdp(socket);
  return null;
}

/** Another server, or the same one later, may do better. @source resolv/res_send.c send_dg() */
function isFailure(reply: DnsMessage): boolean {
  const rcode = dnsRcodeOf(reply);
  return rcode === 'SERVFAIL' || rcode === 'REFUSED' || rcode === 'NOTIMP';
}

function* askServer(
  process: Process,
  socket: UdpSocket,
  name: string,
  types: readonly number[],
  timeoutNs: number,
): Program<DnsMessage[] | null> {
  const prng = streamOf(process.sim, 'apps/resolver');
  const ids = types.map(() => nextBelow(prng, 0x10000));
  for (let i = 0; i < types.length; i++) {
    const questions = [{ name, type: types[i]!, class: 1 }];
    const none = { answers: [], authorities: [], additionals: [] };
    const query = { id: ids[i]!, flags: DNS_FLAG_RECURSION_DESIRED, questions, ...none };
    sendUdp(socket, writeDns(query));
  }
  return yield* collectReplies(process, socket, ids, timeoutNs);
}

function* collectReplies(
  process: Process,
  socket: UdpSocket,
  ids: readonly number[],
  timeoutNs: number,
): Program<DnsMessage[] | null> {
  const replies: Array<DnsMessage | null> = ids.map(() => null);
  const endNs = timeNs(process.sim) + timeoutNs;
  while (replies.includes(null)) {
    const hasInput = yield* waitFor(
      process,
      [socket.waiters],
      () => socket.receiveQueue.count > 0 || socket.error !== null,
      Math.max(0, endNs - timeNs(process.sim)),
    );
    if (!hasInput) return null;
    const packet = takeReceived(socket);
    if (packet === null) return null; // refused, unreachable: try the next server
    const reply = parseDns(packet.bytes, packet.transport + UDP_BYTES, packet.end);
    releasePacket(process.sim, packet);
    const at = reply === null ? -1 : ids.indexOf(reply.id);
    if (at >= 0) replies[at] = reply;
  }
  return replies as DnsMessage[]; // none is null: the loop has ended
}
