import { describe, expect, test } from 'vitest';
import type { Packet } from '../../../src/engine/packet.ts';
import { takePacket } from '../../../src/engine/packet-pool.ts';
import { drop, makeSimulator, type Simulator } from '../../../src/engine/simulator.ts';
import { explainLosses, lossesOf, traceLines } from '../../../src/observe/explain.ts';
import { clearTrace, eventsOf, startTrace, stopTrace } from '../../../src/observe/trace.ts';
import { PROTOCOL_UDP, writeIpv4 } from '../../../src/protocols/ipv4.ts';
import { writeUdp } from '../../../src/protocols/udp.ts';

const SOURCE = 0x0a000001;
const TARGET = 0x0a000002;

/** A UDP datagram without a frame around it, as the stack holds it. */
function datagram(sim: Simulator): Packet {
  const packet = takePacket(sim, 100);
  packet.end = packet.start + 32;
  packet.network = packet.start;
  packet.transport = packet.start + 20;
  writeUdp(packet.bytes, packet.transport, packet.end, 1000, 2000, SOURCE, TARGET);
  writeIpv4(packet.bytes, packet.start, 0, 32, 1, 0, 64, PROTOCOL_UDP, SOURCE, TARGET);
  return packet;
}

describe('the recorder of packet events', () => {
  test('keeps what was decided, with the packet as it was at that moment', () => {
    const sim = makeSimulator();
    const recorder = startTrace(sim);
    const packet = datagram(sim);
    sim.trace?.('route', packet, 'c1', { out: 'eth0', via: '10.0.0.254' });
    packet.bytes.fill(0, packet.start, packet.end);
    const [event] = eventsOf(recorder);
    expect(event).toMatchObject({ kind: 'route', where: 'c1', packetId: packet.id });
    expect(event?.frame.ip).toMatchObject({ source: '10.0.0.1', target: '10.0.0.2', ttlHops: 64 });
    expect(traceLines(eventsOf(recorder))).toEqual([
      '   +0.000 ms  #1     c1        route        out eth0, via 10.0.0.254',
    ]);
  });

  test('forgets the oldest events when it is full, and counts on', () => {
    const sim = makeSimulator();
    const recorder = startTrace(sim, 3);
    const packet = datagram(sim);
    for (let i = 1; i <= 5; i++) sim.trace?.('hook', packet, `n${i}`, {});
    expect(eventsOf(recorder).map(({ where, number }) => [where, number])).toEqual([
      ['n3', 3],
      ['n4', 4],
      ['n5', 5],
    ]);
    clearTrace(recorder);
    expect(eventsOf(recorder)).toEqual([]);
  });

  test('lets other observers see the same, and stops when told', () => {
    const sim = makeSimulator();
    const first = startTrace(sim);
    const second = startTrace(sim);
    const packet = datagram(sim);
    sim.trace?.('hook', packet, 'c1', {});
    stopTrace(first);
    drop(sim, packet, 'no-route', null, 'c1');
    expect(eventsOf(first).map(({ kind }) => kind)).toEqual(['hook']);
    expect(eventsOf(second).map(({ kind }) => kind)).toEqual(['hook', 'drop']);
  });
});

describe('the explanation of losses', () => {
  test('puts equal losses together and names rule, reason and hint', () => {
    const sim = makeSimulator();
    const recorder = startTrace(sim);
    for (let i = 0; i < 2; i++) {
      const packet = datagram(sim);
      const rule = { table: 'filter', chain: 'DOCKER-USER', spec: '-s 10.0.0.1/32 -j DROP' };
      sim.trace?.('rule', packet, 'host', rule);
      drop(sim, packet, 'rule-drop', null, 'host');
    }
    expect(explainLosses(eventsOf(recorder))).toEqual([
      '  10.0.0.1 > 10.0.0.2 UDP 1000 > 2000 (2 times)',
      '    dropped at host (rule-drop): A rule with target DROP matched.',
      '    the rule: iptables -t filter -A DOCKER-USER -s 10.0.0.1/32 -j DROP',
      '    look at: iptables -L -n -v: whose counter went up?',
    ]);
  });

  test('leaves out what ends in any healthy network, unless there is nothing else', () => {
    const sim = makeSimulator();
    const recorder = startTrace(sim);
    drop(sim, datagram(sim), 'other-host', null, 'c2');
    expect(lossesOf(eventsOf(recorder)).map(({ reason }) => reason)).toEqual(['other-host']);
    drop(sim, datagram(sim), 'no-route', null, 'c1');
    expect(lossesOf(eventsOf(recorder)).map(({ reason }) => reason)).toEqual(['no-route']);
    expect(explainLosses([])).toEqual([]);
  });

  test('breaks long sentences at 100 columns', () => {
    const sim = makeSimulator();
    const recorder = startTrace(sim);
    drop(sim, datagram(sim), 'vxlan-no-neighbour', null, `${'x'.repeat(60)}.vxlan0`);
    for (const line of explainLosses(eventsOf(recorder))) expect(line.length).toBeLessThan(101);
  });
});
