/**
 * Neighbours: from the next hop's IPv4 address to its MAC address.
 *
 *     NONE -> INCOMPLETE -> REACHABLE -> STALE -> DELAY -> PROBE -> FAILED
 *              ask all       confirmed    old     used     ask it    gone
 *
 * The state machine is in neighbour-state.ts; here is what packets and commands do with it.
 * @source net/core/neighbour.c
 */
import { KernelError } from '../base/errors.ts';
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { formatMacHalves, type Mac, macHi, macLo } from '../base/mac-address.ts';
import { type Device, placeOf } from '../engine/device.ts';
import { PACKET_CONFIRM, type Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { inetOf } from './inet.ts';
import { getInt, valuesOf } from './int-table.ts';
import { jiffiesOf } from './jiffies.ts';
import type { NetNamespace } from './namespace.ts';
import { sendToNeighbour } from './neighbour-frame.ts';
import {
  createNeighbour,
  prepareToSend,
  removeNeighbour,
  UPDATE_ADMIN,
  UPDATE_OVERRIDE,
  updateNeighbour,
} from './neighbour-state.ts';
import {
  type Neighbour,
  NUD_CONNECTED,
  NUD_FAILED,
  NUD_NOARP,
  NUD_PERMANENT,
  type ProxyNeighbour,
} from './neighbour-table.ts';

export {
  makeNeighbourTable,
  type Neighbour,
  type NeighbourTable,
  NUD_NONE,
  NUD_REACHABLE,
  NUD_STALE,
  neighbourStateName,
  type ProxyNeighbour,
} from './neighbour-table.ts';

/**
 * Sends an IP packet (packet.start is its header) to packet.nextHop by packet.outDevice: finds the MAC
 * address, writes the Ethernet header, transmits. Owns the packet, which waits if nobody knows yet.
 * @source net/ipv4/ip_output.c ip_finish_output2(); net/core/neighbour.c neigh_resolve_output()
 */
export function neighbourOutput(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  const device = packet.outDevice!;
  if (device.isLoopback) {
    sendToNeighbour(sim, device, packet, 0, 0);
    return;
  }
  const { nextHop } = packet;
  let neighbour = device.recentNeighbour as Neighbour | null; // only the lines below set it
  if (neighbour === null || neighbour.address !== nextHop || neighbour.isDead) {
    neighbour =
      getInt(inetOf(device).neighbours, nextHop) ?? createNeighbour(sim, netns, device, nextHop);
    device.recentNeighbour = neighbour;
    if (neighbour === null) {
      drop(sim, packet, 'neighbour-table-full', device);
      return;
    }
  }
  if ((packet.flags & PACKET_CONFIRM) !== 0) {
    packet.flags &= ~PACKET_CONFIRM;
    neighbour.confirmed = jiffiesOf(sim);
  }
  if ((neighbour.state & NUD_CONNECTED) === 0 && !prepareToSend(sim, netns, neighbour, packet)) {
    return;
  }
  if (sim.trace !== null) {
    sim.trace('neighbour', packet, placeOf(device), {
      address: formatIpv4(nextHop),
      mac: formatMacHalves(neighbour.macHi, neighbour.macLo),
    });
  }
  sendToNeighbour(sim, device, packet, neighbour.macHi, neighbour.macLo);
}

/** What is known of `address` on `device`, null if nothing. @source neigh_lookup() */
export function findNeighbour(
  _netns: NetNamespace,
  device: Device,
  address: Ipv4,
): Neighbour | null {
  return device.inet === null ? null : getInt(inetOf(device).neighbours, address);
}

/** An entry as `ip neigh add|replace|change` asks for it. */
export interface NeighbourSpec {
  readonly device: Device;
  readonly address: Ipv4;
  /** Needed for every state but FAILED and NONE. */
  readonly mac?: Mac | null;
  /** NUD_*; permanent if absent. */
  readonly state?: number;
  /** `extern_learn` */
  readonly isExternal?: boolean;
}

/**
 * `ip neigh add|replace|change|append`.
 * @throws KernelError EEXIST, ENOENT, EINVAL "No link layer address given", ENOBUFS
 * @source neigh_add()
 */
export function addNeighbour(
  netns: NetNamespace,
  spec: NeighbourSpec,
  verb: 'add' | 'replace' | 'change' | 'append' = 'add',
): void {
  const { sim } = netns;
  const { device, address, mac = null, state = NUD_PERMANENT, isExternal = false } = spec;
  let neighbour = findNeighbour(netns, device, address);
  if (neighbour === null) {
    if (verb === 'change') throw new KernelError('ENOENT');
    neighbour = createNeighbour(sim, netns, device, address, state === NUD_PERMANENT || isExternal);
    if (neighbour === null) throw new KernelError('ENOBUFS');
  } else if (verb === 'add') {
    throw new KernelError('EEXIST');
  }
  const isReplacing = verb === 'replace' || verb === 'change';
  const flags = UPDATE_ADMIN | (isReplacing || verb === 'add' ? UPDATE_OVERRIDE : 0);
  neighbour.isExternal = isExternal;
  const isDone = updateNeighbour(
    sim,
    netns,
    neighbour,
    mac !== null,
    mac === null ? 0 : macHi(mac),
    mac === null ? 0 : macLo(mac),
    state,
    flags,
  );
  if (!isDone) throw new KernelError('EINVAL', 'No link layer address given');
}

/** `ip neigh del`: what waited for the entry fails. @throws KernelError ENOENT @source neigh_delete() */
export function deleteNeighbour(netns: NetNamespace, device: Device, address: Ipv4): void {
  const neighbour = findNeighbour(netns, device, address);
  if (neighbour === null) throw new KernelError('ENOENT');
  fail(netns, neighbour);
}

/**
 * `ip neigh flush`: deletes entries in one of these states (NUD_* bits), on one device or all.
 * @returns how many.
 */
export function flushNeighbours(
  netns: NetNamespace,
  device: Device | null = null,
  states = ~(NUD_PERMANENT | NUD_NOARP),
): number {
  const gone = listNeighbours(netns).filter(
    (each) => (each.state & states) !== 0 && (device === null || each.device === device),
  );
  for (const neighbour of gone) fail(netns, neighbour);
  return gone.length;
}

/** All entries: by device in order of ifindex, then by address. `ip neigh show` filters them. */
export function listNeighbours(netns: NetNamespace): Neighbour[] {
  return netns.devices.flatMap((device) =>
    device.inet === null
      ? []
      : valuesOf(inetOf(device).neighbours).sort((a, b) => (a.address >>> 0) - (b.address >>> 0)),
  );
}

/**
 * A device went down or away (`all`), or lost its carrier (`learnt`: permanent entries stay).
 * @source neigh_ifdown(), neigh_carrier_down()
 */
export function flushDeviceNeighbours(
  netns: NetNamespace,
  device: Device,
  which: 'all' | 'learnt',
): void {
  for (const neighbour of valuesOf(inetOf(device).neighbours)) {
    const stays = which === 'learnt' && (neighbour.state & NUD_PERMANENT) !== 0;
    if (!stays) removeNeighbour(netns.sim, netns, neighbour, 'device-down');
  }
  if (which === 'learnt') return;
  const { proxies } = netns.neighbours;
  proxies.splice(0, proxies.length, ...proxies.filter((each) => each.device !== device));
}

/** `ip neigh add proxy`. @source pneigh_create() */
export function addProxyNeighbour(netns: NetNamespace, device: Device, address: Ipv4): void {
  if (isProxied(netns, device, address)) return;
  netns.neighbours.proxies.push({ device, address });
}

/** `ip neigh del proxy`. @throws KernelError ENOENT */
export function deleteProxyNeighbour(netns: NetNamespace, device: Device, address: Ipv4): void {
  const { proxies } = netns.neighbours;
  const at = proxies.findIndex((each) => each.device === device && each.address === address);
  if (at < 0) throw new KernelError('ENOENT');
  proxies.splice(at, 1);
}

/** `ip neigh show proxy`. */
export function listProxyNeighbours(netns: NetNamespace): readonly ProxyNeighbour[] {
  return netns.neighbours.proxies;
}

/** Whether ARP requests for `address` on `device` are answered on somebody's behalf. */
export function isProxied(netns: NetNamespace, device: Device, address: Ipv4): boolean {
  return netns.neighbours.proxies.some(
    (each) => each.device === device && each.address === address,
  );
}

function fail(netns: NetNamespace, neighbour: Neighbour): void {
  const flags = UPDATE_ADMIN | UPDATE_OVERRIDE;
  updateNeighbour(netns.sim, netns, neighbour, false, 0, 0, NUD_FAILED, flags);
  removeNeighbour(netns.sim, netns, neighbour, 'neighbour-failed');
}
