import { describe, expect, it } from 'vitest';
import { PACKET_BROADCAST, PACKET_UNTRACKED, type Packet } from '../../../../src/engine/packet.ts';
import type { Simulator } from '../../../../src/engine/simulator.ts';
import { HOOK_PREROUTING } from '../../../../src/netfilter/netfilter-hooks.ts';
import {
  type Bench,
  ends,
  icmpPacket,
  ip,
  makeTestDevice,
  tcpPacket,
  udpPacket,
} from '../../../support/netfilter.ts';
import { countersOf, makeRules, passes } from '../../../support/rule-bench.ts';

const WEB = ends('10.0.0.1:1234 > 10.0.0.2:80');
const MSS_1460 = [2, 4, 5, 180];

const udp = (sim: Simulator): Packet => udpPacket(sim, WEB);
const syn = (sim: Simulator): Packet => tcpPacket(sim, WEB, { flags: 2, options: MSS_1460 });
const ack = (sim: Simulator): Packet => tcpPacket(sim, WEB, { flags: 16, dataBytes: 9 });
const echo = (sim: Simulator): Packet => icmpPacket(sim, WEB.source, WEB.target, 8, 0, 1);
const needed = (sim: Simulator): Packet => icmpPacket(sim, WEB.source, WEB.target, 3, 4, 0);

const marked = (sim: Simulator): Packet => {
  const packet = udpPacket(sim, WEB);
  packet.mark = 0x12;
  return packet;
};
const broadcast = (sim: Simulator): Packet => {
  const packet = udpPacket(sim, WEB);
  packet.packetType = PACKET_BROADCAST;
  return packet;
};

/** Whether `-A FORWARD OPTIONS` matches the packet. */
function matches(options: string, build: (sim: Simulator) => Packet, prepare?: (b: Bench) => void) {
  const bench = makeRules(`-A FORWARD ${options} -j DROP`);
  prepare?.(bench);
  return !passes(bench, build(bench.sim));
}

describe('matches on headers', () => {
  it.each([
    ['-p udp --dport 80', udp, true],
    ['-p udp --dport 81', udp, false],
    ['-p udp ! --dport 81', udp, true],
    ['-p udp --sport 1000:1300', udp, true],
    ['-p udp --sport :1000', udp, false],
    ['-p tcp --sport 1234 --dport 80', syn, true],
    ['-p tcp --dport 80', udp, false],
    ['-p tcp --syn', syn, true],
    ['-p tcp --syn', ack, false],
    ['-p tcp ! --syn', ack, true],
    ['-p tcp --tcp-flags SYN,ACK ACK', ack, true],
    ['-p tcp --tcp-option 2', syn, true],
    ['-p tcp --tcp-option 2', ack, false],
    ['-p tcp ! --tcp-option 2', ack, true],
    ['-p tcp -m tcpmss --mss 1460', syn, true],
    ['-p tcp -m tcpmss --mss 1000:1400', syn, false],
    ['-p tcp -m multiport --dports 22,80', syn, true],
    ['-p tcp -m multiport --sports 22,80', syn, false],
    ['-p tcp -m multiport --ports 1:100', syn, true],
    ['-p tcp -m multiport ! --dports 22,80', syn, false],
    ['-p icmp --icmp-type echo-request', echo, true],
    ['-p icmp --icmp-type 8/0', echo, true],
    ['-p icmp --icmp-type echo-reply', echo, false],
    ['-p icmp ! --icmp-type echo-reply', echo, true],
    ['-p icmp --icmp-type any', echo, true],
    ['-p icmp --icmp-type fragmentation-needed', needed, true],
    ['-p icmp --icmp-type port-unreachable', needed, false],
    ['-m mark --mark 0x2/0x3', marked, true],
    ['-m mark --mark 0x2', marked, false],
    ['-m mark ! --mark 0x2', marked, true],
    ['-m length --length 48', udp, true],
    ['-m length --length 49:', udp, false],
    ['-m ttl --ttl-eq 64', udp, true],
    ['-m ttl --ttl-lt 64', udp, false],
    ['-m ttl --ttl-gt 63', udp, true],
    ['-m tos --tos 0/0xff', udp, true],
    ['-m dscp --dscp-class EF', udp, false],
    ['-m pkttype --pkt-type broadcast', broadcast, true],
    ['-m pkttype --pkt-type broadcast', udp, false],
    ['-m iprange --dst-range 10.0.0.2-10.0.0.3', udp, true],
    ['-m iprange ! --dst-range 10.0.0.2-10.0.0.3', udp, false],
    ['-m comment --comment "a b"', udp, true],
  ])('%s', (options, build, isMatch) => {
    expect(matches(options, build)).toBe(isMatch);
  });
});

describe('matches that run a program', () => {
  it.each([
    ['-m u32 --u32 "6&0xFF=17"', udp, true],
    ['-m u32 --u32 "6&0xFF=6"', udp, false],
    ['-m u32 ! --u32 "6&0xFF=6"', udp, true],
    ['-m u32 --u32 "0>>22&0x3C@0&0xFFFF=80"', udp, true],
    ['-m u32 --u32 "0>>22&0x3C@0>>16=1:1233,1234"', udp, true],
    ['-m u32 --u32 "6&0xFF=17&&0>>22&0x3C@0&0xFFFF=81"', udp, false],
    ['-m u32 --u32 "1000=0"', udp, false],
    ['-m bpf --bytecode "4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0"', udp, true],
    ['-m bpf --bytecode "4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0"', syn, false],
    ['-m bpf --bytecode "5,177 0 0 0,72 0 0 2,21 0 1 80,6 0 0 65535,6 0 0 0"', udp, true],
    ['-m bpf --bytecode "2,40 0 0 2000,6 0 0 1"', udp, false],
  ])('%s', (options, build, isMatch) => {
    expect(matches(options, build)).toBe(isMatch);
  });
});

describe('matches that ask other layers', () => {
  const isLocal = (bench: Bench): void => {
    bench.addressType = 2;
  };
  const isUnicast = (bench: Bench): void => {
    bench.addressType = 1;
  };

  it.each([
    ['-m addrtype --dst-type LOCAL', isLocal, true],
    ['-m addrtype --dst-type LOCAL', isUnicast, false],
    ['-m addrtype ! --src-type LOCAL', isUnicast, true],
    ['-m addrtype --src-type LOCAL,UNICAST --dst-type UNICAST', isUnicast, true],
    ['-m policy --dir out --pol none', isLocal, true],
    ['-m policy --dir out --pol ipsec', isLocal, false],
    ['-m ipvs --ipvs', isLocal, false],
    ['-m ipvs ! --ipvs', isLocal, true],
  ])('%s', (options, prepare, isMatch) => {
    expect(matches(options, udp, prepare)).toBe(isMatch);
  });

  it('physdev looks at the bridge ports that br_netfilter wrote down', () => {
    const bench = makeRules(
      '-A FORWARD -m physdev --physdev-in veth+',
      '-A FORWARD -m physdev --physdev-out veth1',
      '-A FORWARD -m physdev --physdev-is-bridged',
      '-A FORWARD -m physdev ! --physdev-is-in',
    );
    const packet = udp(bench.sim);
    packet.bridgeInPort = makeTestDevice(bench, 'veth0', 3);
    packet.bridgeOutPort = makeTestDevice(bench, 'veth1', 4);
    passes(bench, packet);
    passes(bench, udp(bench.sim));
    expect(countersOf(bench, 'FORWARD')).toEqual(['1:48', '1:48', '1:48', '1:48']);
  });

  it('mac compares the source address of the frame', () => {
    const bench = makeRules('-A FORWARD -m mac --mac-source 02:42:00:00:00:07');
    const packet = udp(bench.sim);
    packet.bytes.set([2, 0x42, 0, 0, 0, 7], packet.network - 8);
    passes(bench, packet, { in: 'eth0' });
    const other = udp(bench.sim);
    other.bytes.set([2, 0x42, 0, 0, 0, 8], other.network - 8);
    passes(bench, other, { in: 'eth0' });
    expect(countersOf(bench, 'FORWARD')).toEqual(['1:48']);
  });
});

describe('matches on the flow', () => {
  it('tell new packets from established, untracked and invalid ones', () => {
    const chain = '-t mangle -A PREROUTING -m conntrack --ctstate';
    const bench = makeRules(
      `${chain} NEW`,
      `${chain} ESTABLISHED`,
      `${chain} UNTRACKED`,
      `${chain} INVALID`,
      '-t mangle -A PREROUTING -m state --state NEW,ESTABLISHED',
      '-t mangle -A PREROUTING -m conntrack --ctorigdst 10.0.0.2 --ctorigdstport 80 --ctproto udp',
      '-t mangle -A PREROUTING -m conntrack --ctdir REPLY',
    );
    const send = (packet: Packet) => passes(bench, packet, { hook: HOOK_PREROUTING, in: 'eth0' });
    send(udp(bench.sim));
    const untracked = udp(bench.sim);
    untracked.flags |= PACKET_UNTRACKED;
    send(untracked);
    send(icmpPacket(bench.sim, ip('10.0.0.9'), ip('10.0.0.2'), 0, 0, 7));
    expect(countersOf(bench, 'PREROUTING', 'mangle')).toEqual([
      '1:48',
      '0:0',
      '1:48',
      '1:84',
      '1:48',
      '1:48',
      '0:0',
    ]);
  });
});

describe('matches with a state of their own', () => {
  it('nth takes every so many packets, beginning with the one named', () => {
    const bench = makeRules(
      '-A FORWARD -m statistic --mode nth --every 3 --packet 0',
      '-A FORWARD -m statistic --mode nth --every 3 --packet 2',
      '-A FORWARD -m statistic --mode nth ! --every 3 --packet 1',
    );
    const after: string[] = [];
    for (let i = 0; i < 4; i++) {
      passes(bench, udp(bench.sim));
      after.push(
        countersOf(bench, 'FORWARD')
          .map((text) => text.split(':')[0])
          .join(' '),
      );
    }
    expect(after).toEqual(['1 0 1', '1 0 1', '1 1 2', '2 1 3']);
  });

  it('random takes about its share, the same with the same seed', () => {
    const count = (): number => {
      const bench = makeRules('-A FORWARD -m statistic --mode random --probability 0.25');
      for (let i = 0; i < 1000; i++) passes(bench, udp(bench.sim));
      return Number(countersOf(bench, 'FORWARD')[0]!.split(':')[0]);
    };
    const first = count();
    expect(first).toBeGreaterThan(200);
    expect(first).toBeLessThan(300);
    expect(count()).toBe(first);
  });

  it('limit lets the burst through, then one for each period', () => {
    const bench = makeRules('-A FORWARD -m limit --limit 10/sec --limit-burst 3 -j ACCEPT');
    const count = () => Number(countersOf(bench, 'FORWARD')[0]!.split(':')[0]);
    const send = (packets: number) => {
      for (let i = 0; i < packets; i++) passes(bench, udp(bench.sim));
    };
    send(10);
    expect(count()).toBe(3);
    bench.sim.nowNs += 100_000_000;
    send(10);
    expect(count()).toBe(4);
    bench.sim.nowNs += 10_000_000_000;
    send(10);
    expect(count()).toBe(7);
  });
});
