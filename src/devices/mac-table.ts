/**
 * A table from MAC address to a record: open addressing over the two int32 halves, so that a lookup
 * on a packet's way neither builds a key nor boxes a number. The FDBs of bridge and vxlan stand on it.
 */
const CAPACITY_MIN = 16;

/** A record knows its own address. */
export interface MacKeyed {
  readonly hi: number;
  readonly lo: number;
}

export interface MacTable<Entry extends MacKeyed> {
  /** Pairs hi, lo; meaningful where `entries` has one. */
  keys: Int32Array;
  entries: Array<Entry | null>;
  count: number;
}

export function makeMacTable<Entry extends MacKeyed>(): MacTable<Entry> {
  return {
    keys: new Int32Array(2 * CAPACITY_MIN),
    entries: new Array<Entry | null>(CAPACITY_MIN).fill(null),
    count: 0,
  };
}

/** The record of this address, null if there is none. */
export function findMac<Entry extends MacKeyed>(
  table: MacTable<Entry>,
  hi: number,
  lo: number,
): Entry | null {
  const { keys, entries } = table;
  const mask = entries.length - 1;
  let slot = hashOf(hi, lo) & mask;
  for (;;) {
    const entry = entries[slot]!;
    if (entry === null) return null;
    if (keys[2 * slot] === hi && keys[2 * slot + 1] === lo) return entry;
    slot = (slot + 1) & mask;
  }
}

/** Puts a record in; its address must not be there yet. */
export function insertMac<Entry extends MacKeyed>(table: MacTable<Entry>, entry: Entry): void {
  if ((table.count + 1) * 2 > table.entries.length) grow(table);
  place(table, entry);
  table.count++;
}

/** Takes a record out and closes the gap behind it (no tombstones); false if it is not there. */
export function removeMac<Entry extends MacKeyed>(table: MacTable<Entry>, entry: Entry): boolean {
  const { keys, entries } = table;
  const mask = entries.length - 1;
  let gap = hashOf(entry.hi, entry.lo) & mask;
  while (entries[gap] !== entry) {
    if (entries[gap] === null) return false;
    gap = (gap + 1) & mask;
  }
  table.count--;
  for (let slot = (gap + 1) & mask; entries[slot] !== null; slot = (slot + 1) & mask) {
    const each = entries[slot]!;
    const home = hashOf(each.hi, each.lo) & mask;
    // It stays where it is if its home lies behind the gap.
    if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
    entries[gap] = each;
    keys[2 * gap] = each.hi;
    keys[2 * gap + 1] = each.lo;
    gap = slot;
  }
  entries[gap] = null;
  return true;
}

/** All records in order of address. */
export function listMacs<Entry extends MacKeyed>(table: MacTable<Entry>): Entry[] {
  const found: Entry[] = [];
  for (const entry of table.entries) if (entry !== null) found.push(entry);
  return found.sort((a, b) => a.hi - b.hi || (a.lo >>> 0) - (b.lo >>> 0));
}

function hashOf(hi: number, lo: number): number {
  const mixed = Math.imul(lo ^ (hi << 13), 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function place<Entry extends MacKeyed>(table: MacTable<Entry>, entry: Entry): void {
  const { keys, entries } = table;
  const mask = entries.length - 1;
  let slot = hashOf(entry.hi, entry.lo) & mask;
  while (entries[slot] !== null) slot = (slot + 1) & mask;
  entries[slot] = entry;
  keys[2 * slot] = entry.hi;
  keys[2 * slot + 1] = entry.lo;
}

function grow<Entry extends MacKeyed>(table: MacTable<Entry>): void {
  const before = table.entries;
  table.entries = new Array<Entry | null>(before.length * 2).fill(null);
  table.keys = new Int32Array(before.length * 4);
  for (const entry of before) if (entry !== null) place(table, entry);
}
