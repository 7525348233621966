/**
 * The control plane of the bridge: making one, its ports, its address and MTU, its FDB by hand.
 * @source net/bridge/br_if.c, br_stp_if.c, br_fdb.c, br_netlink.c
 */
import { KernelError } from '../base/errors.ts';
import { formatMacHalves, type Mac, macHi, macLo, macOf } from '../base/mac-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { type Device, makeDevice, type Netns } from '../engine/device.ts';
import { type Simulator, timeNs } from '../engine/simulator.ts';
import {
  BRIDGE_PORTS_MAX,
  type Bridge,
  type BridgePort,
  bridgeOf,
  bridgePortOf,
  receiveOnPort,
  transmitBridge,
} from './bridge.ts';
import { type BridgeFdbEntry, isFdbExpired, makeBridgeFdbEntry } from './bridge-fdb.ts';
import type { DeviceKind, LinkOptions } from './device-kind.ts';
import { findMac, insertMac, listMacs, makeMacTable, removeMac } from './mac-table.ts';

const AGEING_SEC = 300;
const ETHERNET_MTU_BYTES = 1500;

export const bridgeKind: DeviceKind = {
  name: 'bridge',
  minMtuBytes: 68,
  maxMtuBytes: 65535,
  make: makeBridge,
  open: null,
  stop: null,
  destroy: null,
  hasCarrier: (device) => bridgeOf(device).hasLivePort,
  checkMtu: null,
  describe: describeBridge,
};

function makeBridge(netns: Netns, options: LinkOptions, mac: Mac): Device {
  const state: Bridge = {
    kind: 'bridge',
    ports: [],
    fdb: makeMacTable(),
    ageingNs: (options.bridge?.ageingTimeSec ?? AGEING_SEC) * NS_PER_SEC,
    hasUserMac: options.mac !== undefined,
    hasUserMtu: false,
    groupForwardMask: options.bridge?.groupForwardMask ?? 0,
    defaultPvid: 1,
    callsIptables: options.bridge?.callIptables ?? false,
    // With an address given its ports are looked at, and there are none.
    hasLivePort: options.mac === undefined,
    hasOperState: false,
    netfilter: null,
  };
  const device = makeDevice({
    name: options.name ?? 'bridge%d',
    kind: 'bridge',
    netns,
    mac,
    mtuBytes: options.mtu ?? ETHERNET_MTU_BYTES,
    state,
    transmit: transmitBridge,
  });
  addLocalEntry(state, device, null, mac);
  return device;
}

/**
 * Makes `device` a port. The caller has checked that it may be one.
 * @throws KernelError EXFULL when the bridge has all the ports it can have.
 * @source br_add_if()
 */
export function addBridgePort(bridgeDevice: Device, device: Device): BridgePort {
  const bridge = bridgeOf(bridgeDevice);
  const port: BridgePort = {
    device,
    bridge: bridgeDevice,
    portNumber: freePortNumber(bridge),
    isForwarding: false,
    isLearning: true,
    floodsUnicast: true,
    floodsMulticast: true,
    floodsBroadcast: true,
    isHairpin: false,
    isIsolated: false,
    groupForwardMask: 0,
    priority: 32,
    cost: portCost(device),
  };
  bridge.ports.unshift(port);
  device.master = bridgeDevice;
  device.promiscuousCount++;
  device.intercept = (sim, _device, packet) => receiveOnPort(sim, port, packet);
  addLocalEntry(bridge, bridgeDevice, port, macOf(device.macHi, device.macLo));
  recalculateBridgeMac(bridgeDevice);
  updateBridgePort(port);
  adjustBridgeMtu(bridgeDevice);
  return port;
}

/** Frees a port with everything learnt behind it. @source br_del_if(), del_nbp() */
export function removeBridgePort(device: Device): void {
  const port = bridgePortOf(device);
  if (port === null) return;
  const bridgeDevice = port.bridge;
  const bridge = bridgeOf(bridgeDevice);
  if (port.isForwarding) disablePort(port);
  bridge.ports.splice(bridge.ports.indexOf(port), 1);
  deletePortEntries(bridge, bridgeDevice, port);
  bridge.hasLivePort = bridge.ports.some((each) => each.isForwarding);
  device.intercept = null;
  device.master = null;
  device.promiscuousCount--;
  recalculateBridgeMac(bridgeDevice);
  adjustBridgeMtu(bridgeDevice);
}

/**
 * Looks again whether a port forwards: after it, its carrier or its bridge went up or down.
 * @source br_port_carrier_check(), br_stp_enable_port(), br_stp_disable_port()
 */
export function updateBridgePort(port: BridgePort): void {
  const shouldForward = port.device.isUp && port.device.hasCarrier && port.bridge.isUp;
  if (shouldForward === port.isForwarding) return;
  if (!shouldForward) {
    disablePort(port);
    return;
  }
  port.isForwarding = true;
  selectPortStates(port.bridge);
}

/** After the bridge device itself went up or down. */
export function updateBridgePorts(bridgeDevice: Device): void {
  for (const port of bridgeOf(bridgeDevice).ports) updateBridgePort(port);
}

/** After a port's address changed from `before`. @source br_fdb_changeaddr() */
export function changePortMac(port: BridgePort, before: Mac): void {
  const bridge = bridgeOf(port.bridge);
  const entry = findMac(bridge.fdb, macHi(before), macLo(before));
  if (entry?.isLocal && entry.port === port && !entry.isAddedByUser) {
    deleteLocalEntry(bridge, port.bridge, port, entry);
  }
  addLocalEntry(bridge, port.bridge, port, macOf(port.device.macHi, port.device.macLo));
  recalculateBridgeMac(port.bridge);
}

/** The user sets the bridge's address: it stays. @source br_set_mac_address() */
export function setBridgeMac(bridgeDevice: Device, mac: Mac): void {
  bridgeOf(bridgeDevice).hasUserMac = true;
  changeBridgeMac(bridgeDevice, mac);
}

/** The MTU of a bridge is its ports' smallest unless the user set it. @source br_mtu_auto_adjust() */
export function adjustBridgeMtu(bridgeDevice: Device): void {
  const bridge = bridgeOf(bridgeDevice);
  if (bridge.hasUserMtu) return;
  const smallest = bridge.ports.reduce(
    (least, port) => Math.min(least, port.device.mtuBytes),
    Number.POSITIVE_INFINITY,
  );
  bridgeDevice.mtuBytes = Number.isFinite(smallest) ? smallest : ETHERNET_MTU_BYTES;
}

/** How an entry made by hand behaves: `permanent` is the host's own, `static` never ages. */
export type FdbState = 'permanent' | 'static' | 'dynamic';

export interface FdbRequest {
  readonly mac: Mac;
  readonly state: FdbState;
  readonly isSticky?: boolean;
  /** Change an entry that is there already (`bridge fdb replace`). */
  readonly isReplace?: boolean;
}

/**
 * `bridge fdb add ... dev PORT master`, or `dev BRIDGE self` with the bridge for `port`.
 * @throws KernelError EEXIST, EINVAL
 * @source br_fdb_add(), fdb_add_entry()
 */
export function addBridgeFdb(sim: Simulator, device: Device, request: FdbRequest): void {
  const { bridge, port } = placeOfFdb(device);
  if (!isUnicastMac(request.mac)) throw new KernelError('EINVAL');
  if (port !== null && !port.isForwarding && request.state === 'dynamic') return;
  const now = timeNs(sim);
  let entry = findMac(bridge.fdb, macHi(request.mac), macLo(request.mac));
  if (entry !== null && isFdbExpired(entry, now, bridge.ageingNs)) {
    removeMac(bridge.fdb, entry);
    entry = null;
  }
  if (entry === null) {
    entry = makeBridgeFdbEntry(macHi(request.mac), macLo(request.mac), port, now);
    insertMac(bridge.fdb, entry);
  } else if (request.isReplace !== true) {
    throw new KernelError('EEXIST');
  }
  entry.port = port;
  entry.isLocal = request.state === 'permanent';
  entry.isStatic = request.state !== 'dynamic';
  entry.isSticky = request.isSticky ?? false;
  entry.isAddedByUser = true;
  entry.updatedNs = now;
}

/** `bridge fdb del`. @throws KernelError ENOENT @source br_fdb_delete() */
export function deleteBridgeFdb(device: Device, mac: Mac): void {
  const { bridge, port } = placeOfFdb(device);
  const entry = findMac(bridge.fdb, macHi(mac), macLo(mac));
  if (entry === null || entry.port !== port) throw new KernelError('ENOENT');
  removeMac(bridge.fdb, entry);
}

/** Forgets what was learnt, at one port or (null) at all of them. @source br_fdb_flush() */
export function flushBridgeFdb(bridgeDevice: Device, port: BridgePort | null): void {
  const { fdb } = bridgeOf(bridgeDevice);
  for (const entry of listMacs(fdb)) {
    if (!entry.isStatic && (port === null || entry.port === port)) removeMac(fdb, entry);
  }
}

/** The entries that count, in order of address. */
export function listBridgeFdb(sim: Simulator, bridgeDevice: Device): BridgeFdbEntry[] {
  const bridge = bridgeOf(bridgeDevice);
  const now = timeNs(sim);
  return listMacs(bridge.fdb).filter((entry) => !isFdbExpired(entry, now, bridge.ageingNs));
}

/** The bridge's address becomes the lowest of its ports', or zero without ports. @source br_stp_recalculate_bridge_id() */
function recalculateBridgeMac(bridgeDevice: Device): void {
  const bridge = bridgeOf(bridgeDevice);
  if (bridge.hasUserMac) return;
  let lowest = 0;
  for (const { device } of bridge.ports) {
    const mac = macOf(device.macHi, device.macLo);
    if (lowest === 0 || mac < lowest) lowest = mac;
  }
  if (lowest !== macOf(bridgeDevice.macHi, bridgeDevice.macLo)) {
    changeBridgeMac(bridgeDevice, lowest);
  }
}

/** @source br_stp_change_bridge_id(), br_fdb_change_mac_address() */
function changeBridgeMac(bridgeDevice: Device, mac: Mac): void {
  const bridge = bridgeOf(bridgeDevice);
  if (macOf(bridgeDevice.macHi, bridgeDevice.macLo) === mac) return;
  const before = findMac(bridge.fdb, bridgeDevice.macHi, bridgeDevice.macLo);
  bridgeDevice.macHi = macHi(mac);
  bridgeDevice.macLo = macLo(mac);
  if (before?.isLocal && before.port === null && !before.isAddedByUser) {
    deleteLocalEntry(bridge, bridgeDevice, null, before);
  }
  addLocalEntry(bridge, bridgeDevice, null, mac);
  selectPortStates(bridgeDevice);
}

/** @source br_port_state_selection() */
function selectPortStates(bridgeDevice: Device): void {
  const bridge = bridgeOf(bridgeDevice);
  bridge.hasLivePort = bridge.ports.some((port) => port.isForwarding);
}

function disablePort(port: BridgePort): void {
  const bridge = bridgeOf(port.bridge);
  port.isForwarding = false;
  flushBridgeFdb(port.bridge, port);
  bridge.hasLivePort = bridge.ports.some((each) => each.isForwarding);
}

/** A veth says 10 Gbit/s, and what stands on one; who says nothing costs 100. @source port_cost() */
function portCost(device: Device): number {
  if (device.kind === 'veth') return 2;
  const stands = device.kind === 'vlan' || device.kind === 'macvlan';
  return stands && device.lower !== null ? portCost(device.lower) : 100;
}

function freePortNumber(bridge: Bridge): number {
  const used = new Set(bridge.ports.map((port) => port.portNumber));
  for (let number = 1; number <= BRIDGE_PORTS_MAX; number++) if (!used.has(number)) return number;
  throw new KernelError('EXFULL');
}

/** @source fdb_add_local() */
function addLocalEntry(
  bridge: Bridge,
  bridgeDevice: Device,
  port: BridgePort | null,
  mac: Mac,
): void {
  if (!isUnicastMac(mac)) return;
  const before = findMac(bridge.fdb, macHi(mac), macLo(mac));
  if (before !== null) {
    if (before.isLocal) return; // several ports may share an address; the first has the entry
    removeMac(bridge.fdb, before);
  }
  const now = timeNs(bridgeDevice.netns.sim);
  const entry = makeBridgeFdbEntry(macHi(mac), macLo(mac), port, now);
  entry.isLocal = true;
  entry.isStatic = true;
  insertMac(bridge.fdb, entry);
}

/** An address that another port, or the bridge, has too passes on to it. @source fdb_delete_local() */
function deleteLocalEntry(
  bridge: Bridge,
  bridgeDevice: Device,
  port: BridgePort | null,
  entry: BridgeFdbEntry,
): void {
  const heir = bridge.ports.find(
    (each) => each !== port && each.device.macHi === entry.hi && each.device.macLo === entry.lo,
  );
  if (heir !== undefined) {
    entry.port = heir;
    entry.isAddedByUser = false;
  } else if (port !== null && bridgeDevice.macHi === entry.hi && bridgeDevice.macLo === entry.lo) {
    entry.port = null;
    entry.isAddedByUser = false;
  } else {
    removeMac(bridge.fdb, entry);
  }
}

/** @source br_fdb_delete_by_port() with do_all */
function deletePortEntries(bridge: Bridge, bridgeDevice: Device, port: BridgePort): void {
  for (const entry of listMacs(bridge.fdb)) {
    if (entry.port !== port) continue;
    if (entry.isLocal) deleteLocalEntry(bridge, bridgeDevice, port, entry);
    else removeMac(bridge.fdb, entry);
  }
}

function placeOfFdb(device: Device): { bridge: Bridge; port: BridgePort | null } {
  if (device.kind === 'bridge') return { bridge: bridgeOf(device), port: null };
  const port = bridgePortOf(device);
  if (port === null) throw new KernelError('EINVAL');
  return { bridge: bridgeOf(port.bridge), port };
}

function isUnicastMac(mac: Mac): boolean {
  return mac !== 0 && (macHi(mac) & 0x0100) === 0;
}

/** Octets without leading zeros, as iproute2 prints a bridge id. */
function bridgeIdOf(device: Device): string {
  const octets = formatMacHalves(device.macHi, device.macLo).split(':');
  return `8000.${octets.map((octet) => octet.replace(/^0(?=.)/, '')).join(':')}`;
}

function describeBridge(device: Device): string {
  const bridge = bridgeOf(device);
  const id = bridgeIdOf(device);
  return (
    'bridge forward_delay 1500 hello_time 200 max_age 2000 ' +
    `ageing_time ${bridge.ageingNs / (NS_PER_SEC / 100)} stp_state 0 priority 32768 ` +
    `vlan_filtering 0 bridge_id ${id} designated_root ${id} ` +
    'root_port 0 root_path_cost 0 topology_change 0 topology_change_detected 0 ' +
    'hello_timer    0.00 tcn_timer    0.00 topology_change_timer    0.00 gc_timer    0.00 ' +
    `group_fwd_mask ${bridge.groupForwardMask} group_address 01:80:c2:00:00:00 ` +
    'mcast_snooping 1 no_linklocal_learn 0 mcast_vlan_snooping 0 mcast_router 1 ' +
    'mcast_query_use_ifaddr 0 mcast_querier 0 mcast_hash_elasticity 16 mcast_hash_max 4096 ' +
    'mcast_last_member_count 2 mcast_startup_query_count 2 mcast_last_member_interval 100 ' +
    'mcast_membership_interval 26000 mcast_querier_interval 25500 mcast_query_interval 12500 ' +
    'mcast_query_response_interval 1000 mcast_startup_query_interval 3124 ' +
    'mcast_stats_enabled 0 mcast_igmp_version 2 mcast_mld_version 1 ' +
    `nf_call_iptables ${bridge.callsIptables ? 1 : 0} nf_call_ip6tables 0 nf_call_arptables 0`
  );
}
