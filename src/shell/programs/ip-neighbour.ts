/** `ip neigh`. @source iproute2 ip/ipneigh.c */
import { KernelError } from '../../base/errors.ts';
import { formatIpv4, type Ipv4, maskOf } from '../../base/ipv4-address.ts';
import { formatMacHalves, parseMac } from '../../base/mac-address.ts';
import type { Device } from '../../engine/device.ts';
import { HZ, jiffiesOf } from '../../stack/jiffies.ts';
import {
  addNeighbour,
  addProxyNeighbour,
  deleteNeighbour,
  deleteProxyNeighbour,
  findNeighbour,
  flushNeighbours,
  listNeighbours,
  listProxyNeighbours,
} from '../../stack/neighbour.ts';
import {
  type Neighbour,
  type NeighbourState,
  NUD_BY_NAME,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_VALID,
  neighbourStateName,
} from '../../stack/neighbour-table.ts';
import type { Json } from './format.ts';
import { deviceByName, type IpCommand, writeJson } from './ip-command.ts';
import {
  CommandError,
  findCommand,
  notEmulated,
  type Prefix,
  parseNumber,
  take,
  takeAddress,
  takePrefix,
  takeValue,
  wrongArgument,
} from './words.ts';

const COMMANDS = [
  'add',
  'change|chg',
  'replace',
  'delete',
  'get',
  'show|lst|list',
  'flush',
  'help',
] as const;

/** Asks for entries without a state too. */
const STATE_NONE_TOO = 0x100;

/** One command of `ip neigh`. */
export function ipNeighbour(command: IpCommand): number {
  const word = take(command.words);
  if (command.options.family === 'inet6') return 0;
  if (word === null) return showNeighbours(command);
  const verb = findCommand(word, COMMANDS);
  switch (verb) {
    case 'add':
    case 'replace':
      return addOne(command, verb);
    case 'change|chg':
      return addOne(command, 'change');
    case 'delete':
      return deleteOne(command);
    case 'get':
      return getOne(command);
    case 'show|lst|list':
      return showNeighbours(command);
    case 'flush':
      return flush(command);
    case null:
      throw new CommandError(`Command "${word}" is unknown, try "ip neigh help".\n`, 255);
    default:
      throw notEmulated('ip', `neigh ${word}`);
  }
}

interface Named {
  address: Ipv4 | null;
  proxy: Ipv4 | null;
  device: string | null;
  mac: string | null;
  state: number | null;
  isExternal: boolean;
}

function takeNamed(command: IpCommand): Named {
  const { words } = command;
  const named: Named = {
    address: null,
    proxy: null,
    device: null,
    mac: null,
    state: null,
    isExternal: false,
  };
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'lladdr') named.mac = takeValue(words);
    else if (word === 'nud') named.state = stateOf(takeValue(words));
    else if (word === 'dev') named.device = takeValue(words);
    else if (word === 'proxy') named.proxy = takeAddress(words);
    else if (word === 'extern_learn') named.isExternal = true;
    else if (word === 'router' || word === 'managed' || word === 'use' || word === 'protocol') {
      throw notEmulated('ip', `neigh ${word}`);
    } else {
      const text = word === 'to' ? takeValue(words) : word;
      if (text.includes(':')) throw notEmulated('ip', 'IPv6');
      words.at--;
      named.address = takeAddress(words);
    }
  }
  return named;
}

function stateOf(word: string): number {
  if (word === 'all') return 0xff | STATE_NONE_TOO;
  const bit = NUD_BY_NAME[word.toUpperCase() as NeighbourState];
  const value = bit ?? parseNumber(word);
  if (value === null) throw wrongArgument(word, 'nud state is bad');
  return value;
}

function addOne(command: IpCommand, verb: 'add' | 'replace' | 'change'): number {
  const { context, netns } = command;
  const named = takeNamed(command);
  const address = named.proxy ?? named.address;
  if (named.device === null || address === null) {
    throw new CommandError('Device and destination are required arguments.\n', 255);
  }
  const device = deviceByName(netns, named.device);
  if (named.proxy !== null) {
    context.kernel(() => addProxyNeighbour(netns, device, address));
    return 0;
  }
  const mac = named.mac === null ? null : parseMac(named.mac);
  if (named.mac !== null && mac === null) throw new KernelError('EINVAL', 'Invalid link address');
  const state = named.state ?? NUD_PERMANENT;
  const spec = { device, address, mac, state, isExternal: named.isExternal };
  context.kernel(() => addNeighbour(netns, spec, verb));
  return 0;
}

function deleteOne(command: IpCommand): number {
  const { context, netns } = command;
  const named = takeNamed(command);
  const address = named.proxy ?? named.address;
  if (named.device === null || address === null) {
    throw new CommandError('Device and destination are required arguments.\n', 255);
  }
  const device = deviceByName(netns, named.device);
  if (named.proxy !== null) context.kernel(() => deleteProxyNeighbour(netns, device, address));
  else context.kernel(() => deleteNeighbour(netns, device, address));
  return 0;
}

function getOne(command: IpCommand): number {
  const { netns } = command;
  const named = takeNamed(command);
  if (named.device === null || named.address === null) {
    throw new CommandError('Device and address are required arguments.\n', 255);
  }
  const entry = findNeighbour(netns, deviceByName(netns, named.device), named.address);
  if (entry === null) throw new KernelError('ENOENT', 'Neighbour entry not found');
  if (command.options.isJson) writeJson(command, [entryJson(entry, true)]);
  else command.context.write(entryLine(command, entry, true));
  return 0;
}

interface Filter {
  device: Device | null;
  to: Prefix | null;
  states: number | null;
  isProxy: boolean;
  isUnused: boolean;
}

function takeFilter(command: IpCommand): Filter {
  const { netns, words } = command;
  const filter: Filter = {
    device: null,
    to: null,
    states: null,
    isProxy: false,
    isUnused: false,
  };
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'dev') filter.device = deviceByName(netns, takeValue(words));
    else if (word === 'nud') {
      const state = stateOf(takeValue(words));
      filter.states = (filter.states ?? 0) | (state === 0 ? STATE_NONE_TOO : state);
    } else if (word === 'proxy') filter.isProxy = true;
    else if (word === 'unused') filter.isUnused = true;
    else if (word === 'all') filter.to = null;
    else if (['vrf', 'nomaster', 'master', 'protocol'].includes(word)) {
      throw notEmulated('ip', `neigh show ${word}`);
    } else {
      if (word !== 'to') words.at--;
      filter.to = takePrefix(words);
    }
  }
  return filter;
}

function fits(entry: Neighbour, filter: Filter, states: number): boolean {
  if (filter.device !== null && entry.device !== filter.device) return false;
  const { to } = filter;
  if (to !== null && ((entry.address ^ to.address) & maskOf(to.length)) !== 0) return false;
  if ((entry.state & states) !== 0) return true;
  return entry.state === 0 && (states & STATE_NONE_TOO) !== 0;
}

function showNeighbours(command: IpCommand): number {
  const { context, netns, options } = command;
  const filter = takeFilter(command);
  if (filter.isProxy) return showProxies(command, filter);
  const states = filter.states ?? 0xff & ~NUD_NOARP;
  const entries = listNeighbours(netns).filter((entry) => fits(entry, filter, states));
  const hasDevice = filter.device === null;
  if (options.isJson) {
    writeJson(
      command,
      entries.map((entry) => entryJson(entry, hasDevice)),
    );
    return 0;
  }
  for (const entry of entries) context.write(entryLine(command, entry, hasDevice));
  return 0;
}

function showProxies(command: IpCommand, filter: Filter): number {
  for (const { device, address } of listProxyNeighbours(command.netns)) {
    if (filter.device !== null && filter.device !== device) continue;
    const name = filter.device === null ? `dev ${device.name} ` : '';
    command.context.write(`${formatIpv4(address)} ${name}proxy \n`);
  }
  return 0;
}

function entryLine(command: IpCommand, entry: Neighbour, hasDevice: boolean): string {
  const isValid = (entry.state & NUD_VALID) !== 0;
  let text = `${formatIpv4(entry.address)} `;
  if (hasDevice) text += `dev ${entry.device.name} `;
  if (isValid) text += `lladdr ${formatMacHalves(entry.macHi, entry.macLo)} `;
  if (entry.isExternal) text += 'extern_learn ';
  if (command.options.statistics > 0) text += statisticsText(entry);
  if (entry.state !== 0) text += `${neighbourStateName(entry.state)} `;
  return `${text}\n`;
}

/** Seconds since it was used, confirmed and changed; probes. */
function statisticsText(entry: Neighbour): string {
  const { sim } = entry.device.netns;
  const now = jiffiesOf(sim);
  const seconds = (at: number): number => Math.max(0, Math.floor((now - at) / HZ));
  return (
    ` used ${seconds(entry.used)}/${seconds(entry.confirmed)}/${seconds(entry.updated)}` +
    `probes ${entry.probes} `
  );
}

function entryJson(entry: Neighbour, hasDevice: boolean): Json {
  const isValid = (entry.state & NUD_VALID) !== 0;
  return {
    dst: formatIpv4(entry.address),
    dev: hasDevice ? entry.device.name : undefined,
    lladdr: isValid ? formatMacHalves(entry.macHi, entry.macLo) : undefined,
    state: entry.state === 0 ? [] : [neighbourStateName(entry.state)],
  };
}

function flush(command: IpCommand): number {
  const { context, netns, words } = command;
  if (words.at >= words.list.length) throw new CommandError('Flush requires arguments.\n', 1);
  const filter = takeFilter(command);
  const states = filter.states ?? ~(NUD_PERMANENT | NUD_NOARP) & 0xff;
  context.kernel(() => {
    if (filter.to === null) flushNeighbours(netns, filter.device, states);
    else {
      for (const entry of listNeighbours(netns)) {
        if (fits(entry, filter, states)) deleteNeighbour(netns, entry.device, entry.address);
      }
    }
  });
  return 0;
}
