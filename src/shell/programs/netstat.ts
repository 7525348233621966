/** `netstat`: sockets and routes in the form of net-tools 2.10. @source net-tools 2.10 netstat.c */
import { nameOfAddress } from '../../apps/resolver.ts';
import { formatIpv4, maskOf } from '../../base/ipv4-address.ts';
import { serviceName } from '../../protocols/line-context.ts';
import { listRoutes } from '../../stack/fib.ts';
import { getopt } from '../getopt.ts';
import { nameSourcesOf } from '../name-sources.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';
import { type SocketRow, socketRows } from '../socket-rows.ts';

/** ss's names of states in netstat's spelling. */
const STATES: Readonly<Record<string, string>> = {
  ESTAB: 'ESTABLISHED',
  'SYN-SENT': 'SYN_SENT',
  'SYN-RECV': 'SYN_RECV',
  'FIN-WAIT-1': 'FIN_WAIT1',
  'FIN-WAIT-2': 'FIN_WAIT2',
  'TIME-WAIT': 'TIME_WAIT',
  'CLOSE-WAIT': 'CLOSE_WAIT',
  'LAST-ACK': 'LAST_ACK',
  UNCONN: '',
};
const ADDRESS_COLUMNS = 23;

export const netstat: ProgramDefinition = {
  name: 'netstat',
  async run(context) {
    const read = getopt(context.args, {
      short: 'rigsMvWneoplatuUwSx46cFCN',
      long: {
        route: 'r',
        numeric: 'n',
        programs: 'p',
        listening: 'l',
        all: 'a',
        tcp: 't',
        udp: 'u',
        raw: 'w',
        wide: 'W',
      },
    });
    const flags = new Set(read.options.map(({ name }) => name));
    for (const name of flags) {
      if (!'rnplatuw4W'.includes(name)) return refuse(context, 'netstat', `option -${name}`);
    }
    if (read.error !== null) {
      context.writeError(`netstat: ${read.error}\n`);
      return 4;
    }
    if (flags.has('r')) {
      context.write(routesText(context));
      return 0;
    }
    const isAny = flags.has('t') || flags.has('u') || flags.has('w');
    const rows = socketRows(context, {
      tcp: flags.has('t') || !isAny,
      udp: flags.has('u') || !isAny,
      raw: flags.has('w') || !isAny,
    });
    // netstat lists TCP first.
    const order = ['tcp', 'udp', 'raw'];
    const shown = rows
      .filter((row) => isShown(row, flags))
      .sort((a, b) => order.indexOf(a.protocol) - order.indexOf(b.protocol));
    context.write(headerText(flags));
    const names = flags.has('n') ? null : await namesOf(context, shown);
    for (const row of shown) context.write(rowText(row, flags, names));
    return 0;
  },
};

function isShown(row: SocketRow, flags: ReadonlySet<string>): boolean {
  const isListening = row.state === 'LISTEN' || row.state === 'UNCONN';
  if (flags.has('a')) return true;
  return flags.has('l') ? isListening : !isListening;
}

function headerText(flags: ReadonlySet<string>): string {
  const what = flags.has('a')
    ? 'servers and established'
    : flags.has('l')
      ? 'only servers'
      : 'w/o servers';
  const program = flags.has('p') ? ' PID/Program name    ' : '';
  const columns = 'Proto Recv-Q Send-Q Local Address           Foreign Address         State      ';
  return `Active Internet connections (${what})\n${columns}${program}\n`;
}

/** Host names of the addresses, as far as they have one. */
async function namesOf(
  context: ProgramContext,
  rows: readonly SocketRow[],
): Promise<ReadonlyMap<number, string>> {
  const names = new Map<number, string>();
  const addresses = new Set(rows.flatMap((row) => [row.localAddress, row.remoteAddress]));
  addresses.delete(0);
  await context.run('netstat', function* (process) {
    for (const address of addresses) {
      const name = yield* nameOfAddress(process, context.netns, nameSourcesOf(context), address);
      if (name !== null) names.set(address, name);
    }
    return 0;
  });
  return names;
}

function rowText(
  row: SocketRow,
  flags: ReadonlySet<string>,
  names: ReadonlyMap<number, string> | null,
): string {
  const place = (address: number, port: number): string => {
    const host =
      row.isIpv6 || (row.isDualStack && address === 0)
        ? '::'
        : (names?.get(address) ?? formatIpv4(address));
    const service =
      names === null ? null : serviceName(port, row.protocol === 'udp' ? 'udp' : 'tcp');
    const end = port === 0 ? '*' : (service ?? String(port));
    const wide = flags.has('W') ? host : host.slice(0, ADDRESS_COLUMNS - end.length - 1);
    return `${wide}:${end}`.padEnd(ADDRESS_COLUMNS);
  };
  const { receiveQueue, sendQueue, process } = row;
  // Of a listener netstat shows no backlog.
  const sent = row.state === 'LISTEN' ? 0 : sendQueue;
  const queues = `${String(receiveQueue).padStart(6)} ${String(sent).padStart(6)}`;
  const local = place(row.localAddress, row.localPort);
  const remote = place(row.remoteAddress, row.remotePort);
  const isUnconnected = row.state === 'UNCONN';
  const state = isUnconnected ? '' : (STATES[row.state] ?? row.state);
  const owner = process === null ? '-' : `${process.pid}/${process.name}`;
  const program = flags.has('p') ? ` ${owner.padEnd(20)}` : '';
  const protocol = `${row.protocol}${row.isIpv6 || row.isDualStack ? '6' : ''}`;
  return `${protocol.padEnd(5)} ${queues} ${local} ${remote} ${state.padEnd(11)}${program}\n`;
}

function routesText(context: ProgramContext): string {
  const column = (text: string): string => text.padEnd(15);
  let text = 'Kernel IP routing table\n';
  text += 'Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n';
  for (const route of listRoutes(context.netns)) {
    for (const hop of route.nextHops) {
      const isHost = route.prefixLength === 32;
      const flags = `U${hop.gateway !== 0 ? 'G' : ''}${isHost ? 'H' : ''}`;
      const target = formatIpv4(route.prefix);
      const gateway = formatIpv4(hop.gateway);
      const mask = formatIpv4(maskOf(route.prefixLength));
      text += `${column(target)} ${column(gateway)} ${column(mask)} ${flags.padEnd(5)} ${'0'.padStart(5)} ${'0'.padEnd(6)} ${'0'.padStart(5)} ${hop.device?.name ?? '*'}\n`;
    }
  }
  return text;
}
