import { describe, expect, it } from 'vitest';
import { PACKET_UNTRACKED, type Packet } from '../../../src/engine/packet.ts';
import { releasePacket } from '../../../src/engine/packet-pool.ts';
import {
  attachConntrack,
  confirmPacket,
  conntrackOf,
  defragPacket,
  trackPacket,
} from '../../../src/netfilter/conntrack.ts';
import {
  CT_ESTABLISHED,
  CT_ESTABLISHED_REPLY,
  CT_NEW,
  CT_RELATED,
  CT_RELATED_REPLY,
  FLOW_ASSURED,
  FLOW_SEEN_REPLY,
} from '../../../src/netfilter/conntrack-flow.ts';
import {
  killFlow,
  listFlows,
  nowTicks,
  secondsLeft,
} from '../../../src/netfilter/conntrack-table.ts';
import { renderProcConntrack } from '../../../src/netfilter/conntrack-text.ts';
import { HOOK_OUTPUT, HOOK_PREROUTING } from '../../../src/netfilter/netfilter-hooks.ts';
import { writeIpv4 } from '../../../src/protocols/ipv4.ts';
import { TCP_SYN } from '../../../src/protocols/tcp.ts';
import {
  type Bench,
  ends,
  icmpErrorPacket,
  icmpPacket,
  ip,
  makeBench,
  tcpPacket,
  turned,
  udpPacket,
} from '../../support/netfilter.ts';

const SECOND = 1_000_000_000;
const CLIENT = ends('10.0.0.1:5000 > 10.0.0.2:53');

/** Through PREROUTING and POSTROUTING; the packet stays the test's. */
function pass(bench: Bench, packet: Packet, hook = HOOK_PREROUTING): Packet {
  const { sim, netfilter } = bench;
  if (trackPacket(sim, netfilter, hook, packet) !== null) confirmPacket(sim, netfilter, packet);
  return packet;
}

function secondsOf(bench: Bench, packet: Packet): number {
  return secondsLeft(conntrackOf(packet)!, nowTicks(bench.sim));
}

describe('tracking', () => {
  it('makes a flow of a packet, known to that packet only until it is confirmed', () => {
    const bench = makeBench();
    const { sim, netfilter } = bench;
    const first = udpPacket(sim, CLIENT);
    trackPacket(sim, netfilter, HOOK_PREROUTING, first);
    expect(first.conntrackInfo).toBe(CT_NEW);
    expect(netfilter.conntrack.count).toBe(0);
    const flow = first.conntrack;
    releasePacket(sim, first); // dropped on the way: nothing stays behind
    const second = pass(bench, udpPacket(sim, CLIENT));
    expect(second.conntrack).not.toBe(flow);
    expect(netfilter.conntrack.count).toBe(1);
  });

  it('tells requests and answers apart', () => {
    const bench = makeBench();
    const { sim } = bench;
    const infos = [
      pass(bench, udpPacket(sim, CLIENT)),
      pass(bench, udpPacket(sim, CLIENT)),
      pass(bench, udpPacket(sim, turned(CLIENT))),
      pass(bench, udpPacket(sim, CLIENT)),
    ].map((packet) => packet.conntrackInfo);
    expect(infos).toEqual([CT_NEW, CT_NEW, CT_ESTABLISHED_REPLY, CT_ESTABLISHED]);
  });

  it('makes UDP a stream when it still goes both ways after two seconds', () => {
    const bench = makeBench();
    const { sim } = bench;
    pass(bench, udpPacket(sim, CLIENT));
    pass(bench, udpPacket(sim, turned(CLIENT)));
    sim.nowNs = 1.9 * SECOND;
    const early = pass(bench, udpPacket(sim, CLIENT));
    expect(secondsOf(bench, early)).toBe(30);
    expect(conntrackOf(early)!.status & FLOW_ASSURED).toBe(0);
    sim.nowNs = 2.1 * SECOND;
    const late = pass(bench, udpPacket(sim, CLIENT));
    expect(secondsOf(bench, late)).toBe(120);
    expect(conntrackOf(late)!.status & FLOW_ASSURED).toBe(FLOW_ASSURED);
  });

  it('never makes a stream of UDP that nobody answers', () => {
    const bench = makeBench();
    pass(bench, udpPacket(bench.sim, CLIENT));
    bench.sim.nowNs = 10 * SECOND;
    const packet = pass(bench, udpPacket(bench.sim, CLIENT));
    expect(secondsOf(bench, packet)).toBe(30);
    expect(conntrackOf(packet)!.status & FLOW_SEEN_REPLY).toBe(0);
  });

  it('gives ICMP 30 seconds, other protocols 600', () => {
    const bench = makeBench();
    const { sim } = bench;
    const echo = pass(bench, icmpPacket(sim, 1, 2, 8, 0, 77 << 16));
    expect(secondsOf(bench, echo)).toBe(30);
    const igmp = udpPacket(sim, CLIENT);
    writeIpv4(igmp.bytes, igmp.network, 0, 48, 1, 0, 64, 2, CLIENT.source, CLIENT.target);
    expect(secondsOf(bench, pass(bench, igmp))).toBe(600);
  });

  it('follows the settings', () => {
    const bench = makeBench();
    bench.netfilter.conntrack.settings.icmpTimeout = 5;
    const echo = pass(bench, icmpPacket(bench.sim, 1, 2, 8, 0, 77 << 16));
    expect(secondsOf(bench, echo)).toBe(5);
  });

  it('forgets a flow when its time is over', () => {
    const bench = makeBench();
    const first = pass(bench, udpPacket(bench.sim, CLIENT));
    bench.sim.nowNs = 30 * SECOND;
    expect(listFlows(bench.netfilter.conntrack)).toEqual([]);
    const second = pass(bench, udpPacket(bench.sim, turned(CLIENT)));
    expect(second.conntrackInfo).toBe(CT_NEW);
    expect(second.conntrack).not.toBe(first.conntrack);
  });

  it('does not let ended flows pile up', () => {
    const bench = makeBench();
    for (let i = 0; i < 500; i++) {
      bench.sim.nowNs = i * SECOND;
      pass(bench, udpPacket(bench.sim, { ...CLIENT, sourcePort: 1000 + i }));
    }
    expect(bench.netfilter.conntrack.count).toBeLessThan(70);
  });

  it('finds every flow of a table that has grown', () => {
    const bench = makeBench();
    const { sim, netfilter } = bench;
    for (let i = 0; i < 3000; i++) pass(bench, udpPacket(sim, { ...CLIENT, sourcePort: i }));
    expect(netfilter.conntrack.count).toBe(3000);
    for (let i = 0; i < 3000; i++) {
      const answer = pass(bench, udpPacket(sim, turned({ ...CLIENT, sourcePort: i })));
      expect(answer.conntrackInfo).toBe(CT_ESTABLISHED_REPLY);
    }
    for (const flow of listFlows(netfilter.conntrack)) killFlow(netfilter.conntrack, flow);
    expect(netfilter.conntrack.count).toBe(0);
    expect(netfilter.conntrack.buckets.every((end) => end === null)).toBe(true);
  });

  it('leaves alone what is not to be tracked, and what it has seen', () => {
    const bench = makeBench();
    const untracked = udpPacket(bench.sim, CLIENT);
    untracked.flags |= PACKET_UNTRACKED;
    expect(pass(bench, untracked).conntrack).toBe(null);
    const looped = pass(bench, udpPacket(bench.sim, CLIENT), HOOK_OUTPUT);
    const before = looped.conntrack;
    pass(bench, looped);
    expect(looped.conntrack).toBe(before);
    expect(looped.conntrackInfo).toBe(CT_NEW);
  });

  it('counts packets and bytes when asked to', () => {
    const bench = makeBench();
    bench.netfilter.conntrack.settings.acct = 1;
    pass(bench, udpPacket(bench.sim, CLIENT));
    const flow = conntrackOf(pass(bench, udpPacket(bench.sim, turned(CLIENT))))!;
    expect([flow.originalPackets, flow.originalBytes]).toEqual([1, 48]);
    expect([flow.replyPackets, flow.replyBytes]).toEqual([1, 48]);
  });
});

describe('what has no flow', () => {
  it('is an echo reply that nobody asked for', () => {
    const bench = makeBench();
    const packet = pass(bench, icmpPacket(bench.sim, 1, 2, 0, 0, 77 << 16));
    expect(packet.conntrack).toBe(null);
    expect(bench.netfilter.conntrack.count).toBe(0);
  });

  it('is a later fragment, and an ICMP message with a bad checksum', () => {
    const bench = makeBench();
    const fragment = udpPacket(bench.sim, CLIENT);
    writeIpv4(fragment.bytes, fragment.network, 0, 48, 1, 5, 64, 17, 1, 2);
    expect(pass(bench, fragment).conntrack).toBe(null);
    const damaged = icmpPacket(bench.sim, 1, 2, 8, 0, 77 << 16);
    damaged.bytes[damaged.end - 1]! ^= 1;
    expect(pass(bench, damaged).conntrack).toBe(null);
    expect(bench.netfilter.conntrack.statistics.invalid).toBe(2);
  });

  it('is an error about an unknown packet', () => {
    const bench = makeBench();
    const about = udpPacket(bench.sim, CLIENT);
    const error = icmpErrorPacket(bench.sim, CLIENT.target, CLIENT.source, about);
    expect(pass(bench, error).conntrack).toBe(null);
  });

  it('is an error sent to somebody else than the sender of what it quotes', () => {
    const bench = makeBench();
    const about = pass(bench, udpPacket(bench.sim, CLIENT));
    const error = icmpErrorPacket(bench.sim, CLIENT.target, ip('10.0.0.99'), about);
    expect(pass(bench, error).conntrack).toBe(null);
  });
});

describe('what belongs to a flow', () => {
  it('is an error about its packets, in the other direction', () => {
    const bench = makeBench();
    const request = pass(bench, udpPacket(bench.sim, CLIENT));
    const error = icmpErrorPacket(bench.sim, ip('10.0.0.254'), CLIENT.source, request);
    pass(bench, error);
    expect(error.conntrack).toBe(request.conntrack);
    expect(error.conntrackInfo).toBe(CT_RELATED_REPLY);
    const answer = pass(bench, udpPacket(bench.sim, turned(CLIENT)));
    const second = pass(bench, icmpErrorPacket(bench.sim, CLIENT.source, CLIENT.target, answer));
    expect(second.conntrackInfo).toBe(CT_RELATED);
  });

  it('is an answer that the stack attaches to it', () => {
    const bench = makeBench();
    const { sim, netfilter } = bench;
    const request = tcpPacket(sim, CLIENT, { flags: TCP_SYN });
    trackPacket(sim, netfilter, HOOK_PREROUTING, request);
    const reset = tcpPacket(sim, turned(CLIENT), { flags: 20 });
    attachConntrack(request, reset);
    expect(reset.conntrack).toBe(request.conntrack);
    expect(reset.conntrackInfo).toBe(CT_RELATED_REPLY);
    expect(confirmPacket(sim, netfilter, reset)).toBe(true);
    expect(netfilter.conntrack.count).toBe(0); // an answer does not confirm what it answers
  });

  it('attaches nothing to what has no flow', () => {
    const { sim } = makeBench();
    const answer = udpPacket(sim, CLIENT);
    attachConntrack(udpPacket(sim, CLIENT), answer);
    expect(answer.conntrack).toBe(null);
  });
});

describe('a full table', () => {
  it('drops what would begin another flow', () => {
    const bench = makeBench();
    const { sim, netfilter } = bench;
    netfilter.conntrack.settings.max = 1;
    pass(bench, udpPacket(sim, CLIENT));
    listFlows(netfilter.conntrack)[0]!.status |= FLOW_ASSURED;
    const packet = udpPacket(sim, { ...CLIENT, sourcePort: 1 });
    expect(trackPacket(sim, netfilter, HOOK_PREROUTING, packet)).toBe(null);
    expect(bench.drops).toEqual(['conntrack-full']);
  });

  it('gives up a flow that is not ASSURED, if one is near', () => {
    const bench = makeBench();
    const { sim, netfilter } = bench;
    netfilter.conntrack.settings.max = 256;
    for (let i = 0; i < 256; i++) pass(bench, udpPacket(sim, { ...CLIENT, sourcePort: i }));
    pass(bench, udpPacket(sim, { ...CLIENT, sourcePort: 1000 }));
    expect(bench.drops).toEqual([]);
    expect(netfilter.conntrack.count).toBe(256);
    expect(netfilter.conntrack.statistics.earlyDrop).toBe(1);
  });
});

it('drops the second of two packets that begin the same flow at once', () => {
  const bench = makeBench();
  const { sim, netfilter } = bench;
  const one = udpPacket(sim, CLIENT);
  const two = udpPacket(sim, CLIENT);
  trackPacket(sim, netfilter, HOOK_PREROUTING, one);
  trackPacket(sim, netfilter, HOOK_PREROUTING, two);
  expect(confirmPacket(sim, netfilter, one)).toBe(true);
  expect(confirmPacket(sim, netfilter, two)).toBe(false);
  expect(bench.drops).toEqual(['conntrack-clash']);
});

it('asks for reassembly of fragments that have no flow yet', () => {
  const bench = makeBench();
  const fragment = udpPacket(bench.sim, CLIENT);
  writeIpv4(fragment.bytes, fragment.network, 0, 48, 1, 0x2000, 64, 17, 1, 2);
  const whole = udpPacket(bench.sim, CLIENT);
  const slots = { ...bench.netfilter.slots, reassemble: () => whole };
  expect(defragPacket(bench.sim, { ...bench.netfilter, slots }, fragment)).toBe(whole);
  expect(defragPacket(bench.sim, bench.netfilter, whole)).toBe(whole);
});

it('shows flows as /proc/net/nf_conntrack does', () => {
  const bench = makeBench();
  const { sim, netfilter } = bench;
  pass(bench, tcpPacket(sim, CLIENT, { flags: TCP_SYN }));
  pass(bench, udpPacket(sim, CLIENT));
  pass(bench, icmpPacket(sim, ip('10.0.0.1'), ip('10.0.0.2'), 8, 0, 201 << 16));
  pass(bench, icmpPacket(sim, ip('10.0.0.2'), ip('10.0.0.1'), 0, 0, 201 << 16));
  sim.nowNs = SECOND / 2;
  const from = 'src=10.0.0.1 dst=10.0.0.2';
  const back = 'src=10.0.0.2 dst=10.0.0.1';
  const ports = 'sport=5000 dport=53';
  const turnedPorts = 'sport=53 dport=5000';
  const tail = 'mark=0 zone=0 use=2';
  expect(renderProcConntrack({ netfilter }).split('\n')).toEqual([
    `ipv4     2 tcp      6 119 SYN_SENT ${from} ${ports} [UNREPLIED] ${back} ${turnedPorts} ${tail}`,
    `ipv4     2 udp      17 29 ${from} ${ports} [UNREPLIED] ${back} ${turnedPorts} ${tail}`,
    `ipv4     2 icmp     1 29 ${from} type=8 code=0 id=201 ${back} type=0 code=0 id=201 ${tail}`,
    '',
  ]);
});
