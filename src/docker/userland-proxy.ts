/**
 * docker-proxy: a process on the host for each published port. It reserves the port, and relays what
 * address translation does not catch: from the host's loopback, and from containers of the same bridge.
 * @source moby cmd/docker-proxy/main.go, tcp_proxy.go, udp_proxy.go
 */
import { ownSocket } from '../apps/socket-owner.ts';
import { ERRNO, type Errno } from '../base/errors.ts';
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import {
  kill,
  makeWaitQueue,
  type Process,
  type Program,
  sleep,
  spawn,
  waitFor,
  wake,
} from '../engine/process.ts';
import { ipSource } from '../protocols/ipv4.ts';
import { UDP_BYTES, udpSourcePort } from '../protocols/udp.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { takeError, takeReceived } from '../stack/socket.ts';
import {
  acceptTcp,
  bindTcp,
  closeTcp,
  connectTcp,
  listenTcp,
  openTcp,
  readTcp,
  setNoDelayTcp,
  shutdownTcp,
  type TcpSocket,
  writeTcp,
} from '../stack/tcp/tcp-socket.ts';
import { isTcpReadable } from '../stack/tcp/tcp-stream.ts';
import {
  bindUdp,
  closeUdp,
  connectUdp,
  openUdp,
  sendUdp,
  type UdpSocket,
} from '../stack/udp-socket.ts';
import { addDaemon, type Machine } from '../world/machine.ts';
import { DockerError } from './engine-record.ts';

const LISTEN_BACKLOG = 4096;
/** What its runtime takes to notice that data came: pieces that follow closely are relayed as one. */
const WAKE_NS = 60_000;
/** A UDP client is forgotten after this long without an answer. @source UDPConnTrackTimeout */
const UDP_TIMEOUT_NS = 90 * NS_PER_SEC;
/** UDP clients of one port at a time; more are ignored. */
const UDP_CLIENTS_MAX = 65_536;

export interface ProxySpec {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostAddress: Ipv4;
  readonly hostPort: number;
  readonly containerAddress: Ipv4;
  readonly containerPort: number;
}

/** A listener on [::] that a process shows; no packet comes to it, as there is no IPv6. */
export interface Ipv6Listener {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
  readonly process: Process;
}

const ipv6Listeners = new WeakMap<NetNamespace, Ipv6Listener[]>();

/** The listeners on [::] of a namespace, for `ss` and `netstat`. */
export function ipv6ListenersOf(netns: NetNamespace): readonly Ipv6Listener[] {
  return ipv6Listeners.get(netns) ?? [];
}

/**
 * Starts docker-proxy.
 * @throws DockerError 500 when the port is somebody else's on the host.
 */
export function startProxy(machine: Machine, spec: ProxySpec): Process {
  const { sim } = machine.world;
  const main = listen(machine.root, spec);
  const process = spawn(sim, machine.cpu, 'docker-proxy', main);
  addDaemon(machine, process, machine.root, commandLine(spec, formatIpv4(spec.hostAddress)));
  return process;
}

/**
 * Keeps a port without relaying: what the engine itself does without the userland proxy.
 * @throws DockerError 500
 */
export function startDummyProxy(machine: Machine, spec: ProxySpec, owner: Process): () => void {
  if (spec.protocol === 'tcp') {
    const listener = listenOn(machine.root, spec);
    ownSocket(listener, owner);
    return () => closeTcp(listener);
  }
  if (spec.protocol === 'sctp') return () => {};
  const socket = bindOn(machine.root, spec);
  ownSocket(socket, owner);
  return () => closeUdp(socket);
}

/** The docker-proxy of [::]: seen in `ps` and `ss`, never reached. */
export function startIpv6Proxy(machine: Machine, spec: ProxySpec): Process {
  const { root } = machine;
  const process = spawn(machine.world.sim, machine.cpu, 'docker-proxy', function* idle(self) {
    yield* waitFor(self, [], () => false);
    return 0;
  });
  addDaemon(machine, process, root, commandLine(spec, '::'));
  const listener = { protocol: spec.protocol, port: spec.hostPort, process };
  const all = ipv6Listeners.get(root) ?? [];
  ipv6Listeners.set(root, [...all, listener]);
  process.cleanups.push(() => {
    const rest = ipv6ListenersOf(root).filter((each) => each !== listener);
    ipv6Listeners.set(root, rest);
  });
  return process;
}

function commandLine(spec: ProxySpec, hostAddress: string): string {
  const to = formatIpv4(spec.containerAddress);
  return (
    `/usr/sbin/docker-proxy -proto ${spec.protocol} -host-ip ${hostAddress} -host-port ` +
    `${spec.hostPort} -container-ip ${to} -container-port ${spec.containerPort}`
  );
}

/** Takes the port and gives the program that serves it. */
function listen(netns: NetNamespace, spec: ProxySpec): (process: Process) => Program {
  if (spec.protocol === 'tcp') {
    const listener = listenOn(netns, spec);
    return (process) => {
      // At once: it may be killed before it first runs.
      process.cleanups.push(() => closeTcp(listener));
      return serveTcp(process, listener, spec);
    };
  }
  if (spec.protocol === 'udp') {
    const socket = bindOn(netns, spec);
    return (process) => {
      process.cleanups.push(() => closeUdp(socket));
      return serveUdp(process, socket, spec);
    };
  }
  // Unlike Docker's, nobody relays SCTP.
  return function* idle(process) {
    yield* waitFor(process, [], () => false);
    return 0;
  };
}

function listenOn(netns: NetNamespace, spec: ProxySpec): TcpSocket {
  const listener = openTcp(netns);
  listener.reuseAddress = true;
  const refused =
    bindTcp(listener, spec.hostAddress, spec.hostPort) ?? listenTcp(listener, LISTEN_BACKLOG);
  if (refused === null) return listener;
  closeTcp(listener);
  throw portError(spec, refused);
}

function bindOn(netns: NetNamespace, spec: ProxySpec): UdpSocket {
  const socket = openUdp(netns);
  const refused = bindUdp(socket, spec.hostAddress, spec.hostPort);
  if (refused === null) return socket;
  closeUdp(socket);
  throw portError(spec, refused);
}

function portError(spec: ProxySpec, errno: Errno): DockerError {
  const place = `${spec.protocol}4 ${formatIpv4(spec.hostAddress)}:${spec.hostPort}`;
  const words = ERRNO[errno];
  const why = `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
  return new DockerError(500, `Error starting userland proxy: listen ${place}: bind: ${why}`);
}

/** Runs a program beside the proxy; it ends with it. */
function runBeside(parent: Process, children: Set<Process>, main: (child: Process) => Program) {
  const child = spawn(parent.sim, parent.cpu, parent.name, main);
  children.add(child);
  child.onExit.push(() => children.delete(child));
}

function endWith(process: Process): Set<Process> {
  const children = new Set<Process>();
  process.cleanups.push(() => {
    for (const child of [...children]) kill(child, 'SIGKILL');
  });
  return children;
}

function* serveTcp(process: Process, listener: TcpSocket, spec: ProxySpec): Program {
  ownSocket(listener, process);
  const children = endWith(process);
  while (process.signal === null) {
    const client = yield* acceptTcp(process, listener);
    if (typeof client === 'string') continue;
    ownSocket(client, process);
    setNoDelayTcp(client, true);
    runBeside(process, children, (child) => relay(process, children, child, client, spec));
  }
  return 0;
}

/** One connection: two halves, each copied until its end. @source clientLoop() */
function* relay(
  proxy: Process,
  children: Set<Process>,
  process: Process,
  client: TcpSocket,
  spec: ProxySpec,
): Program {
  process.cleanups.push(() => closeTcp(client));
  const backend = openTcp(client.netns);
  process.cleanups.push(() => closeTcp(backend));
  ownSocket(backend, proxy);
  const { containerAddress, containerPort } = spec;
  const failure = yield* connectTcp(process, backend, containerAddress, containerPort);
  if (failure !== null) return 1;
  setNoDelayTcp(backend, true);
  const ended = makeWaitQueue();
  let isFinished = false;
  runBeside(proxy, children, function* back(child) {
    yield* copy(child, client, backend);
    isFinished = true;
    wake(ended);
    return 0;
  });
  yield* copy(process, backend, client);
  yield* waitFor(process, [ended], () => isFinished);
  return 0;
}

/** Copies one half of a connection. @source broker() */
function* copy(process: Process, to: TcpSocket, from: TcpSocket): Program<void> {
  for (;;) {
    if (yield* waitFor(process, [from.waiters], () => isTcpReadable(from))) {
      yield* sleep(process, WAKE_NS);
    }
    const bytes = yield* readTcp(process, from);
    if (typeof bytes === 'string' || bytes.length === 0) break;
    if ((yield* writeTcp(process, to, bytes)) !== null) break;
  }
  shutdownTcp(from, 'read');
  shutdownTcp(to, 'write');
}

function* serveUdp(process: Process, socket: UdpSocket, spec: ProxySpec): Program {
  ownSocket(socket, process);
  const children = endWith(process);
  const clients = new Map<string, UdpSocket>();
  while (process.signal === null) {
    yield* waitFor(process, [socket.waiters], () => socket.receiveQueue.count > 0);
    const packet = takeReceived(socket);
    if (packet === null) continue;
    const address = ipSource(packet.bytes, packet.network);
    const port = udpSourcePort(packet.bytes, packet.transport);
    const data = packet.bytes.slice(packet.transport + UDP_BYTES, packet.end);
    releasePacket(process.sim, packet);
    const key = `${address}:${port}`;
    let backend = clients.get(key);
    if (backend === undefined) {
      if (clients.size >= UDP_CLIENTS_MAX) continue;
      backend = openUdp(socket.netns);
      if (connectUdp(backend, spec.containerAddress, spec.containerPort) !== null) {
        closeUdp(backend);
        continue;
      }
      ownSocket(backend, process);
      clients.set(key, backend);
      const opened = backend;
      runBeside(process, children, (child) => {
        child.cleanups.push(() => clients.delete(key));
        return answerUdp(child, opened, socket, address, port);
      });
    }
    sendUdp(backend, data);
  }
  return 0;
}

/** Brings the answers of one client back to it. @source replyLoop() */
function* answerUdp(
  process: Process,
  backend: UdpSocket,
  socket: UdpSocket,
  address: Ipv4,
  port: number,
): Program {
  process.cleanups.push(() => closeUdp(backend));
  const hasNews = (): boolean => backend.receiveQueue.count > 0 || backend.error !== null;
  while (yield* waitFor(process, [backend.waiters], hasNews, UDP_TIMEOUT_NS)) {
    takeError(backend); // refused: the server may come back
    const packet = takeReceived(backend);
    if (packet === null) continue;
    const data = packet.bytes.slice(packet.transport + UDP_BYTES, packet.end);
    releasePacket(process.sim, packet);
    sendUdp(socket, data, address, port);
  }
  return 0;
}
