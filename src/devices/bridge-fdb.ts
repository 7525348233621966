/**
 * The forwarding database of a bridge: MAC address to port. A hash table with open addressing over
 * the two int32 halves of the address. Entries age without timers: an old one counts as absent.
 * @source net/bridge/br_fdb.c
 */
import { type Mac, macHi, macLo } from '../base/mac-address.ts';
import type { BridgePort } from './bridge.ts';

/** Learnt addresses of one bridge; beyond it frames are flooded. */
export const FDB_LEARNT_MAX = 65536;
const CAPACITY_MIN = 16;

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
  updatedNs: number;
  usedNs: number;
}

export interface BridgeFdb {
  /** Pairs hi, lo; meaningful where `entries` has one. */
  keys: Int32Array;
  entries: Array<BridgeFdbEntry | null>;
  count: number;
}

export function makeBridgeFdb(): BridgeFdb {
  return {
    keys: new Int32Array(2 * CAPACITY_MIN),
    entries: new Array<BridgeFdbEntry | null>(CAPACITY_MIN).fill(null),
    count: 0,
  };
}

/** The entry of this address, however old; null if there is none. */
export function findFdb(fdb: BridgeFdb, hi: number, lo: number): BridgeFdbEntry | null {
  const { keys, entries } = fdb;
  const mask = entries.length - 1;
  let slot = hashOf(hi, lo) & mask;
  for (;;) {
    const entry = entries[slot]!;
    if (entry === null) return null;
    if (keys[2 * slot] === hi && keys[2 * slot + 1] === lo) return entry;
    slot = (slot + 1) & mask;
  }
}

/** Whether a dynamic entry has outlived the ageing time. */
export function isFdbExpired(entry: BridgeFdbEntry, nowNs: number, ageingNs: number): boolean {
  return !entry.isStatic && nowNs - entry.updatedNs >= ageingNs;
}

/** Puts a new entry in; the address must not be there yet. */
export function insertFdb(fdb: BridgeFdb, entry: BridgeFdbEntry): void {
  if ((fdb.count + 1) * 2 > fdb.entries.length) grow(fdb);
  place(fdb, entry);
  fdb.count++;
}

/** An entry with everything off; not yet in a table. */
export function makeFdbEntry(mac: Mac, port: BridgePort | null, nowNs: number): BridgeFdbEntry {
  return makeFdbEntryOfHalves(macHi(mac), macLo(mac), port, nowNs);
}

/** Like makeFdbEntry, from the two halves. */
export function makeFdbEntryOfHalves(
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

/** Takes an entry out by closing the gap behind it (no tombstones). */
export function removeFdb(fdb: BridgeFdb, entry: BridgeFdbEntry): void {
  const { keys, entries } = fdb;
  const mask = entries.length - 1;
  let gap = entries.indexOf(entry);
  if (gap < 0) return;
  fdb.count--;
  for (let slot = (gap + 1) & mask; entries[slot] !== null; slot = (slot + 1) & mask) {
    const each = entries[slot]!;
    const home = hashOf(each.hi, each.lo) & mask;
    // It may move into the gap unless its home lies behind the gap.
    if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
    entries[gap] = each;
    keys[2 * gap] = each.hi;
    keys[2 * gap + 1] = each.lo;
    gap = slot;
  }
  entries[gap] = null;
}

/** All entries, in order of their addresses. */
export function listFdb(fdb: BridgeFdb): BridgeFdbEntry[] {
  const found: BridgeFdbEntry[] = [];
  for (const entry of fdb.entries) if (entry !== null) found.push(entry);
  return found.sort((a, b) => a.hi - b.hi || (a.lo >>> 0) - (b.lo >>> 0));
}

/** Drops every dynamic entry that is too old; done when the table would have to grow. */
export function purgeFdb(fdb: BridgeFdb, nowNs: number, ageingNs: number): void {
  for (const entry of listFdb(fdb)) {
    if (isFdbExpired(entry, nowNs, ageingNs)) removeFdb(fdb, entry);
  }
}

function hashOf(hi: number, lo: number): number {
  const mixed = Math.imul(lo ^ (hi << 13), 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function place(fdb: BridgeFdb, entry: BridgeFdbEntry): void {
  const { keys, entries } = fdb;
  const mask = entries.length - 1;
  let slot = hashOf(entry.hi, entry.lo) & mask;
  while (entries[slot] !== null) slot = (slot + 1) & mask;
  entries[slot] = entry;
  keys[2 * slot] = entry.hi;
  keys[2 * slot + 1] = entry.lo;
}

function grow(fdb: BridgeFdb): void {
  const before = fdb.entries;
  fdb.entries = new Array<BridgeFdbEntry | null>(before.length * 2).fill(null);
  fdb.keys = new Int32Array(before.length * 4);
  for (const entry of before) if (entry !== null) place(fdb, entry);
}
