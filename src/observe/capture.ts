/**
 * Captures: a tap on each chosen interface that keeps every frame, and the files they become.
 * One capture may hold many interfaces, and its size is bounded as a whole.
 */
import {
  addTap,
  type Device,
  type Direction,
  type Netns,
  removeTap,
  type Tap,
} from '../engine/device.ts';
import { DROP_REASONS, type DropReason } from '../engine/drop-reason.ts';
import type { Packet } from '../engine/packet.ts';
import { type CapturedFrame, writePcap } from './pcap.ts';
import { type PcapngFrame, writePcapng } from './pcapng.ts';

/** Frames of all interfaces together; what comes later is counted and not kept. */
export const CAPTURE_MAX_BYTES = 512 * 1024 * 1024;
/** Longest file name without its ending that every file system takes. */
const FILE_NAME_MAX = 120;

/** The frames of one interface, in order. */
export interface InterfaceCapture extends Tap {
  readonly device: Device;
  /** As they were when the tap was opened, or lastly if the capture follows names. */
  namespaceName: string;
  deviceName: string;
  readonly frames: KeptFrame[];
}

interface KeptFrame extends CapturedFrame {
  readonly direction: Direction;
  readonly packetId: number;
  comment: string | null;
}

export interface Capture {
  readonly interfaces: InterfaceCapture[];
  /** Bytes kept so far, and the bound. */
  usedBytes: number;
  readonly maxBytes: number;
  /** Whether an interface that is renamed or moved later gives its new name to the file. */
  readonly followsNames: boolean;
  /** What a namespace is called in file names. */
  readonly nameOf: (netns: Netns) => string;
  /** Frames that came after the bound was reached. */
  lostFrames: number;
  /** The last frame kept of each packet: where its drop is noted. */
  readonly lastFrameOf: Map<number, KeptFrame>;
}

export function makeCapture(
  options: {
    readonly maxBytes?: number;
    readonly followsNames?: boolean;
    readonly nameOf?: (netns: Netns) => string;
  } = {},
): Capture {
  return {
    interfaces: [],
    usedBytes: 0,
    maxBytes: options.maxBytes ?? CAPTURE_MAX_BYTES,
    followsNames: options.followsNames ?? false,
    nameOf: options.nameOf ?? (({ name }) => name),
    lostFrames: 0,
    lastFrameOf: new Map(),
  };
}

/** Opens a tap on the device; frames in and out are kept from now on. */
export function captureDevice(capture: Capture, device: Device): InterfaceCapture {
  const frames: KeptFrame[] = [];
  const tap: InterfaceCapture = {
    device,
    namespaceName: capture.nameOf(device.netns),
    deviceName: device.name,
    frames,
    capture: (_device, packet, direction, timeNs) => {
      if (capture.followsNames) followName(capture, tap);
      const sizeBytes = packet.end - packet.start;
      if (capture.usedBytes + sizeBytes > capture.maxBytes) {
        capture.lostFrames++;
        return;
      }
      capture.usedBytes += sizeBytes;
      const bytes = packet.bytes.slice(packet.start, packet.end);
      const frame = { timeNs, bytes, direction, packetId: packet.id, comment: null };
      frames.push(frame);
      capture.lastFrameOf.set(packet.id, frame);
    },
  };
  capture.interfaces.push(tap);
  addTap(device, tap);
  return tap;
}

function followName(capture: Capture, tap: InterfaceCapture): void {
  if (!tap.device.isRegistered) return;
  tap.namespaceName = capture.nameOf(tap.device.netns);
  tap.deviceName = tap.device.name;
}

/** Opens a tap on every device of the list but loopbacks. */
export function captureDevices(capture: Capture, devices: Iterable<Device>): void {
  for (const device of devices) if (!device.isLoopback) captureDevice(capture, device);
}

/** Closes all taps; the frames stay. */
export function closeCapture(capture: Capture): void {
  for (const tap of capture.interfaces) {
    removeTap(tap.device, tap);
    if (capture.followsNames) followName(capture, tap);
  }
  capture.lastFrameOf.clear();
}

/** Notes on the packet's last frame why it was dropped; call it from the simulator's onDrop. */
export function noteDrop(
  capture: Capture,
  packet: Packet,
  reason: DropReason,
  where: string,
): void {
  const frame = capture.lastFrameOf.get(packet.id);
  if (frame === undefined) return;
  const place = where === '' ? '' : ` at ${where}`;
  frame.comment = `dropped${place}: ${reason}: ${DROP_REASONS[reason].sentence}`;
}

export type CaptureFormat = 'pcap' | 'pcapng';

export interface CaptureFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly frameCount: number;
}

/**
 * One file an interface, `<namespace>.<interface>.pcap` (or `.pcapng`), also for silent interfaces.
 * @param epochSec what virtual time 0 is in seconds since 1970.
 */
export function captureFiles(
  capture: Capture,
  options: { readonly format?: CaptureFormat; readonly epochSec?: number } = {},
): CaptureFile[] {
  const format = options.format ?? 'pcap';
  const epoch = { epochSec: options.epochSec ?? 0 };
  const names = fileNamesOf(capture, format);
  return capture.interfaces.map(({ namespaceName, deviceName, frames }, index) => {
    const bytes =
      format === 'pcap'
        ? writePcap(frames, epoch)
        : writePcapng([{ name: `${namespaceName}.${deviceName}` }], frames.map(pcapngFrame), epoch);
    return { name: names[index]!, bytes, frameCount: frames.length };
  });
}

function pcapngFrame({ timeNs, bytes, direction, comment }: KeptFrame): PcapngFrame {
  const frame = { interfaceIndex: 0, timeNs, bytes, direction };
  return comment === null ? frame : { ...frame, comment };
}

/** One letter a frame, `i` or `o`, by file name. */
export function captureDirections(capture: Capture): Record<string, string> {
  const names = fileNamesOf(capture, 'pcap');
  const letters = (frames: readonly KeptFrame[]): string =>
    frames.map(({ direction }) => (direction === 'in' ? 'i' : 'o')).join('');
  return Object.fromEntries(
    capture.interfaces.map((each, index) => [names[index]!, letters(each.frames)]),
  );
}

function fileNamesOf(capture: Capture, format: CaptureFormat): string[] {
  const taken = new Set<string>();
  return capture.interfaces.map((each) => {
    const stem = uniqueName(fileNameOf(each.namespaceName, each.deviceName), taken);
    return `${stem}.${format}`;
  });
}

/** A sentence for the user when the bound was reached, null otherwise. */
export function captureNote(capture: Capture): string | null {
  if (capture.lostFrames === 0) return null;
  const mebibytes = Math.floor(capture.maxBytes / 1048576);
  return `the capture is full (${mebibytes} MiB): ${capture.lostFrames} later frames were not written`;
}

/**
 * `namespace.interface` in letters that no file system minds: whatever could name another folder,
 * a hidden or a reserved file is written as `%` and two hexadecimal digits.
 */
export function fileNameOf(namespaceName: string, deviceName: string): string {
  return `${safeName(namespaceName)}.${safeName(deviceName)}`;
}

function safeName(name: string): string {
  const safe = Array.from(new TextEncoder().encode(name), (byte, index) => {
    const letter = String.fromCharCode(byte);
    const isPlain = /[A-Za-z0-9_@+=-]/.test(letter) || (letter === '.' && index > 0);
    return isPlain ? letter : `%${byte.toString(16).padStart(2, '0')}`;
  }).join('');
  return safe === '' ? '%00' : safe.slice(0, FILE_NAME_MAX);
}

function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  // Some file systems do not tell upper from lower case.
  for (let i = 2; taken.has(unique.toLowerCase()); i++) unique = `${name}~${i}`;
  taken.add(unique.toLowerCase());
  return unique;
}
