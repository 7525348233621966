/** `tc qdisc` with netem and tbf at the root of a device. @source iproute2 tc/tc_qdisc.c, q_netem.c, q_tbf.c */
import { KernelError } from '../../base/errors.ts';
import { NETEM_DEFAULTS, type NetemParameters, netemOf, setNetem } from '../../devices/netem.ts';
import { setTbf, type TbfParameters, tbfOf } from '../../devices/tbf.ts';
import type { Device } from '../../engine/device.ts';
import type { ProgramContext, ProgramDefinition } from '../program.ts';
import { deviceByName, namespaceByName } from './ip-command.ts';
import { disciplineName } from './ip-link-show.ts';
import { linkAttributes } from './link-attributes.ts';
import {
  CommandError,
  isShortFor,
  notEmulated,
  peek,
  runCommand,
  take,
  takeValue,
  type Words,
} from './words.ts';

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

interface TcCommand {
  readonly context: ProgramContext;
  readonly words: Words;
  readonly hasStatistics: boolean;
}

export const tc: ProgramDefinition = {
  name: 'tc',
  run: (context) =>
    runCommand(
      (text) => context.writeError(text),
      2,
      () => runTc(context),
    ),
};

function runTc(given: ProgramContext): number {
  let context = given;
  let hasStatistics = false;
  const args = [...given.args];
  while (args[0]?.startsWith('-') === true) {
    const option = args.shift()!;
    if (option === '-n' || option === '-netns') {
      context = { ...context, netns: namespaceByName(context.machine, args.shift() ?? '') };
    } else if (/^-s/.test(option)) hasStatistics = true;
    else if (!/^-(d|details|c|color)/.test(option)) throw notEmulated('tc', `option ${option}`);
  }
  const [object, ...rest] = args;
  if (object === undefined) throw new CommandError('Usage: tc [ OPTIONS ] qdisc COMMAND\n', 255);
  if (!isShortFor(object, 'qdisc')) {
    if (/^(class|filter|chain|action|monitor|exec)/.test(object)) {
      throw notEmulated('tc', `object ${object}`);
    }
    throw new CommandError(`Object "${object}" is unknown, try "tc help".\n`, 255);
  }
  return qdisc({ context, words: { list: rest, at: 0 }, hasStatistics });
}

function qdisc(command: TcCommand): number {
  const word = take(command.words);
  if (word === null || isShortFor(word, 'show') || isShortFor(word, 'list')) return show(command);
  if (isShortFor(word, 'add')) return change(command, 'add');
  if (isShortFor(word, 'change')) return change(command, 'change');
  if (isShortFor(word, 'replace')) return change(command, 'replace');
  if (isShortFor(word, 'delete')) return change(command, 'delete');
  throw new CommandError(`Command "${word}" is unknown, try "tc qdisc help".\n`, 255);
}

type Verb = 'add' | 'change' | 'replace' | 'delete';

function change(command: TcCommand, verb: Verb): number {
  const { context, words } = command;
  let device: Device | null = null;
  let kind: string | null = null;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'dev') device = deviceByName(context.netns, takeValue(words));
    else if (word === 'handle') takeValue(words);
    else if (word === 'parent' || word === 'ingress' || word === 'clsact') {
      throw notEmulated('tc', `qdisc ${word}`);
    } else if (word !== 'root') {
      kind = word;
      break;
    }
  }
  if (device === null) throw new KernelError('ENODEV');
  const { sim } = context.world;
  const found = device;
  const present = linkAttributes(found).queueDiscipline;
  if (verb === 'delete') {
    if (present === null)
      throw new KernelError('ENOENT', 'Cannot delete qdisc with handle of zero');
    context.kernel(() => remove(command, found));
    return 0;
  }
  if (kind === null) throw new KernelError('EINVAL');
  if (verb === 'add' && present !== null) {
    throw new KernelError('EEXIST', 'Exclusivity flag on, cannot modify');
  }
  const start = kind === 'netem' ? takeNetem(words) : kind === 'tbf' ? takeTbf(words) : null;
  if (start === null) throw notEmulated('tc', `qdisc ${kind}`);
  context.kernel(() => {
    if (present !== null && present !== kind) remove(command, found);
    if ('delayNs' in start) setNetem(sim, found, start);
    else setTbf(sim, found, start);
    linkAttributes(found).queueDiscipline = kind;
  });
  return 0;
}

function remove(command: TcCommand, device: Device): void {
  const { sim } = command.context.world;
  setNetem(sim, device, null);
  setTbf(sim, device, null);
  linkAttributes(device).queueDiscipline = null;
}

const TIME_UNITS: Readonly<Record<string, number>> = {
  s: 1e9,
  sec: 1e9,
  secs: 1e9,
  ms: 1e6,
  msec: 1e6,
  msecs: 1e6,
  us: 1e3,
  usec: 1e3,
  usecs: 1e3,
  '': 1e3,
};

/** `100ms` in nanoseconds; a bare number counts microseconds. */
function parseTimeNs(word: string): number | null {
  const match = /^(\d*\.?\d+)([a-z]*)$/.exec(word);
  const unit = match === null ? undefined : TIME_UNITS[match[2]!];
  return unit === undefined ? null : Math.round(Number(match![1]) * unit);
}

const RATE_UNITS: Readonly<Record<string, number>> = {
  bit: 1,
  kbit: 1e3,
  mbit: 1e6,
  gbit: 1e9,
  tbit: 1e12,
  kibit: 1024,
  mibit: 1024 ** 2,
  gibit: 1024 ** 3,
  bps: 8,
  kbps: 8e3,
  mbps: 8e6,
  gbps: 8e9,
  '': 1,
};

function takeRate(words: Words): number {
  const word = takeValue(words);
  const match = /^(\d*\.?\d+)([a-z]*)$/i.exec(word);
  const unit = match === null ? undefined : RATE_UNITS[match[2]!.toLowerCase()];
  if (unit === undefined) throw new CommandError(`Illegal "rate"\n`, 1);
  return Number(match![1]) * unit;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  bit: 1 / 8,
  kbit: 128,
  mbit: 131072,
};

function takeSize(words: Words, name: string): number {
  const word = takeValue(words);
  const match = /^(\d*\.?\d+)([a-z]*)(\/\d+)?$/i.exec(word);
  const unit = match === null ? undefined : SIZE_UNITS[match[2]!.toLowerCase()];
  if (unit === undefined) throw new CommandError(`Illegal value for "${name}": "${word}"\n`, 1);
  return Math.floor(Number(match![1]) * unit);
}

function parseShare(word: string | null): number | null {
  const match = word === null ? null : /^(\d*\.?\d+)(%?)$/.exec(word);
  if (match === null) return null;
  return match[2] === '%' ? Number(match[1]) / 100 : Number(match[1]);
}

function takeShare(words: Words, name: string): number {
  const share = parseShare(take(words));
  if (share === null || share > 1) throw new CommandError(`Illegal "${name}"\n`, 1);
  if (parseShare(peek(words)) !== null) throw notEmulated('tc', `netem ${name} correlation`);
  return share;
}

function takeNetem(words: Words): NetemParameters {
  const parameters: Mutable<NetemParameters> = { ...NETEM_DEFAULTS };
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'delay' || word === 'latency') takeDelay(words, parameters);
    else if (word === 'loss' || word === 'drop') {
      if (peek(words) === 'random') take(words);
      if (peek(words) === 'state' || peek(words) === 'gemodel') {
        throw notEmulated('tc', `netem loss ${peek(words)}`);
      }
      parameters.lossRate = takeShare(words, 'loss');
    } else if (isShortFor(word, 'duplicate')) {
      parameters.duplicateRate = takeShare(words, 'duplicate');
    } else if (word === 'rate') parameters.rateBitPerSec = takeRate(words);
    else if (word === 'limit') parameters.limitPackets = Number(takeValue(words));
    else if (word === 'distribution') {
      if (takeValue(words) !== 'uniform') throw notEmulated('tc', 'netem distribution');
    } else if (['corrupt', 'reorder', 'gap', 'slot', 'ecn', 'seed'].includes(word)) {
      throw notEmulated('tc', `netem ${word}`);
    } else throw new CommandError(`What is "${word}"?\n`, 1);
  }
  return parameters;
}

function takeDelay(words: Words, parameters: Mutable<NetemParameters>): void {
  const delay = parseTimeNs(takeValue(words));
  if (delay === null) throw new CommandError('Illegal "latency"\n', 1);
  parameters.delayNs = delay;
  const next = peek(words);
  const jitter = next === null ? null : parseTimeNs(next);
  if (jitter === null) return;
  take(words);
  parameters.jitterNs = jitter;
  if (parseShare(peek(words)) !== null) throw notEmulated('tc', 'netem delay correlation');
}

function takeTbf(words: Words): TbfParameters {
  let rate = 0;
  let burst = 0;
  let limit: number | null = null;
  let latencyNs: number | null = null;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'rate') rate = takeRate(words);
    else if (word === 'burst' || word === 'buffer' || word === 'maxburst') {
      burst = takeSize(words, 'buffer');
    } else if (word === 'limit') limit = takeSize(words, 'limit');
    else if (word === 'latency') latencyNs = parseTimeNs(takeValue(words));
    else if (['peakrate', 'mtu', 'minburst', 'mpu', 'overhead'].includes(word)) {
      throw notEmulated('tc', `tbf ${word}`);
    } else throw new CommandError(`What is "${word}"?\n`, 1);
  }
  if (rate === 0 || burst === 0) {
    throw new CommandError('Both "rate" and "burst" are required.\n', 1);
  }
  if (limit === null && latencyNs === null) {
    throw new CommandError('Either "limit" or "latency" is required.\n', 1);
  }
  const limitBytes = limit ?? Math.floor((rate / 8) * ((latencyNs ?? 0) / 1e9)) + burst;
  return { rateBitPerSec: rate, burstBytes: burst, limitBytes };
}

function show(command: TcCommand): number {
  const { context, words } = command;
  let only: Device | null = null;
  for (let word = take(words); word !== null; word = take(words)) {
    if (word === 'dev') only = deviceByName(context.netns, takeValue(words));
    else if (word !== 'root') throw notEmulated('tc', `qdisc show ${word}`);
  }
  for (const device of context.netns.devices) {
    if (only !== null && device !== only) continue;
    if (!device.isUp && linkAttributes(device).queueDiscipline === null) continue;
    const place = only === null ? `dev ${device.name} ` : '';
    const queues = device.kind === 'veth' ? 2 : 1;
    const kind = disciplineName(device);
    const references = kind === 'noqueue' ? 2 : queues + 1;
    const handle = kind === 'noqueue' ? '0:' : '8001:';
    const settings = settingsText(device);
    context.write(`qdisc ${kind} ${handle} ${place}root refcnt ${references} ${settings}\n`);
    if (command.hasStatistics) context.write(statisticsText(device));
  }
  return 0;
}

function settingsText(device: Device): string {
  const netem = netemOf(device);
  if (netem !== null) return netemText(netem.parameters);
  const tbf = tbfOf(device);
  if (tbf === null) return '';
  const { rateBitPerSec, burstBytes, limitBytes } = tbf.parameters;
  const latencyNs = ((limitBytes - burstBytes) * 8e9) / rateBitPerSec;
  return `rate ${rateText(rateBitPerSec)} burst ${sizeText(burstBytes)} lat ${timeText(latencyNs)} `;
}

function netemText(parameters: NetemParameters): string {
  let text = `limit ${parameters.limitPackets}`;
  if (parameters.delayNs > 0) {
    text += ` delay ${timeText(parameters.delayNs)}`;
    if (parameters.jitterNs > 0) text += `  ${timeText(parameters.jitterNs)}`;
  }
  if (parameters.lossRate > 0) text += ` loss ${shareText(parameters.lossRate)}`;
  if (parameters.duplicateRate > 0) text += ` duplicate ${shareText(parameters.duplicateRate)}`;
  if (parameters.rateBitPerSec > 0) text += ` rate ${rateText(parameters.rateBitPerSec)}`;
  return text;
}

/** Three significant digits, as printf's %.3g. */
function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function shareText(share: number): string {
  return `${Number((share * 100).toPrecision(6))}%`;
}

/** @source iproute2 tc/tc_util.c sprint_time() */
function timeText(ns: number): string {
  if (ns >= 1e9) return `${short(ns / 1e9)}s`;
  if (ns >= 1e6) return `${short(ns / 1e6)}ms`;
  return `${Math.round(ns / 1e3)}us`;
}

/** The largest unit that leaves no fraction of a thousand. @source iproute2 tc_print_rate() */
function rateText(bitPerSec: number): string {
  const units = ['bit', 'Kbit', 'Mbit', 'Gbit', 'Tbit'];
  let value = bitPerSec;
  let unit = 0;
  while (unit < units.length - 1 && value >= 1000 && (value % 1000 === 0 || value >= 1e6)) {
    value /= 1000;
    unit++;
  }
  return `${Math.floor(value)}${units[unit]}`;
}

function sizeText(bytes: number): string {
  if (bytes >= 1024 * 1024 && bytes % (1024 * 1024) === 0) return `${bytes / 1024 / 1024}Mb`;
  if (bytes >= 1024 && bytes % 1024 === 0) return `${bytes / 1024}Kb`;
  return `${bytes}b`;
}

function statisticsText(device: Device): string {
  const netem = netemOf(device);
  const bytes = netem?.sentBytes ?? 0;
  const packets = netem?.sentPackets ?? 0;
  const dropped = netem?.droppedPackets ?? tbfOf(device)?.droppedPackets ?? 0;
  const waitingBytes = netem?.waitingBytes ?? tbfOf(device)?.waitingBytes ?? 0;
  const waiting = netem?.waitingPackets ?? tbfOf(device)?.waitingPackets ?? 0;
  return (
    ` Sent ${bytes} bytes ${packets} pkt (dropped ${dropped}, overlimits 0 requeues 0) \n` +
    ` backlog ${waitingBytes}b ${waiting}p requeues 0\n`
  );
}
