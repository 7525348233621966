import { describe, expect, it } from 'vitest';
import { dequeue, enqueue, makePacketQueue } from '../../../src/engine/packet.ts';
import {
  copyPacket,
  HEADROOM_BYTES,
  PACKET_MAX_BYTES,
  releasePacket,
  takePacket,
} from '../../../src/engine/packet-pool.ts';
import { makeSimulator } from '../../../src/engine/simulator.ts';

describe('packet pool', () => {
  it('gives released packets out again, clean and with a new id', () => {
    const sim = makeSimulator();
    const first = takePacket(sim, 100);
    first.mark = 7;
    first.hash = 9;
    const id = first.id;
    releasePacket(sim, first);
    const second = takePacket(sim, 100);
    expect(second).toBe(first);
    expect(second.id).toBe(id + 1);
    expect([second.mark, second.hash, second.start, second.end]).toEqual([
      0,
      0,
      HEADROOM_BYTES,
      HEADROOM_BYTES,
    ]);
    expect(sim.pool.made).toBe(1);
  });

  it('counts what is outstanding and refuses a second release', () => {
    const sim = makeSimulator();
    const packet = takePacket(sim, 100);
    expect(sim.pool.outstanding).toBe(1);
    releasePacket(sim, packet);
    expect(sim.pool.outstanding).toBe(0);
    expect(() => releasePacket(sim, packet)).toThrow('released once');
  });

  it('holds a whole datagram and no more', () => {
    const sim = makeSimulator();
    const large = takePacket(sim, PACKET_MAX_BYTES);
    expect(large.bytes.length).toBeGreaterThanOrEqual(HEADROOM_BYTES + PACKET_MAX_BYTES);
    expect(() => takePacket(sim, PACKET_MAX_BYTES + 1)).toThrow('at most 64 KiB');
  });

  it('copies the bytes and the place, and names the original as the parent', () => {
    const sim = makeSimulator();
    const packet = takePacket(sim, 100);
    packet.start -= 14;
    packet.end = packet.start + 60;
    packet.network = packet.start + 14;
    for (let i = 0; i < 60; i++) packet.bytes[packet.start + i] = i;
    packet.mark = 5;
    const copy = copyPacket(sim, packet);
    expect([...copy.bytes.subarray(copy.start, copy.end)]).toEqual(
      Array.from({ length: 60 }, (_, i) => i),
    );
    expect(copy.network - copy.start).toBe(14);
    expect([copy.mark, copy.parentId]).toEqual([5, packet.id]);
    expect(copy.bytes).not.toBe(packet.bytes);
  });
});

describe('packet queue', () => {
  it('is first in, first out', () => {
    const sim = makeSimulator();
    const queue = makePacketQueue();
    const packets = [1, 2, 3].map(() => takePacket(sim, 10));
    for (const packet of packets) enqueue(queue, packet);
    expect(queue.count).toBe(3);
    expect([dequeue(queue), dequeue(queue), dequeue(queue), dequeue(queue)]).toEqual([
      ...packets,
      null,
    ]);
    expect(queue.count).toBe(0);
  });
});
