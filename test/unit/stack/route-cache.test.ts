import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Device } from '../../../src/engine/device.ts';
import { releasePacket, takePacket } from '../../../src/engine/packet-pool.ts';
import { IPV4_BYTES, writeIpv4 } from '../../../src/protocols/ipv4.ts';
import { addAddress, deleteAddress } from '../../../src/stack/address.ts';
import { addRoute, deleteRoute } from '../../../src/stack/fib.ts';
import { addRule } from '../../../src/stack/fib-rules.ts';
import { setLinkDown, setLinkMtu, setLinkUp } from '../../../src/stack/link.ts';
import type { NetNamespace } from '../../../src/stack/namespace.ts';
import { learnGateway, learnPathMtu } from '../../../src/stack/path-mtu.ts';
import { makeRoute, routeInput, routeOutput } from '../../../src/stack/route.ts';
import { routeOutputAgain } from '../../../src/stack/route-again.ts';
import {
  claimCachedRoute,
  findCachedRoute,
  makeRouteCache,
} from '../../../src/stack/route-cache.ts';
import { writeSysctl } from '../../../src/stack/sysctl.ts';
import { call, host, ip, type Lab, makeLab, pass, wire } from '../../support/stack-lab.ts';

/** A router with three links. */
function router(lab: Lab): { r: NetNamespace; links: Device[] } {
  const r = host(lab, 'r');
  const links = [0, 1, 2].map((i) => {
    const [device] = wire(
      lab,
      { netns: r, name: `eth${i}`, cidr: `10.0.${i}.254/24`, mac: `02:00:00:00:00:0${i}` },
      {
        netns: host(lab, `h${i}`),
        name: 'eth0',
        cidr: `10.0.${i}.1/24`,
        mac: `02:00:00:00:01:0${i}`,
      },
    );
    return device;
  });
  writeSysctl(r, 'net.ipv4.ip_forward', '1');
  return { r, links };
}

const ADDRESSES = [
  '10.0.0.1',
  '10.0.1.1',
  '10.0.2.1',
  '10.0.0.254',
  '10.0.1.254',
  '10.0.1.255',
  '192.0.2.7',
  '198.51.100.9',
  '127.0.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '0.0.0.0',
].map(ip);

/** What routing says of a packet of each kind, in text; `prepare` comes before each question. */
function answers(
  lab: Lab,
  r: NetNamespace,
  links: readonly Device[],
  prepare: () => void = () => {},
): string[] {
  const said: string[] = [];
  const into = makeRoute();
  for (const target of ADDRESSES) {
    for (const source of ADDRESSES) {
      for (const device of [...links, null]) {
        for (const [tos, mark] of [
          [0, 0],
          [8, 0],
          [0, 7],
        ] as const) {
          prepare();
          const again = routeOutputAgain(r, target, source, device, mark, tos, into);
          const { outDevice, generation: _, ...rest } = into;
          said.push(again ?? JSON.stringify({ ...rest, out: outDevice?.name }));
          prepare();
          if (device !== null) said.push(inputAnswer(lab, r, target, source, device, tos, mark));
        }
      }
    }
  }
  return said;
}

function inputAnswer(
  lab: Lab,
  r: NetNamespace,
  target: number,
  source: number,
  device: Device,
  tos: number,
  mark: number,
): string {
  const packet = takePacket(lab.sim, 100);
  packet.end = packet.start + IPV4_BYTES;
  packet.network = packet.start;
  packet.inDevice = device;
  packet.mark = mark;
  writeIpv4(packet.bytes, packet.start, tos, IPV4_BYTES, 0, 0, 64, 1, source, target);
  lab.drops.length = 0;
  if (!call(lab, () => routeInput(lab.sim, r, packet))) return lab.drops.join();
  const { routeType, outDevice, nextHop, pathMtuBytes } = packet;
  releasePacket(lab.sim, packet);
  return `${routeType} ${outDevice?.name} ${nextHop} ${pathMtuBytes}`;
}

type Change = (r: NetNamespace, links: readonly Device[]) => void;

const CHANGES: Readonly<Record<string, Change>> = {
  'default by 0': (r) => addRoute(r, { prefix: 0, prefixLength: 0, gateway: ip('10.0.0.1') }),
  'no default': (r) => deleteRoute(r, { prefix: 0, prefixLength: 0 }),
  'net by 1': (r) =>
    addRoute(r, { prefix: ip('192.0.2.0'), prefixLength: 24, gateway: ip('10.0.1.1') }),
  'host with mtu': (r) =>
    addRoute(r, {
      prefix: ip('192.0.2.7'),
      prefixLength: 32,
      gateway: ip('10.0.2.1'),
      mtuBytes: 1300,
    }),
  unreachable: (r) =>
    addRoute(r, { prefix: ip('198.51.100.0'), prefixLength: 24, type: 7 /* RTN_UNREACHABLE */ }),
  'marked by 9': (r) => {
    addRoute(r, { prefix: 0, prefixLength: 0, gateway: ip('10.0.2.1'), table: 9 });
    addRule(r, { priority: 9, mark: 7, table: 9 });
  },
  'tos 8 by 2': (r) => addRoute(r, { prefix: 0, prefixLength: 0, gateway: ip('10.0.2.1'), tos: 8 }),
  'link 1 down': (_r, links) => setLinkDown(links[1]!),
  'link 1 up': (_r, links) => setLinkUp(links[1]!),
  'mtu of link 2': (_r, links) => setLinkMtu(links[2]!, 1400),
  'mtu of link 2 back': (_r, links) => setLinkMtu(links[2]!, 1500),
  'another address': (r, links) =>
    addAddress(r, links[0]!, { address: ip('192.0.2.7'), prefixLength: 24 }),
  'address away': (r, links) =>
    deleteAddress(r, links[0]!, { address: ip('192.0.2.7'), prefixLength: 24 }),
  'no forwarding': (r) => writeSysctl(r, 'net.ipv4.ip_forward', '0'),
  forwarding: (r) => writeSysctl(r, 'net.ipv4.ip_forward', '1'),
  'strict source': (r) => writeSysctl(r, 'net.ipv4.conf.all.rp_filter', '1'),
  'any source': (r) => writeSysctl(r, 'net.ipv4.conf.all.rp_filter', '0'),
  'accept local': (r) => writeSysctl(r, 'net.ipv4.conf.eth0.accept_local', '1'),
  'localnet on 2': (r) => writeSysctl(r, 'net.ipv4.conf.eth2.route_localnet', '1'),
  'use pmtu': (r) => writeSysctl(r, 'net.ipv4.ip_forward_use_pmtu', '1'),
  'learn mtu': (r) => learnPathMtu(r, ip('192.0.2.7'), 1200, 1500),
  'learn gateway': (r) => learnGateway(r, ip('198.51.100.9'), ip('10.0.2.1')),
};

describe('the cache of routing decisions', () => {
  test('answers after every change as if there were no cache', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...Object.keys(CHANGES), 'wait'), { maxLength: 8 }),
        (names) => {
          const lab = makeLab();
          const { r, links } = router(lab);
          answers(lab, r, links); // fills the cache
          for (const name of names) {
            if (name === 'wait')
              pass(lab, 400); // what ICMP taught goes by time
            else attempt(lab, () => CHANGES[name]!(r, links));
            const cached = answers(lab, r, links);
            const fresh = answers(lab, r, links, () => {
              r.fib.generation++; // nothing in the cache holds any more
            });
            expect(cached).toEqual(fresh);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('says what the uncached decision for output says', () => {
    const lab = makeLab();
    const { r, links } = router(lab);
    const [one, other] = [makeRoute(), makeRoute()];
    for (let round = 0; round < 2; round++) {
      for (const target of ADDRESSES) {
        for (const device of [...links, null]) {
          const failure = routeOutput(r, target, 0, device, 0, 0, one);
          expect(routeOutputAgain(r, target, 0, device, 0, 0, other)).toBe(failure);
          if (failure === null) expect(other).toEqual(one);
        }
      }
    }
  });

  test('grows with the flows, up to its bound', () => {
    const cache = makeRouteCache();
    for (let round = 0; round < 40; round++) {
      for (let target = 1; target <= 300; target++) {
        if (findCachedRoute(cache, 1, target, 5, null, 0, 0) !== null) continue;
        claimCachedRoute(cache, 1, target, 5, null, 0, 0);
      }
    }
    expect(cache.entries.length).toBeGreaterThan(128);
    for (let target = 1; target < 100_000; target++) {
      claimCachedRoute(cache, 1, target, 5, null, 0, 0);
    }
    expect(cache.entries.length).toBe(4096);
  });
});

/** Some changes cannot be made twice; then nothing happens. */
function attempt(lab: Lab, change: () => void): void {
  try {
    call(lab, change);
  } catch {
    // refused, as the kernel refuses a route that exists
  }
}
