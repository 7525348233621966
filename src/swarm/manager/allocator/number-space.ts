/**
 * Numbers that are given out one after the other: VNIs, ports.
 * @source swarmkit manager/allocator (idm.GetID(serial)); libnetwork/drivers/overlay/ovmanager
 */
export interface NumberSpace {
  readonly first: number;
  readonly last: number;
  readonly used: Set<number>;
  cursor: number;
}

export function makeNumberSpace(first: number, last: number): NumberSpace {
  return { first, last, used: new Set(), cursor: first };
}

/** The next free number after the last one; null if all are taken. */
export function takeNextNumber(space: NumberSpace): number | null {
  const { first, last, used } = space;
  for (let i = first; i <= last; i++) {
    const number = space.cursor;
    space.cursor = number >= last ? first : number + 1;
    if (used.has(number)) continue;
    used.add(number);
    return number;
  }
  return null;
}

/** Takes this very number, wherever the cursor stands; false if it is taken. */
export function takeNumber(space: NumberSpace, number: number): boolean {
  if (space.used.has(number)) return false;
  space.used.add(number);
  return true;
}
