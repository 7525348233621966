import { describe, expect, test } from 'vitest';
import { formatIpv4 } from '../../../src/base/ipv4-address.ts';
import { PACKET_CHECKSUM_KNOWN } from '../../../src/engine/packet.ts';
import { releasePacket } from '../../../src/engine/packet-pool.ts';
import { ipFragmentField, ipId, ipSource, ipTarget } from '../../../src/protocols/ipv4.ts';
import { isUdpChecksumGood, UDP_BYTES, udpSourcePort } from '../../../src/protocols/udp.ts';
import { setLinkMtu } from '../../../src/stack/link.ts';
import type { NetNamespace } from '../../../src/stack/namespace.ts';
import { closeRawSocket, openRawSocket, sendRaw } from '../../../src/stack/raw-socket.ts';
import { takeError, takeQueuedError, takeReceived } from '../../../src/stack/socket.ts';
import {
  bindUdp,
  closeUdp,
  connectUdp,
  listUdpSockets,
  openUdp,
  sendUdp,
  setEncapsulation,
  type UdpSocket,
} from '../../../src/stack/udp-socket.ts';
import {
  address,
  call,
  echo,
  host,
  ip,
  type Lab,
  makeLab,
  pass,
  watch,
  wire,
} from '../../support/stack-lab.ts';

function pair(lab: Lab) {
  const a = host(lab, 'a');
  const b = host(lab, 'b');
  const [a0, b0] = wire(
    lab,
    { netns: a, name: 'eth0', cidr: '10.0.0.1/24', mac: '02:00:00:00:00:0a' },
    { netns: b, name: 'eth0', cidr: '10.0.0.2/24', mac: '02:00:00:00:00:0b' },
  );
  return { a, b, a0, b0 };
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

function bound(netns: NetNamespace, port: number, at = '0.0.0.0'): UdpSocket {
  const socket = openUdp(netns);
  expect(bindUdp(socket, ip(at), port)).toBeNull();
  return socket;
}

/** Reads one datagram: `words from address:port`, null if there is none. */
function read(lab: Lab, socket: UdpSocket): string | null {
  const packet = takeReceived(socket);
  if (packet === null) return null;
  const { bytes, network, transport, end } = packet;
  const words = new TextDecoder().decode(bytes.slice(transport + UDP_BYTES, end));
  const from = `${formatIpv4(ipSource(bytes, network))}:${udpSourcePort(bytes, transport)}`;
  releasePacket(lab.sim, packet);
  return `${words} from ${from}`;
}

describe('UDP', () => {
  test('carries a datagram there and back', () => {
    const lab = makeLab();
    const { a, b } = pair(lab);
    const server = bound(b, 53);
    const client = openUdp(a);
    expect(connectUdp(client, ip('10.0.0.2'), 53)).toBeNull();
    expect(client.localAddress).toBe(ip('10.0.0.1'));
    expect(client.localPort).toBeGreaterThanOrEqual(32768);
    call(lab, () => sendUdp(client, text('ask')));
    expect(read(lab, server)).toBe(`ask from 10.0.0.1:${client.localPort}`);
    call(lab, () => sendUdp(server, text('answer'), ip('10.0.0.1'), client.localPort));
    expect(read(lab, client)).toBe('answer from 10.0.0.2:53');
    expect(client.hash).not.toBe(0);
    closeUdp(client);
    closeUdp(server);
    expect(listUdpSockets(a)).toEqual([]);
    pass(lab, 10);
    expect(lab.sim.pool.outstanding).toBe(0);
  });

  test('a closed port is told to the sender', () => {
    const lab = makeLab();
    const { a, a0 } = pair(lab);
    const client = openUdp(a);
    connectUdp(client, ip('10.0.0.2'), 9);
    const seen = watch(a0);
    expect(call(lab, () => sendUdp(client, text('hello')))).toBeNull();
    expect(seen.lines.at(-1)).toBe('in icmp 3/3 10.0.0.2 > 10.0.0.1 ttl 64');
    expect(lab.drops).toEqual(['no-socket']);
    expect(call(lab, () => sendUdp(client, text('again')))).toBe('ECONNREFUSED');
    expect(takeError(client)).toBeNull();
  });

  test('the error queue holds what came back, with the original payload', () => {
    const lab = makeLab();
    const { a } = pair(lab);
    const client = openUdp(a);
    client.receiveErrors = true;
    call(lab, () => sendUdp(client, text('hello'), ip('10.0.0.2'), 9));
    const error = takeQueuedError(client);
    expect(error).toMatchObject({
      errno: 'ECONNREFUSED',
      origin: 'icmp',
      type: 3,
      code: 3,
      from: ip('10.0.0.2'),
      target: ip('10.0.0.2'),
      targetPort: 9,
      payload: text('hello'),
    });
    expect(client.error).toBeNull();
  });

  test('the best fitting socket gets it', () => {
    const lab = makeLab();
    const { a, b, b0 } = pair(lab);
    address(lab, b0, '10.0.0.3/24');
    const any = openUdp(b);
    any.reuseAddress = true;
    expect(bindUdp(any, 0, 7)).toBeNull();
    const exact = openUdp(b);
    exact.reuseAddress = true;
    expect(bindUdp(exact, ip('10.0.0.3'), 7)).toBeNull();
    const client = openUdp(a);
    call(lab, () => sendUdp(client, text('one'), ip('10.0.0.2'), 7));
    call(lab, () => sendUdp(client, text('two'), ip('10.0.0.3'), 7));
    expect(read(lab, any)).toContain('one');
    expect(read(lab, exact)).toContain('two');
    const friend = openUdp(b);
    friend.reuseAddress = true;
    bindUdp(friend, 0, 7);
    connectUdp(friend, ip('10.0.0.1'), client.localPort);
    call(lab, () => sendUdp(client, text('three'), ip('10.0.0.2'), 7));
    expect(read(lab, friend)).toContain('three');
  });

  test('bind refuses taken ports and foreign addresses', () => {
    const lab = makeLab();
    const { a } = pair(lab);
    bound(a, 7, '10.0.0.1');
    expect(bindUdp(openUdp(a), ip('10.0.0.1'), 7)).toBe('EADDRINUSE');
    expect(bindUdp(openUdp(a), 0, 7)).toBe('EADDRINUSE');
    expect(bindUdp(openUdp(a), ip('127.0.0.1'), 7)).toBeNull();
    expect(bindUdp(openUdp(a), ip('10.0.0.9'), 8)).toBe('EADDRNOTAVAIL');
  });

  test('a broadcast needs permission and reaches every socket on the port', () => {
    const lab = makeLab();
    const { a, b } = pair(lab);
    const servers = [1, 2].map(() => {
      const socket = openUdp(b);
      socket.reuseAddress = true;
      bindUdp(socket, 0, 67);
      return socket;
    });
    const client = openUdp(a);
    const target = ip('10.0.0.255');
    expect(call(lab, () => sendUdp(client, text('x'), target, 67))).toBe('EACCES');
    client.mayBroadcast = true;
    expect(call(lab, () => sendUdp(client, text('x'), target, 67))).toBeNull();
    for (const server of servers) expect(read(lab, server)).toContain('x from 10.0.0.1');
  });

  test('a full buffer loses the newest', () => {
    const lab = makeLab();
    const { a, b } = pair(lab);
    const server = bound(b, 7);
    server.receiveBufferBytes = 2000;
    const client = openUdp(a);
    for (let i = 0; i < 5; i++) call(lab, () => sendUdp(client, text('x'), ip('10.0.0.2'), 7));
    expect(server.receiveQueue.count).toBe(3);
    expect(server.dropCount).toBe(2);
    expect(lab.drops).toEqual(['socket-buffer-full', 'socket-buffer-full']);
  });

  test('a tunnel takes what comes to its socket', () => {
    const lab = makeLab();
    const { a, b } = pair(lab);
    const server = bound(b, 4789);
    let taken = 0;
    setEncapsulation(server, (sim, socket, packet) => {
      expect(socket).toBe(server);
      taken++;
      releasePacket(sim, packet);
    });
    call(lab, () => sendUdp(openUdp(a), text('x'), ip('10.0.0.2'), 4789));
    expect(taken).toBe(1);
  });

  test('sizes: 65507 bytes go, one more does not; with DF the path decides', () => {
    const lab = makeLab();
    const { a, b } = pair(lab);
    const server = bound(b, 7);
    server.receiveBufferBytes = 1e6;
    const client = openUdp(a);
    const send = (size: number) =>
      call(lab, () => sendUdp(client, new Uint8Array(size), ip('10.0.0.2'), 7));
    expect(send(65507)).toBeNull();
    expect(send(65508)).toBe('EMSGSIZE');
    expect(server.receiveQueue.count).toBe(1);
    client.pathMtuDiscovery = 'do';
    client.receiveErrors = true;
    expect(send(1472)).toBeNull();
    expect(send(1473)).toBe('EMSGSIZE');
    expect(takeQueuedError(client)).toMatchObject({ origin: 'local', info: 1500 });
    expect(client.error).toBeNull();
  });

  test('a wrong checksum ends the datagram', () => {
    const lab = makeLab();
    const { a, b, b0 } = pair(lab);
    const server = bound(b, 7);
    const client = openUdp(a);
    call(lab, () => sendUdp(client, text('first'), ip('10.0.0.2'), 7));
    const { receive } = b0;
    b0.receive = (sim, device, packet) => {
      packet.bytes[packet.end - 1]! ^= 1;
      packet.flags &= ~PACKET_CHECKSUM_KNOWN;
      receive(sim, device, packet);
    };
    call(lab, () => sendUdp(client, text('second'), ip('10.0.0.2'), 7));
    expect(lab.drops).toEqual(['udp-checksum']);
    expect(server.receiveQueue.count).toBe(1);
  });

  test('a datagram brings along that its checksum is right, but not through fragments', () => {
    const lab = makeLab();
    const { a, b } = pair(lab);
    const server = bound(b, 7);
    const client = openUdp(a);
    for (const size of [5, 1400, 3001]) {
      call(lab, () => sendUdp(client, new Uint8Array(size).fill(size), ip('10.0.0.2'), 7));
      const packet = takeReceived(server)!;
      const { bytes, network, transport, end, flags } = packet;
      const [source, target] = [ipSource(bytes, network), ipTarget(bytes, network)];
      expect(isUdpChecksumGood(bytes, transport, end, source, target)).toBe(true);
      expect((flags & PACKET_CHECKSUM_KNOWN) !== 0).toBe(size < 1500);
      releasePacket(lab.sim, packet);
    }
  });
});

describe('raw sockets', () => {
  test('get a copy of each datagram of their protocol, unless their filter says no', () => {
    const lab = makeLab();
    const { a } = pair(lab);
    const one = openRawSocket(a, 1);
    const two = openRawSocket(a, 1);
    two.icmpFilter = 1 << 0;
    call(lab, () => sendRaw(one, echo(1, 1), ip('10.0.0.2')));
    expect([one, two].map((socket) => socket.receiveQueue.count)).toEqual([1, 0]);
    const packet = takeReceived(one)!;
    expect(packet.bytes[packet.network]).toBe(0x45);
    releasePacket(lab.sim, packet);
    closeRawSocket(one);
    closeRawSocket(two);
    expect(a.rawSockets).toEqual([]);
    pass(lab, 20);
    expect(lab.sim.pool.outstanding).toBe(0);
  });

  test('DF and id follow path MTU discovery', () => {
    const lab = makeLab();
    const { a, b } = pair(lab);
    const listener = openRawSocket(b, 1);
    const sent = (mode: 'dont' | 'want' | 'do', size: number): [boolean, boolean] => {
      const socket = openRawSocket(a, 1);
      socket.pathMtuDiscovery = mode;
      call(lab, () => sendRaw(socket, echo(1, 1, size), ip('10.0.0.2')));
      const packet = takeReceived(listener)!;
      const field = ipFragmentField(packet.bytes, packet.network);
      const id = ipId(packet.bytes, packet.network);
      releasePacket(lab.sim, packet);
      return [(field & 0x4000) !== 0, id !== 0];
    };
    expect(sent('want', 56)).toEqual([true, true]);
    expect(sent('dont', 56)).toEqual([false, true]);
    expect(sent('do', 56)).toEqual([true, false]);
    expect(sent('want', 3000)).toEqual([false, true]);
  });

  test('refuses what does not fit with DF, and reports the MTU', () => {
    const lab = makeLab();
    const { a, a0 } = pair(lab);
    call(lab, () => setLinkMtu(a0, 1400));
    const socket = openRawSocket(a, 1);
    socket.pathMtuDiscovery = 'do';
    socket.receiveErrors = true;
    expect(call(lab, () => sendRaw(socket, echo(1, 1, 1373), ip('10.0.0.2')))).toBe('EMSGSIZE');
    expect(takeQueuedError(socket)).toMatchObject({ errno: 'EMSGSIZE', info: 1400 });
    expect(call(lab, () => sendRaw(socket, echo(1, 1, 1372), ip('10.0.0.2')))).toBeNull();
    expect(call(lab, () => sendRaw(socket, echo(1, 1), ip('9.9.9.9')))).toBe('ENETUNREACH');
  });
});
