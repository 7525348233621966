// Who takes the next connection: orders as the kernel's list (newest first) and its schedulers give them.
import { expect, test } from 'vitest';
import { KernelError } from '../../../../src/base/errors.ts';
import { parseIpv4 } from '../../../../src/base/ipv4-address.ts';
import {
  addIpvsDestination,
  addIpvsService,
  deleteIpvsDestination,
  type IpvsHost,
  updateIpvsDestination,
} from '../../../../src/netfilter/ipvs/control.ts';
import type { IpvsService } from '../../../../src/netfilter/ipvs/service.ts';
import { makeBench } from '../../../support/netfilter.ts';

const KEY = { fwmark: 256 };
const at = (host: number) => 0x0a000000 + host;

interface Scheduled {
  readonly host: IpvsHost;
  readonly service: IpvsService;
  add(host: number, weight?: number, upperThreshold?: number): void;
  /** The last octets of the next destinations; `-` for none. */
  next(count: number, source?: string, target?: string): string;
}

function makeScheduled(scheduler: string): Scheduled {
  const host = makeBench();
  const service = addIpvsService(host, KEY, { scheduler });
  return {
    host,
    service,
    add(last, weight = 1, upperThreshold = 0) {
      const spec = {
        address: at(last),
        port: 0,
        weight,
        forwarding: 'Masq',
        upperThreshold,
      } as const;
      addIpvsDestination(host, KEY, spec);
    },
    next(count, source = '192.168.0.1', target = '10.0.0.1') {
      const names: Array<string | number> = [];
      for (let i = 0; i < count; i++) {
        const chosen = service.scheduler.choose(service, parseIpv4(source)!, parseIpv4(target)!);
        names.push(chosen === null ? '-' : chosen.address & 255);
        if (chosen !== null) chosen.activeConnections++;
      }
      return names.join(' ');
    },
  };
}

test('rr begins with the destination that came last and goes backwards, as L3 013 shows', () => {
  const { add, next } = makeScheduled('rr');
  for (const host of [6, 7, 8]) add(host);
  expect(next(7)).toBe('8 7 6 8 7 6 8');
});

test('rr goes on where it was when a destination goes or comes, as L3 080-081 shows', () => {
  const { host, add, next } = makeScheduled('rr');
  for (const each of [6, 7, 8]) add(each);
  expect(next(12)).toMatch(/7 6$/);
  deleteIpvsDestination(host, KEY, { address: at(6), port: 0 });
  expect(next(4)).toBe('8 7 8 7');
  add(9);
  // The new one stands at the head: its turn comes after the end of the list.
  expect(next(4)).toBe('9 8 7 9');
});

test('rr passes over weight 0, and gives none when all have it', () => {
  const { host, add, next } = makeScheduled('rr');
  expect(next(1)).toBe('-');
  for (const each of [6, 7, 8]) add(each);
  const quiet = { port: 0, weight: 0, forwarding: 'Masq' } as const;
  updateIpvsDestination(host, KEY, { ...quiet, address: at(7) });
  expect(next(4)).toBe('8 6 8 6');
  for (const each of [6, 8]) updateIpvsDestination(host, KEY, { ...quiet, address: at(each) });
  expect(next(2)).toBe('- -');
});

test('wrr gives turns by weight; the threshold that was there before heavier ones came counts first', () => {
  const { add, next } = makeScheduled('wrr');
  for (const [host, weight] of [
    [6, 1],
    [7, 2],
    [8, 4],
  ] as const)
    add(host, weight);
  expect(next(14)).toBe('8 7 6 8 8 8 7 8 7 6 8 8 8 7');
});

test('wrr with weight 0 everywhere gives none', () => {
  const { add, next } = makeScheduled('wrr');
  add(6, 0);
  add(7, 0);
  expect(next(1)).toBe('-');
});

test('lc evens out; among equals the newest wins', () => {
  const { service, add, next } = makeScheduled('lc');
  for (const host of [6, 7, 8]) add(host);
  service.destinations[0]!.activeConnections = 2; // 8
  service.destinations[1]!.inactiveConnections = 300; // 7: more than one active connection
  expect(next(4)).toBe('6 6 7 8');
});

test('wlc divides by weight', () => {
  const { add, next } = makeScheduled('wlc');
  add(6, 3);
  add(7, 1);
  expect(next(8)).toBe('7 6 6 6 7 6 6 6');
});

test('sed prefers the fast one, nq the idle one', () => {
  const sed = makeScheduled('sed');
  sed.add(6, 3);
  sed.add(7, 1);
  expect(sed.next(4)).toBe('6 6 7 6');
  const nq = makeScheduled('nq');
  nq.add(6, 3);
  nq.add(7, 1);
  expect(nq.next(4)).toBe('7 6 6 6');
});

test('sh and dh stay with an address', () => {
  for (const name of ['sh', 'dh']) {
    const { add, next } = makeScheduled(name);
    for (const host of [6, 7, 8]) add(host);
    const seen = new Set<string>();
    for (let client = 1; client < 60; client++) {
      const address = `192.168.0.${client}`;
      const [first, second] = next(2, address, address).split(' ');
      expect(second).toBe(first);
      seen.add(first!);
    }
    expect([...seen].sort()).toEqual(['6', '7', '8']);
  }
});

test('fo takes the heaviest, ovf the heaviest that has room', () => {
  const fo = makeScheduled('fo');
  for (const host of [6, 7]) fo.add(host, host);
  expect(fo.next(3)).toBe('7 7 7');
  const ovf = makeScheduled('ovf');
  ovf.add(6, 1);
  ovf.add(7, 2);
  expect(ovf.next(6)).toBe('7 7 7 6 6 -');
});

test('an unknown scheduler is refused', () => {
  const host = makeBench();
  expect(() => addIpvsService(host, KEY, { scheduler: 'mh' })).toThrow(new KernelError('ENOENT'));
});
