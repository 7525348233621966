import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { setNetem } from '../../../../src/devices/netem.ts';
import { PACKET_HOST } from '../../../../src/engine/packet.ts';
import { takePacket } from '../../../../src/engine/packet-pool.ts';
import { sleep } from '../../../../src/engine/process.ts';
import { writeInt32, writeUint16 } from '../../../../src/protocols/bytes.ts';
import { PROTOCOL_TCP, writeIpv4 } from '../../../../src/protocols/ipv4.ts';
import { TCP_ACK, TCP_RST, TCP_SYN, writeTcpChecksum } from '../../../../src/protocols/tcp.ts';
import { RTN_LOCAL } from '../../../../src/stack/route-type.ts';
import { receiveTcp, tcpError } from '../../../../src/stack/tcp/tcp-input.ts';
import {
  listTcpSockets,
  readTcp,
  type TcpSocket,
  writeTcp,
} from '../../../../src/stack/tcp/tcp-socket.ts';
import { call, ip, pass } from '../../../support/stack-lab.ts';
import {
  connect,
  listen,
  makeTcpLab,
  pattern,
  type TcpLab,
  watchTcp,
} from '../../../support/tcp-lab.ts';

interface Forged {
  readonly flags: number;
  /** Relative to what the server expects and has sent. */
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly options: Uint8Array;
  readonly data: Uint8Array;
  readonly headerWords: number;
}

const PLAIN: Forged = {
  flags: TCP_ACK,
  seq: 0,
  ack: 0,
  window: 500,
  options: new Uint8Array(0),
  data: new Uint8Array(0),
  headerWords: 0,
};

/** A segment to the server as if it came from the client of `socket`. */
function forge(world: TcpLab, socket: TcpSocket, forged: Forged): void {
  const { sim } = world.lab;
  const optionBytes = (forged.options.length + 3) & ~3;
  const size = 20 + optionBytes + forged.data.length;
  const packet = takePacket(sim, 20 + size);
  const { bytes, start } = packet;
  const [source, target] = [socket.remoteAddress, socket.localAddress];
  bytes.fill(0, start, start + 20 + size);
  writeIpv4(bytes, start, 0, 20 + size, 1, 0, 64, PROTOCOL_TCP, source, target);
  const tcp = start + 20;
  writeUint16(bytes, tcp, socket.remotePort);
  writeUint16(bytes, tcp + 2, socket.localPort);
  writeInt32(bytes, tcp + 4, (socket.receiveNext + forged.seq) | 0);
  writeInt32(bytes, tcp + 8, (socket.sendNext + forged.ack) | 0);
  bytes[tcp + 12] = (forged.headerWords || (20 + optionBytes) >> 2) << 4;
  bytes[tcp + 13] = forged.flags;
  writeUint16(bytes, tcp + 14, forged.window);
  bytes.set(forged.options, tcp + 20);
  bytes.set(forged.data, tcp + 20 + optionBytes);
  packet.network = start;
  packet.transport = tcp;
  packet.end = tcp + size;
  writeTcpChecksum(bytes, tcp, packet.end, source, target);
  packet.inDevice = world.serverDevice;
  packet.device = world.serverDevice;
  packet.packetType = PACKET_HOST;
  packet.routeType = RTN_LOCAL;
  receiveTcp(sim, world.server, packet);
}

/** A connection on which 100 bytes were read and of 50 000 ten packets are out, unacknowledged. */
function connected(seed = 1): { world: TcpLab; socket: TcpSocket } {
  const world = makeTcpLab(seed);
  listen(world.server, function* (process, socket) {
    yield* readTcp(process, socket);
    yield* sleep(process, 2e9);
    yield* writeTcp(process, socket, pattern(50_000));
    yield* sleep(process, 100e9);
  });
  connect(world.client, function* (process, socket) {
    yield* writeTcp(process, socket, pattern(100));
    yield* sleep(process, 90e9);
  });
  pass(world.lab, 1);
  call(world.lab, () => setNetem(world.lab.sim, world.clientDevice, { lossRate: 1 }));
  pass(world.lab, 1.01);
  const info = listTcpSockets(world.server).find((each) => each.state === 'ESTAB');
  return { world, socket: info!.socket! };
}

function checkCounts(socket: TcpSocket): void {
  let packets = 0;
  for (
    let segment = socket.sending.first;
    segment !== null && segment !== socket.sending.unsent;
    segment = segment.next
  ) {
    packets += segment.packets;
  }
  expect(socket.packetsOut).toBe(packets);
  expect(socket.sackedOut).toBeGreaterThanOrEqual(0);
  expect(socket.lostOut).toBeGreaterThanOrEqual(0);
  expect(socket.retransOut).toBeGreaterThanOrEqual(0);
  expect(socket.sackedOut + socket.lostOut).toBeLessThanOrEqual(packets);
  expect(socket.cwnd).toBeGreaterThanOrEqual(1);
}

const someSegment = fc.record({
  flags: fc.integer({ min: 0, max: 255 }),
  seq: fc.oneof(
    fc.constant(0),
    fc.integer({ min: -3000, max: 3000 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  ),
  ack: fc.oneof(
    fc.constant(0),
    fc.integer({ min: -60_000, max: 100 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  ),
  window: fc.integer({ min: 0, max: 65535 }),
  options: fc.uint8Array({ maxLength: 40 }),
  data: fc.uint8Array({ maxLength: 1400 }),
  headerWords: fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 15 }) },
  ),
});

describe('receiveTcp', () => {
  test('starts the tests below with ten packets out', () => {
    expect(connected().socket.packetsOut).toBe(10);
  });

  test('keeps its books whatever comes', () => {
    fc.assert(
      fc.property(fc.array(someSegment, { maxLength: 30 }), fc.integer(), (segments, seed) => {
        const { world, socket } = connected(seed);
        for (const each of segments) {
          call(world.lab, () => forge(world, socket, each));
          if (!socket.isDestroyed) checkCounts(socket);
          pass(world.lab, 0.05);
        }
        pass(world.lab, 400);
        expect(world.lab.sim.pool.outstanding).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('takes SACK blocks that split segments, and never loses count', () => {
    const block = fc.tuple(fc.integer({ min: -60_000, max: 0 }), fc.integer({ min: 1, max: 9000 }));
    fc.assert(
      fc.property(
        fc.array(fc.array(block, { minLength: 1, maxLength: 4 }), { maxLength: 20 }),
        (acks) => {
          const { world, socket } = connected();
          socket.isTimestamps = false; // the forged segments have none
          for (const blocks of acks) {
            const options = new Uint8Array(4 + 8 * blocks.length);
            options.set([1, 1, 5, 2 + 8 * blocks.length]);
            blocks.forEach(([from, length], i) => {
              writeInt32(options, 4 + 8 * i, (socket.sendNext + from) | 0);
              writeInt32(options, 8 + 8 * i, (socket.sendNext + from + length) | 0);
            });
            const ack = (socket.sendUna - socket.sendNext) | 0;
            call(world.lab, () => forge(world, socket, { ...PLAIN, ack, options, window: 509 }));
            checkCounts(socket);
            pass(world.lab, 0.01);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('a RST counts only at the next expected byte; elsewhere in the window it is challenged', () => {
    const { world, socket } = connected();
    const lines = watchTcp(world.serverDevice);
    call(world.lab, () => forge(world, socket, { ...PLAIN, flags: TCP_RST, seq: 5 }));
    expect(socket.state).toBe(1);
    expect(lines).toHaveLength(1);
    call(world.lab, () => forge(world, socket, { ...PLAIN, flags: TCP_RST, seq: -1 }));
    expect(socket.state).toBe(1);
    call(world.lab, () => forge(world, socket, { ...PLAIN, flags: TCP_RST }));
    expect(socket.error).toBe('ECONNRESET');
  });

  test('a SYN in the window of a connection is challenged, but not again and again', () => {
    const { world, socket } = connected();
    const lines = watchTcp(world.serverDevice);
    for (let i = 0; i < 5; i++) {
      call(world.lab, () => forge(world, socket, { ...PLAIN, flags: TCP_SYN }));
    }
    expect(lines).toHaveLength(1);
  });

  test('drops what has a wrong checksum or a short header', () => {
    const { world, socket } = connected();
    call(world.lab, () => forge(world, socket, { ...PLAIN, headerWords: 2 }));
    call(world.lab, () => forge(world, socket, { ...PLAIN, headerWords: 15 }));
    expect(world.lab.drops.slice(-2)).toEqual(['transport-header', 'transport-header']);
  });
});

describe('tcpError', () => {
  test('is no reason to end a connection that works, and is for SYNs', () => {
    const { world, socket } = connected();
    const packet = takePacket(world.lab.sim, 100);
    const { bytes, start } = packet;
    writeIpv4(
      bytes,
      start,
      0,
      40,
      1,
      0,
      64,
      PROTOCOL_TCP,
      socket.localAddress,
      socket.remoteAddress,
    );
    writeUint16(bytes, start + 20, socket.localPort);
    writeUint16(bytes, start + 22, socket.remotePort);
    writeInt32(bytes, start + 24, socket.sendNext);
    packet.network = start;
    packet.transport = start + 20;
    packet.end = start + 40;
    call(world.lab, () => tcpError(world.lab.sim, world.server, packet, 3, 1, 0, ip('10.0.0.1')));
    expect(socket.error).toBe(null);
    expect(socket.softError).toBe('EHOSTUNREACH');
  });
});
