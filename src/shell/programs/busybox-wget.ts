/**
 * `busybox wget`: a request of four lines, a bar, and the file.
 * @source busybox 1.35 networking/wget.c download_one_url()
 */
import { type HttpOutcome, requestHttp } from '../../apps/http-client.ts';
import { bytesOf } from '../../apps/http-message.ts';
import { resolveHost } from '../../apps/resolver.ts';
import { ERRNO } from '../../base/errors.ts';
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import type { Process, Program } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

const TIMEOUT_SEC = 900;
/** @source download_one_url() redir_limit */
const REDIRECTS_MAX = 15;
/** From the connection to the request, in which it sets up its stream; as recorded. */
const STREAM_SETUP_NS = 400_000;
const BAR = '*'.repeat(32);

interface Options {
  isQuiet: boolean;
  showsHeaders: boolean;
  isSpider: boolean;
  output: string | null;
  folder: string | null;
  agent: string;
  timeoutSec: number;
  extraHeaders: string;
  postData: string | null;
}

export const busyboxWget: ProgramDefinition = {
  name: 'wget',
  async run(context) {
    const read = getopt(context.args, {
      short: 'cqSO:o:P:Y:U:T:t:n:',
      long: {
        quiet: 'q',
        'output-document': 'O:',
        'directory-prefix': 'P:',
        'user-agent': 'U:',
        timeout: 'T:',
        tries: 't:',
        spider: 'spider',
        header: 'header:',
        'post-data': 'post-data:',
        'no-check-certificate': 'n',
      },
    });
    const url = read.operands[0];
    if (read.error !== null || url === undefined) {
      const line = read.error === null ? '' : `wget: ${read.error}\n`;
      context.writeError(`${line}Usage: wget [-cqS] [--spider] [-O FILE] [-T SEC] URL...\n`);
      return 1;
    }
    const options: Options = {
      isQuiet: false,
      showsHeaders: false,
      isSpider: false,
      output: null,
      folder: null,
      agent: 'Wget',
      timeoutSec: TIMEOUT_SEC,
      extraHeaders: '',
      postData: null,
    };
    for (const { name, value } of read.options) {
      if (!apply(options, name, value)) return refuse(context, 'wget', `option -${name}`);
    }
    for (const each of read.operands) {
      const code = await context.run('wget', (process) =>
        fetchUrl(process, context, options, each),
      );
      if (code !== 0) return code;
    }
    return 0;
  },
};

/** @returns whether netsim knows the option. */
function apply(options: Options, name: string, value: string): boolean {
  switch (name) {
    case 'q':
      options.isQuiet = true;
      return true;
    case 'S':
      options.showsHeaders = true;
      return true;
    case 'spider':
      options.isSpider = true;
      return true;
    case 'O':
      options.output = value;
      return true;
    case 'P':
      options.folder = value;
      return true;
    case 'U':
      options.agent = value;
      return true;
    case 'T':
      options.timeoutSec = Number(value) || TIMEOUT_SEC;
      return true;
    case 'header':
      options.extraHeaders += `${value}\r\n`;
      return true;
    case 'post-data':
      options.postData = value;
      return true;
    default:
      return 'tnY'.includes(name);
  }
}

interface Url {
  /** With its port, as the user wrote it. */
  readonly host: string;
  readonly name: string;
  readonly port: number;
  /** Without its first slash. */
  readonly path: string;
}

/** Null for a protocol other than HTTP. */
function parseUrl(text: string): Url | null {
  const match = /^(?:http:\/\/)?([^/?#:]*(?::(\d+))?)(?:\/(.*)|([?#].*))?$/s.exec(text);
  if (match === null || match[1] === undefined) return null;
  const host = match[1];
  const path = match[3] ?? match[4]?.slice(1) ?? '';
  return { host, name: host.replace(/:\d+$/, ''), port: Number(match[2] ?? 80), path };
}

function* fetchUrl(
  process: Process,
  context: ProgramContext,
  options: Options,
  text: string,
): Program {
  const fail = (message: string): number => {
    context.writeError(`wget: ${message}\n`);
    return 1;
  };
  let url = parseUrl(text);
  if (url === null) return fail(`not an http or ftp url: ${text}`);
  const fileName = fileOf(options, url);
  let address: Ipv4 | null = null;
  for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
    if (address === null) {
      const found = yield* resolveHost(process, context.netns, nameSourcesOf(context), url.name);
      if (typeof found === 'string') return fail(`bad address '${url.host}'`);
      address = found.addresses[0]!;
      const place = `${formatIpv4(address)}:${url.port}`;
      if (!options.isQuiet) context.writeError(`Connecting to ${url.host} (${place})\n`);
    }
    const outcome: HttpOutcome = yield* request(process, context, options, url, address);
    if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
    if (outcome.remoteAddress === 0) {
      if (outcome.failure === 'timeout') return fail('download timed out');
      const why = ERRNO[outcome.errno ?? 'ETIMEDOUT'];
      return fail(`can't connect to remote host (${formatIpv4(address)}): ${why}`);
    }
    if (options.showsHeaders) context.writeError(headerLines(outcome));
    if (outcome.failure === 'timeout') return fail('download timed out');
    if (outcome.status === 0) return fail('error getting response');
    const location: string | undefined = outcome.header?.fields.get('location');
    if (outcome.status >= 300 && outcome.status < 400 && location !== undefined) {
      const next: Url | null = location.startsWith('/')
        ? { ...url, path: location.slice(1) }
        : parseUrl(location);
      if (next === null) return fail(`not an http or ftp url: ${location}`);
      if (!location.startsWith('/')) address = null;
      url = next;
      continue;
    }
    if (outcome.status >= 300) {
      return fail(`server returned error: ${outcome.header?.startLine ?? ''}`);
    }
    return keep(context, options, fileName, outcome);
  }
  return fail('too many redirections');
}

function fileOf(options: Options, url: Url): string {
  if (options.output !== null) return options.output;
  const last = url.path.split('/').at(-1) || 'index.html';
  return options.folder === null ? last : `${options.folder.replace(/\/$/, '')}/${last}`;
}

function request(
  process: Process,
  context: ProgramContext,
  options: Options,
  url: Url,
  address: Ipv4,
): Program<HttpOutcome> {
  const { postData } = options;
  const method = postData === null ? 'GET' : 'POST';
  const body =
    postData === null
      ? '\r\n'
      : `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${postData.length}\r\n\r\n${postData}`;
  const text = `${method} /${url.path} HTTP/1.1\r\nHost: ${url.host}\r\nUser-Agent: ${options.agent}\r\nConnection: close\r\n${options.extraHeaders}${body}`;
  const untilNs = timeNs(process.sim) + options.timeoutSec * NS_PER_SEC;
  return requestHttp(process, context.netns, {
    addresses: [address],
    port: url.port,
    method,
    request: bytesOf(text),
    localAddress: 0,
    localPorts: null,
    device: null,
    requestDelayNs: STREAM_SETUP_NS,
    connectUntilNs: untilNs,
    untilNs,
  });
}

function headerLines(outcome: HttpOutcome): string {
  const lines = outcome.headerText.split(/\r?\n/).filter((line) => line !== '');
  return lines.map((line) => `  ${line}\n`).join('');
}

function keep(
  context: ProgramContext,
  options: Options,
  fileName: string,
  { body }: HttpOutcome,
): number {
  const say = (line: string): void => {
    if (!options.isQuiet) context.writeError(line);
  };
  if (options.isSpider) {
    say('remote file exists\n');
    return 0;
  }
  const isOut = fileName === '-';
  say(isOut ? 'writing to stdout\n' : `saving to '${fileName}'\n`);
  if (isOut) {
    context.writeBytes(body);
  } else if (!context.fileSystem.writeFile(fileName, body)) {
    context.writeError(`wget: can't open '${fileName}': No such file or directory\n`);
    return 1;
  }
  const label = (fileName.split('/').at(-1) ?? '').slice(0, 20).padEnd(20);
  say(`${label} 100% |${BAR}| ${String(body.length).padStart(5)}  0:00:00 ETA\n`);
  say(isOut ? 'written to stdout\n' : `'${fileName}' saved\n`);
  return 0;
}
