/**
 * Receiving ARP: answering for our addresses, learning those of others.
 * @source net/ipv4/arp.c arp_rcv(), arp_process()
 */
import { type Ipv4, isLoopback, isMulticast } from '../base/ipv4-address.ts';
import { nextBelow } from '../base/prng.ts';
import type { Device } from '../engine/device.ts';
import { PACKET_HOST, PACKET_OTHERHOST, type Packet } from '../engine/packet.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { drop, type Simulator, streamOf } from '../engine/simulator.ts';
import { makeTimer } from '../engine/timer-queue.ts';
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
} from '../protocols/arp.ts';
import { sendArp } from './arp-send.ts';
import { addressType } from './fib-lookup.ts';
import { inetOf, isInSubnet } from './inet.ts';
import { getInt } from './int-table.ts';
import { armWheelTimer, HZ, jiffiesOf } from './jiffies.ts';
import { type NetNamespace, namespaceOf } from './namespace.ts';
import { isProxied } from './neighbour.ts';
import { findOrCreateNeighbour, UPDATE_OVERRIDE, updateNeighbour } from './neighbour-state.ts';
import { NUD_REACHABLE, NUD_STALE } from './neighbour-table.ts';
import { makeRoute, routeOutput } from './route.ts';
import { decideInput, decision, INPUT_OK } from './route-input.ts';
import { RTN_LOCAL, RTN_UNICAST, SCOPE_HOST, SCOPE_LINK } from './route-type.ts';

/** sysctl counts locktime and proxy_delay in hundredths of a second. */
const JIFFIES_PER_CENTISECOND = HZ / 100;

const route = makeRoute();

/** An ARP frame for the stack (packet.network is the ARP header). Owns the packet. */
export function receiveArp(sim: Simulator, device: Device, packet: Packet): void {
  const { bytes, network } = packet;
  if (packet.packetType === PACKET_OTHERHOST) {
    drop(sim, packet, 'other-host', device);
    return;
  }
  if (packet.end - network < ARP_BYTES || !isArpForIpv4(bytes, network)) {
    drop(sim, packet, 'arp-invalid', device);
    return;
  }
  if (!device.hasArp) {
    drop(sim, packet, 'arp-not-for-us', device);
    return;
  }
  processArp(sim, namespaceOf(device), device, packet, false);
}

/**
 * @param wasDelayed the request waited for the answer that is given on somebody's behalf.
 * @source arp_process()
 */
function processArp(
  sim: Simulator,
  netns: NetNamespace,
  device: Device,
  packet: Packet,
  wasDelayed: boolean,
): void {
  const { bytes, network: arp } = packet;
  const operation = arpOperation(bytes, arp);
  const sender = arpSenderIp(bytes, arp);
  const target = arpTargetIp(bytes, arp);
  const { conf } = inetOf(device);
  const { confAll } = netns.sysctl;
  const isLocalnet = (conf.routeLocalnet | confAll.routeLocalnet) !== 0;
  const isKind = operation === ARP_REQUEST || operation === ARP_REPLY;
  if (!isKind || isMulticast(target) || (isLoopback(target) && !isLocalnet)) {
    drop(sim, packet, 'arp-invalid', device);
    return;
  }
  if (sender === target && (conf.dropGratuitousArp | confAll.dropGratuitousArp) !== 0) {
    drop(sim, packet, 'arp-not-for-us', device);
    return;
  }
  if (sender === 0) {
    answerDetection(sim, netns, device, packet);
    return;
  }
  if (operation === ARP_REQUEST) {
    if (decideInput(netns, device, target, sender, 0, 0) === INPUT_OK) {
      if (decision.type === RTN_LOCAL) {
        answerRequest(sim, netns, device, packet);
        return;
      }
      if (decision.type === RTN_UNICAST && isAnsweredForOther(netns, device, target)) {
        answerForOther(sim, netns, device, packet, wasDelayed);
        return;
      }
    }
  }
  learn(sim, netns, device, packet);
}

/** Somebody without an address asks whether ours is free (duplicate address detection). */
function answerDetection(
  sim: Simulator,
  netns: NetNamespace,
  device: Device,
  packet: Packet,
): void {
  const { bytes, network: arp } = packet;
  const target = arpTargetIp(bytes, arp);
  const isOurs =
    arpOperation(bytes, arp) === ARP_REQUEST &&
    addressType(netns.fib, target, null) === RTN_LOCAL &&
    !isIgnored(netns, device, 0, target);
  if (!isOurs) {
    drop(sim, packet, 'arp-not-for-us', device);
    return;
  }
  reply(sim, device, packet);
}

/** A request for an address of ours, whichever device has it: learn who asks, and answer. */
function answerRequest(sim: Simulator, netns: NetNamespace, device: Device, packet: Packet): void {
  const { bytes, network: arp } = packet;
  const sender = arpSenderIp(bytes, arp);
  const target = arpTargetIp(bytes, arp);
  if (
    isIgnored(netns, device, sender, target) ||
    isFiltered(netns, device, sender, target) ||
    !learnRequester(sim, netns, device, packet)
  ) {
    drop(sim, packet, 'arp-not-for-us', device);
    return;
  }
  reply(sim, device, packet);
}

/** An answer on behalf of a host behind us (proxy ARP), at once or after a random delay. */
function answerForOther(
  sim: Simulator,
  netns: NetNamespace,
  device: Device,
  packet: Packet,
  wasDelayed: boolean,
): void {
  learnRequester(sim, netns, device, packet);
  const { proxyDelay, proxyQlen } = inetOf(device).neighbour;
  if (wasDelayed || packet.packetType === PACKET_HOST || proxyDelay === 0) {
    reply(sim, device, packet);
    return;
  }
  const table = netns.neighbours;
  if (table.delayedCount >= proxyQlen) {
    drop(sim, packet, 'neighbour-queue-full', device);
    return;
  }
  table.delayedCount++;
  const stream = streamOf(sim, 'stack/proxy-arp');
  const delay = nextBelow(stream, Math.max(1, Math.floor(proxyDelay * JIFFIES_PER_CENTISECOND)));
  const timer = makeTimer(netns.cpu, () => {
    table.delayedCount--;
    if (device.isUp && device.isRegistered) processArp(sim, netns, device, packet, true);
    else drop(sim, packet, 'device-down', device);
  });
  armWheelTimer(sim, timer, jiffiesOf(sim) + delay);
}

/** Whether we answer for an address that we only route to; `decision` holds the way to it. */
function isAnsweredForOther(netns: NetNamespace, device: Device, target: Ipv4): boolean {
  const { conf } = inetOf(device);
  const { confAll } = netns.sysctl;
  const out = decision.nextHop!.device;
  if (out === device || out === null) {
    return out !== null && (conf.proxyArpPvlan | confAll.proxyArpPvlan) !== 0;
  }
  if (isProxied(netns, device, target)) return true;
  if ((conf.proxyArp | confAll.proxyArp) === 0 || conf.mediumId === -1) return false;
  if (conf.mediumId === 0) return true;
  const outMedium = inetOf(out).conf.mediumId;
  return outMedium !== conf.mediumId && outMedium !== -1;
}

/** @source neigh_event_ns() */
function learnRequester(
  sim: Simulator,
  netns: NetNamespace,
  device: Device,
  packet: Packet,
): boolean {
  const { bytes, network: arp } = packet;
  const neighbour = findOrCreateNeighbour(sim, netns, device, arpSenderIp(bytes, arp));
  if (neighbour === null) return false;
  const hi = arpSenderMacHi(bytes, arp);
  const lo = arpSenderMacLo(bytes, arp);
  updateNeighbour(sim, netns, neighbour, true, hi, lo, NUD_STALE, UPDATE_OVERRIDE);
  return true;
}

/** Sends the answer to a request, which is done with. */
function reply(sim: Simulator, device: Device, packet: Packet): void {
  const { bytes, network: arp } = packet;
  const hi = arpSenderMacHi(bytes, arp);
  const lo = arpSenderMacLo(bytes, arp);
  const ours = arpTargetIp(bytes, arp);
  sendArp(sim, device, ARP_REPLY, ours, arpSenderIp(bytes, arp), hi, lo, hi, lo, packet);
  releasePacket(sim, packet);
}

/** A reply, or somebody else's request: refreshes an entry that is there, rarely makes one. */
function learn(sim: Simulator, netns: NetNamespace, device: Device, packet: Packet): void {
  const { bytes, network: arp } = packet;
  const sender = arpSenderIp(bytes, arp);
  const operation = arpOperation(bytes, arp);
  const isGratuitous = isGratuitousArp(netns, packet);
  let neighbour = getInt(inetOf(device).neighbours, sender);
  if (neighbour === null && acceptsUnknown(netns, device, sender)) {
    const isAnswer =
      operation === ARP_REPLY && addressType(netns.fib, sender, null) === RTN_UNICAST;
    if (isGratuitous || isAnswer) neighbour = findOrCreateNeighbour(sim, netns, device, sender);
  }
  if (neighbour === null) {
    drop(sim, packet, operation === ARP_REPLY ? 'arp-unsolicited' : 'arp-not-for-us', device);
    return;
  }
  const lock = inetOf(device).neighbour.locktime * JIFFIES_PER_CENTISECOND;
  // Of several answers in a row the first one counts.
  const mayOverride = jiffiesOf(sim) > neighbour.updated + lock || isGratuitous;
  const isAnswerToUs = operation === ARP_REPLY && packet.packetType === PACKET_HOST;
  updateNeighbour(
    sim,
    netns,
    neighbour,
    true,
    arpSenderMacHi(bytes, arp),
    arpSenderMacLo(bytes, arp),
    isAnswerToUs ? NUD_REACHABLE : NUD_STALE,
    mayOverride ? UPDATE_OVERRIDE : 0,
  );
  releasePacket(sim, packet);
}

/** @source arp_is_garp() */
function isGratuitousArp(netns: NetNamespace, packet: Packet): boolean {
  const { bytes, network: arp } = packet;
  const sender = arpSenderIp(bytes, arp);
  if (sender !== arpTargetIp(bytes, arp)) return false;
  if (arpOperation(bytes, arp) === ARP_REPLY) {
    const isSameMac =
      arpSenderMacHi(bytes, arp) === arpTargetMacHi(bytes, arp) &&
      arpSenderMacLo(bytes, arp) === arpTargetMacLo(bytes, arp);
    if (!isSameMac) return false;
  }
  return addressType(netns.fib, sender, null) === RTN_UNICAST;
}

/** arp_accept: 1 always, 2 for addresses of our subnets. @source arp_accept() */
function acceptsUnknown(netns: NetNamespace, device: Device, sender: Ipv4): boolean {
  const { conf, addresses } = inetOf(device);
  const accept = Math.max(conf.arpAccept, netns.sysctl.confAll.arpAccept);
  if (accept !== 2) return accept === 1;
  return addresses.some((each) => isInSubnet(sender, each));
}

/** arp_ignore: whether a request for `target` is left unanswered. @source arp_ignore() */
function isIgnored(netns: NetNamespace, device: Device, sender: Ipv4, target: Ipv4): boolean {
  const level = Math.max(inetOf(device).conf.arpIgnore, netns.sysctl.confAll.arpIgnore);
  switch (level) {
    case 1:
      return !isConfirmed(device, 0, target, SCOPE_HOST);
    case 2:
      return !isConfirmed(device, sender, target, SCOPE_HOST);
    case 3:
      return !netns.devices.some((each) => isConfirmed(each, 0, target, SCOPE_LINK));
    case 8:
      return true;
    default:
      return false;
  }
}

/** @source net/ipv4/devinet.c confirm_addr_indev() */
function isConfirmed(device: Device, sender: Ipv4, target: Ipv4, scope: number): boolean {
  const { addresses } = inetOf(device);
  const isThere = addresses.some((each) => each.address === target && each.scope <= scope);
  if (!isThere) return false;
  return addresses.some(
    (each) => isInSubnet(target, each) && (sender === 0 || isInSubnet(sender, each)),
  );
}

/** arp_filter: answer only by the device through which we would reach the asker. */
function isFiltered(netns: NetNamespace, device: Device, sender: Ipv4, target: Ipv4): boolean {
  const isOn = (inetOf(device).conf.arpFilter | netns.sysctl.confAll.arpFilter) !== 0;
  if (!isOn) return false;
  if (routeOutput(netns, sender, target, null, 0, 0, route) !== null) return true;
  return route.outDevice !== device;
}

/** Tells the link our addresses (arp_notify). @source inetdev_send_gratuitous_arp() */
export function announceAddresses(netns: NetNamespace, device: Device): void {
  for (const { address } of inetOf(device).addresses) {
    sendArp(netns.sim, device, ARP_REQUEST, address, address, 0xffff, -1, 0, 0, null);
  }
}
