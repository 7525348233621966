/** `wget`: fetches a file over HTTP, in the words of GNU Wget 1.21 when its output is no terminal. */
import { requestHttp } from '../../apps/http-client.ts';
import { bytesOf } from '../../apps/http-message.ts';
import { RESOLVE_ERRORS, resolveHost } from '../../apps/resolver.ts';
import { calendarOf, formatClock } from '../../apps/wall-clock.ts';
import { ERRNO } from '../../base/errors.ts';
import { formatIpv4, parseIpv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import type { Process, Program } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

/** Exit codes of wget(1). */
const EXIT_FILE = 3;
const EXIT_NETWORK = 4;
const EXIT_SERVER = 8;
/** Redirections that are followed. */
const REDIRECTS_MAX = 20;

interface Options {
  readonly isQuiet: boolean;
  readonly isTerse: boolean;
  readonly output: string | null;
  readonly timeoutSec: number;
  readonly tries: number;
  readonly isSpider: boolean;
}

export const wget: ProgramDefinition = {
  name: 'wget',
  async run(context) {
    const read = getopt(context.args, {
      short: 'qO:T:t:SnU:P:cvd4',
      long: {
        quiet: 'q',
        'output-document': 'O:',
        timeout: 'T:',
        tries: 't:',
        spider: 'spider',
        'user-agent': 'U:',
        'no-verbose': 'terse',
        'no-check-certificate': '4',
      },
    });
    let options: Options = {
      isQuiet: false,
      isTerse: false,
      output: null,
      timeoutSec: 900,
      tries: 20,
      isSpider: false,
    };
    let agent = 'Wget/1.21.3';
    // -nv is one option of two letters.
    for (const { name, value } of read.options) {
      if (name === 'q') options = { ...options, isQuiet: true };
      else if (name === 'n' || name === 'terse') options = { ...options, isTerse: true };
      else if (name === 'O') options = { ...options, output: value };
      else if (name === 'T') options = { ...options, timeoutSec: Number(value) || 900 };
      else if (name === 't') options = { ...options, tries: Number(value) || 20 };
      else if (name === 'spider') options = { ...options, isSpider: true };
      else if (name === 'U') agent = value;
      else if (!'v4'.includes(name)) return refuse(context, 'wget', `option -${name}`);
    }
    if (read.error !== null || read.operands.length === 0) {
      const problem = read.error ?? 'missing URL';
      context.writeError(`wget: ${problem}\nUsage: wget [OPTION]... [URL]...\n`);
      return read.error === null ? 1 : 2;
    }
    let exitCode = 0;
    for (const url of read.operands) {
      const code = await context.run('wget', (process) =>
        fetchUrl(process, context, options, agent, url),
      );
      if (code !== 0) exitCode = code;
    }
    return exitCode;
  },
};

function* fetchUrl(
  process: Process,
  context: ProgramContext,
  options: Options,
  agent: string,
  text: string,
): Program {
  let url = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  const say = (line: string): void => {
    if (!options.isQuiet && !options.isTerse) context.writeError(line);
  };
  for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
    const match = /^http:\/\/([^:/?#]+)(?::(\d+))?([/?][^#]*)?$/i.exec(url);
    if (match === null) {
      context.writeError(`${url}: Unsupported scheme or invalid URL.\n`);
      return 1;
    }
    const host = match[1]!;
    const port = Number(match[2] ?? 80);
    const path = match[3] ?? '/';
    const shown = match[3] === undefined ? `${url}/` : url;
    say(`--${stamp(process, context)}--  ${shown}\n`);
    const location = yield* fetchOnce(process, context, { options, agent, host, port, path, say });
    if (typeof location === 'number') return location;
    say(`Location: ${location} [following]\n`);
    url = location.startsWith('/')
      ? `http://${host}${port === 80 ? '' : `:${port}`}${location}`
      : location;
  }
  context.writeError(`${REDIRECTS_MAX} redirections exceeded.\n`);
  return EXIT_SERVER;
}

interface Fetch {
  readonly options: Options;
  readonly agent: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly say: (line: string) => void;
}

/** @returns the exit code, or where the server says to go. */
function* fetchOnce(
  process: Process,
  context: ProgramContext,
  fetch: Fetch,
): Program<number | string> {
  const { options, host, port, path, say } = fetch;
  const found = yield* resolveHost(process, context.netns, nameSourcesOf(context), host);
  const isLiteral = parseIpv4(host) !== null;
  if (typeof found === 'string') {
    say(`Resolving ${host} (${host})... failed: ${RESOLVE_ERRORS[found]}.\n`);
    if (!options.isQuiet) {
      context.writeError(`wget: unable to resolve host address '${host}'\n`);
    }
    return EXIT_NETWORK;
  }
  const address = formatIpv4(found.addresses[0]!);
  if (!isLiteral)
    say(`Resolving ${host} (${host})... ${found.addresses.map(formatIpv4).join(', ')}\n`);
  const place = isLiteral ? `${host}:${port}` : `${host} (${host})|${address}|:${port}`;
  const hostField = port === 80 ? host : `${host}:${port}`;
  const method = options.isSpider ? 'HEAD' : 'GET';
  const request = `${method} ${path} HTTP/1.1\r\nHost: ${hostField}\r\nUser-Agent: ${fetch.agent}\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: Keep-Alive\r\n\r\n`;
  const startNs = timeNs(process.sim);
  const outcome = yield* requestHttp(process, context.netns, {
    addresses: found.addresses,
    port,
    method,
    request: bytesOf(request),
    localAddress: 0,
    localPorts: null,
    device: null,
    connectUntilNs: startNs + options.timeoutSec * NS_PER_SEC,
    untilNs: startNs + options.timeoutSec * NS_PER_SEC,
  });
  if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
  if (outcome.remoteAddress === 0) {
    const why = outcome.errno === 'EAGAIN' ? ERRNO.ETIMEDOUT : ERRNO[outcome.errno ?? 'ETIMEDOUT'];
    say(`Connecting to ${place}... failed: ${why}.\n`);
    return EXIT_NETWORK;
  }
  say(`Connecting to ${place}... connected.\nHTTP request sent, awaiting response... `);
  if (outcome.status === 0) {
    say('No data received.\n');
    return EXIT_NETWORK;
  }
  const reason = outcome.header?.startLine.split(' ').slice(2).join(' ') ?? '';
  say(`${outcome.status} ${reason}\n`);
  const location = outcome.header?.fields.get('location');
  if (outcome.status >= 300 && outcome.status < 400 && location !== undefined) return location;
  if (outcome.status >= 400) {
    say(`${stamp(process, context)} ERROR ${outcome.status}: ${reason}.\n\n`);
    return EXIT_SERVER;
  }
  return store(process, context, fetch, outcome.body, outcome.header?.fields.get('content-type'));
}

function store(
  process: Process,
  context: ProgramContext,
  fetch: Fetch,
  body: Uint8Array,
  type: string | undefined,
): number {
  const { options, path, say } = fetch;
  const size = body.length;
  say(`Length: ${size}${type === undefined ? '' : ` [${type}]`}\n`);
  if (options.isSpider) {
    say('Remote file exists.\n\n');
    return 0;
  }
  const name =
    path
      .replace(/[?#].*/, '')
      .split('/')
      .at(-1) || 'index.html';
  const file = options.output ?? name;
  const shown = file === '-' ? 'STDOUT' : file;
  say(`Saving to: '${shown}'\n\n     0K${' '.repeat(51)}100% 1.00M=0s\n\n`);
  if (file === '-') {
    context.writeBytes(body);
    say(`${stamp(process, context)} (1.00 MB/s) - written to stdout [${size}/${size}]\n\n`);
    return 0;
  }
  if (!context.fileSystem.writeFile(file, body)) {
    context.writeError(`${file}: No such file or directory\n`);
    return EXIT_FILE;
  }
  say(`${stamp(process, context)} (1.00 MB/s) - '${shown}' saved [${size}/${size}]\n\n`);
  return 0;
}

function stamp(process: Process, context: ProgramContext): string {
  const date = calendarOf(context.world.epochS + Math.floor(timeNs(process.sim) / NS_PER_SEC));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.year}-${two(date.month)}-${two(date.day)} ${formatClock(date)}`;
}
