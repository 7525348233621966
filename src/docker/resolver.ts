/**
 * The embedded DNS: dockerd listens on 127.0.0.11 in the container's namespace, on a port that rules
 * of the nat table put behind port 53. What it does not know it asks the host's servers.
 *
 *     program -> 127.0.0.11:53 -> DOCKER_OUTPUT: DNAT -> 127.0.0.11:PORT, dockerd
 *             <- DOCKER_POSTROUTING: SNAT to :53      <-
 *
 * @source moby libnetwork/resolver.go, resolver_unix.go
 */
import { ownSocket } from '../apps/socket-owner.ts';
import { assert } from '../base/assert.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { kill, type Process, type Program, spawn, waitFor } from '../engine/process.ts';
import { runIptables } from '../netfilter/iptables/iptables.ts';
import { type DnsMessage, parseDns, writeDns } from '../protocols/dns.ts';
import { ipSource } from '../protocols/ipv4.ts';
import { UDP_BYTES, udpSourcePort } from '../protocols/udp.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { takeError, takeReceived } from '../stack/socket.ts';
import {
  acceptTcp,
  bindTcp,
  closeTcp,
  listenTcp,
  openTcp,
  type TcpSocket,
  writeTcp,
} from '../stack/tcp/tcp-socket.ts';
import { bindUdp, closeUdp, openUdp, sendUdp, type UdpSocket } from '../stack/udp-socket.ts';
import { dockerdOf } from './daemon-process.ts';
import type { Container, DockerEngine } from './engine-record.ts';
import type { UpstreamServer } from './resolv-conf.ts';
import { answerLocally, failureOf, sizeLimitOf, truncated } from './resolver-answer.ts';
import { forwardQuery, readFramed } from './resolver-forward.ts';

/** 127.0.0.11, where containers find it. */
export const RESOLVER_ADDRESS: Ipv4 = 0x7f00000b;
const ADDRESS_TEXT = '127.0.0.11';
const LISTEN_BACKLOG = 4096;
/** Queries that one resolver has on their way at a time; more fail. @source maxConcurrent */
const FORWARDED_MAX = 1024;

export interface EmbeddedResolver {
  readonly udpPort: number;
  readonly tcpPort: number;
  /** Changes when the container's networks do. */
  upstreams: readonly UpstreamServer[];
  isNdotsSet: boolean;
  /** Queries that wait for an upstream server. */
  forwarded: number;
  readonly processes: Set<Process>;
}

/** Starts 127.0.0.11 in the container's namespace, with its rules. */
export function startResolver(
  engine: DockerEngine,
  container: Container,
  upstreams: readonly UpstreamServer[],
  isNdotsSet: boolean,
): EmbeddedResolver {
  const { netns } = container;
  assert(netns !== null, 'a resolver lives in a running container');
  const owner = dockerdOf(engine);
  const udp = openUdp(netns);
  assert(bindUdp(udp, RESOLVER_ADDRESS, 0) === null, 'a fresh namespace has a free UDP port');
  const tcp = openTcp(netns);
  assert(bindTcp(tcp, RESOLVER_ADDRESS, 0) === null, 'a fresh namespace has a free TCP port');
  listenTcp(tcp, LISTEN_BACKLOG);
  ownSocket(udp, owner);
  ownSocket(tcp, owner);
  const resolver: EmbeddedResolver = {
    udpPort: udp.localPort,
    tcpPort: tcp.localPort,
    upstreams,
    isNdotsSet,
    forwarded: 0,
    processes: new Set(),
  };
  setUpRules(netns, resolver);
  const server: Server = { engine, container, resolver };
  run(server, (process) => serveUdp(process, server, udp));
  run(server, (process) => serveTcp(process, server, tcp));
  return resolver;
}

/** Ends it; its rules go with the namespace. */
export function stopResolver(resolver: EmbeddedResolver): void {
  for (const process of [...resolver.processes]) kill(process, 'SIGKILL');
}

/** The order of the commands is dockerd's: each rule is inserted before those that are there. */
function setUpRules(netns: NetNamespace, { udpPort, tcpPort }: EmbeddedResolver): void {
  const nat = (...args: string[]): void => {
    const result = runIptables(netns.netfilter, ['-t', 'nat', ...args]);
    assert(result.exitCode === 0, `the resolver's rule is accepted: ${result.stderr}`);
  };
  nat('-N', 'DOCKER_OUTPUT');
  nat('-I', 'OUTPUT', '-d', ADDRESS_TEXT, '-j', 'DOCKER_OUTPUT');
  nat('-N', 'DOCKER_POSTROUTING');
  nat('-I', 'POSTROUTING', '-d', ADDRESS_TEXT, '-j', 'DOCKER_POSTROUTING');
  const ports = [
    ['udp', udpPort],
    ['tcp', tcpPort],
  ] as const;
  for (const [protocol, port] of ports) {
    const own = ['-d', ADDRESS_TEXT, '-p', protocol, '--dport', '53'];
    nat('-I', 'DOCKER_OUTPUT', ...own, '-j', 'DNAT', '--to-destination', `${ADDRESS_TEXT}:${port}`);
    const back = ['-s', ADDRESS_TEXT, '-p', protocol, '--sport', String(port)];
    nat('-I', 'DOCKER_POSTROUTING', ...back, '-j', 'SNAT', '--to-source', ':53');
  }
}

interface Server {
  readonly engine: DockerEngine;
  readonly container: Container;
  readonly resolver: EmbeddedResolver;
}

function run(server: Server, main: (process: Process) => Program): void {
  const { world, machine } = server.engine;
  const process = spawn(world.sim, machine.cpu, 'dockerd', main);
  server.resolver.processes.add(process);
  process.onExit.push(() => server.resolver.processes.delete(process));
}

function* serveUdp(process: Process, server: Server, socket: UdpSocket): Program {
  process.cleanups.push(() => closeUdp(socket));
  for (;;) {
    yield* waitFor(process, [socket.waiters], () => socket.receiveQueue.count > 0);
    takeError(socket);
    const packet = takeReceived(socket);
    if (packet === null) continue;
    const { bytes, transport, end } = packet;
    const client = ipSource(bytes, packet.network);
    const port = udpSourcePort(bytes, transport);
    const wire = bytes.slice(transport + UDP_BYTES, end);
    releasePacket(process.sim, packet);
    const query = parseDns(wire);
    if (query === null) continue;
    const reply = (answer: Uint8Array): void => {
      sendUdp(socket, answer, client, port);
    };
    const local = localAnswer(server, query);
    if (local !== null) reply(truncated(local, sizeLimitOf(query)));
    else
      run(server, function* forwarder(child) {
        const answer = yield* ask(child, server, query, wire, 'udp');
        if (answer !== null) reply(answer);
        return 0;
      });
  }
}

function* serveTcp(process: Process, server: Server, listener: TcpSocket): Program {
  process.cleanups.push(() => closeTcp(listener));
  for (;;) {
    const connection = yield* acceptTcp(process, listener);
    if (typeof connection === 'string') continue;
    run(server, (child) => serveConnection(child, server, connection));
  }
}

/** Queries of one connection, each with its length before it, one after the other. */
function* serveConnection(process: Process, server: Server, connection: TcpSocket): Program {
  process.cleanups.push(() => closeTcp(connection));
  ownSocket(connection, dockerdOf(server.engine));
  for (;;) {
    const wire = yield* readFramed(process, connection);
    const query = wire === null ? null : parseDns(wire);
    if (wire === null || query === null) return 0;
    const local = localAnswer(server, query);
    const answer =
      local === null ? yield* ask(process, server, query, wire, 'tcp') : writeDns(local, false);
    if (answer === null) continue;
    const framed = new Uint8Array(answer.length + 2);
    framed[0] = answer.length >> 8;
    framed[1] = answer.length & 255;
    framed.set(answer, 2);
    if ((yield* writeTcp(process, connection, framed)) !== null) return 1;
  }
}

function localAnswer(
  { engine, container, resolver }: Server,
  query: DnsMessage,
): DnsMessage | null {
  return answerLocally(container, query, resolver.isNdotsSet, engine.stream);
}

/** Somebody else's answer, or SERVFAIL; null where the engine leaves the program waiting (20.10). */
function* ask(
  process: Process,
  server: Server,
  query: DnsMessage,
  wire: Uint8Array,
  protocol: 'udp' | 'tcp',
): Program<Uint8Array | null> {
  const { resolver, container, engine } = server;
  const isOutside = [...container.endpoints.values()].some(({ network }) => !network.isInternal);
  if (!isOutside || resolver.forwarded >= FORWARDED_MAX) return writeDns(failureOf(query), false);
  resolver.forwarded++;
  const found = yield* forwardQuery(process, engine, container, wire, protocol);
  resolver.forwarded--;
  if (found !== null) return found;
  return engine.profile.answersFailedQueries ? writeDns(failureOf(query), false) : null;
}
