import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KernelError } from '../../../src/base/errors.ts';
import { formatIpv4, maskOf, parseCidr } from '../../../src/base/ipv4-address.ts';
import { addRoute, deleteRoute, listRoutes, type RouteSpec } from '../../../src/stack/fib.ts';
import { FIB_FOUND, FIB_UNREACHABLE, lookup, setKey } from '../../../src/stack/fib-lookup.ts';
import { addRule, deleteRule } from '../../../src/stack/fib-rules.ts';
import { setLinkDown, setLinkUp } from '../../../src/stack/link.ts';
import type { NetNamespace } from '../../../src/stack/namespace.ts';
import { makeRoute, RTN_UNREACHABLE, routeOutput } from '../../../src/stack/route.ts';
import { address, call, host, ip, type Lab, makeLab, wire } from '../../support/stack-lab.ts';

function box(lab: Lab) {
  const a = host(lab, 'a');
  const b = host(lab, 'b');
  const [d0, d1] = wire(
    lab,
    { netns: a, name: 'd0', mac: '02:00:00:00:00:0a' },
    { netns: b, name: 'd1', mac: '02:00:00:00:00:0b' },
  );
  return { a, d0, d1 };
}

/** The main table, or all, one short line a route. */
function shown(netns: NetNamespace, table: number | null = 254): string[] {
  return listRoutes(netns, table).map((route) => {
    const hop = route.nextHops[0];
    const words = [
      ['', '', 'local ', 'broadcast ', '', '', 'blackhole ', 'unreachable '][route.type],
      route.prefixLength === 0 ? 'default' : formatIpv4(route.prefix),
      route.prefixLength === 32 || route.prefixLength === 0 ? '' : `/${route.prefixLength}`,
      hop !== undefined && hop.gateway !== 0 ? ` via ${formatIpv4(hop.gateway)}` : '',
      hop === undefined ? '' : ` dev ${hop.device?.name}`,
      route.preferredSource === 0 ? '' : ` src ${formatIpv4(route.preferredSource)}`,
      route.priority === 0 ? '' : ` metric ${route.priority}`,
    ];
    return words.join('');
  });
}

function refusal(act: () => void): string {
  try {
    act();
    return 'none';
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.detail === undefined ? error.errno : `${error.errno}: ${error.detail}`;
  }
}

function spec(cidr: string, rest: Omit<RouteSpec, 'prefix' | 'prefixLength'> = {}): RouteSpec {
  const { address: prefix, prefixLength } = parseCidr(cidr)!;
  return { prefix, prefixLength, ...rest };
}

describe('lookup', () => {
  test('finds what a search of the whole list finds', () => {
    const lab = makeLab();
    const { a, d0 } = box(lab);
    const prefix = fc.record({
      bits: fc.oneof(fc.integer({ min: 0x0a000000, max: 0x0a0000ff }), fc.integer()),
      length: fc.integer({ min: 0, max: 32 }),
      priority: fc.integer({ min: 0, max: 3 }),
    });
    const property = fc.property(
      fc.array(prefix, { maxLength: 40 }),
      fc.array(fc.oneof(fc.integer({ min: 0x0a000000, max: 0x0a0000ff }), fc.integer()), {
        minLength: 1,
        maxLength: 20,
      }),
      (prefixes, targets) => {
        const known: RouteSpec[] = [];
        for (const { bits, length, priority } of prefixes) {
          const wanted = {
            prefix: bits & maskOf(length),
            prefixLength: length,
            priority,
            device: d0,
          };
          if (refusal(() => addRoute(a, wanted)) === 'none') known.push(wanted);
        }
        for (const target of targets) {
          if (target >>> 24 === 127) continue;
          const best = known
            .filter((each) => ((target ^ each.prefix) & maskOf(each.prefixLength)) === 0)
            .sort(
              (x, y) => y.prefixLength - x.prefixLength || (x.priority ?? 0) - (y.priority ?? 0),
            )[0];
          setKey(a.fib, target, 0, 0, 0, null, null);
          const outcome = lookup(a.fib);
          if (best === undefined) {
            expect(outcome).not.toBe(FIB_FOUND);
            continue;
          }
          expect(outcome).toBe(FIB_FOUND);
          expect(a.fib.result.route).toMatchObject({
            prefix: best.prefix,
            prefixLength: best.prefixLength,
            priority: best.priority,
          });
        }
        for (const each of known) deleteRoute(a, each);
        expect(listRoutes(a)).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  test('an unreachable route ends the search, a more specific one does not get there', () => {
    const lab = makeLab();
    const { a, d0 } = box(lab);
    address(lab, d0, '10.0.0.5/24');
    addRoute(a, spec('10.9.0.0/16', { type: RTN_UNREACHABLE }));
    addRoute(a, spec('10.9.1.0/24', { device: d0 }));
    setKey(a.fib, ip('10.9.2.1'), 0, 0, 0, null, null);
    expect(lookup(a.fib)).toBe(FIB_UNREACHABLE);
    setKey(a.fib, ip('10.9.1.1'), 0, 0, 0, null, null);
    expect(lookup(a.fib)).toBe(FIB_FOUND);
  });

  test('rules by mark and source choose the table', () => {
    const lab = makeLab();
    const { a, d0 } = box(lab);
    address(lab, d0, '10.0.0.5/24');
    addRoute(a, spec('0.0.0.0/0', { gateway: ip('10.0.0.1') }));
    addRoute(a, spec('0.0.0.0/0', { gateway: ip('10.0.0.2'), table: 100 }));
    addRule(a, { mark: 7, table: 100 });
    addRule(a, { source: ip('10.0.0.5'), sourceLength: 32, action: 'prohibit', priority: 50 });
    const route = makeRoute();
    expect(routeOutput(a, ip('9.9.9.9'), 0, null, 7, 0, route)).toBeNull();
    expect(formatIpv4(route.nextHop)).toBe('10.0.0.2');
    expect(routeOutput(a, ip('9.9.9.9'), 0, null, 0, 0, route)).toBeNull();
    expect(formatIpv4(route.nextHop)).toBe('10.0.0.1');
    expect(routeOutput(a, ip('9.9.9.9'), ip('10.0.0.5'), null, 0, 0, route)).toBe('EACCES');
    deleteRule(a, { priority: 50 });
    expect(routeOutput(a, ip('9.9.9.9'), ip('10.0.0.5'), null, 0, 0, route)).toBeNull();
  });
});

describe('addresses and their routes', () => {
  test('come and go with the device as on Linux 6.18', () => {
    const lab = makeLab();
    const { a, d0 } = box(lab);
    call(lab, () => setLinkDown(d0));
    address(lab, d0, '10.0.0.5/24');
    const loopback = [
      'local 127.0.0.0/8 dev lo src 127.0.0.1',
      'local 127.0.0.1 dev lo src 127.0.0.1',
      'broadcast 127.255.255.255 dev lo src 127.0.0.1',
    ];
    const own = 'local 10.0.0.5 dev d0 src 10.0.0.5';
    expect(shown(a, null)).toEqual([own, ...loopback]);
    call(lab, () => setLinkUp(d0));
    const up = [
      '10.0.0.0/24 dev d0 src 10.0.0.5',
      own,
      'broadcast 10.0.0.255 dev d0 src 10.0.0.5',
      ...loopback,
    ];
    expect(shown(a, null)).toEqual(up);
    call(lab, () => setLinkDown(d0));
    expect(shown(a, null)).toEqual([own, ...loopback]);
  });

  test('several addresses give the routes that the kernel gives', () => {
    const lab = makeLab();
    const { a, d0 } = box(lab);
    for (const cidr of ['10.0.0.5/24', '10.0.0.6/24', '198.51.100.1/31', '203.0.113.9/32']) {
      address(lab, d0, cidr);
    }
    expect(shown(a)).toEqual([
      '10.0.0.0/24 dev d0 src 10.0.0.5',
      '198.51.100.0/31 dev d0 src 198.51.100.1',
    ]);
    expect(shown(a, 255).slice(0, 3)).toEqual([
      'local 10.0.0.5 dev d0 src 10.0.0.5',
      'local 10.0.0.6 dev d0 src 10.0.0.5',
      'broadcast 10.0.0.255 dev d0 src 10.0.0.5',
    ]);
    expect(refusal(() => address(lab, d0, '10.0.0.6/24'))).toBe(
      'EEXIST: ipv4: Address already assigned',
    );
  });
});

describe('ip route', () => {
  test('add says what is wrong in the words of the kernel', () => {
    const lab = makeLab();
    const { a, d0 } = box(lab);
    address(lab, d0, '10.0.0.5/24');
    const gateway = ip('10.0.0.1');
    expect(refusal(() => addRoute(a, spec('1.1.1.0/24', { gateway: ip('9.9.9.9') })))).toBe(
      'ENETUNREACH: Nexthop has invalid gateway',
    );
    expect(refusal(() => addRoute(a, spec('0.0.0.0/0', { gateway })))).toBe('none');
    expect(refusal(() => addRoute(a, spec('0.0.0.0/0', { gateway })))).toBe('EEXIST');
    expect(refusal(() => addRoute(a, spec('0.0.0.0/0', { gateway, priority: 9 })))).toBe('none');
    expect(refusal(() => addRoute(a, spec('5.5.5.5/24', { device: d0 })))).toBe(
      'EINVAL: Invalid prefix for given prefix length',
    );
    expect(refusal(() => addRoute(a, spec('5.5.5.0/24')))).toBe('ENODEV');
    const preferredSource = ip('1.2.3.4');
    expect(refusal(() => addRoute(a, spec('6.6.7.0/24', { device: d0, preferredSource })))).toBe(
      'EINVAL: Invalid prefsrc address',
    );
    expect(refusal(() => deleteRoute(a, spec('9.9.0.0/16')))).toBe('ESRCH');
    call(lab, () => setLinkDown(d0));
    expect(refusal(() => addRoute(a, spec('5.5.5.0/24', { device: d0 })))).toBe(
      'ENETDOWN: Device for nexthop is not up',
    );
    expect(shown(a)).toEqual([]);
  });

  test('replace, append, prepend and del act on the routes of one prefix', () => {
    const lab = makeLab();
    const { a, d0 } = box(lab);
    address(lab, d0, '10.0.0.5/24');
    const to = (last: number) => spec('7.0.0.0/8', { gateway: ip(`10.0.0.${last}`) });
    addRoute(a, to(1));
    addRoute(a, to(2), 'append');
    addRoute(a, to(3), 'prepend');
    const gateways = () =>
      listRoutes(a)
        .filter((route) => route.prefixLength === 8)
        .map((route) => route.nextHops[0]!.gateway & 255);
    expect(gateways()).toEqual([3, 1, 2]);
    addRoute(a, to(4), 'replace');
    expect(gateways()).toEqual([4, 1, 2]);
    deleteRoute(a, to(1));
    deleteRoute(a, spec('7.0.0.0/8'));
    expect(gateways()).toEqual([2]);
    expect(refusal(() => addRoute(a, spec('8.0.0.0/8', { device: d0 }), 'change'))).toBe('ENOENT');
  });
});
