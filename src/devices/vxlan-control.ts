/**
 * The control plane of vxlan devices: making one, its FDB by hand, what `ip -d link` says.
 * @source drivers/net/vxlan/vxlan_core.c vxlan_newlink(), vxlan_config_validate(), vxlan_fdb_add()
 */
import { KernelError } from '../base/errors.ts';
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import type { Mac } from '../base/mac-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { type Device, makeDevice, type Netns } from '../engine/device.ts';
import { type Simulator, timeNs } from '../engine/simulator.ts';
import { VXLAN_OVERHEAD_BYTES } from '../protocols/vxlan.ts';
import type { DeviceKind, LinkOptions, VxlanOptions } from './device-kind.ts';
import { flowHashKey } from './flow-hash.ts';
import { insertMac, listMacs, makeMacTable } from './mac-table.ts';
import { receiveOnVxlan, transmitVxlan } from './vxlan.ts';
import {
  deleteVxlanFdb,
  flushVxlanFdb,
  makeVxlanFdbEntry,
  makeVxlanRemote,
  updateVxlanFdb,
  VXLAN_FDB_MAX,
  type VxlanFdbEntry,
  type VxlanFdbRequest,
} from './vxlan-fdb.ts';
import {
  forgetVxlan,
  isVxlanFdbExpired,
  rememberVxlan,
  type Vxlan,
  vxlanOf,
  vxlansBornIn,
} from './vxlan-record.ts';

/** The kernel's default port, older than IANA's 4789. */
const VXLAN_PORT_DEFAULT = 8472;
const AGEING_SEC = 300;
const ETHERNET_MTU_BYTES = 1500;
const VNI_END = 1 << 24;

export const vxlanKind: DeviceKind = {
  name: 'vxlan',
  minMtuBytes: 68,
  maxMtuBytes: 65535,
  make: makeVxlan,
  open: (sim, device) => {
    const vxlan = vxlanOf(device);
    vxlan.underlay?.open(sim, device);
    vxlan.isOpen = true;
  },
  stop: (sim, device) => {
    const vxlan = vxlanOf(device);
    vxlan.isOpen = false;
    vxlan.underlay?.close(sim, device);
    flushVxlanFdb(vxlan.fdb);
  },
  destroy: (_sim, device) => forgetVxlan(vxlanOf(device).birth, device),
  hasCarrier: null,
  checkMtu: (device, mtuBytes) => {
    const { lower } = vxlanOf(device);
    if (lower !== null && mtuBytes > lower.mtuBytes - VXLAN_OVERHEAD_BYTES) {
      throw new KernelError('EINVAL');
    }
  },
  describe: describeVxlan,
};

/** `bridge fdb add|append|replace ... dev VXLAN [self]`. @throws KernelError */
export function addVxlanFdb(sim: Simulator, device: Device, request: VxlanFdbRequest): void {
  const vxlan = vxlanOf(device);
  updateVxlanFdb(vxlan.fdb, request, vxlan.maxEntries, timeNs(sim));
}

/** `bridge fdb del`; `remote` 0 for all remotes of the address. @throws KernelError ENOENT */
export function removeVxlanFdb(
  device: Device,
  mac: Mac,
  remote: Ipv4,
  options: { port?: number; vni?: number; via?: Device } = {},
): void {
  const { port, vni, via } = options;
  deleteVxlanFdb(vxlanOf(device).fdb, mac, makeVxlanRemote(remote, port, vni, via));
}

/** The entries that count, in order of address; each with its remotes in order. */
export function listVxlanFdb(sim: Simulator, device: Device): VxlanFdbEntry[] {
  const vxlan = vxlanOf(device);
  const now = timeNs(sim);
  return listMacs(vxlan.fdb).filter((entry) => !isVxlanFdbExpired(vxlan, entry, now));
}

function makeVxlan(netns: Netns, options: LinkOptions, mac: Mac): Device {
  const wanted = options.vxlan;
  if (wanted === undefined) throw new KernelError('EINVAL');
  checkOptions(netns, wanted);
  const { lower = null, remote = 0 } = wanted;
  const roomBytes = lower === null ? ETHERNET_MTU_BYTES : lower.mtuBytes - VXLAN_OVERHEAD_BYTES;
  const state = makeState(netns, wanted);
  const device = makeDevice({
    name: options.name ?? 'vxlan%d',
    kind: 'vxlan',
    netns,
    mac,
    mtuBytes: options.mtu ?? roomBytes,
    state,
    transmit: transmitVxlan,
  });
  device.receive = receiveOnVxlan;
  rememberVxlan(netns, device);
  if (remote !== 0) {
    const now = timeNs(netns.sim);
    const way = makeVxlanRemote(remote, 0, -1, lower);
    insertMac(state.fdb, makeVxlanFdbEntry(0, 0, way, 'permanent', now));
  }
  return device;
}

function makeState(netns: Netns, wanted: VxlanOptions): Vxlan {
  return {
    kind: 'vxlan',
    id: wanted.id,
    port: portOf(wanted),
    local: wanted.local ?? 0,
    remote: wanted.remote ?? 0,
    lower: wanted.lower ?? null,
    ttl: wanted.ttl ?? 0,
    tos: wanted.tos ?? 0,
    df: wanted.df ?? 'unset',
    isLearning: wanted.isLearning ?? true,
    isProxy: wanted.isProxy ?? false,
    isL2Miss: wanted.isL2Miss ?? false,
    isL3Miss: wanted.isL3Miss ?? false,
    isRouteShortCircuit: wanted.isRouteShortCircuit ?? false,
    hasUdpChecksum: wanted.hasUdpChecksum ?? true,
    ageingNs: (wanted.ageingSec ?? AGEING_SEC) * NS_PER_SEC,
    maxEntries:
      wanted.maxEntries === undefined ? VXLAN_FDB_MAX : wanted.maxEntries || VXLAN_FDB_MAX,
    sourcePortLow: wanted.sourcePortLow ?? 0,
    sourcePortHigh: wanted.sourcePortHigh ?? 0,
    flowKey: flowHashKey(netns.sim),
    birth: netns,
    fdb: makeMacTable(),
    way: { isLocal: false, mtuBytes: 0, isCircular: false },
    underlay: null,
    isOpen: false,
  };
}

/** 0 asks for the default, as leaving it out does. */
function portOf(wanted: VxlanOptions): number {
  return wanted.port === undefined || wanted.port === 0 ? VXLAN_PORT_DEFAULT : wanted.port;
}

/** @source vxlan_config_validate() */
function checkOptions(netns: Netns, wanted: VxlanOptions): void {
  if (!Number.isInteger(wanted.id) || wanted.id < 0 || wanted.id >= VNI_END) {
    throw new KernelError('ERANGE');
  }
  const port = portOf(wanted);
  for (const other of vxlansBornIn(netns)) {
    const state = vxlanOf(other);
    if (state.id === wanted.id && state.port === port) {
      throw new KernelError('EEXIST', 'A VXLAN device with the specified VNI already exists');
    }
  }
}

function describeVxlan(device: Device): string {
  const vxlan = vxlanOf(device);
  const words = [`vxlan id ${vxlan.id}`];
  if (vxlan.remote !== 0) words.push(`remote ${formatIpv4(vxlan.remote)}`);
  if (vxlan.local !== 0) words.push(`local ${formatIpv4(vxlan.local)}`);
  if (vxlan.lower !== null) words.push(`dev ${vxlan.lower.name}`);
  words.push(`srcport ${vxlan.sourcePortLow} ${vxlan.sourcePortHigh} dstport ${vxlan.port}`);
  if (!vxlan.isLearning) words.push('nolearning');
  if (vxlan.isProxy) words.push('proxy');
  if (vxlan.isRouteShortCircuit) words.push('rsc');
  if (vxlan.isL2Miss) words.push('l2miss');
  if (vxlan.isL3Miss) words.push('l3miss');
  if (vxlan.tos === 1) words.push('tos inherit');
  else if (vxlan.tos !== 0) words.push(`tos 0x${vxlan.tos.toString(16)}`);
  words.push(`ttl ${vxlan.ttl === 0 ? 'auto' : vxlan.ttl}`);
  if (vxlan.df !== 'unset') words.push(`df ${vxlan.df}`);
  words.push(vxlan.ageingNs === 0 ? 'ageing none' : `ageing ${vxlan.ageingNs / NS_PER_SEC}`);
  if (vxlan.maxEntries !== VXLAN_FDB_MAX) words.push(`maxaddr ${vxlan.maxEntries}`);
  words.push(vxlan.hasUdpChecksum ? 'udpcsum' : 'noudpcsum');
  words.push('noudp6zerocsumtx noudp6zerocsumrx');
  return words.join(' ');
}
