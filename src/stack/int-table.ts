/**
 * A hash table from int32 keys (addresses, prefixes) to records, for the hot path: open addressing
 * in an Int32Array, no allocation on a lookup, found or not.
 */
export interface IntTable<Value> {
  /** What was found last: most questions are about the same key as the one before. */
  recentKey: number;
  recent: Value | null;
  keys: Int32Array;
  /** null marks a free slot. */
  values: Array<Value | null>;
  count: number;
  /** Slots minus one; slots are a power of two. */
  mask: number;
}

const INITIAL_SLOTS = 8;

export function makeIntTable<Value>(): IntTable<Value> {
  return {
    recentKey: 0,
    recent: null,
    keys: new Int32Array(INITIAL_SLOTS),
    values: new Array<Value | null>(INITIAL_SLOTS).fill(null),
    count: 0,
    mask: INITIAL_SLOTS - 1,
  };
}

/** The value under `key`, null if there is none. */
export function getInt<Value>(table: IntTable<Value>, key: number): Value | null {
  if (table.recentKey === key && table.recent !== null) return table.recent;
  const { keys, values, mask } = table;
  let slot = slotOf(key, mask);
  for (;;) {
    const value = values[slot]!;
    if (value === null) return null;
    if (keys[slot] === key) {
      table.recentKey = key;
      table.recent = value;
      return value;
    }
    slot = (slot + 1) & mask;
  }
}

/** Puts `value` under `key`, in place of what was there. */
export function setInt<Value>(table: IntTable<Value>, key: number, value: Value): void {
  table.recent = null;
  if ((table.count + 1) * 2 > table.mask + 1) grow(table);
  const { keys, values, mask } = table;
  let slot = slotOf(key, mask);
  while (values[slot] !== null) {
    if (keys[slot] === key) {
      values[slot] = value;
      return;
    }
    slot = (slot + 1) & mask;
  }
  keys[slot] = key;
  values[slot] = value;
  table.count++;
}

/** Takes `key` out; nothing happens if it is not there. */
export function deleteInt<Value>(table: IntTable<Value>, key: number): void {
  table.recent = null;
  const { keys, values, mask } = table;
  let slot = slotOf(key, mask);
  while (values[slot] !== null && keys[slot] !== key) slot = (slot + 1) & mask;
  if (values[slot] === null) return;
  table.count--;
  // Close the gap: what follows in the run and may stand here moves up.
  let gap = slot;
  let next = slot;
  for (;;) {
    next = (next + 1) & mask;
    if (values[next] === null) break;
    const home = slotOf(keys[next]!, mask);
    if (((next - home) & mask) < ((next - gap) & mask)) continue;
    keys[gap] = keys[next]!;
    values[gap] = values[next]!;
    gap = next;
  }
  values[gap] = null;
}

/** All values, in the order of the slots: sort them before anybody sees them. */
export function valuesOf<Value>(table: IntTable<Value>): Value[] {
  return table.values.filter((value) => value !== null);
}

function slotOf(key: number, mask: number): number {
  const hash = Math.imul(key, 0x9e3779b1);
  return (hash ^ (hash >>> 15)) & mask;
}

function grow<Value>(table: IntTable<Value>): void {
  const { keys, values } = table;
  const slots = values.length * 2;
  table.keys = new Int32Array(slots);
  table.values = new Array<Value | null>(slots).fill(null);
  table.mask = slots - 1;
  table.count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value !== null) setInt(table, keys[i]!, value);
  }
}
