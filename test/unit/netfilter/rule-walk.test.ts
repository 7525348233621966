import { describe, expect, it } from 'vitest';
import { runIptables } from '../../../src/netfilter/iptables/iptables.ts';
import {
  HOOK_FORWARD,
  HOOK_INPUT,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
  runHook,
} from '../../../src/netfilter/netfilter.ts';
import {
  ends,
  icmpPacket,
  ip,
  makeBench,
  makeTestDevice,
  tcpPacket,
  udpPacket,
} from '../../support/netfilter.ts';
import { countersOf, makeRules, passes, type Way } from '../../support/rule-bench.ts';
import { shellWords } from '../../support/shell-words.ts';

const WEB = ends('10.0.0.1:1234 > 10.0.0.2:80');

describe('the walk through rules', () => {
  it('leaves a hook alone on which nothing hangs', () => {
    const bench = makeBench();
    expect(bench.netfilter.activeHooks).toBe(0);
    runIptables(bench.netfilter, ['-A', 'FORWARD', '-j', 'DROP']);
    expect(bench.netfilter.activeHooks).toBe(1 << HOOK_FORWARD);
    runIptables(bench.netfilter, ['-F']);
    expect(bench.netfilter.activeHooks).toBe(0);
  });

  it('drops by rule, by policy and by REJECT, each with its reason', () => {
    const bench = makeRules(
      '-P FORWARD DROP',
      '-A FORWARD -p udp -j DROP',
      '-A FORWARD -p icmp -j REJECT',
    );
    expect(passes(bench, udpPacket(bench.sim, WEB))).toBe(false);
    expect(passes(bench, icmpPacket(bench.sim, WEB.source, WEB.target, 8, 0, 1))).toBe(false);
    expect(passes(bench, tcpPacket(bench.sim, WEB, { flags: 2 }))).toBe(false);
    expect(bench.drops).toEqual(['rule-drop', 'rule-reject', 'policy-drop']);
  });

  it('counts packets and bytes of each rule that matches', () => {
    const bench = makeRules('-A FORWARD -p udp', '-A FORWARD -p tcp', '-A FORWARD -j ACCEPT');
    passes(bench, udpPacket(bench.sim, WEB, 20));
    passes(bench, udpPacket(bench.sim, WEB, 30));
    expect(countersOf(bench, 'FORWARD')).toEqual(['2:106', '0:0', '2:106']);
  });

  it('counts for the policy only once -P, -Z or a restore has named the chain', () => {
    const bench = makeRules('-A FORWARD -p tcp');
    const policy = () =>
      runIptables(bench.netfilter, ['-v', '-S', 'FORWARD']).stdout.split('\n')[0];
    passes(bench, udpPacket(bench.sim, WEB));
    expect(policy()).toBe('-P FORWARD ACCEPT -c 0 0');
    runIptables(bench.netfilter, ['-P', 'FORWARD', 'ACCEPT']);
    passes(bench, udpPacket(bench.sim, WEB));
    expect(policy()).toBe('-P FORWARD ACCEPT -c 1 48');
  });

  it('comes back from a jump, and from a goto to the caller of the caller', () => {
    const bench = makeRules(
      '-N A',
      '-N B',
      '-A FORWARD -j A',
      '-A FORWARD -p udp -m comment --comment end',
      '-A A -g B',
      '-A A -j DROP',
      '-A B -p udp',
    );
    expect(passes(bench, udpPacket(bench.sim, WEB))).toBe(true);
    expect(countersOf(bench, 'FORWARD')).toEqual(['1:48', '1:48']);
    expect(countersOf(bench, 'A')).toEqual(['1:48', '0:0']);
    expect(countersOf(bench, 'B')).toEqual(['1:48']);
  });

  it('goes back to the caller at RETURN, and falls to the policy from a base chain', () => {
    const bench = makeRules(
      '-P FORWARD DROP',
      '-N A',
      '-A FORWARD -j A',
      '-A FORWARD -j RETURN',
      '-A FORWARD -j ACCEPT',
      '-A A -j RETURN',
      '-A A -j ACCEPT',
    );
    expect(passes(bench, udpPacket(bench.sim, WEB))).toBe(false);
    expect(bench.drops).toEqual(['policy-drop']);
    expect(countersOf(bench, 'A')).toEqual(['1:48', '0:0']);
  });

  it('nests chains 16 deep and no deeper', () => {
    const bench = makeBench();
    const run = (line: string) => runIptables(bench.netfilter, line.split(' '));
    for (let i = 0; i < 20; i++) run(`-N C${i}`);
    for (let i = 0; i < 14; i++) expect(run(`-A C${i} -j C${i + 1}`).exitCode).toBe(0);
    expect(run('-A FORWARD -j C0').exitCode).toBe(0);
    expect(run('-A C14 -j C15').stderr).toBe(
      'iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Too many links): rule in chain C14\n',
    );
    expect(passes(bench, udpPacket(bench.sim, WEB))).toBe(true);
  });

  it.each([
    ['-i eth0', { in: 'eth0' }, true],
    ['-i eth0', { in: 'eth1' }, false],
    ['-i eth0', {}, false],
    ['! -i eth0', {}, true],
    ['-i eth+', { in: 'eth12' }, true],
    ['-i eth+', { in: 'et' }, false],
    ['! -o docker0', { out: 'docker0' }, false],
    ['-i + -o +', { in: 'a' }, true],
    ['-s 10.0.0.0/24', {}, true],
    ['-s 10.0.1.0/24', {}, false],
    ['! -s 10.0.1.0/24', {}, true],
    ['-d 10.0.0.2', {}, true],
    ['! -d 10.0.0.2', {}, false],
    ['-p udp', {}, true],
    ['! -p udp', {}, false],
    ['-f', {}, false],
    ['! -f', {}, true],
  ])('compares the header: %s', (options, way: Way, isMatch) => {
    const bench = makeRules(`-A FORWARD ${options} -j DROP`);
    expect(passes(bench, udpPacket(bench.sim, WEB), way)).toBe(!isMatch);
  });

  it('passes the tables of a hook in the order of their priorities', () => {
    const seen = (hook: number): string[] => {
      const bench = makeBench();
      for (const table of ['filter', 'mangle', 'security', 'raw']) {
        for (const chain of ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']) {
          runIptables(bench.netfilter, ['-t', table, '-A', chain, '-p', 'udp']);
        }
      }
      const order: string[] = [];
      bench.sim.trace = (kind, _packet, _where, detail) => {
        if (kind === 'rule' && detail.rule !== 0) order.push(String(detail.table));
      };
      passes(bench, udpPacket(bench.sim, WEB), { hook });
      return order;
    };
    expect(seen(HOOK_PREROUTING)).toEqual(['raw', 'mangle']);
    expect(seen(HOOK_INPUT)).toEqual(['mangle', 'filter', 'security']);
    expect(seen(HOOK_FORWARD)).toEqual(['mangle', 'filter', 'security']);
    expect(seen(HOOK_OUTPUT)).toEqual(['raw', 'mangle', 'filter', 'security']);
    expect(seen(HOOK_POSTROUTING)).toEqual(['mangle']);
  });

  it('tells an observer which rule matched', () => {
    const bench = makeRules(
      '-N A',
      '-A FORWARD -j A',
      '-A A -p tcp',
      '-A A -p udp --dport 80 -j DROP',
    );
    const told: string[] = [];
    bench.sim.trace = (kind, _packet, where, detail) => {
      told.push(`${kind} ${where} ${detail.chain} ${detail.rule} ${detail.spec}`);
    };
    passes(bench, udpPacket(bench.sim, WEB));
    expect(told).toEqual([
      'rule box FORWARD 1 -j A',
      'rule box A 2 -p udp -m udp --dport 80 -j DROP',
    ]);
  });

  it('routes a packet again whose mark changed in mangle OUTPUT', () => {
    const bench = makeRules('-t mangle -A OUTPUT -p udp -j MARK --set-mark 5');
    expect(passes(bench, tcpPacket(bench.sim, WEB, { flags: 2 }), { hook: HOOK_OUTPUT })).toBe(
      true,
    );
    expect(bench.rerouted).toBe(0);
    expect(passes(bench, udpPacket(bench.sim, WEB), { hook: HOOK_OUTPUT })).toBe(true);
    expect(bench.rerouted).toBe(1);
  });

  it('tracks connections only while a rule or a nat chain needs it', () => {
    const bench = makeBench();
    const { netfilter } = bench;
    expect(netfilter.isTracking).toBe(false);
    runIptables(netfilter, shellWords('-A FORWARD -m conntrack --ctstate NEW'));
    expect(netfilter.isTracking).toBe(true);
    expect(netfilter.activeHooks).toBe(0b11111);
    runIptables(netfilter, ['-F']);
    expect(netfilter.isTracking).toBe(false);
    runIptables(netfilter, shellWords('-t nat -A POSTROUTING -j MASQUERADE'));
    expect(netfilter.isTracking).toBe(true);
    runIptables(netfilter, ['-t', 'nat', '-F']);
    expect(netfilter.isTracking).toBe(true);
    runIptables(netfilter, ['-t', 'nat', '-X']);
    expect(netfilter.isTracking).toBe(false);
  });

  it('drops what MASQUERADE finds no address for', () => {
    const bench = makeRules('-t nat -A POSTROUTING -j MASQUERADE');
    const packet = udpPacket(bench.sim, WEB);
    const { sim, netfilter } = bench;
    runHook(sim, netfilter, HOOK_PREROUTING, packet, makeTestDevice(bench, 'eth0', 2), null);
    expect(passes(bench, packet, { hook: HOOK_POSTROUTING, out: 'eth1' })).toBe(false);
    expect(bench.drops).toEqual(['nat-no-address']);
  });

  it('drops a segment too short for the header that a rule asks about', () => {
    const bench = makeRules('-A FORWARD -p tcp --dport 80 -j ACCEPT');
    const packet = tcpPacket(bench.sim, WEB, { flags: 2 });
    packet.end -= 10;
    expect(passes(bench, packet)).toBe(false);
    expect(bench.drops).toEqual(['rule-drop']);
  });

  it('compares ip addresses of the upper half as what they are', () => {
    const bench = makeRules('-A FORWARD -m iprange --src-range 192.168.0.1-192.168.0.9 -j DROP');
    const far = { ...WEB, source: ip('192.168.0.5') };
    expect(passes(bench, udpPacket(bench.sim, far))).toBe(false);
    expect(passes(bench, udpPacket(bench.sim, WEB))).toBe(true);
  });
});

describe('the numbers of interface names', () => {
  it('stay right while devices are renamed and rules come and go', () => {
    const bench = makeRules('-A FORWARD -i eth0 -j DROP');
    const device = makeTestDevice(bench, 'eth0', 5);
    const send = () => passes(bench, udpPacket(bench.sim, WEB), { in: device });
    expect(send()).toBe(false);
    device.name = 'lan0';
    expect(send()).toBe(true);
    for (let i = 0; i < 1500; i++) {
      runIptables(bench.netfilter, ['-A', 'OUTPUT', '-o', `x${i}`]);
      runIptables(bench.netfilter, ['-D', 'OUTPUT', '1']);
    }
    expect(bench.netfilter.interfaces.tests.length).toBeLessThan(1100);
    expect(send()).toBe(true);
    device.name = 'eth0';
    expect(send()).toBe(false);
  });
});
