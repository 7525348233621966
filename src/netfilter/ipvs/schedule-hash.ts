/**
 * Schedulers that look an address up in a table of 256 destinations: sh by source, dh by target.
 *
 * Unlike Linux, sh has no flags (sh-port, sh-fallback).
 * @source net/netfilter/ipvs/ip_vs_sh.c, ip_vs_dh.c
 */
import type { IpvsScheduler } from './scheduler.ts';
import type { IpvsDestination, IpvsService } from './service.ts';

const TABLE_SIZE = 256;

/** Fills the table in the order of the list; each takes as many places in a row as `share` says. */
function fill(service: IpvsService, isWeighted: boolean): void {
  const { destinations, schedule } = service;
  schedule.table = new Array<IpvsDestination | null>(TABLE_SIZE).fill(null);
  if (destinations.length === 0) return;
  let place = 0;
  let taken = 0;
  for (let i = 0; i < TABLE_SIZE; i++) {
    const destination = destinations[place]!;
    schedule.table[i] = destination;
    taken++;
    if (isWeighted && taken < destination.weight) continue;
    taken = 0;
    place = place + 1 === destinations.length ? 0 : place + 1;
  }
}

function usable(destination: IpvsDestination | null | undefined): IpvsDestination | null {
  if (destination === null || destination === undefined) return null;
  return destination.weight > 0 && !destination.isOverloaded ? destination : null;
}

function makeHashScheduler(
  name: string,
  isWeighted: boolean,
  choose: IpvsScheduler['choose'],
): IpvsScheduler {
  const refill = (service: IpvsService): void => fill(service, isWeighted);
  return { name, choose, added: refill, removed: refill, changed: refill };
}

export const SOURCE_HASH = makeHashScheduler('sh', true, (service, source) =>
  // hash_32() of eight bits
  usable(service.schedule.table[Math.imul(source, 0x61c88647) >>> 24]),
);

export const DESTINATION_HASH = makeHashScheduler('dh', false, (service, _source, target) =>
  usable(service.schedule.table[Math.imul(target, 0x9e3779b1) & 0xff]),
);
