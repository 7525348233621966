/**
 * Schedulers that compare load or weight: lc, wlc, sed, nq, fo, ovf. Among equals the first of the
 * list wins, which is the newest.
 * @source net/netfilter/ipvs/ip_vs_lc.c, ip_vs_wlc.c, ip_vs_sed.c, ip_vs_nq.c, ip_vs_fo.c, ip_vs_ovf.c
 */
import type { IpvsScheduler } from './scheduler.ts';
import type { IpvsDestination, IpvsService } from './service.ts';

function nothing(): void {}

function takesConnections(destination: IpvsDestination): boolean {
  return !destination.isOverloaded && destination.weight > 0;
}

/** An active connection weighs as much as 256 inactive ones. */
function overheadOf(destination: IpvsDestination): number {
  return destination.activeConnections * 256 + destination.inactiveConnections;
}

function makeScheduler(
  name: string,
  choose: (service: IpvsService) => IpvsDestination | null,
): IpvsScheduler {
  return { name, choose, added: nothing, removed: nothing, changed: nothing };
}

/** Fewest connections. */
export const LEAST_CONNECTION = makeScheduler('lc', ({ destinations }) => {
  let least: IpvsDestination | null = null;
  let leastOverhead = 0;
  for (let i = 0; i < destinations.length; i++) {
    const destination = destinations[i]!;
    if (!takesConnections(destination)) continue;
    const overhead = overheadOf(destination);
    if (least !== null && overhead >= leastOverhead) continue;
    least = destination;
    leastOverhead = overhead;
  }
  return least;
});

/** Fewest connections for its weight. */
export const WEIGHTED_LEAST_CONNECTION = makeScheduler('wlc', ({ destinations }) => {
  let least: IpvsDestination | null = null;
  let leastOverhead = 0;
  for (let i = 0; i < destinations.length; i++) {
    const destination = destinations[i]!;
    if (!takesConnections(destination)) continue;
    const overhead = overheadOf(destination);
    if (least !== null && leastOverhead * destination.weight <= overhead * least.weight) continue;
    least = destination;
    leastOverhead = overhead;
  }
  return least;
});

/** The shortest wait for one connection more. */
function shortestDelay(
  { destinations }: IpvsService,
  prefersIdle: boolean,
): IpvsDestination | null {
  let least: IpvsDestination | null = null;
  let leastOverhead = 0;
  for (let i = 0; i < destinations.length; i++) {
    const destination = destinations[i]!;
    if (!takesConnections(destination)) continue;
    if (prefersIdle && destination.activeConnections === 0) return destination;
    const overhead = destination.activeConnections + 1;
    if (least !== null && leastOverhead * destination.weight <= overhead * least.weight) continue;
    least = destination;
    leastOverhead = overhead;
  }
  return least;
}

export const SHORTEST_DELAY = makeScheduler('sed', (service) => shortestDelay(service, false));

/** An idle one if there is one, else the shortest wait. */
export const NEVER_QUEUE = makeScheduler('nq', (service) => shortestDelay(service, true));

/** The one of highest weight. */
export const FAILOVER = makeScheduler('fo', ({ destinations }) => {
  let best: IpvsDestination | null = null;
  for (let i = 0; i < destinations.length; i++) {
    const destination = destinations[i]!;
    if (destination.isOverloaded || destination.weight <= (best?.weight ?? 0)) continue;
    best = destination;
  }
  return best;
});

/** The one of highest weight that has fewer active connections than its weight. */
export const OVERFLOW = makeScheduler('ovf', ({ destinations }) => {
  let best: IpvsDestination | null = null;
  for (let i = 0; i < destinations.length; i++) {
    const destination = destinations[i]!;
    const { weight } = destination;
    if (destination.isOverloaded || weight === 0) continue;
    if (destination.activeConnections > weight || weight <= (best?.weight ?? 0)) continue;
    best = destination;
  }
  return best;
});
