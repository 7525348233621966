/** Two namespaces joined by a veth pair, programs that talk TCP, and the segments as lines of text. */

import { addTap, type Device } from '../../src/engine/device.ts';
import { type Process, type Program, spawn } from '../../src/engine/process.ts';
import {
  ipId,
  ipProtocol,
  ipSource,
  ipTotalBytes,
  PROTOCOL_TCP,
} from '../../src/protocols/ipv4.ts';
import {
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  tcpAcknowledgment,
  tcpFlags,
  tcpHeaderBytes,
  tcpSequence,
} from '../../src/protocols/tcp.ts';
import type { NetNamespace } from '../../src/stack/namespace.ts';
import {
  acceptTcp,
  bindTcp,
  closeTcp,
  connectTcp,
  listenTcp,
  openTcp,
  readTcp,
  type TcpSocket,
} from '../../src/stack/tcp/tcp-socket.ts';
import { host, ip, type Lab, makeLab, pass, wire } from './stack-lab.ts';

export interface TcpLab {
  readonly lab: Lab;
  /** 10.0.0.1 and 10.0.0.2. */
  readonly client: NetNamespace;
  readonly server: NetNamespace;
  readonly clientDevice: Device;
  readonly serverDevice: Device;
}

export function makeTcpLab(seed = 1): TcpLab {
  const lab = makeLab(seed);
  const client = host(lab, 'client');
  const server = host(lab, 'server');
  const [clientDevice, serverDevice] = wire(
    lab,
    { netns: client, name: 'eth0', cidr: '10.0.0.1/24', mac: '02:00:00:00:00:01' },
    { netns: server, name: 'eth0', cidr: '10.0.0.2/24', mac: '02:00:00:00:00:02' },
  );
  return { lab, client, server, clientDevice, serverDevice };
}

/** Starts a program in a namespace. */
export function run(
  netns: NetNamespace,
  name: string,
  main: (process: Process) => Program,
): Process {
  return spawn(netns.sim, netns.cpu, name, main);
}

/** A server on port 80 that gives each connection to `serve`, one after another. */
export function listen(
  netns: NetNamespace,
  serve: (process: Process, socket: TcpSocket) => Program<void>,
): Process {
  return run(netns, 'server', function* (process) {
    const listener = openTcp(netns);
    listener.reuseAddress = true;
    process.cleanups.push(() => closeTcp(listener));
    if (bindTcp(listener, 0, 80) !== null || listenTcp(listener, 10) !== null) return 1;
    for (;;) {
      const socket = yield* acceptTcp(process, listener);
      if (typeof socket === 'string') return 0;
      spawn(netns.sim, netns.cpu, 'child', function* (child) {
        child.cleanups.push(() => closeTcp(socket));
        yield* serve(child, socket);
        return 0;
      });
    }
  });
}

/** A client that connects to port 80 of 10.0.0.2 from port 20001 and does `talk`. */
export function connect(
  netns: NetNamespace,
  talk: (process: Process, socket: TcpSocket) => Program<void>,
  port = 80,
): Process {
  return run(netns, 'client', function* (process) {
    const socket = openTcp(netns);
    process.cleanups.push(() => closeTcp(socket));
    bindTcp(socket, 0, 20001);
    if ((yield* connectTcp(process, socket, ip('10.0.0.2'), port)) !== null) return 7;
    yield* talk(process, socket);
    return 0;
  });
}

/** Reads until the end (or an error, which ends the text in `!ERRNO`). */
export function* readAll(process: Process, socket: TcpSocket): Program<Uint8Array | string> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = yield* readTcp(process, socket);
    if (typeof part === 'string') return part;
    if (part.length === 0) return join(parts);
    parts.push(part);
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes that show whether they are in order. */
export function pattern(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = (i * 7 + (i >> 8) * 13 + (i >> 16)) & 0xff;
  return bytes;
}

/** Where what came differs from what was sent: `none` if it does not. */
export function differenceOf(got: Uint8Array | string, sent: Uint8Array): string {
  if (typeof got === 'string') return got;
  for (let i = 0; i < Math.min(got.length, sent.length); i++) {
    if (got[i] !== sent[i]) return `byte ${i} of ${sent.length}`;
  }
  return got.length === sent.length ? 'none' : `${got.length} of ${sent.length} bytes`;
}

/**
 * The TCP segments that pass a device, as `> SYN 0`, `< ACK 1:70 data 69`: direction seen from
 * 10.0.0.1, flags, relative sequence number, acknowledgment, data bytes.
 */
export function watchTcp(device: Device): string[] {
  const lines: string[] = [];
  const first = new Map<string, number>();
  addTap(device, {
    capture(_device, packet) {
      const { bytes } = packet;
      const network = packet.start + 14;
      if (bytes[packet.start + 12] !== 8 || bytes[packet.start + 13] !== 0) return;
      if (ipProtocol(bytes, network) !== PROTOCOL_TCP) return;
      const tcp = network + 20;
      const isClient = ipSource(bytes, network) === ip('10.0.0.1');
      const side = isClient ? '>' : '<';
      const flags = tcpFlags(bytes, tcp);
      const key = side;
      if ((flags & TCP_SYN) !== 0) first.set(key, tcpSequence(bytes, tcp));
      const base = first.get(key) ?? 0;
      const otherBase = first.get(isClient ? '<' : '>') ?? 0;
      const dataBytes = ipTotalBytes(bytes, network) - 20 - tcpHeaderBytes(bytes, tcp);
      const names = [
        (flags & TCP_SYN) !== 0 ? 'S' : '',
        (flags & TCP_FIN) !== 0 ? 'F' : '',
        (flags & TCP_RST) !== 0 ? 'R' : '',
        (flags & TCP_PSH) !== 0 ? 'P' : '',
        (flags & TCP_ACK) !== 0 ? '.' : '',
      ].join('');
      const seq = first.has(key) ? (tcpSequence(bytes, tcp) - base) | 0 : tcpSequence(bytes, tcp);
      const ack = (flags & TCP_ACK) === 0 ? 0 : (tcpAcknowledgment(bytes, tcp) - otherBase) | 0;
      const id = ipId(bytes, network) === 0 ? ' id0' : '';
      lines.push(`${side} ${names} ${seq} ${ack} ${dataBytes}${id}`);
    },
  });
  return lines;
}

/** Lets the network act until it is at rest, TIME-WAIT over. */
export function settle(tcpLab: TcpLab, seconds = 300): void {
  pass(tcpLab.lab, seconds);
}
