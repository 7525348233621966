/**
 * Sends packets through a shape and counts what arrives: the loop that all benchmarks share.
 * Every datagram is sent by a UDP socket and received by one; each has real bytes and is checked.
 */
import { assert } from '../src/base/assert.ts';
import type { Packet } from '../src/engine/packet.ts';
import { releasePacket } from '../src/engine/packet-pool.ts';
import { runUntil, type Simulator, schedule } from '../src/engine/simulator.ts';
import { makeTimer } from '../src/engine/timer-queue.ts';
import type { NetNamespace } from '../src/stack/namespace.ts';
import {
  bindUdp,
  openUdp,
  sendUdp,
  setEncapsulation,
  type UdpSocket,
} from '../src/stack/udp-socket.ts';
import type { Shape } from './shapes.ts';

/** Virtual time between two packets of one sender: longer than any shape's way takes. */
const GAP_NS = 10_000;

export interface Traffic {
  readonly sim: Simulator;
  /** Hops of one packet, averaged over the streams. */
  readonly hopsPerPacket: number;
  /** Sends `count` packets in all and runs until they have arrived. */
  readonly send: (count: number) => void;
  delivered: number;
  /** A sum over the payloads received: nothing is optimised away, and equal runs give equal sums. */
  checksum: number;
  /** Sees each packet that arrives; for tests. */
  inspect: ((packet: Packet) => void) | null;
}

/** Sockets and senders on a shape; `sizeBytes` is the UDP payload. */
export function makeTraffic(shape: Shape, sizeBytes: number): Traffic {
  const { sim, streams } = shape;
  const payload = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) payload[i] = i * 7;
  const hops = streams.reduce((sum, each) => sum + each.hops, 0);
  const receive = (simulator: Simulator, _socket: UdpSocket, packet: Packet): void => {
    const { bytes, start, end } = packet;
    traffic.delivered++;
    traffic.checksum = (Math.imul(traffic.checksum, 31) + bytes[end - 1]! + end - start) | 0;
    if (traffic.inspect !== null) traffic.inspect(packet);
    releasePacket(simulator, packet);
  };
  const listening = new Set<string>();
  const listen = (netns: NetNamespace, port: number): void => {
    const place = `${netns.id} ${port}`;
    if (listening.has(place)) return; // several streams may go to one host
    listening.add(place);
    const receiver = openUdp(netns);
    assert(bindUdp(receiver, 0, port) === null, 'the port is free');
    setEncapsulation(receiver, receive);
  };
  const senders = streams.map(({ from, target, targetPort, to, listenPort }, index) => {
    listen(to, listenPort);
    const socket = openUdp(from);
    const sender = { left: 0, timer: makeTimer(from.cpu, () => sendOne()) };
    const sendOne = (): void => {
      sendUdp(socket, payload, target, targetPort);
      if (--sender.left > 0) schedule(sim, sender.timer, GAP_NS * streams.length);
    };
    return { sender, index };
  });
  const traffic: Traffic = {
    sim,
    hopsPerPacket: hops / streams.length,
    delivered: 0,
    checksum: 0,
    inspect: null,
    send: (count) => {
      const each = Math.max(1, Math.floor(count / streams.length));
      for (const { sender, index } of senders) {
        sender.left = each;
        schedule(sim, sender.timer, GAP_NS * index);
      }
      // Timers of neighbours and the like go on for ever: run until the senders are done, and a bit.
      const deadlineNs = sim.nowNs + GAP_NS * streams.length * (each + 1) + 100_000_000;
      const outcome = runUntil(sim, deadlineNs);
      assert(outcome !== 'frame-limit', 'a benchmark has no limit on frames');
    },
  };
  return traffic;
}
