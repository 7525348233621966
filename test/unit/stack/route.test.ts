import { describe, expect, test } from 'vitest';
import { formatIpv4 } from '../../../src/base/ipv4-address.ts';
import { addAddress } from '../../../src/stack/address.ts';
import { addRoute } from '../../../src/stack/fib.ts';
import type { NetNamespace } from '../../../src/stack/namespace.ts';
import { openRawSocket, sendRaw } from '../../../src/stack/raw-socket.ts';
import {
  addressTypeOf,
  makeRoute,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  routeOutput,
} from '../../../src/stack/route.ts';
import { writeSysctl } from '../../../src/stack/sysctl.ts';
import {
  address,
  call,
  echo,
  host,
  ip,
  type Lab,
  makeLab,
  pass,
  via,
  watch,
  wire,
} from '../../support/stack-lab.ts';

/** a -- r -- b, r in the middle forwards. */
function chain(lab: Lab) {
  const a = host(lab, 'a');
  const r = host(lab, 'r');
  const b = host(lab, 'b');
  const [a0] = wire(
    lab,
    { netns: a, name: 'eth0', cidr: '10.0.0.1/24', mac: '02:00:00:00:00:0a' },
    { netns: r, name: 'eth0', cidr: '10.0.0.254/24', mac: '02:00:00:00:00:01' },
  );
  const [, b0] = wire(
    lab,
    { netns: r, name: 'eth1', cidr: '10.0.1.254/24', mac: '02:00:00:00:00:02' },
    { netns: b, name: 'eth0', cidr: '10.0.1.1/24', mac: '02:00:00:00:00:0b' },
  );
  writeSysctl(r, 'net.ipv4.ip_forward', '1');
  // ARP asks with the address of the link: a martian's packet shall get as far as the router.
  writeSysctl(a, 'net.ipv4.conf.all.arp_announce', '2');
  via(lab, a, '0.0.0.0/0', '10.0.0.254');
  via(lab, b, '0.0.0.0/0', '10.0.1.254');
  return { a, r, b, a0, b0 };
}

function ping(lab: Lab, from: NetNamespace, target: string, source = '0.0.0.0'): void {
  const socket = openRawSocket(from, 1);
  socket.localAddress = ip(source);
  expect(call(lab, () => sendRaw(socket, echo(9, 1), ip(target)))).toBeNull();
  pass(lab, 0.5);
}

describe('output', () => {
  test('chooses device, next hop and source', () => {
    const lab = makeLab();
    const { a } = chain(lab);
    const route = makeRoute();
    const cases: [string, string, string, number][] = [
      ['10.0.0.9', '10.0.0.9', '10.0.0.1', RTN_UNICAST],
      ['8.8.8.8', '10.0.0.254', '10.0.0.1', RTN_UNICAST],
      ['10.0.0.255', '10.0.0.255', '10.0.0.1', RTN_BROADCAST],
      ['255.255.255.255', '255.255.255.255', '10.0.0.1', RTN_BROADCAST],
      ['224.0.0.9', '224.0.0.9', '10.0.0.1', RTN_MULTICAST],
      ['10.0.0.1', '10.0.0.1', '10.0.0.1', RTN_LOCAL],
      ['127.0.0.5', '127.0.0.5', '127.0.0.1', RTN_LOCAL],
    ];
    for (const [target, nextHop, source, type] of cases) {
      expect(routeOutput(a, ip(target), 0, null, 0, 0, route)).toBeNull();
      const got = [target, formatIpv4(route.nextHop), formatIpv4(route.source), route.type];
      expect(got).toEqual([target, nextHop, source, type]);
    }
    expect(route.outDevice).toBe(a.loopback);
    expect(route.pathMtuBytes).toBe(65535);
  });

  test('refuses as the kernel does', () => {
    const lab = makeLab();
    const { a, r, a0 } = chain(lab);
    const route = makeRoute();
    expect(routeOutput(r, ip('8.8.8.8'), 0, null, 0, 0, route)).toBe('ENETUNREACH');
    expect(routeOutput(a, ip('8.8.8.8'), ip('9.9.9.9'), null, 0, 0, route)).toBe('EINVAL');
    expect(routeOutput(a, ip('8.8.8.8'), ip('127.0.0.1'), null, 0, 0, route)).toBe('EINVAL');
    addRoute(a, { prefix: ip('7.7.7.0'), prefixLength: 24, type: RTN_UNREACHABLE });
    addRoute(a, { prefix: ip('7.7.8.0'), prefixLength: 24, type: RTN_PROHIBIT });
    addRoute(a, { prefix: ip('7.7.9.0'), prefixLength: 24, type: RTN_BLACKHOLE });
    const errors = ['7.7.7.1', '7.7.8.1', '7.7.9.1'].map((target) =>
      routeOutput(a, ip(target), 0, null, 0, 0, route),
    );
    expect(errors).toEqual(['EHOSTUNREACH', 'EACCES', 'EINVAL']);
    // Bound to a device, an unknown target is believed to be on its link.
    expect(routeOutput(r, ip('8.8.8.8'), 0, r.devices[1]!, 0, 0, route)).toBeNull();
    expect(formatIpv4(route.nextHop)).toBe('8.8.8.8');
    expect(a0.isUp).toBe(true);
  });

  test('prefers the source that a route names, else the first address', () => {
    const lab = makeLab();
    const { a, a0 } = chain(lab);
    address(lab, a0, '192.0.2.1/24');
    call(lab, () => addAddress(a, a.loopback, { address: ip('198.51.100.1'), prefixLength: 32 }));
    addRoute(a, {
      prefix: ip('7.0.0.0'),
      prefixLength: 8,
      gateway: ip('10.0.0.254'),
      preferredSource: ip('198.51.100.1'),
    });
    via(lab, a, '8.0.0.0/8', '192.0.2.9');
    const route = makeRoute();
    const sourceTo = (target: string): string => {
      expect(routeOutput(a, ip(target), 0, null, 0, 0, route)).toBeNull();
      return formatIpv4(route.source);
    };
    expect(sourceTo('7.1.1.1')).toBe('198.51.100.1');
    expect(sourceTo('8.1.1.1')).toBe('192.0.2.1');
    expect(sourceTo('9.1.1.1')).toBe('10.0.0.1');
  });
});

test('addresses have the type that the local table gives them', () => {
  const lab = makeLab();
  const { a, a0 } = chain(lab);
  const types = ['10.0.0.1', '10.0.0.255', '10.0.0.9', '127.3.2.1', '224.0.0.1', '0.0.0.0'].map(
    (text) => addressTypeOf(a, ip(text), null),
  );
  expect(types).toEqual([
    RTN_LOCAL,
    RTN_BROADCAST,
    RTN_UNICAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_BROADCAST,
  ]);
  expect(addressTypeOf(a, ip('127.0.0.1'), a0)).toBe(RTN_UNICAST);
});

describe('input', () => {
  test('forwards with one hop less, and answers for what it cannot reach', () => {
    const lab = makeLab();
    const { a, a0, b0 } = chain(lab);
    const far = watch(b0);
    ping(lab, a, '10.0.1.1');
    expect(far.lines).toContain('in icmp 8/0 10.0.0.1 > 10.0.1.1 ttl 63');
    const near = watch(a0);
    ping(lab, a, '9.9.9.9');
    expect(near.lines.at(-1)).toBe('in icmp 3/0 10.0.0.254 > 10.0.0.1 ttl 64');
    expect(lab.drops).toContain('no-route');
  });

  test('unreachable, prohibit and blackhole routes answer with their codes', () => {
    const lab = makeLab();
    const { a, r, a0 } = chain(lab);
    addRoute(r, { prefix: ip('7.7.7.0'), prefixLength: 24, type: RTN_UNREACHABLE });
    addRoute(r, { prefix: ip('7.7.8.0'), prefixLength: 24, type: RTN_PROHIBIT });
    addRoute(r, { prefix: ip('7.7.9.0'), prefixLength: 24, type: RTN_BLACKHOLE });
    const near = watch(a0);
    for (const target of ['7.7.7.1', '7.7.8.1', '7.7.9.1']) ping(lab, a, target);
    const answers = near.lines.filter((line) => line.startsWith('in icmp'));
    expect(answers).toEqual([
      'in icmp 3/1 10.0.0.254 > 10.0.0.1 ttl 64',
      'in icmp 3/13 10.0.0.254 > 10.0.0.1 ttl 64',
    ]);
    expect(lab.drops.filter((reason) => reason === 'route-blackhole')).toHaveLength(3);
  });

  test('"no route" is told four times, then the purse is empty, as on Linux', () => {
    const lab = makeLab();
    const { a, a0 } = chain(lab);
    const near = watch(a0);
    const socket = openRawSocket(a, 1);
    for (let i = 1; i <= 10; i++) {
      call(lab, () => sendRaw(socket, echo(9, i), ip('9.9.9.9')));
      pass(lab, 1);
    }
    expect(near.lines.filter((line) => line.startsWith('in icmp 3/0'))).toHaveLength(4);
  });

  test('a host that does not forward stays silent', () => {
    const lab = makeLab();
    const { a, r, a0 } = chain(lab);
    writeSysctl(r, 'net.ipv4.ip_forward', '0');
    const near = watch(a0);
    ping(lab, a, '10.0.1.1');
    expect(near.lines.filter((line) => line.startsWith('in icmp'))).toEqual([]);
    expect(lab.drops).toContain('forwarding-off');
  });

  test('a source that is our own is a martian, accept_local lets it in', () => {
    const lab = makeLab();
    const { a, r, a0 } = chain(lab);
    address(lab, a0, '10.0.1.254/32');
    ping(lab, a, '10.0.0.254', '10.0.1.254');
    expect(lab.drops).toContain('martian-source');
    lab.drops.length = 0;
    writeSysctl(r, 'net.ipv4.conf.all.accept_local', '1');
    ping(lab, a, '10.0.0.254', '10.0.1.254');
    expect(lab.drops).not.toContain('martian-source');
  });

  test('loopback addresses on a wire are martians unless route_localnet is on', () => {
    const lab = makeLab();
    const { a, r } = chain(lab);
    writeSysctl(a, 'net.ipv4.conf.all.route_localnet', '1');
    addRoute(a, {
      prefix: ip('127.0.0.9'),
      prefixLength: 32,
      gateway: ip('10.0.0.254'),
    });
    ping(lab, a, '127.0.0.9', '10.0.0.1');
    expect(lab.drops).toContain('martian-target');
    lab.drops.length = 0;
    writeSysctl(r, 'net.ipv4.conf.eth0.route_localnet', '1');
    ping(lab, a, '127.0.0.9', '10.0.0.1');
    expect(lab.drops).not.toContain('martian-target');
  });

  test.each([
    ['0', 0],
    ['1', 1],
    ['2', 0],
  ])('rp_filter %s for a source behind the other device', (mode, dropped) => {
    const lab = makeLab();
    const { a, r, a0 } = chain(lab);
    address(lab, a0, '10.0.1.77/32');
    writeSysctl(r, 'net.ipv4.conf.eth0.rp_filter', mode);
    ping(lab, a, '10.0.0.254', '10.0.1.77');
    expect(lab.drops.filter((reason) => reason === 'reverse-path')).toHaveLength(dropped);
  });

  test('rp_filter 1 and 2 both refuse a source that nobody knows a way to', () => {
    for (const mode of ['1', '2']) {
      const lab = makeLab();
      const { a, r, a0 } = chain(lab);
      address(lab, a0, '9.9.9.9/32');
      writeSysctl(r, 'net.ipv4.conf.all.rp_filter', mode);
      ping(lab, a, '10.0.0.254', '9.9.9.9');
      expect(lab.drops).toContain('reverse-path');
    }
  });

  test('multicast that nobody joined ends', () => {
    const lab = makeLab();
    const { a } = chain(lab);
    ping(lab, a, '224.0.0.9');
    expect(lab.drops).toContain('multicast-not-joined');
  });

  test('a packet that goes back out of its device is forwarded and the sender told', () => {
    const lab = makeLab();
    const { a, r, a0 } = chain(lab);
    via(lab, r, '7.0.0.0/8', '10.0.0.77');
    const near = watch(a0);
    ping(lab, a, '7.1.1.1');
    expect(near.lines).toContain('in icmp 5/1 10.0.0.254 > 10.0.0.1 ttl 64');
    writeSysctl(r, 'net.ipv4.conf.all.send_redirects', '0');
    writeSysctl(r, 'net.ipv4.conf.eth0.send_redirects', '0');
    near.lines.length = 0;
    ping(lab, a, '7.2.2.2');
    expect(near.lines.filter((line) => line.includes('5/1'))).toEqual([]);
  });
});
