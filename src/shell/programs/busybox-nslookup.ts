/** `busybox nslookup`: asks for A and AAAA at a time. @source busybox 1.35 networking/nslookup.c */
import { askDns } from '../../apps/dns-client.ts';
import { recordData } from '../../apps/dns-text.ts';
import { parseResolvConf, resolveHost } from '../../apps/resolver.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import type { Process, Program } from '../../engine/process.ts';
import {
  DNS_FLAG_AUTHORITATIVE,
  DNS_FLAG_RECURSION_DESIRED,
  DNS_TYPES,
  type DnsMessage,
  dnsRcodeOf,
  reverseNameOf,
} from '../../protocols/dns.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';
import { typeOf } from './dig.ts';

const TIMEOUT_NS = 5 * NS_PER_SEC;
const TRIES = 2;

export const busyboxNslookup: ProgramDefinition = {
  name: 'nslookup',
  async run(context) {
    const words: string[] = [];
    let types: number[] = [];
    for (const arg of context.args) {
      const match = /^-(?:type|querytype|t|q)=(.+)$/.exec(arg);
      const type = match === null ? null : typeOf(match[1]!);
      if (type !== null) types = [...types, type];
      else if (arg.startsWith('-')) return refuse(context, 'nslookup', `option ${arg}`);
      else words.push(arg);
    }
    const [host, server = null] = words;
    if (host === undefined || words.length > 2) {
      context.writeError('Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n');
      return 1;
    }
    return context.run('nslookup', (process) => lookUp(process, context, host, server, types));
  },
};

function* lookUp(
  process: Process,
  context: ProgramContext,
  host: string,
  serverName: string | null,
  asked: readonly number[],
): Program {
  const sources = nameSourcesOf(context);
  const config = parseResolvConf(sources.resolvConf);
  let servers: readonly Ipv4[] = config.servers;
  if (serverName !== null) {
    const found = yield* resolveHost(process, context.netns, sources, serverName);
    if (typeof found === 'string') {
      context.writeError(`nslookup: bad address '${serverName}'\n`);
      return 1;
    }
    servers = found.addresses.slice(0, 1);
  }
  const address = parseIpv4(host);
  const name = address === null ? host : reverseNameOf(address);
  const guessed = address === null ? [DNS_TYPES.A, DNS_TYPES.AAAA] : [DNS_TYPES.PTR];
  const types = asked.length > 0 ? asked : guessed;
  let exitCode = 0;
  let hasHeading = false;
  let unanswered = 0;
  for (const type of types) {
    const found = yield* ask(process, context, servers, name, type);
    if (found === null) {
      unanswered++;
      continue;
    }
    const { message, server } = found;
    if (!hasHeading) {
      const where = formatIpv4(server);
      context.write(`Server:\t\t${where}\nAddress:\t${where}:53\n\n`);
    }
    hasHeading = true;
    const rcode = dnsRcodeOf(message);
    if (rcode === 'NOERROR') context.write(answerText(message));
    else {
      context.write(`** server can't find ${name}: ${rcode}\n`);
      exitCode = 1;
    }
    context.write('\n');
  }
  if (!hasHeading) {
    context.write(';; connection timed out; no servers could be reached\n\n');
    return 1;
  }
  if (unanswered > 0) context.write(`*** Can't find ${name}: No answer\n\n`);
  return exitCode;
}

function* ask(
  process: Process,
  context: ProgramContext,
  servers: readonly Ipv4[],
  name: string,
  type: number,
): Program<{ message: DnsMessage; server: Ipv4 } | null> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    for (const server of servers) {
      const flags = DNS_FLAG_RECURSION_DESIRED;
      const query = { server, name, type, flags, hasEdns: false, timeoutNs: TIMEOUT_NS };
      const reply = yield* askDns(process, context.netns, query);
      if (reply === 'interrupted') return null;
      if (reply !== 'timeout' && 'message' in reply) return { message: reply.message, server };
    }
  }
  return null;
}

/** @source nslookup.c parse_reply() */
function answerText(message: DnsMessage): string {
  const isAuthoritative = (message.flags & DNS_FLAG_AUTHORITATIVE) !== 0;
  let text = isAuthoritative ? '' : 'Non-authoritative answer:\n';
  for (const record of message.answers) {
    const data = recordData(record);
    switch (record.type) {
      case DNS_TYPES.A:
      case DNS_TYPES.AAAA:
        text += `Name:\t${record.name}\nAddress: ${data}\n`;
        break;
      case DNS_TYPES.CNAME:
        text += `${record.name}\tcanonical name = ${data.replace(/\.$/, '')}\n`;
        break;
      case DNS_TYPES.PTR:
        text += `${record.name}\tname = ${data.replace(/\.$/, '')}\n`;
        break;
      default:
        text += `${record.name}\ttext = ${data}\n`;
    }
  }
  return text;
}
