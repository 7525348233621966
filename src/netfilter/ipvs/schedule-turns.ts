/**
 * Schedulers that take turns: rr and wrr.
 * @source net/netfilter/ipvs/ip_vs_rr.c, ip_vs_wrr.c
 */
import type { IpvsScheduler } from './scheduler.ts';
import type { IpvsDestination, IpvsService } from './service.ts';

function nothing(): void {}

/** Places move by one when a destination comes in before them. */
function shiftAdded(service: IpvsService, place: number): void {
  const { schedule } = service;
  if (schedule.last >= place) schedule.last++;
}

/** The turn of a destination that goes away falls back to the one before it. */
function shiftRemoved(service: IpvsService, place: number): void {
  const { schedule } = service;
  if (schedule.last >= place) schedule.last--;
}

/** The next one after the last, round and round. */
export const ROUND_ROBIN: IpvsScheduler = {
  name: 'rr',
  choose(service): IpvsDestination | null {
    const { destinations, schedule } = service;
    const count = destinations.length;
    const { last } = schedule;
    for (let step = 1; step <= count; step++) {
      let place = last + step;
      if (place >= count) place -= count;
      const destination = destinations[place]!;
      if (destination.isOverloaded || destination.weight <= 0) continue;
      schedule.last = place;
      return destination;
    }
    return null;
  },
  added: shiftAdded,
  removed: shiftRemoved,
  changed: nothing,
};

function greatestCommonDivisor(a: number, b: number): number {
  let x = a;
  let y = b;
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** @source ip_vs_wrr_dest_changed() */
function weigh(service: IpvsService): void {
  const { destinations, schedule } = service;
  let divisor = 0;
  let largest = 0;
  for (const { weight } of destinations) {
    if (weight <= 0) continue;
    divisor = greatestCommonDivisor(weight, divisor);
    if (weight > largest) largest = weight;
  }
  const step = divisor === 0 ? 1 : divisor;
  schedule.last = -1;
  schedule.weightStep = step;
  schedule.largestWeight = largest - (step - 1);
  if (schedule.currentWeight > schedule.largestWeight || schedule.currentWeight === 0) {
    schedule.currentWeight = schedule.largestWeight;
  } else if (step > 1) {
    schedule.currentWeight = Math.floor(schedule.currentWeight / step) * step + 1;
  }
}

/** In each round those whose weight is enough; the threshold sinks from round to round. */
export const WEIGHTED_ROUND_ROBIN: IpvsScheduler = {
  name: 'wrr',
  choose(service): IpvsDestination | null {
    const { destinations, schedule } = service;
    if (schedule.largestWeight <= 0) return null;
    const count = destinations.length;
    // After each threshold was tried on all of them, nobody is left.
    const rounds = Math.ceil(schedule.largestWeight / schedule.weightStep) + 1;
    let place = schedule.last;
    for (let round = 0; round <= rounds; round++) {
      for (place++; place < count; place++) {
        const destination = destinations[place]!;
        if (destination.isOverloaded || destination.weight < schedule.currentWeight) continue;
        schedule.last = place;
        return destination;
      }
      place = -1;
      schedule.currentWeight -= schedule.weightStep;
      if (schedule.currentWeight <= 0) schedule.currentWeight = schedule.largestWeight;
    }
    schedule.last = -1;
    return null;
  },
  added: weigh,
  removed: weigh,
  changed: weigh,
};
