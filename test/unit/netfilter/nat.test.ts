import { describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../src/base/ipv4-address.ts';
import type { Packet } from '../../../src/engine/packet.ts';
import {
  attachConntrack,
  confirmPacket,
  conntrackOf,
  trackPacket,
} from '../../../src/netfilter/conntrack.ts';
import {
  CT_RELATED_REPLY,
  FLOW_DYING,
  FLOW_NAT_MASK,
} from '../../../src/netfilter/conntrack-flow.ts';
import { makeTuple, readTuple } from '../../../src/netfilter/conntrack-tuple.ts';
import {
  endMasquerade,
  makeNatRange,
  NAT_MAP_ADDRESS,
  NAT_PORT_SPECIFIED,
  type NatKind,
  type NatRange,
  natPacket,
  setupMasquerade,
  setupNat,
  setupRedirect,
} from '../../../src/netfilter/nat.ts';
import {
  HOOK_INPUT,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
} from '../../../src/netfilter/netfilter-hooks.ts';
import { ICMP_BYTES } from '../../../src/protocols/icmp.ts';
import { TCP_RST, TCP_SYN } from '../../../src/protocols/tcp.ts';
import {
  areChecksumsGood,
  type Bench,
  ends,
  icmpErrorPacket,
  icmpPacket,
  ip,
  makeBench,
  makeTestDevice,
  tcpPacket,
  udpPacket,
} from '../../support/netfilter.ts';

function range(address: string, port?: number): NatRange {
  return {
    ...makeNatRange(),
    flags: NAT_MAP_ADDRESS | (port === undefined ? 0 : NAT_PORT_SPECIFIED),
    minAddress: ip(address),
    maxAddress: ip(address),
    minPort: port ?? 0,
    maxPort: port ?? 0,
  };
}

/** `source:port > target:port` of the IP packet at an offset (for ICMP the id and type/code). */
function textOf(packet: Packet, offset = packet.network): string {
  const read = makeTuple();
  readTuple(packet.bytes, offset, packet.end, read);
  const { source, sourcePort, target, targetPort } = read;
  return `${formatIpv4(source)}:${sourcePort} > ${formatIpv4(target)}:${targetPort}`;
}

function quotedTextOf(packet: Packet): string {
  return textOf(packet, packet.network + 20 + ICMP_BYTES);
}

interface Rules {
  readonly dst?: NatRange;
  readonly src?: NatRange;
}

/** Puts the binding that a rule would make, as the walk does in between. */
function bind(bench: Bench, packet: Packet, kind: NatKind, rules: Rules, hook: number): void {
  const of = rules[kind];
  const flow = conntrackOf(packet);
  if (flow === null || of === undefined) return;
  setupNat(bench.sim, bench.netfilter, flow, kind, of, hook);
}

/** A forwarded packet: PREROUTING, POSTROUTING. */
function forward(bench: Bench, packet: Packet, rules: Rules = {}): Packet {
  const { sim, netfilter } = bench;
  trackPacket(sim, netfilter, HOOK_PREROUTING, packet);
  bind(bench, packet, 'dst', rules, HOOK_PREROUTING);
  expect(natPacket(sim, netfilter, HOOK_PREROUTING, packet, null, null)).toBe(true);
  bind(bench, packet, 'src', rules, HOOK_POSTROUTING);
  expect(natPacket(sim, netfilter, HOOK_POSTROUTING, packet, null, null)).toBe(true);
  expect(confirmPacket(sim, netfilter, packet)).toBe(true);
  expect(areChecksumsGood(packet)).toBe(true);
  return packet;
}

/** A packet of this machine: OUTPUT, POSTROUTING. */
function send(bench: Bench, packet: Packet, rules: Rules = {}): Packet {
  const { sim, netfilter } = bench;
  trackPacket(sim, netfilter, HOOK_OUTPUT, packet);
  bind(bench, packet, 'dst', rules, HOOK_OUTPUT);
  expect(natPacket(sim, netfilter, HOOK_OUTPUT, packet, null, null)).toBe(true);
  bind(bench, packet, 'src', rules, HOOK_POSTROUTING);
  expect(natPacket(sim, netfilter, HOOK_POSTROUTING, packet, null, null)).toBe(true);
  confirmPacket(sim, netfilter, packet);
  expect(areChecksumsGood(packet)).toBe(true);
  return packet;
}

const HIDE: Rules = { src: range('192.168.0.12') };
const PUBLISH: Rules = { dst: range('172.17.0.2', 80) };

describe('source NAT', () => {
  it('hides the sender and finds it again', () => {
    const bench = makeBench();
    const { sim } = bench;
    const out = forward(bench, udpPacket(sim, ends('172.17.0.2:2000 > 192.0.2.1:53')), HIDE);
    expect(textOf(out)).toBe('192.168.0.12:2000 > 192.0.2.1:53');
    const back = forward(bench, udpPacket(sim, ends('192.0.2.1:53 > 192.168.0.12:2000')));
    expect(textOf(back)).toBe('192.0.2.1:53 > 172.17.0.2:2000');
  });

  it('translates the id of a second ping with the same id, there and back', () => {
    const bench = makeBench();
    const { sim } = bench;
    const target = ip('192.0.2.1');
    const ping = (source: string) =>
      forward(bench, icmpPacket(sim, ip(source), target, 8, 0, 300 << 16), HIDE);
    expect(textOf(ping('172.17.0.2'))).toBe(`192.168.0.12:300 > 192.0.2.1:${8 << 8}`);
    const second = ping('172.17.0.3');
    const id = conntrackOf(second)!.reply.sourcePort;
    expect(id).not.toBe(300);
    const reply = icmpPacket(sim, target, ip('192.168.0.12'), 0, 0, id << 16);
    expect(textOf(forward(bench, reply))).toBe('192.0.2.1:300 > 172.17.0.3:0');
  });

  it('translates an error about what it sent, outside and inside', () => {
    const bench = makeBench();
    const { sim } = bench;
    const out = forward(bench, udpPacket(sim, ends('172.17.0.2:2000 > 192.0.2.1:53')), HIDE);
    const error = icmpErrorPacket(sim, ip('198.51.100.9'), ip('192.168.0.12'), out, 48, 11, 0);
    forward(bench, error);
    expect(textOf(error)).toContain('198.51.100.9:0 > 172.17.0.2');
    expect(quotedTextOf(error)).toBe('172.17.0.2:2000 > 192.0.2.1:53');
  });

  it('leaves a router error about a packet not yet translated as it is', () => {
    const bench = makeBench();
    const { sim } = bench;
    forward(bench, udpPacket(sim, ends('172.17.0.2:2000 > 192.0.2.1:53')), HIDE);
    const second = udpPacket(sim, ends('172.17.0.2:2000 > 192.0.2.1:53'));
    trackPacket(sim, bench.netfilter, HOOK_PREROUTING, second);
    const error = icmpErrorPacket(sim, ip('172.17.0.1'), ip('172.17.0.2'), second, 48, 3, 4);
    attachConntrack(second, error);
    expect(error.conntrackInfo).toBe(CT_RELATED_REPLY);
    send(bench, error);
    expect(textOf(error)).toContain('172.17.0.1:0 > 172.17.0.2');
    expect(quotedTextOf(error)).toBe('172.17.0.2:2000 > 192.0.2.1:53');
  });
});

describe('target NAT', () => {
  it('leads a published port to its container and back', () => {
    const bench = makeBench();
    const { sim } = bench;
    const syn = tcpPacket(sim, ends('192.168.0.50:4000 > 192.168.0.12:8080'), { flags: TCP_SYN });
    expect(textOf(forward(bench, syn, PUBLISH))).toBe('192.168.0.50:4000 > 172.17.0.2:80');
    const answer = tcpPacket(sim, ends('172.17.0.2:80 > 192.168.0.50:4000'), {
      flags: TCP_RST | 16,
      ack: 1,
    });
    expect(textOf(forward(bench, answer))).toBe('192.168.0.12:8080 > 192.168.0.50:4000');
  });

  it('shows the published address in errors of the container', () => {
    const bench = makeBench();
    const { sim } = bench;
    const of = ends('192.168.0.50:4000 > 192.168.0.12:8080');
    const inside = forward(bench, udpPacket(sim, of), PUBLISH);
    const error = icmpErrorPacket(sim, ip('172.17.0.2'), ip('192.168.0.50'), inside);
    forward(bench, error);
    expect(textOf(error)).toContain('192.168.0.12:0 > 192.168.0.50');
    expect(quotedTextOf(error)).toBe('192.168.0.50:4000 > 192.168.0.12:8080');
  });

  it('shows the published address in errors of the host itself', () => {
    const bench = makeBench();
    const { sim } = bench;
    const of = ends('192.168.0.50:4000 > 192.168.0.12:8080');
    const inside = forward(bench, udpPacket(sim, of), PUBLISH);
    const error = icmpErrorPacket(sim, ip('192.168.0.1'), ip('192.168.0.50'), inside);
    attachConntrack(inside, error);
    send(bench, error);
    expect(textOf(error)).toContain('192.168.0.12:0 > 192.168.0.50');
    expect(quotedTextOf(error)).toBe('192.168.0.50:4000 > 192.168.0.12:8080');
  });

  it('with source NAT as well lets a container reach itself (hairpin)', () => {
    const bench = makeBench();
    const { sim } = bench;
    const rules: Rules = { ...PUBLISH, src: range('172.17.0.1') };
    const of = ends('172.17.0.2:4000 > 192.168.0.12:8080');
    const syn = forward(bench, tcpPacket(sim, of, { flags: TCP_SYN }), rules);
    expect(textOf(syn)).toBe('172.17.0.1:4000 > 172.17.0.2:80');
    const answer = tcpPacket(sim, ends('172.17.0.2:80 > 172.17.0.1:4000'), { flags: 18, ack: 1 });
    expect(textOf(forward(bench, answer))).toBe('192.168.0.12:8080 > 172.17.0.2:4000');
  });

  it('in OUTPUT routes every packet of the flow afresh, and no other', () => {
    const bench = makeBench();
    const { sim } = bench;
    const of = ends('192.168.0.12:4000 > 192.168.0.12:8080');
    send(bench, udpPacket(sim, of), PUBLISH);
    send(bench, udpPacket(sim, of));
    expect(bench.rerouted).toBe(2);
    send(bench, udpPacket(sim, ends('192.168.0.12:4001 > 192.0.2.1:53')), HIDE);
    expect(bench.rerouted).toBe(2);
  });

  it('drops the packet when there is no new route', () => {
    const bench = makeBench();
    const { sim } = bench;
    const netfilter = {
      ...bench.netfilter,
      slots: { ...bench.netfilter.slots, reroute: () => false },
    };
    const packet = udpPacket(sim, ends('192.168.0.12:4000 > 192.168.0.12:8080'));
    trackPacket(sim, netfilter, HOOK_OUTPUT, packet);
    setupNat(sim, netfilter, conntrackOf(packet)!, 'dst', PUBLISH.dst!, HOOK_OUTPUT);
    expect(natPacket(sim, netfilter, HOOK_OUTPUT, packet, null, null)).toBe(false);
  });
});

describe('REDIRECT', () => {
  it('leads to 127.0.0.1 in OUTPUT and to the device address elsewhere', () => {
    const bench = makeBench();
    bench.primaryAddress = ip('10.0.0.3');
    const { sim, netfilter } = bench;
    const ports: NatRange = {
      ...makeNatRange(),
      flags: NAT_PORT_SPECIFIED,
      minPort: 80,
      maxPort: 80,
    };
    const device = makeTestDevice(bench, 'eth0', 2);
    for (const [hook, text] of [
      [HOOK_OUTPUT, '10.0.0.9:1000 > 127.0.0.1:80'],
      [HOOK_PREROUTING, '10.0.0.9:1001 > 10.0.0.3:80'],
    ] as const) {
      const port = 1000 + (hook === HOOK_OUTPUT ? 0 : 1);
      const packet = udpPacket(sim, ends(`10.0.0.9:${port} > 10.0.0.4:8080`));
      trackPacket(sim, netfilter, hook, packet);
      expect(setupRedirect(sim, netfilter, packet, ports, hook, device)).toBe(true);
      natPacket(sim, netfilter, hook, packet, device, null);
      expect(textOf(packet)).toBe(text);
      expect(areChecksumsGood(packet)).toBe(true);
    }
    bench.primaryAddress = null;
    const packet = udpPacket(sim, ends('10.0.0.9:1002 > 10.0.0.4:8080'));
    trackPacket(sim, netfilter, HOOK_PREROUTING, packet);
    expect(setupRedirect(sim, netfilter, packet, ports, HOOK_PREROUTING, device)).toBe(false);
  });
});

describe('MASQUERADE', () => {
  function masquerade(bench: Bench) {
    const { sim, netfilter } = bench;
    bench.primaryAddress = ip('192.168.0.12');
    const device = makeTestDevice(bench, 'eth0', 2);
    const packet = udpPacket(sim, ends('172.17.0.2:2000 > 192.0.2.1:53'));
    trackPacket(sim, netfilter, HOOK_PREROUTING, packet);
    natPacket(sim, netfilter, HOOK_PREROUTING, packet, null, null);
    setupMasquerade(sim, netfilter, packet, makeNatRange(), HOOK_POSTROUTING, device);
    natPacket(sim, netfilter, HOOK_POSTROUTING, packet, null, device);
    confirmPacket(sim, netfilter, packet);
    return { packet, device, flow: conntrackOf(packet)! };
  }

  it('uses the address of the device', () => {
    expect(textOf(masquerade(makeBench()).packet)).toBe('192.168.0.12:2000 > 192.0.2.1:53');
  });

  it('fails without an address', () => {
    const bench = makeBench();
    const packet = udpPacket(bench.sim, ends('172.17.0.2:2000 > 192.0.2.1:53'));
    trackPacket(bench.sim, bench.netfilter, HOOK_PREROUTING, packet);
    const device = makeTestDevice(bench, 'eth0', 2);
    const { sim, netfilter } = bench;
    const isDone = setupMasquerade(
      sim,
      netfilter,
      packet,
      makeNatRange(),
      HOOK_POSTROUTING,
      device,
    );
    expect(isDone).toBe(false);
  });

  it('ends the flow when it would leave by another device', () => {
    const bench = makeBench();
    const { flow } = masquerade(bench);
    const other = makeTestDevice(bench, 'eth1', 3);
    const packet = udpPacket(bench.sim, ends('172.17.0.2:2000 > 192.0.2.1:53'));
    trackPacket(bench.sim, bench.netfilter, HOOK_PREROUTING, packet);
    natPacket(bench.sim, bench.netfilter, HOOK_PREROUTING, packet, null, null);
    expect(natPacket(bench.sim, bench.netfilter, HOOK_POSTROUTING, packet, null, other)).toBe(
      false,
    );
    expect(bench.drops).toEqual(['nat-device-changed']);
    expect(flow.status & FLOW_DYING).toBe(FLOW_DYING);
  });

  it('ends its flows when the device goes down or loses the address', () => {
    for (const isDown of [true, false]) {
      const bench = makeBench();
      const { device } = masquerade(bench);
      endMasquerade(bench.netfilter, makeTestDevice(bench, 'eth1', 3), true);
      expect(bench.netfilter.conntrack.count).toBe(1);
      endMasquerade(bench.netfilter, device, false); // the address is still there
      expect(bench.netfilter.conntrack.count).toBe(1);
      bench.addressType = 1;
      endMasquerade(bench.netfilter, device, isDown);
      expect(bench.netfilter.conntrack.count).toBe(0);
    }
  });
});

describe('ICMP errors about translated flows', () => {
  it('are dropped when damaged, cut too short, or redirects', () => {
    const bench = makeBench();
    const { sim, netfilter } = bench;
    const out = forward(bench, udpPacket(sim, ends('172.17.0.2:2000 > 192.0.2.1:53')), HIDE);
    const error = (type: number, code: number) =>
      icmpErrorPacket(sim, ip('192.0.2.1'), ip('192.168.0.12'), out, 28, type, code);
    const redirect = error(5, 1);
    trackPacket(sim, netfilter, HOOK_PREROUTING, redirect);
    expect(natPacket(sim, netfilter, HOOK_PREROUTING, redirect, null, null)).toBe(false);
    const damaged = error(3, 3);
    trackPacket(sim, netfilter, HOOK_PREROUTING, damaged);
    damaged.bytes[damaged.end - 1]! ^= 1;
    expect(natPacket(sim, netfilter, HOOK_PREROUTING, damaged, null, null)).toBe(false);
    expect(bench.drops).toEqual(['nat-redirect', 'icmp-checksum']);
  });
});

it('gives a flow without rules its null binding and changes nothing', () => {
  const bench = makeBench();
  const packet = forward(bench, udpPacket(bench.sim, ends('10.0.0.1:1 > 10.0.0.2:2')));
  expect(textOf(packet)).toBe('10.0.0.1:1 > 10.0.0.2:2');
  expect(conntrackOf(packet)!.status & FLOW_NAT_MASK).toBe(0);
});

it('leaves packets without a flow alone', () => {
  const bench = makeBench();
  const packet = udpPacket(bench.sim, ends('10.0.0.1:1 > 10.0.0.2:2'));
  expect(natPacket(bench.sim, bench.netfilter, HOOK_INPUT, packet, null, null)).toBe(true);
});
