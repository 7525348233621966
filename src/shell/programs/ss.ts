/**
 * `ss`: sockets as iproute2 6.1 lists them when its output is no terminal.
 * @source iproute2 6.1 misc/ss.c render(), sock_state_print(); ss(8)
 */
import { formatIpv4, maskOf, parseCidr } from '../../base/ipv4-address.ts';
import { serviceName, servicePort } from '../../protocols/line-context.ts';
import { getopt } from '../getopt.ts';
import { type ProgramDefinition, refuse } from '../program.ts';
import { type SocketRow, socketRows } from '../socket-rows.ts';

const SPEC = {
  short: 'hVnraloempitudwx460HsKEONZzSbTMf:A:F:D:',
  long: {
    numeric: 'n',
    all: 'a',
    listening: 'l',
    processes: 'p',
    info: 'i',
    tcp: 't',
    udp: 'u',
    raw: 'w',
    ipv4: '4',
    'no-header': 'H',
    summary: 's',
    options: 'o',
    extended: 'e',
    memory: 'm',
    version: 'V',
    oneline: 'O',
  },
} as const;
const EMULATED = 'nalpitu4HswOo';

/** Names of states in filters, and those that ss uses. */
const STATE_NAMES: Readonly<Record<string, readonly string[]>> = {
  established: ['ESTAB'],
  'syn-sent': ['SYN-SENT'],
  'syn-recv': ['SYN-RECV'],
  'fin-wait-1': ['FIN-WAIT-1'],
  'fin-wait-2': ['FIN-WAIT-2'],
  'time-wait': ['TIME-WAIT'],
  closed: ['UNCONN'],
  'close-wait': ['CLOSE-WAIT'],
  'last-ack': ['LAST-ACK'],
  listening: ['LISTEN'],
  listen: ['LISTEN'],
  closing: ['CLOSING'],
};

type Test = (row: SocketRow) => boolean;

export const ss: ProgramDefinition = {
  name: 'ss',
  async run(context) {
    const read = getopt(context.args, SPEC);
    const flags = new Set(read.options.map(({ name }) => name));
    for (const name of flags) {
      if (name === 'V') {
        context.write('ss utility, iproute2-6.1.0\n');
        return 0;
      }
      if (!EMULATED.includes(name)) return refuse(context, 'ss', `option -${name}`);
    }
    if (read.error !== null) {
      context.writeError(
        `ss: ${read.error}\nUsage: ss [ OPTIONS ]\n       ss [ OPTIONS ] [ FILTER ]\n`,
      );
      return 255;
    }
    const isAny = flags.has('t') || flags.has('u') || flags.has('w');
    const kinds = {
      tcp: flags.has('t') || !isAny,
      udp: flags.has('u') || !isAny,
      raw: flags.has('w') || !isAny,
    };
    if (flags.has('s')) {
      context.write(summary(socketRows(context, { tcp: true, udp: true, raw: true })));
      return 0;
    }
    const filter = parseFilter(read.operands);
    if (typeof filter === 'string') {
      context.writeError(`ss: ${filter}\n`);
      return 255;
    }
    const rows = socketRows(context, kinds).filter(
      (row) =>
        (filter.states?.has(row.state) ?? isShown(row, flags)) &&
        filter.test(row) &&
        !((row.isIpv6 || row.isDualStack) && flags.has('4')),
    );
    const kindCount = Number(kinds.tcp) + Number(kinds.udp) + Number(kinds.raw);
    context.write(
      render(rows, {
        showsKind: kindCount > 1,
        showsState: filter.states?.size !== 1,
        isNumeric: flags.has('n'),
        showsProcess: flags.has('p'),
        showsInfo: flags.has('i'),
        hasHeader: !flags.has('H'),
      }),
    );
    return 0;
  },
};

/** Without a state filter: established ones, with -l only listening ones, with -a all. */
function isShown(row: SocketRow, flags: ReadonlySet<string>): boolean {
  const isListening = row.state === 'LISTEN' || row.state === 'UNCONN';
  if (flags.has('a')) return true;
  if (flags.has('l')) return isListening;
  return !isListening && row.state !== 'TIME-WAIT' && row.state !== 'SYN-RECV';
}

interface Filter {
  readonly states: ReadonlySet<string> | null;
  readonly test: Test;
}

/** `state S`, `sport = :80`, `dst 10.0.0.0/8`, joined by `and` and `or`. */
function parseFilter(words: readonly string[]): Filter | string {
  const tokens = words
    .join(' ')
    .replace(/[()]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');
  let states: Set<string> | null = null;
  let test: Test = () => true;
  let operator = 'and';
  let isFirst = true;
  for (let i = 0; i < tokens.length; ) {
    const word = tokens[i++]!;
    if (word === 'and' || word === '&&' || word === 'or' || word === '||') {
      operator = word === '||' ? 'or' : word;
      continue;
    }
    if (word === 'state') {
      const name = tokens[i++] ?? '';
      const known = name === 'connected' || name === 'all' ? [] : STATE_NAMES[name];
      if (known === undefined) return `wrong state name: ${name}`;
      states ??= new Set();
      for (const each of known) states.add(each);
      if (known.length === 0) states = null;
      continue;
    }
    const isEqual = tokens[i] !== '!=' && tokens[i] !== 'neq';
    if (['=', '==', 'eq', '!=', 'neq'].includes(tokens[i] ?? '')) i++;
    const one = makeTest(word, tokens[i++] ?? '');
    if (one === null) return `bison bellows (while parsing filter): "syntax error!"`;
    const next: Test = isEqual ? one : (row) => !one(row);
    const before = test;
    if (isFirst) test = next;
    else if (operator === 'or') test = (row) => before(row) || next(row);
    else test = (row) => before(row) && next(row);
    isFirst = false;
    operator = 'and';
  }
  return { states, test };
}

function makeTest(word: string, value: string): Test | null {
  if (word === 'sport' || word === 'dport') {
    const text = value.replace(/^:/, '');
    const port = /^\d+$/.test(text) ? Number(text) : servicePort(text);
    if (port === null) return null;
    return (row) => (word === 'sport' ? row.localPort : row.remotePort) === port;
  }
  if (word !== 'src' && word !== 'dst') return null;
  const [place = '', port] = value.split(':');
  const net = parseCidr(place);
  if (net === null) return null;
  const mask = maskOf(net.prefixLength);
  return (row) => {
    const address = word === 'src' ? row.localAddress : row.remoteAddress;
    const rowPort = word === 'src' ? row.localPort : row.remotePort;
    if ((address & mask) !== (net.address & mask)) return false;
    return port === undefined || rowPort === Number(port);
  };
}

interface RenderOptions {
  readonly showsKind: boolean;
  readonly showsState: boolean;
  readonly isNumeric: boolean;
  readonly showsProcess: boolean;
  readonly showsInfo: boolean;
  readonly hasHeader: boolean;
}

/** Columns as wide as their widest cell; addresses flush right, a space before most. */
function render(rows: readonly SocketRow[], options: RenderOptions): string {
  const header = ['Netid', 'State', 'Recv-Q', 'Send-Q', 'Local Address:', 'Port'];
  header.push('Peer Address:', 'Port', 'Process');
  const table = [header, ...rows.map((row) => cellsOf(row, options))];
  const isShown = (column: number): boolean =>
    (column !== 0 || options.showsKind) && (column !== 1 || options.showsState);
  const widths = header.map((_, column) =>
    Math.max(...table.map((cells) => cells[column]!.length)),
  );
  let text = '';
  table.forEach((cells, line) => {
    if (line === 0 && !options.hasHeader) return;
    const parts = cells.flatMap((cell, column) => {
      if (!isShown(column)) return [];
      const isRight = column === 4 || column === 6;
      const isJoined = column === 5 || column === 7 || column === 8;
      const width = widths[column]!;
      const padded = isRight ? cell.padStart(width) : cell.padEnd(width);
      return [isJoined ? padded : ` ${padded}`];
    });
    text += `${parts.join('').slice(1)}\n`;
    const row = line === 0 ? undefined : rows[line - 1];
    if (options.showsInfo && row !== undefined && row.tcp !== null) text += infoText(row);
  });
  return text;
}

function cellsOf(row: SocketRow, options: RenderOptions): string[] {
  const protocol = row.protocol === 'raw' ? 'tcp' : row.protocol;
  const port = (value: number): string => {
    if (value === 0) return '*';
    return (options.isNumeric ? null : serviceName(value, protocol)) ?? String(value);
  };
  const device = row.device === null ? '' : `%${row.device}`;
  const address = (value: number): string => {
    if (row.isDualStack) return value === 0 ? '*' : `[::ffff:${formatIpv4(value)}]`;
    return row.isIpv6 ? '[::]' : formatIpv4(value);
  };
  const { process } = row;
  const user =
    options.showsProcess && process !== null
      ? ` users:(("${process.name}",pid=${process.pid},fd=3))`
      : '';
  return [
    row.protocol,
    row.state,
    String(row.receiveQueue),
    String(row.sendQueue),
    `${address(row.localAddress)}${device}:`,
    port(row.localPort),
    `${address(row.remoteAddress)}:`,
    port(row.remotePort),
    user,
  ];
}

/** The line of -i, as far as netsim's TCP has the figures. */
function infoText(row: SocketRow): string {
  const { tcp } = row;
  if (tcp === null || row.state === 'LISTEN') return '\t cubic cwnd:10\n';
  const scale = tcp.isWindowScaling
    ? ` wscale:${tcp.sendWindowScale},${tcp.receiveWindowScale}`
    : '';
  return `\t${tcp.isTimestamps ? ' ts' : ''}${tcp.isSackOk ? ' sack' : ''} cubic${scale} mss:${tcp.mssCache} cwnd:${tcp.cwnd}\n`;
}

function summary(rows: readonly SocketRow[]): string {
  const count = (test: Test): number => rows.filter(test).length;
  const tcp = count((row) => row.protocol === 'tcp');
  const waiting = count((row) => row.state === 'TIME-WAIT');
  const established = count((row) => row.protocol === 'tcp' && row.state === 'ESTAB');
  const udp = count((row) => row.protocol === 'udp');
  const raw = count((row) => row.protocol === 'raw');
  const open = tcp - waiting;
  const line = (name: string, total: number): string =>
    `${name}\t  ${String(total).padEnd(9)} ${String(total).padEnd(9)} ${'0'.padEnd(9)}\n`;
  return (
    `Total: ${open + udp + raw}\n` +
    `TCP:   ${tcp} (estab ${established}, closed ${waiting}, orphaned 0, timewait ${waiting})\n\n` +
    `Transport Total     IP        IPv6\n${line('RAW', raw)}${line('UDP', udp)}${line('TCP', open)}` +
    `${line('INET', open + udp + raw)}${line('FRAG', 0)}\n`
  );
}
