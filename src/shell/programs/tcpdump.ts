/**
 * `tcpdump`: shows or stores the frames of one device or all, or those of a capture file.
 * Unlike Linux, lines come out as soon as they are made, whatever stdout is (as with -l).
 * @source tcpdump 4.99 tcpdump.c; libpcap 1.10 pcap-linux.c
 */
import { findInHosts } from '../../apps/resolver.ts';
import { calendarOf, formatClock } from '../../apps/wall-clock.ts';
import { formatIpv4 } from '../../base/ipv4-address.ts';
import { formatMacHalves } from '../../base/mac-address.ts';
import { addTap, type Device, type Direction, removeTap, type Tap } from '../../engine/device.ts';
import {
  PACKET_BROADCAST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  type Packet,
} from '../../engine/packet.ts';
import { makeWaitQueue, type Process, type Program, waitFor, wake } from '../../engine/process.ts';
import { type CapturedFrame, readPcap, writePcap } from '../../observe/pcap.ts';
import { ethertypeOf, sourceMacHi, sourceMacLo } from '../../protocols/ethernet.ts';
import { makeLinePrinter } from '../../protocols/line.ts';
import { asciiDump, hexAndAscii, hexDump } from '../../protocols/line-hex.ts';
import { compileFilter, FilterError, type PacketFilter } from '../../protocols/packet-filter.ts';
import { setPromiscuous } from '../../stack/link.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';
import { readTcpdumpOptions, type TcpdumpOptions } from './tcpdump-options.ts';

/** Frames that wait for tcpdump's process at most; more are counted as dropped. */
const QUEUE_MAX = 65536;
/** Bytes of the cooked header that libpcap puts in the place of Ethernet's for `any`. */
const COOKED_BYTES = 20;

/** What a calendar time in nanoseconds may be short of, as a double. */
const ROUNDING_NS = 256;

/** A frame with where it was seen. */
interface Seen extends CapturedFrame {
  readonly device: Device | null;
  readonly direction: Direction | null;
  /** In, Out, B, M or P, as `-i any` prints it. */
  readonly kind: string;
}

interface Capture {
  readonly context: ProgramContext;
  readonly options: TcpdumpOptions;
  readonly filter: PacketFilter;
  readonly isAny: boolean;
  readonly queue: Seen[];
  receivedCount: number;
  shownCount: number;
  droppedCount: number;
  readonly stored: CapturedFrame[];
  readonly show: (seen: Seen) => void;
}

export const tcpdump: ProgramDefinition = {
  name: 'tcpdump',
  async run(context) {
    const options = readTcpdumpOptions(context.args);
    if ('refused' in options) return refuse(context, 'tcpdump', `option ${options.refused}`);
    if ('error' in options) {
      context.writeError(options.error);
      return 1;
    }
    if (options.showsVersion) {
      context.write('tcpdump version 4.99.3\n');
      return 0;
    }
    if (options.listsDevices) return listDevices(context);
    const filter = filterOf(context, options);
    if (filter === null) return 1;
    if (options.readFile !== null) return showFile(context, options, filter, options.readFile);
    return captureLive(context, options, filter);
  },
};

function filterOf(context: ProgramContext, options: TcpdumpOptions): PacketFilter | null {
  const hosts = context.fileSystem.readFile('/etc/hosts') ?? '';
  try {
    return compileFilter(options.filter, (name) => findInHosts(hosts, name)?.addresses ?? []);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    context.writeError(`tcpdump: ${error.message}\n`);
    return null;
  }
}

function listDevices(context: ProgramContext): number {
  const { devices } = context.netns;
  const flagsOf = (device: Device): string => {
    const flags = device.isUp ? ['Up', 'Running'] : [];
    if (device.isLoopback) flags.push('Loopback');
    else if (device.isUp) flags.push(device.hasCarrier ? 'Connected' : 'Disconnected');
    return flags.length === 0 ? '' : ` [${flags.join(', ')}]`;
  };
  const shown = devices.filter((device) => !device.isLoopback);
  const lines = shown.map((device) => `${device.name}${flagsOf(device)}`);
  lines.push('any (Pseudo-device that captures on all interfaces) [Up, Running]');
  lines.push(
    ...devices.filter((device) => device.isLoopback).map((each) => each.name + flagsOf(each)),
  );
  context.write(lines.map((line, i) => `${i + 1}.${line}\n`).join(''));
  return 0;
}

function showFile(
  context: ProgramContext,
  options: TcpdumpOptions,
  filter: PacketFilter,
  path: string,
): number {
  const file = context.fileSystem.readBytes(path);
  if (file === null) {
    context.writeError(`tcpdump: ${path}: No such file or directory\n`);
    return 1;
  }
  const { frames, problem } = readPcap(file);
  if (frames.length === 0 && problem !== null) {
    context.writeError('tcpdump: unknown file format\n');
    return 1;
  }
  context.writeError(
    `reading from file ${path}, link-type EN10MB (Ethernet), snapshot length 262144\n`,
  );
  const capture = makeCapture(context, options, filter, false, 0);
  for (const frame of frames) {
    if (options.count !== null && capture.shownCount >= options.count) break;
    // Times above 2^53 ns are rounded: push them back over the full microsecond.
    const timeNs = frame.timeNs + ROUNDING_NS;
    takeFrame(capture, { ...frame, timeNs, device: null, direction: null, kind: '' });
  }
  if (options.onlyCounts) context.write(`${capture.shownCount} packets\n`);
  return storeFile(capture, 0) ? 0 : 1;
}

async function captureLive(
  context: ProgramContext,
  options: TcpdumpOptions,
  filter: PacketFilter,
): Promise<number> {
  const { netns } = context;
  const name = options.device ?? defaultDevice(context);
  const isAny = name === 'any';
  const device =
    netns.deviceByName.get(name) ?? netns.devices.find((each) => String(each.index) === name);
  if (!isAny && device === undefined) {
    context.writeError(`tcpdump: ${name}: No such device exists\n(No such device exists)\n`);
    return 1;
  }
  if (!isAny && device?.isUp === false) {
    context.writeError(`tcpdump: ${name}: That device is not up\n`);
    return 1;
  }
  const linkType = isAny ? 'LINUX_SLL2 (Linux cooked v2)' : 'EN10MB (Ethernet)';
  if (isAny) context.writeError('tcpdump: data link type LINUX_SLL2\n');
  const isBrief = options.verbosity === 0 && options.writeFile === null;
  const hint = 'verbose output suppressed, use -v[v]... for full protocol decode\n';
  context.writeError(
    `tcpdump: ${isBrief ? hint : ''}listening on ${name}, link-type ${linkType}, snapshot length ${options.snapBytes} bytes\n`,
  );
  const { epochS } = context.world;
  const capture = makeCapture(context, options, filter, isAny, epochS);
  const devices = isAny || device === undefined ? netns.devices : [device];
  return context.run('tcpdump', (process) => watch(process, capture, devices));
}

/** The first device that is up, as libpcap sorts them: loopback last. */
function defaultDevice(context: ProgramContext): string {
  const up = context.netns.devices.filter((device) => device.isUp);
  return (up.find((device) => !device.isLoopback) ?? up[0])?.name ?? 'any';
}

function makeCapture(
  context: ProgramContext,
  options: TcpdumpOptions,
  filter: PacketFilter,
  isAny: boolean,
  epochSec: number,
): Capture {
  return {
    context,
    options,
    filter,
    isAny,
    queue: [],
    receivedCount: 0,
    shownCount: 0,
    droppedCount: 0,
    stored: [],
    show: makeShow(context, options, isAny, epochSec),
  };
}

function* watch(process: Process, capture: Capture, devices: readonly Device[]): Program {
  const { options } = capture;
  const arrived = makeWaitQueue();
  const tap: Tap = {
    capture(device, packet, direction, timeNs) {
      noteFrame(capture, device, packet, direction, timeNs);
      if (capture.queue.length > 0) wake(arrived);
    },
  };
  const isPromiscuous = options.isPromiscuous && !capture.isAny;
  for (const device of devices) {
    addTap(device, tap);
    if (isPromiscuous) setPromiscuous(device, true);
  }
  process.cleanups.push(() => {
    for (const device of devices) {
      removeTap(device, tap);
      if (isPromiscuous && device.isRegistered) setPromiscuous(device, false);
    }
  });
  const isFull = (): boolean => options.count !== null && capture.shownCount >= options.count;
  while (!isFull() && process.signal === null) {
    yield* waitFor(process, [arrived], () => capture.queue.length > 0);
    while (capture.queue.length > 0 && !isFull()) takeFrame(capture, capture.queue.shift()!);
  }
  if (process.signal !== null && options.writeFile === null) capture.context.write('\n');
  const isStored = storeFile(capture, capture.context.world.epochS);
  if (options.onlyCounts) capture.context.write(`${capture.shownCount} packets\n`);
  const plural = (count: number): string => `packet${count === 1 ? '' : 's'}`;
  const { shownCount, receivedCount, droppedCount } = capture;
  capture.context.writeError(
    `${shownCount} ${plural(shownCount)} captured\n${receivedCount} ${plural(receivedCount)} received by filter\n${droppedCount} ${plural(droppedCount)} dropped by kernel\n`,
  );
  return isStored ? 0 : 1;
}

/** In the receive or transmit path: what the kernel's filter does. */
function noteFrame(
  capture: Capture,
  device: Device,
  packet: Packet,
  direction: Direction,
  timeNs: number,
): void {
  const { options } = capture;
  const { bytes, start, end } = packet;
  if (options.direction !== null && options.direction !== direction) return;
  const seen = { bytes, start, end, wireBytes: end - start, direction };
  if (!capture.filter(seen)) return;
  capture.receivedCount++;
  // libpcap hides the outgoing copy of a loopback frame: it is seen coming in.
  if (device.isLoopback && direction === 'out') return;
  if (capture.queue.length >= QUEUE_MAX) {
    capture.droppedCount++;
    return;
  }
  const copy = bytes.slice(start, Math.min(end, start + options.snapBytes));
  const kind = direction === 'out' ? 'Out' : kindOf(packet.packetType);
  const originalBytes = end - start;
  capture.queue.push({ timeNs, bytes: copy, originalBytes, device, direction, kind });
}

function kindOf(packetType: number): string {
  if (packetType === PACKET_BROADCAST) return 'B';
  if (packetType === PACKET_MULTICAST) return 'M';
  return packetType === PACKET_OTHERHOST ? 'P' : 'In';
}

/** In tcpdump's process: prints or stores. A frame from a file has yet to pass the filter. */
function takeFrame(capture: Capture, seen: Seen): void {
  const { options } = capture;
  if (seen.direction === null) {
    const { bytes } = seen;
    const wireBytes = seen.originalBytes ?? bytes.length;
    const frame = { bytes, start: 0, end: bytes.length, wireBytes, direction: null };
    if (!capture.filter(frame)) return;
  }
  capture.shownCount++;
  if (options.writeFile !== null) capture.stored.push(seen);
  if (options.onlyCounts) return;
  if (options.writeFile === null || options.printsToo) capture.show(seen);
}

function storeFile(capture: Capture, epochSec: number): boolean {
  const { writeFile, hasNanoseconds } = capture.options;
  if (writeFile === null) return true;
  const precision = hasNanoseconds ? 'nanoseconds' : 'microseconds';
  const file = writePcap(capture.stored, { precision, epochSec });
  if (writeFile === '-') {
    capture.context.writeBytes(file);
    return true;
  }
  if (capture.context.fileSystem.writeFile(writeFile, file)) return true;
  capture.context.writeError(`tcpdump: ${writeFile}: No such file or directory\n`);
  return false;
}

function makeShow(
  context: ProgramContext,
  options: TcpdumpOptions,
  isAny: boolean,
  epochSec: number,
): (seen: Seen) => void {
  const printer = makeLinePrinter({
    isNumeric: options.isNumeric,
    verbosity: options.verbosity,
    showsLink: options.showsLink,
    isQuick: options.isQuick,
    isAbsolute: options.isAbsolute,
    nameOf: hostNames(context),
  });
  const stamp = makeStamp(options, epochSec);
  let number = 0;
  return (seen) => {
    number++;
    const { bytes } = seen;
    const wireBytes = seen.originalBytes ?? bytes.length;
    let text = printer.print(bytes, 0, bytes.length, wireBytes);
    if (isAny) text = cookedText(options, seen, text, wireBytes);
    const counter = options.isNumbered ? `${String(number).padStart(5)}  ` : '';
    context.write(`${counter}${stamp(seen.timeNs)}${text}${dumpText(options, bytes)}\n`);
  };
}

/** What stands before the network layer with `-i any`; Ethernet's own header is not there. */
function cookedText(options: TcpdumpOptions, seen: Seen, text: string, wireBytes: number): string {
  const place = `${(seen.device?.name ?? '').padEnd(5)} ${seen.kind.padEnd(3)} `;
  if (!options.showsLink) return place + text;
  const { bytes } = seen;
  const type = ethertypeOf(bytes, 0);
  const mac = formatMacHalves(sourceMacHi(bytes, 0), sourceMacLo(bytes, 0));
  const rest = text.slice(text.indexOf(': ', text.indexOf('length ')) + 2);
  const names: Readonly<Record<number, string>> = { 2048: 'IPv4', 2054: 'ARP', 34525: 'IPv6' };
  const typeText = `ethertype ${names[type] ?? 'Unknown'} (0x${type.toString(16).padStart(4, '0')})`;
  const length = wireBytes - 14 + COOKED_BYTES;
  return `${place}ifindex ${seen.device?.index ?? 0} ${mac} ${typeText}, length ${length}: ${rest}`;
}

function hostNames(context: ProgramContext): (address: number) => string | null {
  const names = new Map<string, string>();
  for (const line of (context.fileSystem.readFile('/etc/hosts') ?? '').split('\n')) {
    const [address, name] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address !== undefined && name !== undefined && !names.has(address))
      names.set(address, name);
  }
  return (address) => names.get(formatIpv4(address)) ?? null;
}

/** The time column with the space after it. */
function makeStamp(options: TcpdumpOptions, epochSec: number): (timeNs: number) => string {
  let firstNs: number | null = null;
  let lastNs: number | null = null;
  const fraction = (ns: number): string =>
    options.hasNanoseconds
      ? String(ns % 1e9).padStart(9, '0')
      : String(Math.floor((ns % 1e9) / 1000)).padStart(6, '0');
  const clock = (ns: number): string => {
    const date = calendarOf(Math.floor(ns / 1e9));
    return `${formatClock(date)}.${fraction(ns)}`;
  };
  const absolute = (timeNs: number): string => {
    const date = calendarOf(epochSec + Math.floor(timeNs / 1e9));
    const day = `${date.year}-${String(date.month).padStart(2, '0')}-${String(date.day).padStart(2, '0')}`;
    const time = `${formatClock(date)}.${fraction(timeNs)}`;
    return options.timeStyle === 4 ? `${day} ${time} ` : `${time} `;
  };
  return (timeNs) => {
    const sinceLast = timeNs - (lastNs ?? timeNs);
    firstNs ??= timeNs;
    lastNs = timeNs;
    switch (options.timeStyle) {
      case 1:
        return '';
      case 2:
        return `${epochSec + Math.floor(timeNs / 1e9)}.${fraction(timeNs)} `;
      case 3:
        return ` ${clock(sinceLast)} `;
      case 5:
        return ` ${clock(timeNs - firstNs)} `;
      default:
        return absolute(timeNs);
    }
  };
}

function dumpText(options: TcpdumpOptions, bytes: Uint8Array): string {
  const end = bytes.length;
  switch (options.dump) {
    case 'hex':
      return hexDump(bytes, 14, end);
    case 'hex-link':
      return hexDump(bytes, 0, end);
    case 'both':
      return hexAndAscii(bytes, 14, end);
    case 'both-link':
      return hexAndAscii(bytes, 0, end);
    case 'ascii':
      return asciiDump(bytes, 14, end);
    case 'ascii-link':
      return asciiDump(bytes, 0, end);
    default:
      return '';
  }
}
