/** `nslookup NAME [SERVER]`, one question at a time. @source BIND 9.18 bin/dig/nslookup.c */
import { askDns, type DnsReply } from '../../apps/dns-client.ts';
import { recordData } from '../../apps/dns-text.ts';
import { parseResolvConf, resolveHost } from '../../apps/resolver.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import type { Process, Program } from '../../engine/process.ts';
import {
  DNS_FLAG_AUTHORITATIVE,
  DNS_FLAG_RECURSION_DESIRED,
  DNS_TYPES,
  type DnsRecord,
  dnsRcodeOf,
  reverseNameOf,
} from '../../protocols/dns.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';
import { failureText, typeOf } from './dig.ts';

interface Request {
  readonly host: string;
  readonly server: string | null;
  readonly types: readonly number[];
  readonly timeoutSec: number;
  readonly tries: number;
}

export const nslookup: ProgramDefinition = {
  name: 'nslookup',
  async run(context) {
    const words: string[] = [];
    let types: number[] = [DNS_TYPES.A, DNS_TYPES.AAAA];
    let timeoutSec = 5;
    let tries = 3;
    for (const arg of context.args) {
      const match = /^-(type|querytype|q|ty|timeout|retry)=(.+)$/.exec(arg);
      if (match !== null && match[1] === 'timeout') timeoutSec = Number(match[2]);
      else if (match !== null && match[1] === 'retry') tries = Number(match[2]) + 1;
      else if (match !== null && typeOf(match[2]!) !== null) types = [typeOf(match[2]!)!];
      else if (arg.startsWith('-')) return refuse(context, 'nslookup', `option ${arg}`);
      else words.push(arg);
    }
    const [host, server = null] = words;
    if (host === undefined) return refuse(context, 'nslookup', 'interactive mode');
    const request = { host, server, types, timeoutSec, tries };
    return context.run('nslookup', (process) => lookUp(process, context, request));
  },
};

function* lookUp(process: Process, context: ProgramContext, request: Request): Program {
  const sources = nameSourcesOf(context);
  const config = parseResolvConf(sources.resolvConf);
  let servers: readonly Ipv4[] = config.servers;
  if (request.server !== null) {
    const found = yield* resolveHost(process, context.netns, sources, request.server);
    if (typeof found === 'string') {
      context.write(`nslookup: couldn't get address for '${request.server}': not found\n`);
      return 1;
    }
    servers = found.addresses.slice(0, 1);
  }
  const address = parseIpv4(request.host);
  const isReverse = address !== null;
  const types = isReverse ? [DNS_TYPES.PTR] : request.types;
  const isPlain = !isReverse && !request.host.includes('.') && config.search.length > 0;
  const bare = request.host.replace(/\.$/, '');
  const name = isReverse ? reverseNameOf(address) : isPlain ? `${bare}.${config.search[0]}` : bare;
  let isFirst = true;
  for (const type of types) {
    const asked = yield* ask(process, context, request, servers, name, type);
    if (asked === null) {
      context.write(';; no servers could be reached\n\n');
      return 1;
    }
    const rcode = dnsRcodeOf(asked.reply.message);
    if (isFirst) {
      if (rcode === 'SERVFAIL') {
        context.write(`;; Got SERVFAIL reply from ${formatIpv4(asked.server)}\n`);
      }
      if (!isReverse) context.write(serverText(asked.server));
    }
    if (rcode !== 'NOERROR') {
      context.write(`** server can't find ${name}: ${rcode}\n\n`);
      return 1;
    }
    context.write(answerText(asked.reply, isFirst, isReverse));
    isFirst = false;
  }
  context.write(isReverse ? '\nAuthoritative answers can be found from:\n\n' : '\n');
  return 0;
}

function serverText(server: Ipv4): string {
  const address = formatIpv4(server);
  return `Server:\t\t${address}\nAddress:\t${address}#53\n\n`;
}

function* ask(
  process: Process,
  context: ProgramContext,
  request: Request,
  servers: readonly Ipv4[],
  name: string,
  type: number,
): Program<{ reply: DnsReply; server: Ipv4 } | null> {
  for (let attempt = 0; attempt < request.tries; attempt++) {
    for (const server of servers) {
      const flags = DNS_FLAG_RECURSION_DESIRED;
      const timeoutNs = request.timeoutSec * NS_PER_SEC;
      const query = { server, name, type, flags, hasEdns: false, timeoutNs };
      const reply = yield* askDns(process, context.netns, query);
      if (reply === 'interrupted') return null;
      if (reply !== 'timeout' && 'message' in reply) return { reply, server };
      context.write(failureText(server, 53, name, reply));
    }
  }
  return null;
}

function answerText(reply: DnsReply, isFirst: boolean, isReverse: boolean): string {
  const { message } = reply;
  const isAuthoritative = (message.flags & DNS_FLAG_AUTHORITATIVE) !== 0;
  let text = isFirst && !isReverse && !isAuthoritative ? 'Non-authoritative answer:\n' : '';
  // The second question (AAAA) repeats no alias.
  const records = isFirst
    ? message.answers
    : message.answers.filter((record) => record.type !== DNS_TYPES.CNAME);
  for (const record of records) text += recordText(record);
  if (isFirst && message.answers.length === 0) {
    text += `*** Can't find ${message.questions[0]?.name ?? ''}: No answer\n`;
  }
  return text;
}

function recordText(record: DnsRecord): string {
  const data = recordData(record);
  switch (record.type) {
    case DNS_TYPES.A:
    case DNS_TYPES.AAAA:
      return `Name:\t${record.name}\nAddress: ${data}\n`;
    case DNS_TYPES.CNAME:
      return `${record.name}\tcanonical name = ${data}\n`;
    case DNS_TYPES.PTR:
      return `${record.name}\tname = ${data}\n`;
    case DNS_TYPES.MX:
      return `${record.name}\tmail exchanger = ${data}\n`;
    case DNS_TYPES.SRV:
      return `${record.name}\tservice = ${data}\n`;
    case DNS_TYPES.TXT:
      return `${record.name}\ttext = ${data}\n`;
    default:
      return `${record.name}\trdata = ${data}\n`;
  }
}
