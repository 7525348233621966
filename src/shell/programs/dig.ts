/** `dig`: asks a DNS server and prints the whole reply. @source BIND 9.18 bin/dig/dig.c; dig(1) */
import { askDns, type DnsRefusal, type DnsReply } from '../../apps/dns-client.ts';
import { type DigSections, digText, recordData } from '../../apps/dns-text.ts';
import { parseResolvConf, resolveHost } from '../../apps/resolver.ts';
import { ERRNO, type Errno } from '../../base/errors.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import type { Process, Program } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import {
  DNS_FLAG_AUTHENTIC,
  DNS_FLAG_RECURSION_DESIRED,
  DNS_PORT,
  DNS_TYPES,
  type DnsType,
  reverseNameOf,
} from '../../protocols/dns.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

/** The build of Debian's 9.18.49 on machines and in the images of containers. */
const MACHINE_BUILD = 'deb12u3';
const IMAGE_BUILD = 'deb12u1';
function versionOn({ machine }: ProgramContext): string {
  return `9.18.49-1~${machine.host === null ? MACHINE_BUILD : IMAGE_BUILD}-Debian`;
}

/** dig's exit code when no server answered. */
const EXIT_NO_REPLY = 9;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Draft {
  server: string | null;
  name: string | null;
  type: number;
  port: number;
  isReverse: boolean;
  isShort: boolean;
  recurses: boolean;
  usesEdns: boolean;
  usesSearch: boolean;
  usesTcp: boolean;
  timeoutSec: number;
  tries: number;
  readonly sections: Mutable<DigSections>;
}

export const dig: ProgramDefinition = {
  name: 'dig',
  async run(context) {
    if (context.args.includes('-v')) {
      context.writeError(`DiG ${versionOn(context)}\n`);
      return 0;
    }
    const drafts = readArguments(context.args);
    if (typeof drafts === 'string') return refuse(context, 'dig', drafts);
    return context.run('dig', function* (process) {
      let exitCode = 0;
      for (const [index, draft] of drafts.entries()) {
        const code = yield* lookUp(process, context, draft, index === 0);
        if (process.signal !== null) return code;
        exitCode = Math.max(exitCode, code);
      }
      return exitCode;
    });
  },
};

/**
 * Each name is a question of its own; switches before the first are for all, those behind a name for it
 * alone. @returns what is not emulated, as text.
 */
function readArguments(args: readonly string[]): Draft[] | string {
  const common = makeDraft();
  const drafts: Draft[] = [];
  let draft = common;
  const begin = (name: string): void => {
    // `dig -t MX example.com`: the type may come before the name.
    draft = { ...common, sections: { ...common.sections }, name };
    drafts.push(draft);
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg.startsWith('@')) {
      draft.server = arg.slice(1);
    } else if (arg.startsWith('+')) {
      if (!applySwitch(draft, arg.slice(1))) return `option ${arg}`;
    } else if (arg === '-x') {
      begin(args[++i] ?? '');
      draft.isReverse = true;
      draft.type = DNS_TYPES.PTR;
    } else if (arg === '-q') {
      begin(args[++i] ?? '');
    } else if (arg === '-t' || arg === '-p') {
      const value = args[++i] ?? '';
      if (arg === '-p') draft.port = Number(value);
      else draft.type = typeOf(value) ?? draft.type;
    } else if (arg === '-4') {
      // IPv4 is all there is.
    } else if (arg.startsWith('-')) {
      return `option ${arg}`;
    } else if (drafts.length > 0 && typeOf(arg) !== null) {
      draft.type = typeOf(arg)!;
    } else if (arg.toUpperCase() !== 'IN') {
      begin(arg);
    }
  }
  const server = drafts.findLast((each) => each.server !== null)?.server ?? null;
  for (const each of drafts) each.server ??= server;
  return drafts.length === 0 ? [common] : drafts;
}

function makeDraft(): Draft {
  return {
    server: null,
    name: null,
    type: DNS_TYPES.A,
    port: DNS_PORT,
    isReverse: false,
    isShort: false,
    recurses: true,
    usesEdns: true,
    usesSearch: false,
    usesTcp: false,
    timeoutSec: 5,
    tries: 3,
    sections: {
      command: true,
      comments: true,
      question: true,
      answer: true,
      authority: true,
      additional: true,
      stats: true,
    },
  };
}

/** The number of a record type by name, `TYPE65` included; null for other words. */
export function typeOf(text: string): number | null {
  const name = text.toUpperCase();
  const known = DNS_TYPES[name as DnsType] as number | undefined;
  if (known !== undefined) return known;
  const match = /^TYPE(\d{1,5})$/.exec(name);
  return match === null ? null : Number(match[1]);
}

function applySwitch(draft: Draft, text: string): boolean {
  const [word = '', value = ''] = text.split('=');
  const isOn = !word.startsWith('no');
  const name = isOn ? word : word.slice(2);
  const { sections } = draft;
  switch (name) {
    case 'all':
      for (const key of ['comments', 'question', 'answer', 'authority', 'additional', 'stats']) {
        sections[key as keyof DigSections] = isOn;
      }
      if (!isOn) sections.command = false;
      return true;
    case 'cmd':
      sections.command = isOn;
      return true;
    case 'comments':
    case 'question':
    case 'answer':
    case 'authority':
    case 'additional':
    case 'stats':
      sections[name] = isOn;
      return true;
    case 'short':
      draft.isShort = isOn;
      return true;
    case 'recurse':
    case 'rec':
      draft.recurses = isOn;
      return true;
    case 'edns':
    case 'cookie':
      draft.usesEdns = isOn;
      return true;
    case 'search':
      draft.usesSearch = isOn;
      return true;
    case 'tcp':
    case 'vc':
      draft.usesTcp = isOn;
      return true;
    case 'time':
    case 'timeout':
      draft.timeoutSec = Math.max(1, Number(value));
      return true;
    case 'tries':
      draft.tries = Math.max(1, Number(value));
      return true;
    case 'retry':
      draft.tries = Number(value) + 1;
      return true;
    default:
      return false;
  }
}

function* lookUp(
  process: Process,
  context: ProgramContext,
  draft: Draft,
  isFirst: boolean,
): Program {
  const { netns } = context;
  const sources = nameSourcesOf(context);
  const config = parseResolvConf(sources.resolvConf);
  let servers: readonly Ipv4[] = config.servers;
  if (draft.server !== null) {
    const found = yield* resolveHost(process, netns, sources, draft.server);
    if (typeof found === 'string') {
      context.writeError(`dig: couldn't get address for '${draft.server}': not found\n`);
      return EXIT_NO_REPLY + 1;
    }
    servers = found.addresses.slice(0, 1);
  }
  const isBanner = isFirst && draft.sections.command && !draft.isShort;
  const found = draft.server === null ? '' : '; (1 server found)\n';
  const banner = isBanner
    ? `\n; <<>> DiG ${versionOn(context)} <<>> ${context.args.join(' ')}\n${found};; global options: +cmd\n`
    : '';
  const name = questionName(draft, config.search);
  const { type, port } = draft;
  const flags = (draft.recurses ? DNS_FLAG_RECURSION_DESIRED : 0) | DNS_FLAG_AUTHENTIC;
  let isAnnounced = false;
  for (let attempt = 0; attempt < draft.tries; attempt++) {
    for (const server of servers) {
      const timeoutNs = draft.timeoutSec * NS_PER_SEC;
      const query = {
        server,
        port,
        name,
        type,
        flags,
        hasEdns: draft.usesEdns,
        timeoutNs,
        overTcp: draft.usesTcp,
      };
      const reply = yield* askDns(process, netns, query);
      if (reply === 'interrupted') return process.signal === 'SIGINT' ? 130 : 143;
      if (reply !== 'timeout' && 'message' in reply) {
        context.write(banner + replyText(process, context, draft, reply, server));
        return 0;
      }
      if (reply === 'timeout' || !reply.isSetup) isAnnounced = true;
      context.write(failureText(server, port, name, reply));
    }
  }
  context.write(`${isAnnounced ? banner : ''};; no servers could be reached\n`);
  return EXIT_NO_REPLY;
}

/** The line about a server that could not be asked, or did not answer. */
export function failureText(
  server: Ipv4,
  port: number,
  name: string,
  failure: 'timeout' | DnsRefusal,
): string {
  const place = `${formatIpv4(server)}#${port}`;
  if (failure !== 'timeout' && failure.isSetup) {
    return `;; UDP setup with ${place}(${formatIpv4(server)}) for ${name} failed: ${whyText(failure)}.\n`;
  }
  return `;; communications error to ${place}: ${whyText(failure)}\n`;
}

/** BIND's words for why there was no reply. */
function whyText(failure: 'timeout' | DnsRefusal): string {
  if (failure === 'timeout') return 'timed out';
  const words: Partial<Record<Errno, string>> = {
    ECONNREFUSED: 'connection refused',
    EHOSTUNREACH: 'host unreachable',
    ENETUNREACH: 'network unreachable',
    EPERM: 'not permitted',
  };
  return words[failure.errno] ?? ERRNO[failure.errno].toLowerCase();
}

function questionName(draft: Draft, search: readonly string[]): string {
  if (draft.name === null) {
    draft.type = DNS_TYPES.NS;
    return '';
  }
  if (draft.isReverse) {
    const address = parseIpv4(draft.name);
    if (address !== null) return reverseNameOf(address);
  }
  const name = draft.name.replace(/\.$/, '');
  const isSearched = draft.usesSearch && !draft.name.includes('.') && search.length > 0;
  return isSearched ? `${name}.${search[0]}` : name;
}

function replyText(
  process: Process,
  context: ProgramContext,
  draft: Draft,
  reply: DnsReply,
  server: Ipv4,
): string {
  if (draft.isShort) {
    return reply.message.answers.map((record) => `${recordData(record)}\n`).join('');
  }
  const nowSec = context.world.epochS + Math.floor(timeNs(process.sim) / NS_PER_SEC);
  return digText(reply, draft.sections, {
    address: server,
    port: draft.port,
    nowSec,
    overTcp: draft.usesTcp,
  });
}
