/**
 * The names of a swarm network as one node knows them: services, tasks, aliases.
 * @source libnetwork/network.go addSvcRecords(), deleteSvcRecords(); libnetwork/service_common.go
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { NetworkNames } from '../../docker/engine-record.ts';

/** Who says that a name has an address: an endpoint, or a service. */
interface Entry {
  readonly address: Ipv4;
  readonly owner: string;
}

export interface NameTable extends NetworkNames {
  readonly byName: Map<string, Entry[]>;
  readonly byAddress: Map<Ipv4, Array<{ readonly name: string; readonly owner: string }>>;
}

/** An empty one; `settle` is called before anybody looks something up. */
export function makeNameTable(settle: () => void = () => {}): NameTable {
  const byName: NameTable['byName'] = new Map();
  const byAddress: NameTable['byAddress'] = new Map();
  return {
    byName,
    byAddress,
    addressesOf(name) {
      settle();
      const found: Ipv4[] = [];
      for (const { address } of byName.get(name.toLowerCase()) ?? []) {
        if (!found.includes(address)) found.push(address);
      }
      return found;
    },
    nameOf(address) {
      settle();
      return byAddress.get(address)?.[0]?.name ?? null;
    },
  };
}

/** Adds a name; saying it twice changes nothing. */
export function addName(table: NameTable, name: string, address: Ipv4, owner: string): void {
  const key = name.toLowerCase();
  const entries = table.byName.get(key);
  if (entries === undefined) table.byName.set(key, [{ address, owner }]);
  else if (!entries.some((each) => each.address === address && each.owner === owner)) {
    entries.push({ address, owner });
  }
}

export function removeName(table: NameTable, name: string, address: Ipv4, owner: string): void {
  const key = name.toLowerCase();
  const rest = (table.byName.get(key) ?? []).filter(
    (each) => each.address !== address || each.owner !== owner,
  );
  if (rest.length === 0) table.byName.delete(key);
  else table.byName.set(key, rest);
}

/** What PTR queries answer. */
export function addReverseName(table: NameTable, address: Ipv4, name: string, owner: string): void {
  const entries = table.byAddress.get(address) ?? [];
  if (entries.some((each) => each.owner === owner && each.name === name)) return;
  table.byAddress.set(address, [...entries, { name, owner }]);
}

export function removeReverseName(table: NameTable, address: Ipv4, owner: string): void {
  const rest = (table.byAddress.get(address) ?? []).filter((each) => each.owner !== owner);
  if (rest.length === 0) table.byAddress.delete(address);
  else table.byAddress.set(address, rest);
}
