/**
 * The forwarding database of a bridge: which address lives behind which port. Entries age without
 * timers: one that is too old counts as absent.
 * @source net/bridge/br_fdb.c struct net_bridge_fdb_entry
 */
import type { BridgePort } from './bridge.ts';
import { listMacs, type MacTable, removeMac } from './mac-table.ts';

/** Addresses in one bridge; beyond it nothing is learnt and frames are flooded. */
export const BRIDGE_FDB_MAX = 65536;

export interface BridgeFdbEntry {
  readonly hi: number;
  readonly lo: number;
  /** Null: the bridge itself. */
  port: BridgePort | null;
  /** Goes up to the host: the address of the bridge or of a port (`permanent`). */
  isLocal: boolean;
  /** Never ages. */
  isStatic: boolean;
  isAddedByUser: boolean;
  /** Does not move to another port. */
  isSticky: boolean;
  /** When it was last seen as a source, and last looked up as a target. */
  updatedNs: number;
  usedNs: number;
}

export type BridgeFdb = MacTable<BridgeFdbEntry>;

/** A dynamic entry; not yet in a table. */
export function makeBridgeFdbEntry(
  hi: number,
  lo: number,
  port: BridgePort | null,
  nowNs: number,
): BridgeFdbEntry {
  return {
    hi,
    lo,
    port,
    isLocal: false,
    isStatic: false,
    isAddedByUser: false,
    isSticky: false,
    updatedNs: nowNs,
    usedNs: nowNs,
  };
}

/** Whether a dynamic entry has outlived the ageing time. */
export function isFdbExpired(entry: BridgeFdbEntry, nowNs: number, ageingNs: number): boolean {
  return !entry.isStatic && nowNs - entry.updatedNs >= ageingNs;
}

/** Takes out every dynamic entry that is too old; done when the table is full. @source br_fdb_cleanup() */
export function purgeBridgeFdb(fdb: BridgeFdb, nowNs: number, ageingNs: number): void {
  for (const entry of listMacs(fdb)) {
    if (isFdbExpired(entry, nowNs, ageingNs)) removeMac(fdb, entry);
  }
}
