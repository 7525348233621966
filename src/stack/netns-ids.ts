/**
 * The numbers by which a namespace knows others (`link-netnsid 0`).
 * @source net/core/net_namespace.c peernet2id_alloc()
 */
import type { NetNamespace } from './namespace.ts';

const idsOf = new WeakMap<NetNamespace, Map<NetNamespace, number>>();

/** The id of `other` in `netns`, given now if it has none yet: the lowest that is free. */
export function netnsId(netns: NetNamespace, other: NetNamespace): number {
  let ids = idsOf.get(netns);
  if (ids === undefined) {
    ids = new Map();
    idsOf.set(netns, ids);
  }
  for (const each of [...ids.keys()]) if (!each.isAlive) ids.delete(each);
  let id = ids.get(other);
  if (id === undefined) {
    const used = new Set(ids.values());
    for (id = 0; used.has(id); ) id++;
    ids.set(other, id);
  }
  return id;
}

/** The id if there is one already; null otherwise. */
export function knownNetnsId(netns: NetNamespace, other: NetNamespace): number | null {
  return idsOf.get(netns)?.get(other) ?? null;
}
