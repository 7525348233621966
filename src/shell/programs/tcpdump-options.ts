/** tcpdump's command line. @source tcpdump 4.99 tcpdump.c main() */
import { getopt } from '../getopt.ts';

export interface TcpdumpOptions {
  readonly device: string | null;
  readonly count: number | null;
  readonly onlyCounts: boolean;
  readonly readFile: string | null;
  readonly writeFile: string | null;
  readonly isNumeric: boolean;
  readonly isNumbered: boolean;
  readonly isPromiscuous: boolean;
  readonly showsLink: boolean;
  readonly isQuick: boolean;
  readonly isAbsolute: boolean;
  readonly verbosity: number;
  /** -t given so many times: 0 to 5. */
  readonly timeStyle: number;
  readonly dump: 'none' | 'hex' | 'hex-link' | 'both' | 'both-link' | 'ascii' | 'ascii-link';
  readonly snapBytes: number;
  readonly direction: 'in' | 'out' | null;
  readonly hasNanoseconds: boolean;
  readonly printsToo: boolean;
  readonly listsDevices: boolean;
  readonly showsVersion: boolean;
  readonly filter: string;
}

const SNAP_DEFAULT_BYTES = 262144;

const SPEC = {
  short: 'AbB:c:C:dDeE:fF:G:hHi:IJj:KlLm:M:nNOpqQ:r:s:StT:uUvV:w:W:xXy:z:Z:#',
  long: {
    interface: 'i:',
    'list-interfaces': 'D',
    'no-promiscuous-mode': 'p',
    'absolute-tcp-sequence-numbers': 'S',
    'snapshot-length': 's:',
    number: '#',
    direction: 'Q:',
    count: 'count',
    print: 'print',
    micro: 'micro',
    nano: 'nano',
    'time-stamp-precision': 'precision:',
    'immediate-mode': 'immediate',
    'packet-buffered': 'U',
    version: 'version',
    help: 'h',
    'dont-verify-checksums': 'K',
  },
} as const;

const IGNORED = new Set(['l', 'U', 'immediate', 'O', 'K', 'f', 'u', 'B', 'Z', 'j', 'micro', 'N']);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** @returns the options; a message for stderr (exit code 1); or an option that is not emulated. */
export function readTcpdumpOptions(
  args: readonly string[],
): TcpdumpOptions | { readonly error: string } | { readonly refused: string } {
  const read = getopt(args, { ...SPEC, stopsAtOperand: true });
  const draft: Mutable<TcpdumpOptions> = {
    device: null,
    count: null,
    onlyCounts: false,
    readFile: null,
    writeFile: null,
    isNumeric: false,
    isNumbered: false,
    isPromiscuous: true,
    showsLink: false,
    isQuick: false,
    isAbsolute: false,
    verbosity: 0,
    timeStyle: 0,
    dump: 'none',
    snapBytes: SNAP_DEFAULT_BYTES,
    direction: null,
    hasNanoseconds: false,
    printsToo: false,
    listsDevices: false,
    showsVersion: false,
    filter: read.operands.join(' '),
  };
  for (const { name, value } of read.options) {
    if (IGNORED.has(name)) continue;
    const error = applyFlag(draft, name) ?? applyValue(draft, name, value);
    if (error === 'unknown') return { refused: name.length === 1 ? `-${name}` : `--${name}` };
    if (error !== '') return { error: `tcpdump: ${error}\n` };
  }
  if (read.error !== null) return { error: `tcpdump: ${read.error}\n` };
  return draft;
}

/** @returns the empty text, or null if the option is none of these. */
function applyFlag(draft: Mutable<TcpdumpOptions>, name: string): string | null {
  switch (name) {
    case 'n':
      draft.isNumeric = true;
      return '';
    case '#':
      draft.isNumbered = true;
      return '';
    case 'p':
      draft.isPromiscuous = false;
      return '';
    case 'e':
      draft.showsLink = true;
      return '';
    case 'q':
      draft.isQuick = true;
      return '';
    case 'S':
      draft.isAbsolute = true;
      return '';
    case 'v':
      draft.verbosity++;
      return '';
    case 't':
      draft.timeStyle++;
      return '';
    case 'D':
      draft.listsDevices = true;
      return '';
    case 'count':
      draft.onlyCounts = true;
      return '';
    case 'nano':
      draft.hasNanoseconds = true;
      return '';
    case 'print':
      draft.printsToo = true;
      return '';
    case 'version':
    case 'h':
      draft.showsVersion = true;
      return '';
    case 'x':
      draft.dump = draft.dump === 'hex' ? 'hex-link' : 'hex';
      return '';
    case 'X':
      draft.dump = draft.dump === 'both' ? 'both-link' : 'both';
      return '';
    case 'A':
      draft.dump = draft.dump === 'ascii' ? 'ascii-link' : 'ascii';
      return '';
    default:
      return null;
  }
}

/** @returns the empty text, `unknown`, or a message. */
function applyValue(draft: Mutable<TcpdumpOptions>, name: string, value: string): string {
  const number = /^\d+$/.test(value) ? Number(value) : null;
  switch (name) {
    case 'i':
      draft.device = value;
      return '';
    case 'c':
      if (number === null || number === 0) return `invalid packet count ${value}`;
      draft.count = number;
      return '';
    case 'r':
      draft.readFile = value;
      return '';
    case 'w':
      draft.writeFile = value;
      return '';
    case 's':
      if (number === null) return `invalid snaplen ${value} (must be >= 0 and <= 262144)`;
      draft.snapBytes = number === 0 ? SNAP_DEFAULT_BYTES : number;
      return '';
    case 'Q':
      if (value !== 'in' && value !== 'out' && value !== 'inout') {
        return `unknown capture direction \`${value}'`;
      }
      draft.direction = value === 'inout' ? null : value;
      return '';
    case 'precision':
      draft.hasNanoseconds = value === 'nano';
      return '';
    case 'y':
      return value === 'EN10MB' ? '' : 'unknown';
    default:
      return 'unknown';
  }
}
