/** curl's command line. @source curl 7.88 src/tool_getparam.c */
import { getopt } from '../getopt.ts';

export interface CurlOptions {
  readonly urls: readonly string[];
  readonly isSilent: boolean;
  readonly showsErrors: boolean;
  readonly isVerbose: boolean;
  readonly includesHeader: boolean;
  readonly isHead: boolean;
  readonly failsOnError: boolean;
  readonly followsRedirects: boolean;
  readonly maxRedirects: number;
  readonly usesRemoteName: boolean;
  readonly agent: string;
  readonly output: string | null;
  readonly writeOut: string;
  readonly method: string | null;
  readonly headers: readonly string[];
  readonly data: string | null;
  readonly dataInQuery: boolean;
  readonly interfaceName: string | null;
  readonly localPorts: { readonly first: number; readonly last: number } | null;
  readonly connectTimeoutMs: number;
  readonly maxTimeMs: number;
  /** `host:port` to address. */
  readonly resolve: ReadonlyMap<string, string>;
  readonly user: string | null;
  readonly range: string | null;
  readonly referer: string | null;
  readonly isHttp10: boolean;
}

/** Short options as getopt spells them; long ones with the letter or name they stand for. */
const SPEC = {
  short: 'sSvIifLkO4A:o:w:X:H:d:m:e:r:u:GN0#gaT:x:F:b:c:K:E:C:z:y:Y:t:Q:P:U:V6jlnpqBhMDJRZ2',
  long: {
    silent: 's',
    'show-error': 'S',
    verbose: 'v',
    head: 'I',
    include: 'i',
    fail: 'f',
    location: 'L',
    insecure: 'k',
    'remote-name': 'O',
    ipv4: '4',
    'user-agent': 'A:',
    output: 'o:',
    'write-out': 'w:',
    request: 'X:',
    header: 'H:',
    data: 'd:',
    'data-raw': 'data-raw:',
    'data-binary': 'data-raw:',
    'data-ascii': 'd:',
    'max-time': 'm:',
    referer: 'e:',
    range: 'r:',
    user: 'u:',
    get: 'G',
    'no-buffer': 'N',
    'http1.0': '0',
    'http1.1': 'http1.1',
    'local-port': 'local-port:',
    interface: 'interface:',
    'connect-timeout': 'connect-timeout:',
    resolve: 'resolve:',
    'max-redirs': 'max-redirs:',
    'progress-bar': '#',
    globoff: 'g',
    'path-as-is': 'path-as-is',
    version: 'V',
    compressed: 'compressed',
    'no-keepalive': 'no-keepalive',
    'no-progress-meter': 'no-progress-meter',
    noproxy: 'noproxy:',
    retry: 'retry:',
    proxy: 'x:',
    form: 'F:',
    'upload-file': 'T:',
    cookie: 'b:',
    'tcp-nodelay': 'tcp-nodelay',
  },
} as const;

const IGNORED = 'k4N#gS';
const IGNORED_LONG = new Set([
  'http1.1',
  'path-as-is',
  'no-keepalive',
  'no-progress-meter',
  'noproxy',
  'tcp-nodelay',
]);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<Omit<CurlOptions, 'headers' | 'resolve'>> & {
  headers: string[];
  resolve: Map<string, string>;
};

/** @returns the options; a text to print on stderr with exit code 2; or what is not emulated. */
export function readCurlOptions(
  args: readonly string[],
  agent = 'curl/7.88.1',
): CurlOptions | { readonly error: string } | { readonly refused: string } {
  const read = getopt(args, SPEC);
  const draft = emptyOptions(read.operands, agent);
  for (const { name, value } of read.options) {
    if (IGNORED.includes(name) && name !== 'S') continue;
    if (IGNORED_LONG.has(name)) continue;
    const problem = apply(draft, name, value);
    if (problem === 'unknown') return { refused: name.length === 1 ? `-${name}` : `--${name}` };
    if (problem !== null) return { error: `curl: ${problem}\n${TRY}` };
  }
  if (read.error !== null) return { error: `curl: ${wordsOf(read.error)}\n${TRY}` };
  if (draft.urls.length === 0) return { error: `curl: no URL specified!\n${TRY}` };
  return draft;
}

const TRY = "curl: try 'curl --help' or 'curl --manual' for more information\n";

function emptyOptions(urls: readonly string[], agent: string): Draft {
  return {
    urls,
    isSilent: false,
    showsErrors: false,
    isVerbose: false,
    includesHeader: false,
    isHead: false,
    failsOnError: false,
    followsRedirects: false,
    maxRedirects: 50,
    usesRemoteName: false,
    agent,
    output: null,
    writeOut: '',
    method: null,
    headers: [],
    data: null,
    dataInQuery: false,
    interfaceName: null,
    localPorts: null,
    connectTimeoutMs: 300_000,
    maxTimeMs: Number.POSITIVE_INFINITY,
    resolve: new Map(),
    user: null,
    range: null,
    referer: null,
    isHttp10: false,
  };
}

/** @returns null, `unknown`, or what is wrong. */
function apply(draft: Draft, name: string, value: string): string | null {
  switch (name) {
    case 's':
      draft.isSilent = true;
      break;
    case 'S':
      draft.showsErrors = true;
      break;
    case 'v':
      draft.isVerbose = true;
      break;
    case 'I':
      draft.isHead = true;
      break;
    case 'i':
      draft.includesHeader = true;
      break;
    case 'f':
      draft.failsOnError = true;
      break;
    case 'L':
      draft.followsRedirects = true;
      break;
    case 'O':
      draft.usesRemoteName = true;
      break;
    case 'G':
      draft.dataInQuery = true;
      break;
    case '0':
      draft.isHttp10 = true;
      break;
    default:
      return applyValue(draft, name, value);
  }
  return null;
}

function applyValue(draft: Draft, name: string, value: string): string | null {
  switch (name) {
    case 'A':
      draft.agent = value;
      return null;
    case 'o':
      draft.output = value;
      return null;
    case 'w':
      draft.writeOut = value;
      return null;
    case 'X':
      draft.method = value;
      return null;
    case 'H':
      draft.headers.push(value);
      return null;
    case 'd':
    case 'data-raw':
      if (name === 'd' && value.startsWith('@')) return 'unknown';
      draft.data = draft.data === null ? value : `${draft.data}&${value}`;
      return null;
    case 'e':
      draft.referer = value;
      return null;
    case 'r':
      draft.range = value;
      return null;
    case 'u':
      draft.user = value;
      return null;
    case 'interface':
      draft.interfaceName = value;
      return null;
    case 'resolve':
      return applyResolve(draft, value);
    default:
      return applyNumber(draft, name, value);
  }
}

function applyNumber(draft: Draft, name: string, value: string): string | null {
  const shown = name === 'm' ? '-m' : `--${name}`;
  const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : null;
  switch (name) {
    case 'm':
    case 'connect-timeout': {
      if (number === null) return `option ${shown}: expected a proper numerical parameter`;
      const ms = Math.round(number * 1000);
      if (name === 'm') draft.maxTimeMs = ms === 0 ? Number.POSITIVE_INFINITY : ms;
      else if (ms > 0) draft.connectTimeoutMs = ms;
      return null;
    }
    case 'max-redirs':
      if (number === null) return `option ${shown}: expected a proper numerical parameter`;
      draft.maxRedirects = number;
      return null;
    case 'local-port': {
      const match = /^(\d+)\s*(?:-\s*(\d+))?$/.exec(value);
      const first = Number(match?.[1] ?? 0);
      const last = Number(match?.[2] ?? first);
      if (first < 1 || last < first || last > 65535) {
        return `option ${shown}: is badly used here`;
      }
      draft.localPorts = { first, last };
      return null;
    }
    default:
      return 'unknown';
  }
}

function applyResolve(draft: Draft, value: string): string | null {
  const match = /^\+?([^:]+):(\d+):(.+)$/.exec(value);
  if (match === null) return 'option --resolve: is badly used here';
  draft.resolve.set(`${match[1]!.toLowerCase()}:${match[2]}`, match[3]!.split(',')[0]!);
  return null;
}

/** curl's own words for what getopt found wrong. */
function wordsOf(error: string): string {
  const name = /'(.*)'$/.exec(error)?.[1] ?? '';
  if (error.startsWith('unrecognized')) return `option ${name}: is unknown`;
  if (error.startsWith('invalid')) return `option -${name}: is unknown`;
  const shown = name.startsWith('-') ? name : `-${name}`;
  return `option ${shown}: requires parameter`;
}
