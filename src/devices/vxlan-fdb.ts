/**
 * The FDB of a vxlan device: behind which remote hosts (VTEPs) an address lives. The entry of the
 * zero address is the default: broadcast and unknown addresses go to all its remotes.
 * @source drivers/net/vxlan/vxlan_core.c struct vxlan_fdb, vxlan_fdb_update()
 */
import { KernelError } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { type Mac, macHi, macLo } from '../base/mac-address.ts';
import type { Device } from '../engine/device.ts';
import { findMac, insertMac, listMacs, type MacTable, removeMac } from './mac-table.ts';

/** Learnt entries of one device if `maxaddr` does not say less. */
export const VXLAN_FDB_MAX = 65536;
/** Remote hosts of one entry. */
export const VXLAN_REMOTES_MAX = 1024;

/** NUD_PERMANENT, NUD_NOARP, NUD_REACHABLE */
export type VxlanFdbState = 'permanent' | 'static' | 'dynamic';

/** The underlay's own memory of the way to a remote (a cached route); see stack/vxlan-underlay.ts. */
export interface UnderlayRouteSlot {
  readonly slot: 'underlay-route';
}

export interface VxlanRemote {
  /** 0: the address is on this host (a bridge-local neighbour). */
  address: Ipv4;
  /** 0 for the device's own. */
  port: number;
  /** -1 for the device's own. */
  vni: number;
  /** `via`: the underlay device it has to leave by. */
  device: Device | null;
  route: UnderlayRouteSlot | null;
}

export interface VxlanFdbEntry {
  readonly hi: number;
  readonly lo: number;
  readonly remotes: VxlanRemote[];
  state: VxlanFdbState;
  /** NTF_ROUTER: route short-circuit may replace the target. */
  isRouter: boolean;
  isAddedByUser: boolean;
  updatedNs: number;
  usedNs: number;
}

export type VxlanFdb = MacTable<VxlanFdbEntry>;

export interface VxlanFdbRequest {
  readonly mac: Mac;
  readonly remote: Ipv4;
  readonly port?: number;
  readonly vni?: number;
  readonly via?: Device;
  readonly state: VxlanFdbState;
  readonly isRouter?: boolean;
  /** `bridge fdb add`, `append` or `replace`. */
  readonly how: 'add' | 'append' | 'replace';
}

/** An entry with one remote; not yet in a table. */
export function makeVxlanFdbEntry(
  hi: number,
  lo: number,
  remote: VxlanRemote,
  state: VxlanFdbState,
  nowNs: number,
): VxlanFdbEntry {
  return {
    hi,
    lo,
    remotes: [remote],
    state,
    isRouter: false,
    isAddedByUser: false,
    updatedNs: nowNs,
    usedNs: nowNs,
  };
}

export function makeVxlanRemote(address: Ipv4, port = 0, vni = -1, device: Device | null = null) {
  const remote: VxlanRemote = { address, port, vni, device, route: null };
  return remote;
}

/**
 * Adds, extends or replaces an entry.
 * @throws KernelError EEXIST, EINVAL, ENOSPC, EOPNOTSUPP
 * @source vxlan_fdb_update_existing(), vxlan_fdb_update_create()
 */
export function updateVxlanFdb(
  fdb: VxlanFdb,
  request: VxlanFdbRequest,
  maxEntries: number,
  nowNs: number,
): void {
  const hi = macHi(request.mac);
  const lo = macLo(request.mac);
  const isForMany = request.mac === 0 || (hi & 0x0100) !== 0;
  const remote = makeVxlanRemote(request.remote, request.port, request.vni, request.via);
  const entry = findMac(fdb, hi, lo);
  if (entry === null) {
    if (request.how === 'replace' && isForMany) throw new KernelError('EOPNOTSUPP');
    if (fdb.count >= maxEntries) throw new KernelError('ENOSPC');
    const made = makeVxlanFdbEntry(hi, lo, remote, request.state, nowNs);
    made.isRouter = request.isRouter ?? false;
    made.isAddedByUser = true;
    insertMac(fdb, made);
    return;
  }
  if (request.how === 'add') throw new KernelError('EEXIST');
  if (request.how === 'replace' && isForMany) throw new KernelError('EOPNOTSUPP');
  entry.state = request.state;
  entry.isRouter = request.isRouter ?? entry.isRouter;
  entry.isAddedByUser = true;
  entry.updatedNs = nowNs;
  if (entry.remotes.some((each) => isSameRemote(each, remote))) return;
  if (request.how === 'replace') {
    entry.remotes[0] = remote;
  } else if (isForMany) {
    if (entry.remotes.length >= VXLAN_REMOTES_MAX) throw new KernelError('ENOSPC');
    entry.remotes.push(remote);
  }
}

/**
 * `bridge fdb del`: one remote of an entry, or (remote 0, or the last one) the whole entry.
 * @throws KernelError ENOENT @source __vxlan_fdb_delete()
 */
export function deleteVxlanFdb(fdb: VxlanFdb, mac: Mac, remote: VxlanRemote): void {
  const entry = findMac(fdb, macHi(mac), macLo(mac));
  if (entry === null) throw new KernelError('ENOENT');
  if (remote.address !== 0) {
    const at = entry.remotes.findIndex((each) => isSameRemote(each, remote));
    if (at < 0) throw new KernelError('ENOENT');
    if (entry.remotes.length > 1) {
      entry.remotes.splice(at, 1);
      return;
    }
  }
  removeMac(fdb, entry);
}

/** Forgets what was learnt; entries made by hand and the default stay. @source vxlan_flush() */
export function flushVxlanFdb(fdb: VxlanFdb): void {
  for (const entry of listMacs(fdb)) {
    if (entry.state !== 'dynamic' || (entry.hi === 0 && entry.lo === 0)) continue;
    removeMac(fdb, entry);
  }
}

function isSameRemote(one: VxlanRemote, other: VxlanRemote): boolean {
  return (
    one.address === other.address &&
    one.port === other.port &&
    one.vni === other.vni &&
    one.device === other.device
  );
}
