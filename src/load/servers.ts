/** What the replicas do: take a request, work on it for a while, answer. */
import { ownSocket } from '../apps/socket-owner.ts';
import { assert } from '../base/assert.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { type Process, type Program, sleep, spawn, waitFor } from '../engine/process.ts';
import { ipSource } from '../protocols/ipv4.ts';
import { UDP_BYTES, udpSourcePort } from '../protocols/udp.ts';
import { takeReceived } from '../stack/socket.ts';
import {
  acceptTcp,
  bindTcp,
  closeTcp,
  listenTcp,
  openTcp,
  readTcp,
  type TcpSocket,
  writeTcp,
} from '../stack/tcp/tcp-socket.ts';
import { bindUdp, closeUdp, openUdp, sendUdp } from '../stack/udp-socket.ts';
import { type Replica, SERVICE_PORT } from './build-swarm.ts';
import { type Exchange, readNumber, writeNumber, writeReplica } from './exchange.ts';
import type { LoadSpec } from './load-spec.ts';

/** net.core.somaxconn: connections that wait to be accepted. */
const LISTEN_BACKLOG = 4096;
/** Datagrams between two looks of the scheduler. */
const BATCH = 4;
/**
 * With so many waiting a server does not give the CPU up before its slice is over: without it a flood of
 * frames would leave it nothing, where Linux moves them to ksoftirqd, a process like the server.
 */
const CROWD = 64;
const SLICE_NS = 3_000_000;

/** Starts the server of each replica, on the CPU of its node. */
export function startServers(
  spec: LoadSpec,
  replicas: readonly Replica[],
  exchange: Exchange,
): void {
  replicas.forEach((replica, index) => {
    const { cpu, sim } = replica.netns;
    spawn(sim, cpu, replica.name, (process) =>
      spec.protocol === 'udp'
        ? serveDatagrams(process, replica, index, spec)
        : serveStreams(process, replica, exchange.replyOf(index), exchange, spec),
    );
  });
}

/** One thread: recvfrom, work, sendto. */
function* serveDatagrams(
  process: Process,
  { netns }: Replica,
  index: number,
  { serviceNs, replyBytes }: LoadSpec,
): Program {
  const { sim } = process;
  const socket = openUdp(netns);
  assert(bindUdp(socket, 0, SERVICE_PORT) === null, 'a fresh container has the port');
  process.cleanups.push(() => closeUdp(socket));
  ownSocket(socket, process);
  const reply = new Uint8Array(replyBytes);
  writeReplica(reply, index);
  const queues = [socket.waiters];
  const hasWork = (): boolean => socket.receiveQueue.count > 0;
  while (process.signal === null) {
    yield* waitFor(process, queues, hasWork);
    const isCrowded = socket.receiveQueue.count > CROWD;
    for (let i = 0; isCrowded ? sim.workNs < SLICE_NS : i < BATCH; i++) {
      const packet = takeReceived(socket);
      if (packet === null) break;
      const { bytes, network, transport } = packet;
      const source = ipSource(bytes, network);
      const port = udpSourcePort(bytes, transport);
      writeNumber(reply, readNumber(bytes, transport + UDP_BYTES));
      releasePacket(sim, packet);
      sim.workNs += serviceNs + 2 * sim.cost.systemCallNs;
      sendUdp(socket, reply, source, port);
    }
    if (hasWork()) yield* sleep(process, 0);
  }
  return 0;
}

/** One thread accepts; each connection has one of its own. */
function* serveStreams(
  process: Process,
  { netns }: Replica,
  reply: Uint8Array,
  { request }: Exchange,
  spec: LoadSpec,
): Program {
  const listener = openTcp(netns);
  listener.reuseAddress = true;
  const refused = bindTcp(listener, 0, SERVICE_PORT) ?? listenTcp(listener, LISTEN_BACKLOG);
  assert(refused === null, 'a fresh container has the port');
  process.cleanups.push(() => closeTcp(listener));
  ownSocket(listener, process);
  while (process.signal === null) {
    const connection = yield* acceptTcp(process, listener);
    if (typeof connection === 'string') continue;
    spawn(process.sim, process.cpu, `${process.name} connection`, (child) =>
      serveConnection(child, connection, reply, request.length, spec),
    );
  }
  return 0;
}

function* serveConnection(
  process: Process,
  connection: TcpSocket,
  reply: Uint8Array,
  requestBytes: number,
  { isKeptAlive, serviceNs }: LoadSpec,
): Program {
  process.cleanups.push(() => closeTcp(connection));
  ownSocket(connection, process);
  const { sim } = process;
  for (;;) {
    for (let missing = requestBytes; missing > 0; ) {
      const more = yield* readTcp(process, connection, missing);
      sim.workNs += sim.cost.systemCallNs;
      if (typeof more === 'string' || more.length === 0) return 0;
      missing -= more.length;
    }
    sim.workNs += serviceNs + sim.cost.systemCallNs;
    if ((yield* writeTcp(process, connection, reply)) !== null) return 1;
    if (!isKeptAlive) return 0;
  }
}
