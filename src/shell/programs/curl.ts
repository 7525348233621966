/**
 * `curl`: HTTP requests, with curl 7.88's outputs and exit codes.
 * @source curl 7.88 src/tool_operate.c
 */
import { type CurlEnd, endOfTransfer, expandWriteOut } from '../../apps/curl-text.ts';
import { type HttpOutcome, type HttpStep, requestHttp } from '../../apps/http-client.ts';
import { bytesOf } from '../../apps/http-message.ts';
import { resolveHost } from '../../apps/resolver.ts';
import { ERRNO } from '../../base/errors.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '../../base/ipv4-address.ts';
import { NS_PER_MS } from '../../base/units.ts';
import type { Device } from '../../engine/device.ts';
import type { Process, Program } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';
import { type CurlOptions, readCurlOptions } from './curl-options.ts';

interface Url {
  readonly text: string;
  readonly host: string;
  readonly port: number;
  readonly target: string;
  readonly user: string | null;
}

export const curl: ProgramDefinition = {
  name: 'curl',
  async run(context) {
    if (context.args.length === 0) {
      context.writeError("curl: try 'curl --help' or 'curl --manual' for more information\n");
      return 2;
    }
    if (context.args[0] === '--version' || context.args[0] === '-V') {
      context.write(`curl ${versionOf(context)} (netsim) \nProtocols: http\n`);
      return 0;
    }
    const options = readCurlOptions(context.args, `curl/${versionOf(context)}`);
    if ('refused' in options) return refuse(context, 'curl', `option ${options.refused}`);
    if ('error' in options) {
      context.writeError(options.error);
      return 2;
    }
    let exitCode = 0;
    for (const url of options.urls) {
      exitCode = await context.run('curl', (process) => transfer(process, context, options, url));
    }
    return exitCode;
  },
};

/** Debian 12 has 7.88, Debian 13 8.14. */
function versionOf({ machine }: ProgramContext): string {
  return machine.release === 'debian-13' ? '8.14.1' : '7.88.1';
}

/** One URL with the redirects after it. */
function* transfer(
  process: Process,
  context: ProgramContext,
  options: CurlOptions,
  text: string,
): Program {
  const startNs = timeNs(process.sim);
  let url = parseUrl(text);
  for (let redirects = 0; ; redirects++) {
    if ('exitCode' in url) return finish(context, options, url);
    const step = yield* fetchOnce(process, context, options, url, startNs, redirects);
    if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
    if (step.next === null) return finish(context, options, step.end, step.writeOut);
    if (redirects >= options.maxRedirects) {
      const message = `Maximum (${options.maxRedirects}) redirects followed`;
      return finish(context, options, { exitCode: 47, message });
    }
    url = parseUrl(step.next);
  }
}

function finish(
  context: ProgramContext,
  options: CurlOptions,
  end: CurlEnd,
  writeOut = '',
): number {
  if (end.exitCode !== 0 && (!options.isSilent || options.showsErrors)) {
    context.writeError(`curl: (${end.exitCode}) ${end.message}\n`);
  }
  context.write(writeOut);
  return end.exitCode;
}

interface Step {
  readonly end: CurlEnd;
  readonly writeOut: string;
  /** The URL to follow, or null. */
  readonly next: string | null;
}

function* fetchOnce(
  process: Process,
  context: ProgramContext,
  options: CurlOptions,
  url: Url,
  startNs: number,
  redirectCount: number,
): Program<Step> {
  const failed = (exitCode: number, message: string): Step => ({
    end: { exitCode, message },
    writeOut: '',
    next: null,
  });
  const source = findSource(context, options);
  if (source === null) return failed(45, `Couldn't bind to '${options.interfaceName}'`);
  const addresses = yield* addressesOf(process, context, options, url);
  if (addresses === null) return failed(6, `Could not resolve host: ${url.host}`);
  const resolvedNs = timeNs(process.sim);
  const method = methodOf(options);
  const request = bytesOf(requestText(options, url, method));
  const outcome = yield* requestHttp(process, context.netns, {
    addresses,
    port: url.port,
    method,
    request,
    localAddress: source.address,
    localPorts: source.device === null ? options.localPorts : null,
    device: source.device,
    connectUntilNs: startNs + options.connectTimeoutMs * NS_PER_MS,
    untilNs: startNs + options.maxTimeMs * NS_PER_MS,
    ...(options.isVerbose ? verboseHooks(context, url, requestText(options, url, method)) : {}),
  });
  if (options.isVerbose) {
    const { length } = outcome.body;
    context.writeError(`${length > 0 ? `{ [${length} bytes data]\n` : ''}* Closing connection 0\n`);
  }
  const endNs = timeNs(process.sim);
  const elapsedMs = Math.floor((endNs - startNs) / NS_PER_MS);
  const { host, port } = url;
  const { failsOnError } = options;
  const isNew = context.machine.release === 'debian-13';
  let end = endOfTransfer(outcome, { host, port, elapsedMs, failsOnError, isNew });
  const location = outcome.header?.fields.get('location');
  const isRedirect = outcome.status >= 300 && outcome.status < 400 && location !== undefined;
  const next = isRedirect ? joinUrl(url, location) : '';
  const isFollowed = isRedirect && options.followsRedirects;
  if (!writeReply(context, options, url, outcome, isFollowed, end)) {
    end = { exitCode: 23, message: 'Failure writing output to destination' };
  }
  if (isFollowed) return { end, writeOut: '', next };
  const { text, unknown } = expandWriteOut(options.writeOut, {
    outcome,
    end,
    url: url.text,
    port,
    method,
    requestBytes: request.length,
    redirectCount,
    redirectUrl: next,
    fileName: options.output ?? '',
    resolvedNs,
    startNs,
    endNs,
  });
  for (const name of unknown) {
    context.writeError(`curl: unknown --write-out variable: '${name}'\n`);
  }
  return { end, writeOut: text, next: null };
}

/** --interface: a device to bind to, or a local address; null: neither. */
function findSource(
  context: ProgramContext,
  options: CurlOptions,
): { device: Device | null; address: Ipv4 } | null {
  const { interfaceName } = options;
  if (interfaceName === null) return { device: null, address: 0 };
  const name = interfaceName.replace(/^(if|host)!/, '');
  const device = interfaceName.startsWith('host!')
    ? undefined
    : context.netns.deviceByName.get(name);
  if (device !== undefined) return { device, address: 0 };
  const address = parseIpv4(name);
  return address === null ? null : { device: null, address };
}

function* addressesOf(
  process: Process,
  context: ProgramContext,
  options: CurlOptions,
  url: Url,
): Program<readonly Ipv4[] | null> {
  const pinned = options.resolve.get(`${url.host.toLowerCase()}:${url.port}`);
  const address = pinned === undefined ? null : parseIpv4(pinned);
  if (address !== null) {
    if (options.isVerbose) {
      context.writeError(`* Added ${url.host}:${url.port}:${pinned} to DNS cache\n`);
      context.writeError(`* Hostname ${url.host} was found in DNS cache\n`);
    }
    return [address];
  }
  const found = yield* resolveHost(process, context.netns, nameSourcesOf(context), url.host);
  if (typeof found !== 'string') return found.addresses;
  if (options.isVerbose) context.writeError(`* Could not resolve host: ${url.host}\n`);
  return null;
}

function methodOf(options: CurlOptions): string {
  if (options.method !== null) return options.method;
  if (options.isHead) return 'HEAD';
  return options.data !== null && !options.dataInQuery ? 'POST' : 'GET';
}

function requestText(options: CurlOptions, url: Url, method: string): string {
  const own = new Set(options.headers.map((line) => line.split(/[:;]/)[0]!.toLowerCase()));
  const host = url.port === 80 ? url.host : `${url.host}:${url.port}`;
  const query =
    options.dataInQuery && options.data !== null
      ? `${url.target.includes('?') ? '&' : '?'}${options.data}`
      : '';
  const version = options.isHttp10 ? 'HTTP/1.0' : 'HTTP/1.1';
  const lines = [`${method} ${url.target}${query} ${version}`];
  const add = (name: string, value: string | null): void => {
    if (value !== null && value !== '' && !own.has(name.toLowerCase())) {
      lines.push(`${name}: ${value}`);
    }
  };
  for (const line of options.headers) if (/^host:/i.test(line)) lines.push(line);
  add('Host', host);
  const user = options.user ?? url.user;
  add('Authorization', user === null ? null : `Basic ${base64Of(user)}`);
  add('Range', options.range === null ? null : `bytes=${options.range}`);
  add('User-Agent', options.agent);
  add('Accept', '*/*');
  add('Referer', options.referer);
  const body = options.data !== null && !options.dataInQuery ? options.data : null;
  for (const line of options.headers) {
    const value = /^[^:]+:\s*(.*)$/.exec(line)?.[1];
    if (/^host:/i.test(line) || value === undefined || value === '') continue;
    lines.push(line);
  }
  if (body !== null) {
    add('Content-Length', String(bytesOf(body).length));
    add('Content-Type', 'application/x-www-form-urlencoded');
  }
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

/** Prints or stores what came. @returns whether it could be written. */
function writeReply(
  context: ProgramContext,
  options: CurlOptions,
  url: Url,
  outcome: HttpOutcome,
  isFollowed: boolean,
  end: CurlEnd,
): boolean {
  const showsHeader = options.includesHeader || options.isHead;
  const header = showsHeader ? bytesOf(outcome.headerText) : new Uint8Array(0);
  const body = isFollowed || end.exitCode === 22 ? new Uint8Array(0) : outcome.body;
  const all = new Uint8Array(header.length + body.length);
  all.set(header);
  all.set(body, header.length);
  const remoteName =
    url.target
      .replace(/[?#].*/, '')
      .split('/')
      .at(-1) ?? '';
  const file = options.usesRemoteName ? remoteName : options.output;
  if (file === null || file === '-') {
    if (all.length > 0) context.writeBytes(all);
    return true;
  }
  if (outcome.status === 0 || file === '/dev/null') return true;
  if (file === '') {
    context.writeError('curl: Remote file name has no length!\n');
    return false;
  }
  return context.fileSystem.writeFile(file, all);
}

function verboseHooks(context: ProgramContext, url: Url, request: string) {
  const say = (line: string): void => context.writeError(`${line}\n`);
  return {
    onStep: (step: HttpStep, _socket: unknown, address: Ipv4, errno: keyof typeof ERRNO | null) => {
      const place = `${formatIpv4(address)} port ${url.port}`;
      if (step === 'trying') say(`*   Trying ${formatIpv4(address)}:${url.port}...`);
      else if (step === 'connected') {
        say(`* Connected to ${url.host} (${formatIpv4(address)}) port ${url.port} (#0)`);
      } else if (step === 'sent') {
        const head = request.slice(0, request.indexOf('\r\n\r\n'));
        for (const line of head.split('\r\n')) say(`> ${line}\r`);
        say('> \r');
      } else if (step === 'connect-failed' && errno !== null && errno !== 'EAGAIN') {
        say(`* connect to ${place} failed: ${ERRNO[errno]}`);
        say(`* Failed to connect to ${url.host} port ${url.port}: Couldn't connect to server`);
      }
    },
    onHeader: (header: { readonly text: string }) => {
      for (const line of header.text.replace(/\n$/, '').split('\n')) say(`< ${line}`);
    },
  };
}

/** The parts of a URL; an end for one that curl would not fetch. */
function parseUrl(text: string): Url | CurlEnd {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase() ?? 'http';
  if (scheme === 'https') return { exitCode: 2, message: 'https is not emulated by netsim' };
  if (scheme !== 'http') {
    return {
      exitCode: 1,
      message: `Protocol "${scheme}" not supported or disabled in libcurl`,
    };
  }
  const bare = text.replace(/^[a-z]+:\/\//i, '');
  const match = /^(?:([^@/?#]*)@)?([^:/?#]+)(?::(\d*))?([/?][^#]*)?(?:#.*)?$/.exec(bare);
  const port = match?.[3] === undefined || match[3] === '' ? 80 : Number(match[3]);
  if (match === null || port > 65535 || /\s/.test(text)) {
    return { exitCode: 3, message: 'URL using bad/illegal format or missing URL' };
  }
  const path = match[4] ?? '/';
  const target = path.startsWith('?') ? `/${path}` : path;
  const whole = /:\/\//.test(text) ? text : `http://${text}`;
  const shown = match[4] === undefined ? `${whole}/` : whole;
  return { text: shown, host: match[2]!, port, target, user: match[1] ?? null };
}

function joinUrl(base: Url, location: string): string {
  if (/^[a-z]+:\/\//i.test(location)) return location;
  const origin = `http://${base.port === 80 ? base.host : `${base.host}:${base.port}`}`;
  if (location.startsWith('/')) return `${origin}${location}`;
  return `${origin}${base.target.replace(/[^/]*([?#].*)?$/, '')}${location}`;
}

function base64Of(text: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const bytes = bytesOf(text);
  let result = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let k = 0; k < 4; k++) {
      result += i + k > bytes.length ? '=' : digits[(word >> (18 - 6 * k)) & 63]!;
    }
  }
  return result;
}
