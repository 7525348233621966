/**
 * Names of IP protocols, services and ICMP types, as iptables reads and prints them.
 * @source IANA assigned numbers, as /etc/protocols and /etc/services of a Debian 12 spell them
 */
const PROTOCOLS: ReadonlyArray<readonly [string, number]> = [
  ['icmp', 1],
  ['igmp', 2],
  ['ggp', 3],
  ['ipencap', 4],
  ['st', 5],
  ['tcp', 6],
  ['egp', 8],
  ['igp', 9],
  ['pup', 12],
  ['udp', 17],
  ['hmp', 20],
  ['xns-idp', 22],
  ['rdp', 27],
  ['iso-tp4', 29],
  ['dccp', 33],
  ['xtp', 36],
  ['ddp', 37],
  ['idpr-cmtp', 38],
  ['ipv6', 41],
  ['ipv6-route', 43],
  ['ipv6-frag', 44],
  ['idrp', 45],
  ['rsvp', 46],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['skip', 57],
  ['ipv6-icmp', 58],
  ['ipv6-nonxt', 59],
  ['ipv6-opts', 60],
  ['rspf', 73],
  ['vmtp', 81],
  ['eigrp', 88],
  ['ospf', 89],
  ['ax.25', 93],
  ['ipip', 94],
  ['etherip', 97],
  ['encap', 98],
  ['pim', 103],
  ['ipcomp', 108],
  ['vrrp', 112],
  ['l2tp', 115],
  ['isis', 124],
  ['sctp', 132],
  ['fc', 133],
  ['mobility-header', 135],
  ['udplite', 136],
  ['mpls-in-ip', 137],
  ['manet', 138],
  ['hip', 139],
  ['shim6', 140],
  ['wesp', 141],
  ['rohc', 142],
];

const PROTOCOL_ALIASES: ReadonlyArray<readonly [string, number]> = [
  ['icmpv6', 58],
  ['mh', 135],
  ['all', 0],
  ['ip', 0],
  ['hopopt', 0],
  ['ethernet', 143],
];

const numberByProtocol = new Map([...PROTOCOLS, ...PROTOCOL_ALIASES]);
const protocolByNumber = new Map(PROTOCOLS.map(([name, number]) => [number, name]));

/** The number of a protocol by name or number, null if it is neither. */
export function parseProtocol(text: string): number | null {
  const number = parseUnsigned(text, 255);
  if (number !== null) return number;
  return numberByProtocol.get(text.toLowerCase()) ?? null;
}

/** The name of a protocol, or its number as text. */
export function protocolName(protocol: number): string {
  return protocol === 0 ? 'all' : (protocolByNumber.get(protocol) ?? String(protocol));
}

/** Services: name, port, and the protocols that have it. */
const SERVICES: ReadonlyArray<readonly [string, number, 'tcp' | 'udp' | 'both']> = [
  ['tcpmux', 1, 'tcp'],
  ['echo', 7, 'both'],
  ['discard', 9, 'both'],
  ['systat', 11, 'tcp'],
  ['daytime', 13, 'both'],
  ['netstat', 15, 'tcp'],
  ['qotd', 17, 'tcp'],
  ['chargen', 19, 'both'],
  ['ftp-data', 20, 'tcp'],
  ['ftp', 21, 'tcp'],
  ['ssh', 22, 'tcp'],
  ['telnet', 23, 'tcp'],
  ['smtp', 25, 'tcp'],
  ['time', 37, 'both'],
  ['whois', 43, 'tcp'],
  ['tacacs', 49, 'both'],
  ['domain', 53, 'both'],
  ['bootps', 67, 'udp'],
  ['bootpc', 68, 'udp'],
  ['tftp', 69, 'udp'],
  ['gopher', 70, 'tcp'],
  ['finger', 79, 'tcp'],
  ['http', 80, 'tcp'],
  ['kerberos', 88, 'both'],
  ['pop3', 110, 'tcp'],
  ['sunrpc', 111, 'both'],
  ['auth', 113, 'tcp'],
  ['nntp', 119, 'tcp'],
  ['ntp', 123, 'udp'],
  ['netbios-ns', 137, 'udp'],
  ['netbios-dgm', 138, 'udp'],
  ['netbios-ssn', 139, 'tcp'],
  ['imap2', 143, 'tcp'],
  ['snmp', 161, 'both'],
  ['snmp-trap', 162, 'both'],
  ['bgp', 179, 'tcp'],
  ['ldap', 389, 'both'],
  ['https', 443, 'both'],
  ['microsoft-ds', 445, 'tcp'],
  ['isakmp', 500, 'udp'],
  ['syslog', 514, 'udp'],
  ['shell', 514, 'tcp'],
  ['printer', 515, 'tcp'],
  ['route', 520, 'udp'],
  ['submission', 587, 'tcp'],
  ['ipp', 631, 'tcp'],
  ['ldaps', 636, 'both'],
  ['domain-s', 853, 'both'],
  ['rsync', 873, 'tcp'],
  ['imaps', 993, 'tcp'],
  ['pop3s', 995, 'tcp'],
  ['socks', 1080, 'tcp'],
  ['openvpn', 1194, 'both'],
  ['ms-sql-s', 1433, 'tcp'],
  ['radius', 1812, 'both'],
  ['cisco-sccp', 2000, 'tcp'],
  ['nfs', 2049, 'both'],
  ['iscsi-target', 3260, 'tcp'],
  ['mysql', 3306, 'tcp'],
  ['svn', 3690, 'tcp'],
  ['epmd', 4369, 'tcp'],
  ['ipsec-nat-t', 4500, 'udp'],
  ['sip', 5060, 'both'],
  ['sip-tls', 5061, 'both'],
  ['xmpp-client', 5222, 'tcp'],
  ['mdns', 5353, 'udp'],
  ['postgresql', 5432, 'tcp'],
  ['amqp', 5672, 'tcp'],
  ['x11', 6000, 'tcp'],
  ['redis', 6379, 'tcp'],
  ['http-alt', 8080, 'tcp'],
  ['puppet', 8140, 'tcp'],
  ['git', 9418, 'tcp'],
];

const ALIASES: ReadonlyArray<readonly [string, number]> = [
  ['www', 80],
  ['mail', 25],
  ['nameserver', 53],
  ['webcache', 8080],
  ['imap', 143],
];

/** Port of a service name; any protocol of tcp and udp will do, as with getservbyname's users. */
export function servicePort(name: string, protocol: 'tcp' | 'udp' | null): number | null {
  const fits = (kind: string) => protocol === null || kind === 'both' || kind === protocol;
  const found = SERVICES.find((service) => service[0] === name && fits(service[2]));
  if (found !== undefined) return found[1];
  return ALIASES.find((alias) => alias[0] === name)?.[1] ?? null;
}

/** Name of a port, or the number as text. */
export function serviceName(port: number, protocol: 'tcp' | 'udp'): string {
  const found = SERVICES.find(
    (service) => service[1] === port && (service[2] === 'both' || service[2] === protocol),
  );
  return found === undefined ? String(port) : found[0];
}

/** A port by number or service name, null if it is neither. */
export function parsePort(text: string, protocol: 'tcp' | 'udp' | null): number | null {
  return parseUnsigned(text, 65535) ?? servicePort(text, protocol);
}

/** A number as strtoul reads it (decimal, 0x..., 0...) that is not above `max`; else null. */
export function parseUnsigned(text: string, max: number): number | null {
  if (!/^(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.test(text)) return null;
  const isOctal = /^0[0-7]+$/.test(text);
  const value = isOctal ? Number.parseInt(text, 8) : Number(text);
  return value <= max ? value : null;
}
