import { expect, test } from 'vitest';
import { formatIpv4 } from '../../../src/base/ipv4-address.ts';
import { addRoute } from '../../../src/stack/fib.ts';
import { setLinkDown, setLinkUp } from '../../../src/stack/link.ts';
import { makeRoute, routeOutput } from '../../../src/stack/route.ts';
import { call, host, ip, makeLab, wire } from '../../support/stack-lab.ts';

test('flows are spread over the next hops by weight, one flow always takes the same', () => {
  const lab = makeLab();
  const a = host(lab, 'a');
  const b = host(lab, 'b');
  const mac = (n: number) => `02:00:00:00:00:0${n}`;
  wire(
    lab,
    { netns: a, name: 'e0', cidr: '10.0.0.1/24', mac: mac(1) },
    { netns: b, name: 'e0', mac: mac(2) },
  );
  const [e1] = wire(
    lab,
    { netns: a, name: 'e1', cidr: '10.0.1.1/24', mac: mac(3) },
    { netns: b, name: 'e1', mac: mac(4) },
  );
  addRoute(a, {
    prefix: 0,
    prefixLength: 0,
    nextHops: [
      { gateway: ip('10.0.0.254'), weight: 3 },
      { gateway: ip('10.0.1.254'), weight: 1 },
    ],
  });
  const route = makeRoute();
  const gatewayTo = (n: number): string => {
    expect(routeOutput(a, ip('8.8.0.0') + n, 0, null, 0, 0, route)).toBeNull();
    return formatIpv4(route.nextHop);
  };
  const all = Array.from({ length: 1000 }, (_, n) => gatewayTo(n));
  const first = all.filter((gateway) => gateway === '10.0.0.254').length;
  expect(first).toBeGreaterThan(680);
  expect(first).toBeLessThan(820);
  expect(Array.from({ length: 1000 }, (_, n) => gatewayTo(n))).toEqual(all);
  call(lab, () => setLinkDown(e1));
  expect(new Set(Array.from({ length: 100 }, (_, n) => gatewayTo(n)))).toEqual(
    new Set(['10.0.0.254']),
  );
  call(lab, () => setLinkUp(e1));
  expect(Array.from({ length: 1000 }, (_, n) => gatewayTo(n))).toEqual(all);
});
