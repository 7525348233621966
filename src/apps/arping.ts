/**
 * arping: ARP requests from a packet socket, and who answers.
 * @source iputils 20221126 arping.c
 */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { formatMacHalves } from '../base/mac-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { addTap, type Device, removeTap, type Tap, transmit } from '../engine/device.ts';
import { PACKET_OTHERHOST } from '../engine/packet.ts';
import { takePacket } from '../engine/packet-pool.ts';
import { makeWaitQueue, type Process, type Program, waitFor, wake } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import {
  ARP_BYTES,
  ARP_REPLY,
  ARP_REQUEST,
  arpOperation,
  arpSenderIp,
  arpSenderMacHi,
  arpSenderMacLo,
  arpTargetIp,
  arpTargetMacHi,
  arpTargetMacLo,
  isArpForIpv4,
  writeArp,
} from '../protocols/arp.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ethertypeOf,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../protocols/ethernet.ts';
import type { ProgramOutput } from './program-output.ts';

export interface ArpingOptions {
  readonly device: Device;
  readonly target: Ipv4;
  /** 0 for duplicate detection. */
  readonly source: Ipv4;
  readonly count: number | null;
  readonly deadlineSec: number;
  readonly intervalSec: number;
  readonly quitsOnReply: boolean;
  readonly keepsBroadcasting: boolean;
  readonly isDuplicateDetection: boolean;
  /** -U, and -A, which announces by replies. */
  readonly isUnsolicited: boolean;
  readonly isAdvertising: boolean;
  readonly isQuiet: boolean;
}

interface Heard {
  readonly bytes: Uint8Array;
  readonly isBroadcast: boolean;
  readonly timeNs: number;
}

interface State {
  readonly process: Process;
  readonly options: ArpingOptions;
  readonly output: ProgramOutput;
  targetHi: number;
  targetLo: number;
  isUnicasting: boolean;
  sentNs: number;
  sent: number;
  broadcasts: number;
  received: number;
  requestsReceived: number;
  broadcastsReceived: number;
}

/** @returns iputils' exit code. */
export function* arping(process: Process, options: ArpingOptions, output: ProgramOutput): Program {
  const { device, target, source } = options;
  const heard: Heard[] = [];
  const arrived = makeWaitQueue();
  const tap: Tap = {
    capture(_device, packet, direction, now) {
      if (direction !== 'in' || packet.packetType === PACKET_OTHERHOST) return;
      if (ethertypeOf(packet.bytes, packet.start) !== ETHERTYPE_ARP) return;
      const bytes = packet.bytes.slice(packet.start + ETHERNET_BYTES, packet.end);
      heard.push({ bytes, isBroadcast: (packet.bytes[packet.start]! & 1) === 1, timeNs: now });
      wake(arrived);
    },
  };
  addTap(device, tap);
  process.cleanups.push(() => removeTap(device, tap));
  const state: State = {
    process,
    options,
    output,
    targetHi: 0xffff,
    targetLo: -1,
    isUnicasting: false,
    sentNs: 0,
    sent: 0,
    broadcasts: 0,
    received: 0,
    requestsReceived: 0,
    broadcastsReceived: 0,
  };
  if (!options.isQuiet) {
    output.write(`ARPING ${formatIpv4(target)} from ${formatIpv4(source)} ${device.name}\n`);
  }
  yield* loop(state, heard, arrived);
  if (!options.isQuiet) output.write(summary(state));
  if (process.signal === 'SIGTERM') return 143;
  return exitCodeOf(state);
}

function* loop(
  state: State,
  heard: Heard[],
  arrived: ReturnType<typeof makeWaitQueue>,
): Program<void> {
  const { process, options } = state;
  const { sim } = process;
  const startNs = timeNs(sim);
  const intervalNs = options.intervalSec * NS_PER_SEC;
  const deadlineNs =
    options.deadlineSec > 0 ? startNs + options.deadlineSec * NS_PER_SEC : Number.POSITIVE_INFINITY;
  let ticks = 1;
  send(state);
  while (process.signal === null) {
    const nextNs = Math.min(startNs + ticks * intervalNs, deadlineNs);
    const waitNs = Math.max(0, nextNs - timeNs(sim));
    if (yield* waitFor(process, [arrived], () => heard.length > 0, waitNs)) {
      const isFinal = receive(state, heard.shift()!);
      if (isFinal && options.quitsOnReply) return;
      continue;
    }
    if (process.signal !== null) return;
    // The interval's timer is looked at before the deadline's, so the last request still goes out.
    if (timeNs(sim) >= startNs + ticks * intervalNs) {
      ticks++;
      if (options.count !== null && options.count < ticks) return;
      send(state);
    }
    if (timeNs(sim) >= deadlineNs) return;
  }
}

function send(state: State): void {
  const { options, process } = state;
  const { sim } = process;
  const { device } = options;
  const packet = takePacket(sim, ETHERNET_BYTES + ARP_BYTES);
  const { bytes, start } = packet;
  packet.end = start + ETHERNET_BYTES + ARP_BYTES;
  packet.network = start + ETHERNET_BYTES;
  writeTargetMac(bytes, start, state.targetHi, state.targetLo);
  writeSourceMac(bytes, start, device.macHi, device.macLo);
  writeEthertype(bytes, start, ETHERTYPE_ARP);
  writeArp(
    bytes,
    packet.network,
    options.isAdvertising ? ARP_REPLY : ARP_REQUEST,
    device.macHi,
    device.macLo,
    options.source,
    options.isAdvertising ? device.macHi : state.targetHi,
    options.isAdvertising ? device.macLo : state.targetLo,
    options.target,
  );
  state.sentNs = timeNs(sim);
  state.sent++;
  if (!state.isUnicasting) state.broadcasts++;
  transmit(sim, device, packet);
}

/** Looks at one ARP message. @returns whether it was an answer. */
function receive(state: State, heard: Heard): boolean {
  const { options, output } = state;
  const { bytes } = heard;
  if (bytes.length < ARP_BYTES || !isArpForIpv4(bytes, 0)) return false;
  const operation = arpOperation(bytes, 0);
  if (operation !== ARP_REQUEST && operation !== ARP_REPLY) return false;
  if (!isAnswer(options, bytes)) return false;
  const hi = arpSenderMacHi(bytes, 0);
  const lo = arpSenderMacLo(bytes, 0);
  if (!options.isQuiet) {
    const how = heard.isBroadcast ? 'Broadcast' : 'Unicast';
    const what = operation === ARP_REPLY ? 'reply' : 'request';
    const mac = formatMacHalves(hi, lo).toUpperCase();
    let line = `${how} ${what} from ${formatIpv4(arpSenderIp(bytes, 0))} [${mac}]`;
    const asked = arpTargetIp(bytes, 0);
    if (asked !== options.source) line += ` for ${formatIpv4(asked)} `;
    const us = Math.floor((heard.timeNs - state.sentNs) / 1000);
    if (state.sent > 0) {
      line += `  ${Math.floor(us / 1000)}.${String(us % 1000).padStart(3, '0')}ms`;
    }
    output.write(`${line}\n`);
  }
  state.received++;
  if (heard.isBroadcast) state.broadcastsReceived++;
  if (operation === ARP_REQUEST) state.requestsReceived++;
  if (!options.keepsBroadcasting) {
    state.targetHi = hi;
    state.targetLo = lo;
    state.isUnicasting = true;
  }
  return true;
}

/** @source recv_pack() */
function isAnswer(options: ArpingOptions, bytes: Uint8Array): boolean {
  const sender = arpSenderIp(bytes, 0);
  const asked = arpTargetIp(bytes, 0);
  const { device } = options;
  if (!options.isDuplicateDetection) {
    if (sender !== options.target || asked !== options.source) return false;
    return arpTargetMacHi(bytes, 0) === device.macHi && arpTargetMacLo(bytes, 0) === device.macLo;
  }
  // Somebody has the address, or probes for it as we do.
  if (sender !== options.target) return false;
  const isOwn =
    arpSenderMacHi(bytes, 0) === device.macHi && arpSenderMacLo(bytes, 0) === device.macLo;
  return !isOwn && (options.source === 0 || asked === options.source);
}

function summary(state: State): string {
  let text = `Sent ${state.sent} probes (${state.broadcasts} broadcast(s))\n`;
  text += `Received ${state.received} response(s)`;
  const extras: string[] = [];
  if (state.requestsReceived > 0) extras.push(`${state.requestsReceived} request(s)`);
  if (state.broadcastsReceived > 0) extras.push(`${state.broadcastsReceived} broadcast(s)`);
  if (extras.length > 0) text += ` (${extras.join(', ')})`;
  return `${text}\n`;
}

function exitCodeOf(state: State): number {
  const { options, received } = state;
  if (options.isDuplicateDetection) return received > 0 ? 1 : 0;
  if (options.isUnsolicited || options.isAdvertising) return 0;
  if (options.deadlineSec > 0 && options.count === null) return received > 0 ? 0 : 1;
  return state.sent === received ? 0 : 1;
}
