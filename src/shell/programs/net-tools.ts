/** `ifconfig`, `route` and `arp`, of net-tools 2.10, as far as learners use them. */
import { KernelError } from '../../base/errors.ts';
import { formatIpv4, type Ipv4, maskOf, parseIpv4 } from '../../base/ipv4-address.ts';
import { formatMacHalves, parseMac } from '../../base/mac-address.ts';
import type { Device } from '../../engine/device.ts';
import { addAddress, deleteAllAddresses, listAddresses } from '../../stack/address.ts';
import { addRoute, deleteRoute, listRoutes } from '../../stack/fib.ts';
import { deviceOperState, setLinkDown, setLinkMtu, setLinkUp } from '../../stack/link.ts';
import { addNeighbour, deleteNeighbour, listNeighbours } from '../../stack/neighbour.ts';
import { type Neighbour, NUD_PERMANENT, NUD_VALID } from '../../stack/neighbour-table.ts';
import { RTN_UNICAST, RTN_UNREACHABLE, TABLE_MAIN } from '../../stack/route-type.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';
import { macText } from './format.ts';
import { linkAttributes } from './link-attributes.ts';
import { parsePrefix } from './words.ts';

export const ifconfig: ProgramDefinition = {
  name: 'ifconfig',
  async run(context) {
    const { netns } = context;
    const args = context.args.filter((word) => word !== '-a' && word !== '-v');
    const name = args[0];
    if (name === undefined) {
      const isAll = context.args.includes('-a');
      const devices = netns.devices.filter((device) => isAll || device.isUp);
      for (const device of devices.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        context.write(interfaceText(device));
      }
      return 0;
    }
    if (name.startsWith('-')) return refuse(context, 'ifconfig', `option ${name}`);
    const device = netns.deviceByName.get(name);
    if (device === undefined) {
      const what =
        args.length === 1
          ? 'error fetching interface information'
          : 'ERROR while getting interface flags';
      context.writeError(
        `${name}: ${what}: ${args.length === 1 ? 'Device not found' : 'No such device'}\n`,
      );
      return args.length === 1 ? 1 : 255;
    }
    if (args.length === 1) context.write(interfaceText(device));
    else return configure(context, device, args.slice(1));
    return 0;
  },
};

function interfaceText(device: Device): string {
  const state = deviceOperState(device);
  const isRunning = device.isUp && (state === 'UP' || state === 'UNKNOWN');
  const { isPromiscuous } = linkAttributes(device);
  const { txQueueLength } = device;
  const flags: Array<readonly [string, number, boolean]> = [
    ['UP', 1, device.isUp],
    ['BROADCAST', 2, !device.isLoopback],
    ['LOOPBACK', 8, device.isLoopback],
    ['RUNNING', 64, isRunning],
    ['NOARP', 128, !device.isLoopback && (device.kind === 'dummy' || !device.hasArp)],
    ['PROMISC', 256, isPromiscuous],
    ['MULTICAST', 4096, !device.isLoopback && device.kind !== 'dummy'],
  ];
  const set = flags.filter(([, , isSet]) => isSet);
  const bits = set.reduce((sum, [, bit]) => sum + bit, 0);
  const lines = [
    `${device.name}: flags=${bits}<${set.map(([name]) => name).join(',')}>  mtu ${device.mtuBytes}`,
  ];
  for (const each of listAddresses(device)) {
    const broadcast = each.broadcast === 0 ? '' : `  broadcast ${formatIpv4(each.broadcast)}`;
    lines.push(
      `        inet ${formatIpv4(each.address)}  netmask ${formatIpv4(each.mask)}${broadcast}`,
    );
    break;
  }
  lines.push(
    device.isLoopback
      ? `        loop  txqueuelen ${txQueueLength}  (Local Loopback)`
      : `        ether ${macText(device)}  txqueuelen ${txQueueLength}  (Ethernet)`,
    `        RX packets ${device.rxPackets}  bytes ${device.rxBytes} (${humanText(device.rxBytes)})`,
    `        RX errors 0  dropped ${device.rxDropped}  overruns 0  frame 0`,
    `        TX packets ${device.txPackets}  bytes ${device.txBytes} (${humanText(device.txBytes)})`,
    `        TX errors 0  dropped ${device.txDropped} overruns 0  carrier 0  collisions 0`,
    '',
  );
  return `${lines.join('\n')}\n`;
}

function humanText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${(Math.floor(value * 10) / 10).toFixed(1)} ${units[unit]}`;
}

function configure(context: ProgramContext, device: Device, words: readonly string[]): number {
  const { netns } = context;
  let address: { address: Ipv4; length: number } | null = null;
  let broadcast: Ipv4 | null = null;
  let isUp: boolean | null = null;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === 'up') isUp = true;
    else if (word === 'down') isUp = false;
    else if (word === 'netmask' && address !== null) {
      address.length = lengthOf(words[++at] ?? '');
    } else if (word === 'broadcast') broadcast = parseIpv4(words[++at] ?? '');
    else if (word === 'mtu') {
      const mtu = Number(words[++at]);
      context.kernel(() => setLinkMtu(device, mtu));
    } else {
      const prefix = parsePrefix(word);
      if (prefix === null) return refuse(context, 'ifconfig', `argument ${word}`);
      address = {
        address: prefix.address,
        length: prefix.hasLength ? prefix.length : classOf(prefix.address),
      };
    }
  }
  context.kernel(() => {
    if (address !== null) {
      deleteAllAddresses(netns, device);
      const mask = maskOf(address.length);
      addAddress(netns, device, {
        address: address.address,
        prefixLength: address.length,
        broadcast: broadcast ?? address.address | ~mask,
      });
    }
    if (isUp ?? address !== null) setLinkUp(device);
    else if (isUp === false) setLinkDown(device);
  });
  return 0;
}

/** The prefix of the address's old class. */
function classOf(address: Ipv4): number {
  const first = address >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

function lengthOf(mask: string): number {
  const value = parseIpv4(mask) ?? 0;
  let length = 0;
  while (length < 32 && ((value << length) & 0x80000000) !== 0) length++;
  return length;
}

export const route: ProgramDefinition = {
  name: 'route',
  async run(context) {
    const words = context.args.filter((word) => !/^-(n|4|A|e)+$/.test(word) && word !== 'inet');
    const verb = words[0];
    if (verb === 'add' || verb === 'del') return changeRoute(context, verb, words.slice(1));
    if (verb !== undefined) return refuse(context, 'route', `argument ${verb}`);
    showRoutes(
      context,
      context.args.some((word) => /^-[4e]*n/.test(word)),
    );
    return 0;
  },
};

function showRoutes(context: ProgramContext, isNumeric: boolean): void {
  const column = (text: string, width = 16): string => text.slice(0, width - 1).padEnd(width);
  const lines = [
    'Kernel IP routing table',
    'Destination     Gateway         Genmask         Flags Metric Ref    Use Iface',
  ];
  for (const each of listRoutes(context.netns, TABLE_MAIN)) {
    const mask = formatIpv4(maskOf(each.prefixLength));
    const target = each.prefixLength === 0 && !isNumeric ? 'default' : formatIpv4(each.prefix);
    const metric = String(each.priority).padEnd(6);
    if (each.type >= RTN_UNREACHABLE - 1 && each.type !== RTN_UNICAST) {
      lines.push(`${column(target)}${column('-')}${column(mask)}!H    ${metric} -        0 -`);
      continue;
    }
    const hop = each.nextHops[0];
    if (hop === undefined) continue;
    const flags = `U${hop.gateway === 0 ? '' : 'G'}${each.prefixLength === 32 ? 'H' : ''}`;
    lines.push(
      `${column(target)}${column(formatIpv4(hop.gateway))}${column(mask)}${flags.padEnd(5)} ` +
        `${metric} 0        0 ${hop.device?.name}`,
    );
  }
  context.write(`${lines.join('\n')}\n`);
}

function changeRoute(
  context: ProgramContext,
  verb: 'add' | 'del',
  words: readonly string[],
): number {
  const { netns } = context;
  let target: { address: Ipv4; length: number } | null = null;
  let gateway: Ipv4 = 0;
  let device: Device | null = null;
  let metric = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '-net' || word === '-host') continue;
    if (word === 'gw') gateway = parseIpv4(words[++at] ?? '') ?? 0;
    else if (word === 'metric') metric = Number(words[++at]);
    else if (word === 'netmask' && target !== null) target.length = lengthOf(words[++at] ?? '');
    else if (word === 'dev') device = netns.deviceByName.get(words[++at] ?? '') ?? null;
    else if (target === null) {
      const prefix = parsePrefix(word);
      if (prefix === null) return refuse(context, 'route', `argument ${word}`);
      const isNet = words.includes('-net') && !prefix.hasLength;
      target = { address: prefix.address, length: isNet ? classOf(prefix.address) : prefix.length };
    } else device = netns.deviceByName.get(word) ?? null;
  }
  if (target === null) return refuse(context, 'route', 'an empty argument');
  const spec = {
    prefix: target.address,
    prefixLength: target.length,
    gateway,
    ...(device === null ? {} : { device }),
    ...(metric === 0 ? {} : { priority: metric }),
  };
  try {
    context.kernel(() => (verb === 'add' ? addRoute(netns, spec) : deleteRoute(netns, spec)));
    return 0;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    context.writeError(`SIOC${verb === 'add' ? 'ADD' : 'DEL'}RT: ${error.message}\n`);
    return 7;
  }
}

export const arp: ProgramDefinition = {
  name: 'arp',
  async run(context) {
    const words = context.args.filter((word) => !/^-[nve]+$/.test(word));
    if (words[0] === '-s' || words[0] === '-d') return changeArp(context, words);
    const isBsd = words.some((word) => /^-[n]*a/.test(word));
    const device = words.includes('-i') ? words[words.indexOf('-i') + 1] : undefined;
    const host = words.find((word) => !word.startsWith('-') && word !== device);
    const entries = listNeighbours(context.netns).filter((entry) => {
      if (device !== undefined && entry.device.name !== device) return false;
      return entry.state !== 0 && (host === undefined || formatIpv4(entry.address) === host);
    });
    if (entries.length === 0) {
      if (host !== undefined) context.write(`${host} (${host}) -- no entry\n`);
      return 0;
    }
    if (!isBsd) {
      context.write(
        'Address                  HWtype  HWaddress           Flags Mask            Iface\n',
      );
    }
    for (const entry of entries) context.write(isBsd ? bsdLine(entry) : linuxLine(entry));
    return 0;
  },
};

function linuxLine(entry: Neighbour): string {
  const address = formatIpv4(entry.address).padEnd(23);
  const isValid = (entry.state & NUD_VALID) !== 0;
  const middle = isValid
    ? `ether   ${formatMacHalves(entry.macHi, entry.macLo)}   ${flagsOf(entry).padEnd(22)}`
    : `        (incomplete)${' '.repeat(30)}`;
  return `${address}  ${middle}${entry.device.name}\n`;
}

function flagsOf(entry: Neighbour): string {
  return (entry.state & NUD_PERMANENT) !== 0 ? 'CM' : 'C';
}

function bsdLine(entry: Neighbour): string {
  const isValid = (entry.state & NUD_VALID) !== 0;
  const mac = isValid ? `${formatMacHalves(entry.macHi, entry.macLo)} [ether]` : '<incomplete>';
  const permanent = (entry.state & NUD_PERMANENT) !== 0 ? ' PERM' : '';
  return `? (${formatIpv4(entry.address)}) at ${mac}${permanent} on ${entry.device.name}\n`;
}

function changeArp(context: ProgramContext, words: readonly string[]): number {
  const { netns } = context;
  const address = parseIpv4(words[1] ?? '');
  const at = words.indexOf('-i');
  const named = at < 0 ? null : (netns.deviceByName.get(words[at + 1] ?? '') ?? null);
  if (address === null) return refuse(context, 'arp', `argument ${words[1] ?? ''}`);
  const device = named ?? deviceTowards(context, address);
  if (device === null) {
    context.writeError(`SIOC${words[0] === '-s' ? 'S' : 'D'}ARP: Network is unreachable\n`);
    return 255;
  }
  try {
    if (words[0] === '-d') context.kernel(() => deleteNeighbour(netns, device, address));
    else {
      const mac = parseMac(words[2] ?? '');
      context.kernel(() => addNeighbour(netns, { device, address, mac }, 'replace'));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    context.writeError(`No ARP entry for ${words[1]}\n`);
    return 255;
  }
}

/** The device whose subnet has the address. */
function deviceTowards(context: ProgramContext, address: Ipv4): Device | null {
  for (const device of context.netns.devices) {
    const found = listAddresses(device).some(
      (each) => ((each.address ^ address) & each.mask) === 0,
    );
    if (found) return device;
  }
  return null;
}
