/** `ip xfrm state`. @source iproute2 ip/xfrm_state.c */
import { KernelError } from '../../base/errors.ts';
import {
  addXfrmState,
  allocateSpi,
  deleteXfrmState,
  findXfrmState,
  flushXfrmStates,
  listXfrmStates,
  updateXfrmState,
  type XfrmStateId,
  type XfrmStateSpec,
} from '../../stack/xfrm/control.ts';
import type { XfrmAlgorithm, XfrmLimits, XfrmState } from '../../stack/xfrm/xfrm-record.ts';
import type { IpCommand } from './ip-command.ts';
import { STATE_FLAGS, stateLines, type XfrmStyle } from './ip-xfrm-text.ts';
import { STATE_USAGE } from './ip-xfrm-usage.ts';
import {
  duplicate,
  isInPrefix,
  type Mutable,
  missing,
  takeFlags,
  takeId,
  takeLimit,
  takeMode,
  takeSelector,
  takeXfrmMark,
  XFRM_PROTOCOLS,
  type XfrmIdWords,
} from './ip-xfrm-words.ts';
import {
  CommandError,
  findCommand,
  notEmulated,
  peek,
  take,
  takeNumber,
  takeValue,
  type Words,
  wrongArgument,
} from './words.ts';

const COMMANDS = [
  'add',
  'update',
  'allocspi',
  'delete',
  'deleteall|delall',
  'list|show|lst',
  'get',
  'flush',
  'count',
  'help',
] as const;

export function ipXfrmState(command: IpCommand): number {
  const { context, netns, words } = command;
  const word = take(words);
  switch (word === null ? 'list|show|lst' : findCommand(word, COMMANDS)) {
    case 'add': {
      const spec = takeState(command);
      context.kernel(() => addXfrmState(netns, spec));
      return 0;
    }
    case 'update': {
      const spec = takeState(command);
      context.kernel(() => updateXfrmState(netns, spec));
      return 0;
    }
    case 'allocspi':
      return allocate(command);
    case 'delete': {
      const id = takeStateId(words);
      context.kernel(() => deleteXfrmState(netns, id));
      return 0;
    }
    case 'deleteall|delall': {
      const { isWanted } = takeFilter(words);
      context.kernel(() => {
        for (const state of listXfrmStates(netns).filter(isWanted)) deleteXfrmState(netns, state);
      });
      return 0;
    }
    case 'list|show|lst':
      return showStates(command);
    case 'get': {
      const id = takeStateId(words);
      const state = context.kernel(() => findXfrmState(netns, id));
      if (state === null) throw new KernelError('ESRCH');
      writeXfrm(command, stateLines(state, styleOf(command, true)));
      return 0;
    }
    case 'flush':
      return flush(command);
    case 'count':
      return showCount(command);
    case 'help':
      throw new CommandError(STATE_USAGE, 255);
    default:
      throw new CommandError(`Command "${word}" is unknown, try "ip xfrm state help".\n`, 255);
  }
}

/** Lines of one entry; with -o each ends with a backslash, the last one too. */
export function writeXfrm(command: IpCommand, lines: readonly string[]): void {
  const { isOneLine } = command.options;
  command.context.write(isOneLine ? `${lines.join('\\')}\\\n` : `${lines.join('\n')}\n`);
}

/** How states and policies are shown. */
export function styleOf(command: IpCommand, hasKeys: boolean): XfrmStyle {
  const { context, netns, options } = command;
  return {
    isWithStatistics: options.statistics > 0,
    hasKeys,
    epochSec: context.world.epochS,
    deviceName: (index) =>
      netns.devices.find((device) => device.index === index)?.name ?? `if${index}`,
  };
}

function showStates(command: IpCommand): number {
  const { isWanted, hasKeys } = takeFilter(command.words);
  const style = styleOf(command, hasKeys);
  for (const state of listXfrmStates(command.netns)) {
    if (isWanted(state)) writeXfrm(command, stateLines(state, style));
  }
  return 0;
}

function showCount(command: IpCommand): number {
  const count = listXfrmStates(command.netns).length;
  const buckets =
    command.options.statistics > 0
      ? ` (buckets count ${bucketsFor(count)} Max ${BUCKETS_MAX})`
      : '';
  command.context.write(`\t SAD count ${count}${buckets}\n`);
  return 0;
}

const BUCKETS_MAX = 1048576;

/** The hash tables double when there are more states than buckets. @source xfrm_hash_grow_check() */
function bucketsFor(count: number): number {
  let buckets = 8;
  while (count > buckets && buckets < BUCKETS_MAX) buckets *= 2;
  return buckets;
}

function flush(command: IpCommand): number {
  const { context, netns, words } = command;
  let protocol = 0;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word !== 'proto') throw wrongArgument(word, 'unknown');
    const name = takeValue(words);
    protocol = XFRM_PROTOCOLS[name] ?? -1;
    if (protocol < 0) throw wrongArgument(name, 'XFRM-PROTO value is invalid');
    if (name === 'ipsec-any') protocol = 0;
  }
  context.kernel(() => flushXfrmStates(netns, protocol));
  return 0;
}

/** ID and mark of `get` and `delete`. */
function takeStateId(words: Words): XfrmStateId {
  let id: Partial<XfrmIdWords> | null = null;
  let mark: XfrmStateId['mark'];
  for (let word = peek(words); word !== null; word = peek(words)) {
    if (word === 'mark') {
      words.at++;
      mark = takeXfrmMark(words);
    } else {
      if (id !== null) throw wrongArgument(word, 'unknown');
      id = takeId(words, false);
    }
  }
  return {
    target: id?.target ?? 0,
    protocol: id?.protocol ?? 0,
    spi: id?.spi ?? 0,
    ...(mark === undefined ? {} : { mark }),
  };
}

interface Filter {
  readonly isWanted: (state: XfrmState) => boolean;
  readonly hasKeys: boolean;
}

function takeFilter(words: Words): Filter {
  let id: Partial<XfrmIdWords> | null = null;
  let hasKeys = true;
  const tests: Array<(state: XfrmState) => boolean> = [];
  for (let word = peek(words); word !== null; word = peek(words)) {
    if (word === 'nokeys') {
      words.at++;
      hasKeys = false;
    } else if (word === 'mode') {
      words.at++;
      const mode = takeMode(words);
      tests.push((state) => state.mode === mode);
    } else if (word === 'reqid') {
      words.at++;
      const reqid = takeNumber(words, 'REQID value is invalid');
      tests.push((state) => state.reqid === reqid);
    } else if (word === 'flag') {
      words.at++;
      const flags = takeFlags(words, STATE_FLAGS);
      tests.push((state) => (state.flags & flags) !== 0);
    } else {
      if (id !== null) throw wrongArgument(word, 'unknown');
      const wanted = takeId(words, true);
      id = wanted;
      tests.push((state) => isOfId(state, wanted));
    }
  }
  return { isWanted: (state) => tests.every((test) => test(state)), hasKeys };
}

function isOfId(state: XfrmState, id: Partial<XfrmIdWords>): boolean {
  return (
    isInPrefix(state.source, id.source, id.sourceLength) &&
    isInPrefix(state.target, id.target, id.targetLength) &&
    (id.protocol === undefined || id.protocol === 255 || id.protocol === state.protocol) &&
    (id.spi === undefined || id.spi === state.spi)
  );
}

function allocate(command: IpCommand): number {
  const { context, netns, words } = command;
  const spec: Partial<Mutable<XfrmStateSpec>> = {};
  let id: Partial<XfrmIdWords> | null = null;
  let lowest: number | null = null;
  let highest: number | null = null;
  for (let word = peek(words); word !== null; word = peek(words)) {
    words.at++;
    if (word === 'mode') spec.mode = takeMode(words);
    else if (word === 'mark') spec.mark = takeXfrmMark(words);
    else if (word === 'reqid') spec.reqid = takeNumber(words, 'REQID value is invalid');
    else if (word === 'seq') spec.sequence = takeNumber(words, 'SEQ value is invalid');
    else if (word === 'min') lowest = takeNumber(words, 'value after "min" is invalid');
    else if (word === 'max') highest = takeNumber(words, 'value after "max" is invalid');
    else {
      if (id !== null) throw wrongArgument(word, 'unknown');
      words.at--;
      id = takeId(words, false);
    }
  }
  if (id === null) throw new CommandError('Not enough information: ID is required\n', 1);
  if (lowest !== null && highest === null) throw new CommandError('"max" is missing\n', 1);
  if (lowest === null && highest !== null) throw new CommandError('"min" is missing\n', 1);
  const range = [lowest ?? 0x100, highest ?? 0x0fffffff] as const;
  if (range[0] > range[1]) {
    const text = 'value after "min" is larger than value after "max"\n';
    throw new CommandError(text, 1);
  }
  const wanted = {
    ...spec,
    source: id.source ?? 0,
    target: id.target ?? 0,
    protocol: id.protocol ?? 0,
  };
  const state = context.kernel(() => allocateSpi(netns, wanted, ...range));
  writeXfrm(command, stateLines(state, styleOf(command, true)));
  return 0;
}

const ALGORITHMS = ['enc', 'auth', 'comp', 'aead', 'auth-trunc'];
const NOT_EMULATED = [
  'encap',
  'coa',
  'ctx',
  'offload',
  'if_id',
  'tfcpad',
  'pcpu-num',
  'extra-flag',
];

/** What `add` and `update` say. */
function takeState(command: IpCommand): XfrmStateSpec {
  const { words } = command;
  const spec: Partial<Mutable<XfrmStateSpec>> = {};
  const algorithms: XfrmAlgorithm[] = [];
  const limits: Partial<Mutable<XfrmLimits>> = {};
  let id: Partial<XfrmIdWords> | null = null;
  for (let word = peek(words); word !== null; word = peek(words)) {
    words.at++;
    if (word === 'limit') takeLimit(words, limits);
    else if (word === 'sel') spec.selector = takeSelector(words, command.netns);
    else if (ALGORITHMS.includes(word)) algorithms.push(takeAlgorithm(words, word, algorithms));
    else if (NOT_EMULATED.includes(word)) throw notEmulated('ip', `xfrm state ${word}`);
    else if (!takeStateWord(words, word, spec)) {
      if (id !== null) throw wrongArgument(word, 'unknown');
      words.at--;
      id = takeId(words, false);
    }
  }
  if (id === null) throw new CommandError('Not enough information: ID is required\n', 1);
  checkAlgorithms(id.protocol ?? 0, algorithms);
  return {
    ...spec,
    source: id.source ?? 0,
    target: id.target ?? 0,
    protocol: id.protocol ?? 0,
    spi: id.spi ?? 0,
    algorithms,
    limits,
  };
}

/** A word with one value; false: it is none of these. */
function takeStateWord(words: Words, word: string, spec: Partial<Mutable<XfrmStateSpec>>): boolean {
  const number = (): number => takeNumber(words, `value after "${word}" is invalid`);
  if (word === 'mode') spec.mode = takeMode(words);
  else if (word === 'mark') spec.mark = takeXfrmMark(words);
  else if (word === 'reqid') spec.reqid = takeNumber(words, 'REQID value is invalid');
  else if (word === 'seq') spec.sequence = takeNumber(words, 'SEQ value is invalid');
  else if (word === 'replay-window') spec.replayWindow = number();
  else if (word === 'replay-seq') spec.sequenceIn = number();
  else if (word === 'replay-oseq') spec.sequenceOut = number();
  else if (word === 'flag') spec.flags = takeFlags(words, STATE_FLAGS);
  else if (word === 'dir') takeValue(words);
  else if (word === 'output-mark') spec.outputMark = takeXfrmMark(words);
  else return false;
  return true;
}

function takeAlgorithm(words: Words, kind: string, known: readonly XfrmAlgorithm[]): XfrmAlgorithm {
  const has = (...kinds: string[]): boolean => known.some((each) => kinds.includes(each.kind));
  const isTaken =
    (kind === 'aead' && has('enc', 'auth', 'auth-trunc', 'aead')) ||
    (kind === 'enc' && has('enc', 'aead')) ||
    (kind.startsWith('auth') && has('auth', 'auth-trunc', 'aead')) ||
    (kind === 'comp' && has('comp'));
  if (isTaken) throw duplicate('ALGO-TYPE', kind);
  const name = take(words);
  if (name === null) throw missing('ALGO-NAME');
  const keyText = kind === 'comp' ? '' : take(words);
  if (keyText === null) throw missing('ALGO-KEYMAT');
  let icvBits = 0;
  if (kind === 'aead' || kind === 'auth-trunc') {
    const what = kind === 'aead' ? 'ALGO-ICV-LEN' : 'ALGO-TRUNC-LEN';
    if (peek(words) === null) throw missing(what);
    icvBits = takeNumber(words, `${what} value is invalid`);
  }
  // One of ALGORITHMS.
  return { kind: kind as XfrmAlgorithm['kind'], name, key: readKey(keyText), icvBits };
}

const KEY_BYTES_MAX = 512;

/** `0x` and hexadecimal digits, or the text itself. @source xfrm_algo_parse() */
function readKey(text: string): Uint8Array {
  const isHex = text.length > 2 && text.startsWith('0x');
  const digits = isHex ? text.slice(2) : '';
  const length = isHex ? (digits.length + 1) >> 1 : text.length;
  if (length > KEY_BYTES_MAX) {
    throw wrongArgument(text, 'ALGO-KEYMAT value makes buffer overflow\n');
  }
  if (!isHex) return new TextEncoder().encode(text);
  if (!/^[\da-f]*$/i.test(digits)) throw wrongArgument(text, 'ALGO-KEYMAT value is invalid');
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(even.slice(2 * i, 2 * i + 2), 16));
}

/** Which algorithms a protocol needs and may not have. */
function checkAlgorithms(protocol: number, algorithms: readonly XfrmAlgorithm[]): void {
  const has = (...kinds: string[]): boolean => algorithms.some((each) => kinds.includes(each.kind));
  const fail = (text: string): CommandError => new CommandError(`${text}\n`, 1);
  if (protocol === XFRM_PROTOCOLS.esp) {
    if (has('comp')) {
      throw fail('ALGO-TYPE value "comp" is invalid with XFRM-PROTO value "esp"');
    }
    if (!has('enc', 'aead')) {
      throw fail('ALGO-TYPE value "enc" or "aead" is required with XFRM-PROTO value "esp"');
    }
  } else if (protocol === XFRM_PROTOCOLS.ah) {
    if (has('enc', 'aead', 'comp')) {
      throw fail(
        'ALGO-TYPE values "enc", "aead", and "comp" are invalid with XFRM-PROTO value "ah"',
      );
    }
    if (!has('auth', 'auth-trunc')) {
      throw fail('ALGO-TYPE value "auth" or "auth-trunc" is required with XFRM-PROTO value "ah"');
    }
  } else if (protocol === XFRM_PROTOCOLS.comp) {
    if (has('enc', 'auth', 'auth-trunc', 'aead')) {
      throw fail(
        'ALGO-TYPE values "enc", "auth", "auth-trunc", and "aead" are invalid with XFRM-PROTO value "comp"',
      );
    }
    if (!has('comp')) throw fail('ALGO-TYPE value "comp" is required with XFRM-PROTO value "comp"');
  }
}
