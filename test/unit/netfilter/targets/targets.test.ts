import { describe, expect, it } from 'vitest';
import type { Packet } from '../../../../src/engine/packet.ts';
import { HOOK_POSTROUTING, HOOK_PREROUTING } from '../../../../src/netfilter/netfilter-hooks.ts';
import { readUint16 } from '../../../../src/protocols/bytes.ts';
import { ipSource, ipTarget, ipTos, ipTtl } from '../../../../src/protocols/ipv4.ts';
import {
  areChecksumsGood,
  type Bench,
  ends,
  icmpPacket,
  ip,
  makeTestDevice,
  tcpPacket,
  udpPacket,
} from '../../../support/netfilter.ts';
import { countersOf, makeRules, passes, sendThrough } from '../../../support/rule-bench.ts';

const WEB = ends('10.0.0.1:1234 > 10.0.0.2:80');
const PREROUTING = { hook: HOOK_PREROUTING, in: 'eth0' };

/** What becomes of a packet in mangle FORWARD with one rule. */
function mangled(rule: string, build: (bench: Bench) => Packet): Packet {
  const bench = makeRules(`-t mangle -A FORWARD ${rule}`);
  const packet = sendThrough(bench, build(bench), { in: 'eth0', out: 'eth1' });
  expect(packet).not.toBeNull();
  expect(areChecksumsGood(packet!)).toBe(true);
  return packet!;
}

const udp = (bench: Bench): Packet => udpPacket(bench.sim, WEB);

describe('targets that change a packet', () => {
  it.each([
    ['-j TTL --ttl-set 9', 9],
    ['-j TTL --ttl-inc 5', 69],
    ['-j TTL --ttl-inc 250', 255],
    ['-j TTL --ttl-dec 4', 60],
    ['-j TTL --ttl-dec 70', 0],
  ])('%s', (rule, ttl) => {
    const packet = mangled(rule, udp);
    expect(ipTtl(packet.bytes, packet.network)).toBe(ttl);
  });

  it.each([
    ['-j TOS --set-tos 0x10', 0x10],
    ['-j TOS --or-tos 0x04', 0x04],
    ['-j DSCP --set-dscp-class EF', 0xb8],
  ])('%s', (rule, tos) => {
    const packet = mangled(rule, udp);
    expect(ipTos(packet.bytes, packet.network)).toBe(tos);
  });

  it.each([
    ['--set-mark 5', 5],
    ['--set-mark 0x100/0xff00', 0x10f],
    ['--or-mark 0xf0', 0xff],
    ['--and-mark 0x3', 3],
    ['--xor-mark 0x1', 0xe],
    ['--set-xmark 0x1/0x3', 0xd],
  ])('MARK %s', (options, mark) => {
    const packet = mangled(`-j MARK ${options}`, (bench) => {
      const built = udp(bench);
      built.mark = 0x0f;
      return built;
    });
    expect(packet.mark).toBe(mark);
  });
});

describe('TCPMSS', () => {
  const syn =
    (options: readonly number[]) =>
    (bench: Bench): Packet =>
      tcpPacket(bench.sim, WEB, { flags: 2, options });
  const mssOf = (packet: Packet, at: number): number =>
    readUint16(packet.bytes, packet.transport + 20 + at);

  it('lowers the option, never raises it', () => {
    const aligned = syn([2, 4, 5, 180]);
    expect(mssOf(mangled('-p tcp --syn -j TCPMSS --set-mss 1000', aligned), 2)).toBe(1000);
    expect(mssOf(mangled('-p tcp --syn -j TCPMSS --set-mss 1461', aligned), 2)).toBe(1460);
  });

  it('corrects the checksum of an option at an odd offset too', () => {
    const odd = syn([1, 2, 4, 5, 180, 1, 1, 1]);
    expect(mssOf(mangled('-p tcp -j TCPMSS --set-mss 1000', odd), 3)).toBe(1000);
  });

  it('clamps to the smaller MTU of both ways', () => {
    const packet = mangled('-p tcp --syn -j TCPMSS --clamp-mss-to-pmtu', (bench) => {
      const built = syn([2, 4, 5, 180])(bench);
      built.pathMtuBytes = 1400;
      return built;
    });
    expect(mssOf(packet, 2)).toBe(1360);
  });
});

describe('targets of connection tracking', () => {
  it('NOTRACK keeps a packet out of it', () => {
    const bench = makeRules(
      '-t raw -A PREROUTING -p udp -j NOTRACK',
      '-t mangle -A PREROUTING -m conntrack --ctstate UNTRACKED',
    );
    passes(bench, udp(bench), PREROUTING);
    passes(bench, tcpPacket(bench.sim, WEB, { flags: 2 }), PREROUTING);
    expect(countersOf(bench, 'PREROUTING', 'mangle')).toEqual(['1:48']);
  });

  it('CONNMARK carries a mark from packet to flow and back', () => {
    const bench = makeRules(
      '-t mangle -A PREROUTING -m mark --mark 7 -j CONNMARK --save-mark',
      '-t mangle -A PREROUTING -j MARK --set-mark 0',
      '-t mangle -A PREROUTING -j CONNMARK --restore-mark',
      '-t mangle -A PREROUTING -m connmark --mark 7',
    );
    const packet = udp(bench);
    packet.mark = 7;
    const left = sendThrough(bench, packet, PREROUTING);
    expect(left?.mark).toBe(7);
    expect(countersOf(bench, 'PREROUTING', 'mangle').at(-1)).toBe('1:48');
  });
});

describe('targets of NAT', () => {
  it.each([
    ['-p udp -j DNAT --to-destination 10.9.9.9:8080', '10.9.9.9', 8080],
    ['-j DNAT --to-destination 10.9.9.9', '10.9.9.9', 80],
    ['-p udp -j REDIRECT --to-ports 99', '10.7.7.7', 99],
    ['-j NETMAP --to 172.16.5.0/24', '172.16.5.2', 80],
  ])('PREROUTING %s', (rule, target, port) => {
    const bench = makeRules(`-t nat -A PREROUTING ${rule}`);
    bench.primaryAddress = ip('10.7.7.7');
    const packet = sendThrough(bench, udp(bench), PREROUTING)!;
    expect(ipTarget(packet.bytes, packet.network)).toBe(ip(target));
    expect(readUint16(packet.bytes, packet.transport + 2)).toBe(port);
    expect(areChecksumsGood(packet)).toBe(true);
  });

  it.each([
    ['-j SNAT --to-source 10.9.9.9', '10.9.9.9', 1234],
    ['-p udp -j SNAT --to-source :53', '10.0.0.1', 53],
    ['-j MASQUERADE', '10.7.7.7', 1234],
    ['-p udp -j MASQUERADE --to-ports 500', '10.7.7.7', 500],
  ])('POSTROUTING %s', (rule, source, port) => {
    const bench = makeRules(`-t nat -A POSTROUTING ${rule}`);
    bench.primaryAddress = ip('10.7.7.7');
    const first = sendThrough(bench, udp(bench), PREROUTING)!;
    const packet = sendThrough(bench, first, { hook: HOOK_POSTROUTING, out: 'eth1' })!;
    expect(ipSource(packet.bytes, packet.network)).toBe(ip(source));
    expect(readUint16(packet.bytes, packet.transport)).toBe(port);
    expect(areChecksumsGood(packet)).toBe(true);
  });
});

describe('LOG', () => {
  it('writes the line that the kernel writes', () => {
    const bench = makeRules('-A FORWARD -j LOG --log-prefix "seen: " --log-tcp-sequence');
    const lines: string[] = [];
    bench.netfilter.kernelLog = (line) => lines.push(line);
    const packet = tcpPacket(bench.sim, WEB, { flags: 2, sequence: 5, options: [2, 4, 5, 180] });
    packet.mark = 0x1f;
    packet.bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], packet.network - 14);
    passes(bench, packet, { in: makeTestDevice(bench, 'eth0', 2), out: 'eth1' });
    passes(bench, icmpPacket(bench.sim, WEB.source, WEB.target, 8, 0, 0x00070001), { out: 'eth1' });
    expect(lines).toEqual([
      'seen: IN=eth0 OUT=eth1 MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=10.0.0.1 DST=10.0.0.2 LEN=44 TOS=0x00 PREC=0x00 TTL=64 ID=7 PROTO=TCP SPT=1234 DPT=80 SEQ=5 ACK=0 WINDOW=65535 RES=0x00 SYN URGP=0 MARK=0x1f ',
      'seen: IN= OUT=eth1 SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=7 PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=1 ',
    ]);
  });
});
