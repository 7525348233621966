import { describe, expect, it } from 'vitest';
import {
  conntrackSysctlKeys,
  makeConntrackSettings,
  readConntrackSysctl,
  writeConntrackSysctl,
} from '../../../src/netfilter/conntrack-settings.ts';

describe('the settings of connection tracking', () => {
  // `sysctl -a` of a fresh namespace of Linux 6.18
  it.each([
    ['max', '262144'],
    ['acct', '0'],
    ['checksum', '1'],
    ['generic_timeout', '600'],
    ['icmp_timeout', '30'],
    ['udp_timeout', '30'],
    ['udp_timeout_stream', '120'],
    ['tcp_loose', '1'],
    ['tcp_be_liberal', '0'],
    ['tcp_max_retrans', '3'],
    ['tcp_timeout_syn_sent', '120'],
    ['tcp_timeout_syn_recv', '60'],
    ['tcp_timeout_established', '432000'],
    ['tcp_timeout_fin_wait', '120'],
    ['tcp_timeout_close_wait', '60'],
    ['tcp_timeout_last_ack', '30'],
    ['tcp_timeout_time_wait', '120'],
    ['tcp_timeout_close', '10'],
    ['tcp_timeout_max_retrans', '300'],
    ['tcp_timeout_unacknowledged', '300'],
  ])('begin with nf_conntrack_%s = %s', (name, value) => {
    const key = `net.netfilter.nf_conntrack_${name}`;
    expect(readConntrackSysctl(makeConntrackSettings(), key)).toBe(value);
  });

  it('are written by name', () => {
    const settings = makeConntrackSettings();
    for (const key of conntrackSysctlKeys()) {
      expect(writeConntrackSysctl(settings, key, ' 7\n')).toBe(true);
      expect(readConntrackSysctl(settings, key)).toBe('7');
    }
    expect(settings.tcpTimeouts[3]).toBe(7);
  });

  it('refuse unknown names and what is no number', () => {
    const settings = makeConntrackSettings();
    expect(readConntrackSysctl(settings, 'net.netfilter.nf_conntrack_constructor')).toBe(null);
    expect(readConntrackSysctl(settings, 'net.ipv4.ip_forward')).toBe(null);
    expect(writeConntrackSysctl(settings, 'net.netfilter.nf_conntrack_max', 'many')).toBe(false);
    expect(writeConntrackSysctl(settings, 'net.netfilter.nf_conntrack_max', '-1')).toBe(false);
    expect(settings.max).toBe(262144);
  });
});
