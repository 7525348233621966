import { expect, test } from 'vitest';
import { KernelError } from '../../../src/base/errors.ts';
import { inetOf } from '../../../src/stack/inet.ts';
import { createLink } from '../../../src/stack/link.ts';
import type { NetNamespace } from '../../../src/stack/namespace.ts';
import { listSysctls, readSysctl, writeSysctl } from '../../../src/stack/sysctl.ts';
import { address, call, host, type Lab, makeLab } from '../../support/stack-lab.ts';

function box(): { lab: Lab; netns: NetNamespace } {
  const lab = makeLab();
  const netns = host(lab, 'a');
  call(lab, () => createLink(netns, { kind: 'dummy', name: 'd0' }));
  return { lab, netns };
}

function refusal(act: () => void): string {
  try {
    act();
    return 'none';
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.errno;
  }
}

test('a fresh namespace has the values of Linux', () => {
  const { netns } = box();
  const wanted: Record<string, string> = {
    'net.ipv4.ip_forward': '0',
    'net.ipv4.ip_default_ttl': '64',
    'net.ipv4.ip_local_port_range': '32768\t60999',
    'net.ipv4.ping_group_range': '1\t0',
    'net.ipv4.tcp_rmem': '4096\t131072\t6291456',
    'net.ipv4.tcp_wmem': '4096\t16384\t4194304',
    'net.ipv4.tcp_congestion_control': 'cubic',
    'net.ipv4.icmp_ratemask': '6168',
    'net.ipv4.conf.all.rp_filter': '0',
    'net.ipv4.conf.all.accept_source_route': '0',
    'net.ipv4.conf.default.accept_source_route': '1',
    'net.ipv4.conf.lo.disable_xfrm': '1',
    'net.ipv4.conf.d0.send_redirects': '1',
    'net.ipv4.conf.d0.drop_unicast_in_l2_multicast': '0',
    'net.ipv4.neigh.d0.base_reachable_time_ms': '30000',
    'net.ipv4.neigh.d0.unres_qlen': '101',
    'net.ipv4.neigh.default.delay_first_probe_time': '5',
    'net.bridge.bridge-nf-call-iptables': '1',
    'net.netfilter.nf_conntrack_max': '262144',
    'net.netfilter.nf_conntrack_count': '0',
    'net.core.somaxconn': '4096',
    'net.ipv6.conf.d0.disable_ipv6': '1',
  };
  for (const [key, value] of Object.entries(wanted))
    expect([key, readSysctl(netns, key)]).toEqual([key, value]);
  expect(readSysctl(netns, 'net.ipv4.no_such_thing')).toBeNull();
  expect(readSysctl(netns, 'net.ipv4.conf.d9.rp_filter')).toBeNull();
});

test('every key that is listed can be read', () => {
  const { netns } = box();
  const keys = listSysctls(netns);
  expect(keys.length).toBeGreaterThan(250);
  expect(keys.filter((key) => readSysctl(netns, key) === null)).toEqual([]);
  expect(new Set(keys).size).toBe(keys.length);
});

test('ip_forward switches every device, the default, and redirects the other way', () => {
  const { lab, netns } = box();
  writeSysctl(netns, 'net.ipv4.ip_forward', '1');
  for (const place of ['all', 'default', 'lo', 'd0']) {
    expect(readSysctl(netns, `net.ipv4.conf.${place}.forwarding`)).toBe('1');
  }
  expect(readSysctl(netns, 'net.ipv4.conf.all.accept_redirects')).toBe('0');
  call(lab, () => createLink(netns, { kind: 'dummy', name: 'd1' }));
  expect(readSysctl(netns, 'net.ipv4.conf.d1.forwarding')).toBe('1');
  writeSysctl(netns, 'net.ipv4.conf.d0.forwarding', '0');
  expect(netns.sysctl.ipForward).toBe(1);
});

test('a default is followed by devices without an address on which it was not written', () => {
  const { lab, netns } = box();
  const d1 = call(lab, () => createLink(netns, { kind: 'dummy', name: 'd1' }));
  const d2 = call(lab, () => createLink(netns, { kind: 'dummy', name: 'd2' }));
  address(lab, d1, '10.0.0.1/24');
  writeSysctl(netns, 'net.ipv4.conf.d2.rp_filter', '1');
  writeSysctl(netns, 'net.ipv4.conf.default.rp_filter', '2');
  const d0 = netns.deviceByName.get('d0')!;
  expect([d0, d1, d2].map((device) => inetOf(device).conf.rpFilter)).toEqual([2, 0, 1]);
});

test('values out of bounds are refused', () => {
  const { netns } = box();
  const bad: [string, string, string][] = [
    ['net.ipv4.ip_default_ttl', '0', 'EINVAL'],
    ['net.ipv4.ip_default_ttl', '256', 'EINVAL'],
    ['net.ipv4.ip_default_ttl', 'x', 'EINVAL'],
    ['net.ipv4.ip_local_port_range', '5000 4000', 'EINVAL'],
    ['net.ipv4.tcp_syn_retries', '200', 'EINVAL'],
    ['net.ipv4.tcp_congestion_control', 'vegas', 'ENOENT'],
    ['net.netfilter.nf_conntrack_count', '1', 'EACCES'],
    ['net.ipv4.none', '1', 'ENOENT'],
    ['net.netfilter.nf_conntrack_max', 'many', 'EINVAL'],
  ];
  for (const [key, value, errno] of bad) {
    expect([key, value, refusal(() => writeSysctl(netns, key, value))]).toEqual([
      key,
      value,
      errno,
    ]);
  }
  writeSysctl(netns, 'net.ipv4.tcp_rmem', '4096 8192');
  expect(readSysctl(netns, 'net.ipv4.tcp_rmem')).toBe('4096\t8192\t6291456');
  writeSysctl(netns, 'net.ipv4.neigh.d0.base_reachable_time', '10');
  expect(readSysctl(netns, 'net.ipv4.neigh.d0.base_reachable_time_ms')).toBe('10000');
});
