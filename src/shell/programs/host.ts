/** `host NAME [SERVER]`. @source BIND 9.18 bin/dig/host.c */
import { askDns } from '../../apps/dns-client.ts';
import { recordData } from '../../apps/dns-text.ts';
import { parseResolvConf, resolveHost } from '../../apps/resolver.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import type { Process, Program } from '../../engine/process.ts';
import {
  DNS_FLAG_RECURSION_DESIRED,
  DNS_RCODES,
  DNS_TYPES,
  type DnsMessage,
  type DnsRecord,
  dnsRcodeOf,
  dnsTypeName,
  reverseNameOf,
} from '../../protocols/dns.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';
import { failureText, typeOf } from './dig.ts';

interface Request {
  readonly host: string;
  readonly server: string | null;
  readonly type: number | null;
  readonly timeoutSec: number;
  readonly tries: number;
}

export const host: ProgramDefinition = {
  name: 'host',
  async run(context) {
    const read = getopt(context.args, { short: '4t:W:R:aCdilNrTvVwsn' });
    let type: number | null = null;
    let timeoutSec = 5;
    let tries = 2;
    for (const { name, value } of read.options) {
      if (name === 't') type = typeOf(value);
      else if (name === 'W') timeoutSec = Number(value);
      else if (name === 'R') tries = Number(value) + 1;
      else if (name !== '4') return refuse(context, 'host', `option -${name}`);
    }
    const [name, server = null] = read.operands;
    if (name === undefined || read.error !== null) {
      context.writeError('Usage: host [-t type] [-W time] [-R number] hostname [server]\n');
      return 1;
    }
    const request = { host: name, server, type, timeoutSec, tries };
    return context.run('host', (process) => lookUp(process, context, request));
  },
};

function* lookUp(process: Process, context: ProgramContext, request: Request): Program {
  const sources = nameSourcesOf(context);
  const config = parseResolvConf(sources.resolvConf);
  let servers: readonly Ipv4[] = config.servers;
  if (request.server !== null) {
    const found = yield* resolveHost(process, context.netns, sources, request.server);
    if (typeof found === 'string') {
      context.writeError(`host: couldn't get address for '${request.server}': not found\n`);
      return 1;
    }
    servers = found.addresses.slice(0, 1);
    const address = formatIpv4(servers[0]!);
    context.write(
      `Using domain server:\nName: ${request.server}\nAddress: ${address}#53\nAliases: \n\n`,
    );
  }
  const address = parseIpv4(request.host);
  const isPlain = address === null && !request.host.includes('.') && config.search.length > 0;
  const bare = request.host.replace(/\.$/, '');
  const name = isPlain ? `${bare}.${config.search[0]}` : bare;
  const question = address === null ? name : reverseNameOf(address);
  const types =
    address !== null
      ? [DNS_TYPES.PTR]
      : request.type !== null
        ? [request.type]
        : [DNS_TYPES.A, DNS_TYPES.AAAA, DNS_TYPES.MX];
  let isFirst = true;
  for (const type of types) {
    const reply = yield* ask(process, context, request, servers, question, type);
    if (reply === null) {
      context.write(';; no servers could be reached\n');
      return 1;
    }
    const rcode = dnsRcodeOf(reply);
    if (rcode !== 'NOERROR') {
      const shown = address === null ? bare : `${question}.`;
      const number = DNS_RCODES.indexOf(rcode as (typeof DNS_RCODES)[number]);
      context.write(`Host ${shown} not found: ${number}(${rcode})\n`);
      return 1;
    }
    const records = isFirst
      ? reply.answers
      : reply.answers.filter((record) => record.type !== DNS_TYPES.CNAME);
    for (const record of records) context.write(`${recordText(record)}\n`);
    if (reply.answers.length === 0 && types.length === 1) {
      context.write(`${question} has no ${dnsTypeName(type)} record\n`);
    }
    isFirst = false;
  }
  return 0;
}

function* ask(
  process: Process,
  context: ProgramContext,
  request: Request,
  servers: readonly Ipv4[],
  name: string,
  type: number,
): Program<DnsMessage | null> {
  for (let attempt = 0; attempt < request.tries; attempt++) {
    for (const server of servers) {
      const flags = DNS_FLAG_RECURSION_DESIRED;
      const timeoutNs = request.timeoutSec * NS_PER_SEC;
      const query = { server, name, type, flags, hasEdns: false, timeoutNs };
      const reply = yield* askDns(process, context.netns, query);
      if (reply === 'interrupted') return null;
      if (reply !== 'timeout' && 'message' in reply) return reply.message;
      context.write(failureText(server, 53, name, reply));
    }
  }
  return null;
}

function recordText(record: DnsRecord): string {
  const data = recordData(record);
  switch (record.type) {
    case DNS_TYPES.A:
      return `${record.name} has address ${data}`;
    case DNS_TYPES.AAAA:
      return `${record.name} has IPv6 address ${data}`;
    case DNS_TYPES.CNAME:
      return `${record.name} is an alias for ${data}`;
    case DNS_TYPES.PTR:
      return `${record.name} domain name pointer ${data}`;
    case DNS_TYPES.MX:
      return `${record.name} mail is handled by ${data}`;
    case DNS_TYPES.SRV:
      return `${record.name} has SRV record ${data}`;
    case DNS_TYPES.TXT:
      return `${record.name} descriptive text ${data}`;
    case DNS_TYPES.NS:
      return `${record.name} name server ${data}`;
    default:
      return `${record.name} has ${dnsTypeName(record.type)} record ${data}`;
  }
}
