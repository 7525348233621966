/**
 * The life of a neighbour: what makes its state change, and the timer that does.
 * @source net/core/neighbour.c __neigh_event_send(), neigh_timer_handler(), __neigh_update()
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { DropReason } from '../engine/drop-reason.ts';
import { dequeue, enqueue, makePacketQueue, type Packet } from '../engine/packet.ts';
import { cancel, drop, type Simulator } from '../engine/simulator.ts';
import { makeTimer } from '../engine/timer-queue.ts';
import { ICMP_UNREACHABLE, UNREACHABLE_HOST } from '../protocols/icmp.ts';
import { solicit } from './arp-send.ts';
import { addressType } from './fib-lookup.ts';
import { drawReachableTime, inetOf } from './inet.ts';
import { deleteInt, getInt, setInt, valuesOf } from './int-table.ts';
import { armWheelTimer, HZ, jiffiesOf, jiffiesOfMs } from './jiffies.ts';
import type { NetNamespace } from './namespace.ts';
import { sendToNeighbour } from './neighbour-frame.ts';
import {
  type Neighbour,
  NUD_CONNECTED,
  NUD_DELAY,
  NUD_FAILED,
  NUD_IN_TIMER,
  NUD_INCOMPLETE,
  NUD_NOARP,
  NUD_NONE,
  NUD_PERMANENT,
  NUD_PROBE,
  NUD_REACHABLE,
  NUD_STALE,
  NUD_VALID,
} from './neighbour-table.ts';
import { RTN_BROADCAST, RTN_MULTICAST } from './route-type.ts';
import { truesizeOf } from './socket.ts';

/** Flags of updateNeighbour: another MAC address may replace a known one; an administrator asks. */
export const UPDATE_OVERRIDE = 1;
export const UPDATE_ADMIN = 2;

/** Reachable times are drawn anew this often. @source neigh_periodic_work() */
const REDRAW_JIFFIES = 300 * HZ;
/** Entries that changed this lately are not collected. */
const COLLECT_AGE_JIFFIES = 5 * HZ;

/**
 * A new entry for `address`, in the state that the kind of address and device gives it.
 * Null if the table is full (gc_thresh3).
 * Unlike Linux, each namespace has a table of its own, so that its bounds are for one namespace.
 * @source ___neigh_create(), arp_constructor()
 */
export function createNeighbour(
  sim: Simulator,
  netns: NetNamespace,
  device: Device,
  address: Ipv4,
  isExempt = false,
): Neighbour | null {
  if (!isExempt && !makeRoom(sim, netns)) return null;
  const now = jiffiesOf(sim);
  redrawIfDue(netns, now);
  const neighbour: Neighbour = {
    slot: 'neighbour',
    device,
    address,
    state: NUD_NONE,
    macHi: 0,
    macLo: 0,
    queue: makePacketQueue(),
    queueBytes: 0,
    probes: 0,
    confirmed: now - 2 * jiffiesOfMs(inetOf(device).neighbour.baseReachableTimeMs),
    updated: now,
    used: now,
    timer: makeTimer(netns.cpu, () => expire(sim, netns, neighbour)),
    isExternal: false,
    isExempt,
    isDead: false,
  };
  const type = addressType(netns.fib, address, null);
  if (type === RTN_MULTICAST) {
    neighbour.state = NUD_NOARP;
    neighbour.macHi = 0x0100;
    neighbour.macLo = 0x5e000000 | (address & 0x7fffff);
  } else if (!device.hasArp) {
    neighbour.state = NUD_NOARP;
    neighbour.macHi = device.macHi;
    neighbour.macLo = device.macLo;
  } else if (type === RTN_BROADCAST) {
    neighbour.state = NUD_NOARP;
    neighbour.macHi = 0xffff;
    neighbour.macLo = -1;
  }
  setInt(inetOf(device).neighbours, address, neighbour);
  if (!isExempt) netns.neighbours.count++;
  return neighbour;
}

/** Takes an entry out of the table; packets that waited for it are dropped. @source neigh_flush_dev() */
export function removeNeighbour(
  sim: Simulator,
  netns: NetNamespace,
  neighbour: Neighbour,
  reason: DropReason,
): void {
  if (neighbour.isDead) return;
  neighbour.isDead = true;
  cancel(sim, neighbour.timer);
  deleteInt(inetOf(neighbour.device).neighbours, neighbour.address);
  if (!neighbour.isExempt) netns.neighbours.count--;
  purgeQueue(sim, neighbour, reason);
}

/** An entry became permanent or external, or is so no more. @source neigh_update_gc_list() */
export function updateExempt(netns: NetNamespace, neighbour: Neighbour): void {
  const isExempt = neighbour.state === NUD_PERMANENT || neighbour.isExternal;
  if (isExempt === neighbour.isExempt || neighbour.isDead) return;
  neighbour.isExempt = isExempt;
  netns.neighbours.count += isExempt ? -1 : 1;
}

function purgeQueue(sim: Simulator, neighbour: Neighbour, reason: DropReason): void {
  for (;;) {
    const packet = dequeue(neighbour.queue);
    if (packet === null) break;
    drop(sim, packet, reason, neighbour.device);
  }
  neighbour.queueBytes = 0;
}

/**
 * A packet wants to go to a neighbour that is not in a connected state (or somebody wants to know it
 * before there is a packet: null).
 * @returns true: send it now; false: it waits in the entry's queue, or was dropped.
 * @source neigh_event_send(), __neigh_event_send()
 */
export function prepareToSend(
  sim: Simulator,
  netns: NetNamespace,
  neighbour: Neighbour,
  packet: Packet | null,
): boolean {
  const now = jiffiesOf(sim);
  const { neighbour: parameters } = inetOf(neighbour.device);
  neighbour.used = now;
  if ((neighbour.state & (NUD_CONNECTED | NUD_DELAY | NUD_PROBE)) !== 0) return true;
  let isProbing = false;
  if ((neighbour.state & (NUD_STALE | NUD_INCOMPLETE)) === 0) {
    if (parameters.mcastSolicit + parameters.appSolicit === 0) {
      neighbour.state = NUD_FAILED;
      neighbour.updated = now;
      if (packet !== null) drop(sim, packet, 'neighbour-failed', neighbour.device);
      return false;
    }
    neighbour.probes = parameters.ucastSolicit;
    neighbour.state = NUD_INCOMPLETE;
    neighbour.updated = now;
    armWheelTimer(sim, neighbour.timer, now + retransJiffies(neighbour));
    isProbing = true;
  } else if (neighbour.state === NUD_STALE) {
    neighbour.state = NUD_DELAY;
    neighbour.updated = now;
    armWheelTimer(sim, neighbour.timer, now + parameters.delayFirstProbeTime * HZ);
    return true;
  }
  if (packet !== null) keepWaiting(sim, neighbour, packet, parameters.unresQlenBytes);
  if (isProbing) probe(sim, netns, neighbour);
  return false;
}

/** Puts a packet into the queue of an entry; the oldest go when it is full. */
function keepWaiting(
  sim: Simulator,
  neighbour: Neighbour,
  packet: Packet,
  limitBytes: number,
): void {
  const bytes = truesizeOf(packet);
  while (neighbour.queueBytes + bytes > limitBytes) {
    const oldest = dequeue(neighbour.queue);
    if (oldest === null) break;
    neighbour.queueBytes -= truesizeOf(oldest);
    drop(sim, oldest, 'neighbour-queue-full', neighbour.device);
  }
  if (packet.id === sim.sentId) sim.sentId = 0; // it waits: whatever comes, the sender is not told
  enqueue(neighbour.queue, packet);
  neighbour.queueBytes += bytes;
}

/** @source neigh_timer_handler() */
function expire(sim: Simulator, netns: NetNamespace, neighbour: Neighbour): void {
  if (neighbour.isDead || (neighbour.state & NUD_IN_TIMER) === 0) return;
  const { neighbour: parameters } = inetOf(neighbour.device);
  const now = jiffiesOf(sim);
  const delay = parameters.delayFirstProbeTime * HZ;
  let next = now + retransJiffies(neighbour);
  if (neighbour.state === NUD_REACHABLE) {
    if (now <= neighbour.confirmed + parameters.reachableJiffies) {
      next = neighbour.confirmed + parameters.reachableJiffies;
    } else if (now <= neighbour.used + delay) {
      neighbour.state = NUD_DELAY;
      neighbour.updated = now;
      next = now + delay;
    } else {
      neighbour.state = NUD_STALE;
      neighbour.updated = now;
    }
  } else if (neighbour.state === NUD_DELAY) {
    neighbour.updated = now;
    if (now <= neighbour.confirmed + delay) {
      neighbour.state = NUD_REACHABLE;
      next = neighbour.confirmed + parameters.reachableJiffies;
    } else {
      neighbour.state = NUD_PROBE;
      neighbour.probes = 0;
    }
  }
  const isAsking = (neighbour.state & (NUD_INCOMPLETE | NUD_PROBE)) !== 0;
  if (isAsking && neighbour.probes >= maxProbesOf(neighbour)) {
    neighbour.state = NUD_FAILED;
    invalidate(sim, netns, neighbour);
    return;
  }
  if ((neighbour.state & NUD_IN_TIMER) !== 0) {
    armWheelTimer(sim, neighbour.timer, Math.max(next, now + Math.floor(HZ / 100)));
  }
  if (isAsking) probe(sim, netns, neighbour);
}

/**
 * Something says in which state the neighbour is and perhaps which MAC address it has: ARP, or a
 * command (UPDATE_ADMIN).
 * @returns false if that cannot be: a valid state without an address.
 * @source __neigh_update()
 */
export function updateNeighbour(
  sim: Simulator,
  netns: NetNamespace,
  neighbour: Neighbour,
  hasMac: boolean,
  macHi: number,
  macLo: number,
  state: number,
  flags: number,
): boolean {
  const old = neighbour.state;
  const isAdmin = (flags & UPDATE_ADMIN) !== 0;
  if (neighbour.isDead || (!isAdmin && (old & (NUD_NOARP | NUD_PERMANENT)) !== 0)) return true;
  const now = jiffiesOf(sim);
  if ((state & NUD_VALID) === 0) {
    cancel(sim, neighbour.timer);
    neighbour.state = state;
    updateExempt(netns, neighbour);
    if ((old & (NUD_INCOMPLETE | NUD_PROBE)) !== 0 && state === NUD_FAILED) {
      invalidate(sim, netns, neighbour);
    }
    return true;
  }
  const wasValid = (old & NUD_VALID) !== 0;
  if (!hasMac && !wasValid) return false;
  const isSame = !hasMac || (wasValid && macHi === neighbour.macHi && macLo === neighbour.macLo);
  let next = state;
  if ((next & NUD_CONNECTED) !== 0) neighbour.confirmed = now;
  if (wasValid) {
    if (!isSame && (flags & UPDATE_OVERRIDE) === 0) return true;
    if (isSame && next === NUD_STALE && !isAdmin) next = old;
  }
  if (next !== old || !isSame) neighbour.updated = now;
  if (next !== old) enterState(sim, neighbour, next, now);
  updateExempt(netns, neighbour);
  if (!isSame) {
    neighbour.macHi = macHi;
    neighbour.macLo = macLo;
    if ((next & NUD_CONNECTED) === 0) {
      const base = jiffiesOfMs(inetOf(neighbour.device).neighbour.baseReachableTimeMs);
      neighbour.confirmed = now - 2 * base;
    }
  }
  if (next !== old && !wasValid) releaseQueue(sim, netns, neighbour);
  return true;
}

function enterState(sim: Simulator, neighbour: Neighbour, state: number, now: number): void {
  const { reachableJiffies } = inetOf(neighbour.device).neighbour;
  cancel(sim, neighbour.timer);
  if (state === NUD_PROBE) neighbour.probes = 0;
  if ((state & NUD_IN_TIMER) !== 0) {
    armWheelTimer(sim, neighbour.timer, now + (state === NUD_REACHABLE ? reachableJiffies : 0));
  }
  neighbour.state = state;
}

/** The MAC address is known: what waited for it goes out. */
function releaseQueue(sim: Simulator, netns: NetNamespace, neighbour: Neighbour): void {
  while ((neighbour.state & NUD_VALID) !== 0) {
    const packet = dequeue(neighbour.queue);
    if (packet === null) break;
    neighbour.queueBytes -= truesizeOf(packet);
    const isConnected = (neighbour.state & NUD_CONNECTED) !== 0;
    if (!isConnected && !prepareToSend(sim, netns, neighbour, packet)) continue;
    sendToNeighbour(sim, neighbour.device, packet, neighbour.macHi, neighbour.macLo);
  }
}

/**
 * Nobody answered: the senders of what waited are told "host unreachable".
 * @source neigh_invalidate(); net/ipv4/arp.c arp_error_report()
 */
function invalidate(sim: Simulator, netns: NetNamespace, neighbour: Neighbour): void {
  neighbour.updated = jiffiesOf(sim);
  while (neighbour.state === NUD_FAILED) {
    const packet = dequeue(neighbour.queue);
    if (packet === null) break;
    neighbour.queueBytes -= truesizeOf(packet);
    netns.sendIcmpError(sim, netns, packet, ICMP_UNREACHABLE, UNREACHABLE_HOST, 0);
    drop(sim, packet, 'neighbour-failed', neighbour.device);
  }
  // An error may have come back to this very entry: what it put there is not kept.
  purgeQueue(sim, neighbour, 'neighbour-failed');
}

/** Sends one request. The youngest waiting packet lends its source address. @source neigh_probe() */
function probe(sim: Simulator, netns: NetNamespace, neighbour: Neighbour): void {
  const { ucastSolicit, appSolicit } = inetOf(neighbour.device).neighbour;
  const sent = neighbour.probes;
  neighbour.probes++;
  if (sent < ucastSolicit) solicit(sim, netns, neighbour, neighbour.queue.tail, true);
  else if (sent >= ucastSolicit + appSolicit) {
    solicit(sim, netns, neighbour, neighbour.queue.tail, false);
  }
}

/** @source neigh_max_probes() */
function maxProbesOf(neighbour: Neighbour): number {
  const { ucastSolicit, appSolicit, mcastSolicit, mcastResolicit } = inetOf(
    neighbour.device,
  ).neighbour;
  const broadcasts = neighbour.state === NUD_PROBE ? mcastResolicit : mcastSolicit;
  return ucastSolicit + appSolicit + broadcasts;
}

function retransJiffies(neighbour: Neighbour): number {
  const { retransTimeMs } = inetOf(neighbour.device).neighbour;
  return Math.max(jiffiesOfMs(retransTimeMs), Math.floor(HZ / 100));
}

/** Whether there is room for one more entry, after collecting what nobody needs. @source neigh_alloc() */
function makeRoom(sim: Simulator, netns: NetNamespace): boolean {
  const table = netns.neighbours;
  const { gcThresh2, gcThresh3 } = netns.sysctl;
  if (table.count < gcThresh2) return true;
  const now = jiffiesOf(sim);
  if (table.count < gcThresh3 && now <= table.lastCollected + COLLECT_AGE_JIFFIES) return true;
  table.lastCollected = now;
  for (const device of netns.devices) {
    if (device.inet === null) continue;
    for (const each of valuesOf(inetOf(device).neighbours)) {
      if (table.count < gcThresh2) return true;
      if (isCollectable(each, now)) removeNeighbour(sim, netns, each, 'neighbour-failed');
    }
  }
  return table.count < gcThresh3;
}

/** @source neigh_forced_gc() */
function isCollectable(neighbour: Neighbour, now: number): boolean {
  if (neighbour.isExempt) return false;
  if (neighbour.state === NUD_FAILED || neighbour.state === NUD_NOARP) return true;
  return neighbour.queue.count === 0 && neighbour.updated < now - COLLECT_AGE_JIFFIES;
}

/**
 * Draws the reachable times of all devices anew every five minutes.
 * Unlike Linux, at the next use after that and not by a periodic job, so that an idle network rests.
 */
function redrawIfDue(netns: NetNamespace, now: number): void {
  const table = netns.neighbours;
  if (now <= table.lastDrawn + REDRAW_JIFFIES) return;
  table.lastDrawn = now;
  for (const device of netns.devices) {
    if (device.inet !== null) drawReachableTime(netns, inetOf(device).neighbour);
  }
}

/** An entry for `address`, made if there is none. @source __neigh_lookup() */
export function findOrCreateNeighbour(
  sim: Simulator,
  netns: NetNamespace,
  device: Device,
  address: Ipv4,
): Neighbour | null {
  const known = getInt(inetOf(device).neighbours, address);
  return known ?? createNeighbour(sim, netns, device, address);
}
