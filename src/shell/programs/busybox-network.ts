/**
 * What busybox's `ip`, `ifconfig`, `arp` and `traceroute` print otherwise than iproute2, net-tools and the
 * traceroute of Debian; what they do is the same.
 * @source busybox 1.35 networking/interface.c, arp.c, traceroute.c, libiproute/ipaddress.c
 */
import { formatIpv4 } from '../../base/ipv4-address.ts';
import { formatMacHalves } from '../../base/mac-address.ts';
import type { Device } from '../../engine/device.ts';
import { listAddresses } from '../../stack/address.ts';
import { deviceOperState } from '../../stack/link.ts';
import { listNeighbours } from '../../stack/neighbour.ts';
import { NUD_VALID } from '../../stack/neighbour-table.ts';
import type { ProgramContext, ProgramDefinition } from '../program.ts';
import { macText } from './format.ts';
import { ip } from './ip.ts';
import { arp, ifconfig } from './net-tools.ts';
import { traceroute } from './traceroute.ts';

/** Bytes of a probe if the user names no length. */
const PROBE_BYTES = '46';

export const busyboxIp: ProgramDefinition = {
  name: 'ip',
  async run(context) {
    const isPlain = context.args.every((word) => !/^-(d|s|br|j|p|c)/.test(word));
    if (!isPlain) return ip.run(context);
    let text = '';
    const exitCode = await ip.run(changed(context, { write: (piece) => (text += piece) }));
    context.write(text.split('\n').map(asBusybox).join('\n'));
    return exitCode;
  },
};

/** One line of `ip addr`, `ip link`, `ip route` or `ip neigh` in busybox's words. */
function asBusybox(line: string): string {
  if (/^\d+: /.test(line)) {
    // The other end in another namespace has no flags that it could read.
    const flags = / link-netns/.test(line)
      ? line
      : line.replace(/^(\d+: \S+@if\d+: <[^>]*)>/, '$1,M-DOWN>');
    return flags.replace(/mode DEFAULT |group default /g, '');
  }
  if (line.startsWith('    link/')) return line.replace(/ link-netns(id)? \S+$/, '');
  if (/ dev \S+ .*(REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|NOARP|PERMANENT)/.test(line)) {
    const probes = / FAILED/.test(line) ? 6 : 1;
    return line.replace(/ (?=[A-Z]+ $)/, ` used 0/0/0 probes ${probes} `).trimEnd();
  }
  return line
    .replace(/ proto \S+/, '')
    .replace(/ (src|metric) /g, '  $1 ')
    .replace(/ linkdown /, ' ');
}

export const busyboxIfconfig: ProgramDefinition = {
  name: 'ifconfig',
  async run(context) {
    const { netns } = context;
    const words = context.args.filter((word) => word !== '-a');
    const [name] = words;
    if (words.length > 1) return ifconfig.run(context);
    if (name === undefined) {
      const isAll = context.args.includes('-a');
      const shown = [...netns.devices].filter((device) => isAll || device.isUp);
      shown.sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const device of shown) context.write(interfaceText(device));
      return 0;
    }
    const device = netns.deviceByName.get(name);
    if (device === undefined) {
      context.writeError(
        `ifconfig: ${name}: error fetching interface information: Device not found\n`,
      );
      return 1;
    }
    context.write(interfaceText(device));
    return 0;
  },
};

function interfaceText(device: Device): string {
  const state = deviceOperState(device);
  const isRunning = device.isUp && (state === 'UP' || state === 'UNKNOWN');
  const start = `${device.name.padEnd(9)} Link encap:`;
  const head = device.isLoopback
    ? `${start}Local Loopback  `
    : `${start}Ethernet  HWaddr ${macText(device).toUpperCase()}  `;
  const lines = [head];
  const [first] = listAddresses(device);
  if (first !== undefined) {
    const broadcast = device.isLoopback ? '' : ` Bcast:${formatIpv4(first.broadcast)} `;
    lines.push(
      `inet addr:${formatIpv4(first.address)} ${broadcast} Mask:${formatIpv4(first.mask)}`,
    );
  }
  const flags: Array<readonly [string, boolean]> = [
    ['UP', device.isUp],
    ['BROADCAST', !device.isLoopback],
    ['LOOPBACK', device.isLoopback],
    ['RUNNING', isRunning],
    ['NOARP', !device.isLoopback && (device.kind === 'dummy' || !device.hasArp)],
    ['MULTICAST', !device.isLoopback && device.kind !== 'dummy'],
  ];
  const set = flags.filter(([, isSet]) => isSet).map(([flag]) => `${flag} `);
  lines.push(
    `${set.join('')} MTU:${device.mtuBytes}  Metric:1`,
    `RX packets:${device.rxPackets} errors:0 dropped:${device.rxDropped} overruns:0 frame:0`,
    `TX packets:${device.txPackets} errors:0 dropped:${device.txDropped} overruns:0 carrier:0`,
    `collisions:0 txqueuelen:${device.txQueueLength} `,
    `RX bytes:${scaled(device.rxBytes)}  TX bytes:${scaled(device.txBytes)}`,
  );
  return `${lines.join('\n          ')}\n\n`;
}

/** @source interface.c print_bytes_scaled() */
function scaled(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${bytes} (${(Math.floor(value * 10) / 10).toFixed(1)} ${units[unit]}B)`;
}

export const busyboxArp: ProgramDefinition = {
  name: 'arp',
  async run(context) {
    const words = context.args.filter((word) => word !== '-a' && word !== '-n' && word !== '-an');
    if (words.length > 0) return arp.run(context);
    for (const { address, device, state, macHi, macLo } of listNeighbours(context.netns)) {
      const isKnown = (state & NUD_VALID) !== 0;
      const hardware = isKnown ? `${formatMacHalves(macHi, macLo)} [ether] ` : '<incomplete> ';
      context.write(`? (${formatIpv4(address)}) at ${hardware} on ${device.name}\n`);
    }
    return 0;
  },
};

/** Unlike busybox's, it sends several probes before the first is answered. */
export const busyboxTraceroute: ProgramDefinition = {
  name: 'traceroute',
  run(context) {
    const operands = context.args.filter((word) => /^[a-zA-Z0-9]/.test(word));
    const hasLength = /^\d+$/.test(context.args.at(-1) ?? '') && operands.length > 1;
    const args = hasLength ? context.args : [...context.args, PROBE_BYTES];
    return traceroute.run(changed(context, { args }));
  },
};

/** The same context with some members of its own. */
function changed(context: ProgramContext, members: Partial<ProgramContext>): ProgramContext {
  const copy: ProgramContext = Object.create(context);
  return Object.assign(copy, members);
}
