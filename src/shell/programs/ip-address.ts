/** `ip addr`. @source iproute2 ip/ipaddress.c */
import { KernelError } from '../../base/errors.ts';
import { formatIpv4, type Ipv4, maskOf } from '../../base/ipv4-address.ts';
import type { Device } from '../../engine/device.ts';
import { type AddressSpec, addAddress, deleteAddress, listAddresses } from '../../stack/address.ts';
import type { InterfaceAddress } from '../../stack/inet.ts';
import type { Json } from './format.ts';
import {
  deviceByName,
  type IpCommand,
  shownDeviceByName,
  writeEntry,
  writeJson,
} from './ip-command.ts';
import { briefStart, filterLinks, linkJson, linkLines, statisticsLines } from './ip-link-show.ts';
import { scopeName, takeScope } from './ip-names.ts';
import { ipv6AddressesOf, ipv6AddressLines } from './ipv6-show.ts';
import {
  CommandError,
  findCommand,
  invalidPrefix,
  notEmulated,
  type Prefix,
  parsePrefix,
  take,
  takePrefix,
  takeValue,
  wrongArgument,
} from './words.ts';

const COMMANDS = [
  'add',
  'change|chg',
  'replace',
  'delete',
  'show|lst|list',
  'flush',
  'save',
  'showdump',
  'restore',
  'help',
] as const;

/** One command of `ip addr`. */
export function ipAddress(command: IpCommand): number {
  const word = take(command.words);
  if (word === null) return showAddresses(command);
  const verb = findCommand(word, COMMANDS);
  switch (verb) {
    case 'add':
      return addOne(command, false);
    case 'change|chg':
    case 'replace':
      return addOne(command, true);
    case 'delete':
      return deleteOne(command);
    case 'show|lst|list':
      return showAddresses(command);
    case 'flush':
      return flushAddresses(command);
    case null:
      throw new CommandError(`Command "${word}" is unknown, try "ip address help".\n`, 255);
    default:
      throw notEmulated('ip', `address ${word}`);
  }
}

/** What `add` and `del` name. */
interface Named {
  prefix: Prefix | null;
  text: string;
  device: string | null;
  peer: Prefix | null;
  broadcast: string | null;
  label: string | null;
  scope: number | null;
}

function takeNamed(command: IpCommand): Named {
  const { words } = command;
  const named: Named = {
    prefix: null,
    text: '',
    device: null,
    peer: null,
    broadcast: null,
    label: null,
    scope: null,
  };
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'dev') named.device = takeValue(words);
    else if (word === 'peer' || word === 'remote') named.peer = takePrefix(words);
    else if (word === 'broadcast' || word === 'brd') named.broadcast = takeValue(words);
    else if (word === 'label') named.label = takeValue(words);
    else if (word === 'scope') named.scope = takeScope(words);
    else if (word === 'valid_lft' || word === 'preferred_lft') {
      if (takeValue(words) !== 'forever') throw notEmulated('ip', `address ${word}`);
    } else if (word === 'noprefixroute' || word === 'metric' || word === 'anycast') {
      throw notEmulated('ip', `address ${word}`);
    } else if (word !== 'nodad' && word !== 'home' && word !== 'mngtmpaddr') {
      named.text = word === 'local' ? takeValue(words) : word;
      named.prefix = parsePrefix(named.text);
      if (named.prefix === null) {
        if (named.text.includes(':')) throw notEmulated('ip', 'IPv6');
        throw invalidPrefix(named.text);
      }
    }
  }
  return named;
}

function needDevice(command: IpCommand, named: Named): Device {
  if (named.device === null) {
    throw new CommandError('Not enough information: "dev" argument is required.\n', 1);
  }
  if (named.label !== null && !named.label.startsWith(named.device)) {
    throw new CommandError(`"dev" (${named.device}) must match "label" (${named.label}).\n`, 255);
  }
  return deviceByName(command.netns, named.device);
}

function addOne(command: IpCommand, isReplacing: boolean): number {
  const { context, netns } = command;
  const named = takeNamed(command);
  const device = needDevice(command, named);
  if (named.prefix === null) throw new KernelError('EINVAL', 'ipv4: Invalid value');
  const { address } = named.prefix;
  const length = named.peer?.length ?? named.prefix.length;
  const spec: Record<string, unknown> & AddressSpec = { address, prefixLength: length };
  const rest: Partial<Record<keyof AddressSpec, number | string>> = {};
  if (named.peer !== null) rest.peer = named.peer.address;
  if (named.label !== null) rest.label = named.label;
  if (named.scope !== null) rest.scope = named.scope;
  if (named.broadcast !== null) rest.broadcast = broadcastOf(named.broadcast, address, length);
  context.kernel(() => {
    try {
      addAddress(netns, device, Object.assign(spec, rest));
    } catch (error) {
      if (!(isReplacing && error instanceof KernelError && error.errno === 'EEXIST')) throw error;
    }
  });
  return 0;
}

/** `+` sets all host bits, `-` clears them. */
function broadcastOf(word: string, address: Ipv4, length: number): Ipv4 {
  if (word === '+') return length < 31 ? address | ~maskOf(length) : 0;
  if (word === '-') return length < 31 ? address & maskOf(length) : 0;
  const prefix = parsePrefix(word);
  if (prefix === null) throw wrongArgument(word, 'invalid broadcast address');
  return prefix.address;
}

function deleteOne(command: IpCommand): number {
  const { context, netns } = command;
  const named = takeNamed(command);
  const device = needDevice(command, named);
  const { prefix } = named;
  if (prefix === null) throw new KernelError('EADDRNOTAVAIL', 'ipv4: Address not found');
  const isWildcard = !prefix.hasLength && named.peer === null;
  if (isWildcard) {
    context.writeError(
      'Warning: Executing wildcard deletion to stay compatible with old scripts.\n' +
        `         Explicitly specify the prefix length (${named.text}/32) to avoid this warning.\n` +
        '         This special behaviour is likely to disappear in further releases,\n' +
        '         fix your scripts!\n',
    );
  }
  const { address } = prefix;
  const prefixLength = named.peer?.length ?? prefix.length;
  const spec = isWildcard ? { address } : { address, prefixLength };
  context.kernel(() => deleteAddress(netns, device, spec));
  return 0;
}

/** Which addresses a `show` or `flush` is about. */
interface Filter {
  device: Device | null;
  isUp: boolean;
  to: Prefix | null;
  scope: number | null;
  label: string | null;
  kind: string | null;
  master: Device | null;
  isSecondary: boolean | null;
  isPermanent: boolean | null;
}

function takeFilter(command: IpCommand): Filter {
  const { netns, words } = command;
  const filter: Filter = {
    device: null,
    isUp: false,
    to: null,
    scope: null,
    label: null,
    kind: null,
    master: null,
    isSecondary: null,
    isPermanent: null,
  };
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'up') filter.isUp = true;
    else if (word === 'to') filter.to = takePrefix(words);
    else if (word === 'scope') filter.scope = takeScope(words);
    else if (word === 'label') filter.label = takeValue(words);
    else if (word === 'type') filter.kind = takeValue(words);
    else if (word === 'master') filter.master = deviceByName(netns, takeValue(words));
    else if (word === 'secondary' || word === 'temporary') filter.isSecondary = true;
    else if (word === 'primary') filter.isSecondary = false;
    else if (word === 'permanent') filter.isPermanent = true;
    else if (word === 'dynamic') filter.isPermanent = false;
    else if (word === 'group' || word === 'vrf') throw notEmulated('ip', `address show ${word}`);
    else filter.device = shownDeviceByName(netns, word === 'dev' ? takeValue(words) : word);
  }
  return filter;
}

function addressesOf(device: Device, filter: Filter): InterfaceAddress[] {
  return listAddresses(device).filter((each) => {
    if (filter.scope !== null && each.scope !== filter.scope) return false;
    if (filter.label !== null && !labelMatches(filter.label, each.label)) return false;
    if (filter.isSecondary !== null && each.isSecondary !== filter.isSecondary) return false;
    if (filter.isPermanent === false) return false;
    if (filter.to === null) return true;
    return ((each.address ^ filter.to.address) & maskOf(filter.to.length)) === 0;
  });
}

function labelMatches(pattern: string, label: string): boolean {
  const source = pattern.replaceAll(/[.+^${}()|\\]/g, '\\$&');
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(label);
}

function showAddresses(command: IpCommand): number {
  const { netns, options, context } = command;
  const filter = takeFilter(command);
  const isInetOnly = options.family === 'inet' || filter.to !== null;
  const show = { isLink: false, hasMac: !isInetOnly };
  const json: Json[] = [];
  if (options.family === 'inet6') return 0;
  for (const device of filterLinks(netns, { ...filter, group: null })) {
    const all = listAddresses(device);
    const addresses = addressesOf(device, filter);
    const isFiltered = filter.scope !== null || filter.label !== null;
    const others = isInetOnly || isFiltered ? [] : ipv6AddressesOf(device);
    if (addresses.length === 0 && others.length === 0 && (all.length > 0 || isInetOnly)) continue;
    if (options.isJson) {
      const info = addresses.map(addressJson);
      json.push(
        options.isBrief
          ? briefJson(device, addresses)
          : { ...linkJson(command, device, show), addr_info: info },
      );
    } else if (options.isBrief) {
      const texts = addresses.map((each) => `${briefAddress(each)} `);
      texts.push(...others.map(({ text }) => `${text} `));
      context.write(`${briefStart(device)}${texts.join('')}\n`);
    } else if (options.isOneLine) {
      for (const each of addresses) {
        writeEntry(command, [
          `${device.index}: ${device.name}${addressLines(each)[0]}`,
          addressLines(each)[1]!,
        ]);
      }
    } else {
      const isNamed = filter.label === null || labelMatches(filter.label, device.name);
      const lines = isNamed ? linkLines(command, device, show) : [];
      lines.push(...addresses.flatMap(addressLines));
      const { release } = context.machine;
      lines.push(...others.flatMap((each) => ipv6AddressLines(each, release)));
      if (options.statistics > 0) lines.push(...statisticsLines(device));
      writeEntry(command, lines);
    }
  }
  if (options.isJson) writeJson(command, json);
  return 0;
}

/** `10.0.0.1/24`, `10.8.8.8 peer 10.8.8.9/32`. */
function briefAddress(each: InterfaceAddress): string {
  const address = formatIpv4(each.address);
  if (each.peer === each.address) return `${address}/${each.prefixLength}`;
  return `${address} peer ${formatIpv4(each.peer)}/${each.prefixLength}`;
}

function addressLines(each: InterfaceAddress): string[] {
  const broadcast = each.broadcast === 0 ? '' : ` brd ${formatIpv4(each.broadcast)}`;
  const secondary = each.isSecondary ? ' secondary' : '';
  return [
    `    inet ${briefAddress(each)}${broadcast} scope ${scopeName(each.scope)}${secondary} ${each.label}`,
    '       valid_lft forever preferred_lft forever',
  ];
}

function addressJson(each: InterfaceAddress): Json {
  return {
    family: 'inet',
    local: formatIpv4(each.address),
    address: each.peer === each.address ? undefined : formatIpv4(each.peer),
    prefixlen: each.prefixLength,
    broadcast: each.broadcast === 0 ? undefined : formatIpv4(each.broadcast),
    scope: scopeName(each.scope),
    secondary: each.isSecondary ? true : undefined,
    label: each.label,
    valid_life_time: 0xffffffff,
    preferred_life_time: 0xffffffff,
  };
}

function briefJson(device: Device, addresses: readonly InterfaceAddress[]): Json {
  return {
    ifname: device.name,
    operstate: briefStart(device).slice(17).trim(),
    addr_info: addresses.map((each) => ({
      local: formatIpv4(each.address),
      prefixlen: each.prefixLength,
    })),
  };
}

function flushAddresses(command: IpCommand): number {
  const { context, netns, words, options } = command;
  if (words.at >= words.list.length) throw new CommandError('Flush requires arguments.\n', 1);
  const filter = takeFilter(command);
  if (options.family === 'inet6') return 0;
  context.kernel(() => {
    for (const device of filterLinks(netns, { ...filter, group: null })) {
      // Secondary addresses may go with their primary one.
      for (let found = addressesOf(device, filter)[0]; found !== undefined; ) {
        deleteAddress(netns, device, found);
        found = addressesOf(device, filter)[0];
      }
    }
  });
  return 0;
}
