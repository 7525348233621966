/**
 * The servers that images stand for. A web image answers every request with one line, the name of
 * the container and the source address that the server saw, so that each `curl` shows which container
 * answered and what NAT happened on the way.
 * @source recorded exchanges with the lab's web images (busybox httpd with a CGI page)
 */
import { bytesOf, concat, HTTP_HEADER_MAX_BYTES, parseHttpHeader } from '../apps/http-message.ts';
import { ownSocket } from '../apps/socket-owner.ts';
import { ERRNO } from '../base/errors.ts';
import { formatIpv4 } from '../base/ipv4-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { kill, type Process, type Program, sleep, spawn, waitFor } from '../engine/process.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import {
  acceptTcp,
  bindTcp,
  closeTcp,
  listenTcp,
  openTcp,
  readTcp,
  shutdownTcp,
  type TcpSocket,
  writeTcp,
} from '../stack/tcp/tcp-socket.ts';
import { bindUdp, closeUdp, openUdp } from '../stack/udp-socket.ts';
import type { Container, DockerEngine } from './engine-record.ts';
import type { ExposedPort } from './images.ts';
import { writeLog } from './logs.ts';

const LISTEN_BACKLOG = 9;
const REQUEST_TIMEOUT_NS = 60 * NS_PER_SEC;
/** What the page's script takes to start, between its two writes, and to end. */
const SCRIPT_START_NS = 1_000_000;
const SCRIPT_STEP_NS = 30_000;
const SCRIPT_END_NS = 150_000;
const REQUEST = /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) /;

/** What a container's image listens on: an unknown image on all that it exposes or publishes. */
export function portsOf({ image, spec }: Container): ExposedPort[] {
  const { behaviour } = image;
  if (behaviour.kind === 'web') return [{ protocol: 'tcp', port: behaviour.port }];
  if (!image.isUnknown) {
    const ports = behaviour.kind === 'listen' ? behaviour.ports : [];
    return ports.map((port) => ({ protocol: 'tcp', port }));
  }
  const all = new Map<string, ExposedPort>();
  const published = spec.publish.map(({ protocol, containerPort }) => ({
    protocol,
    port: containerPort,
  }));
  for (const each of [...image.config.exposed, ...spec.expose, ...published]) {
    all.set(`${each.port}/${each.protocol}`, each);
  }
  return [...all.values()];
}

/** The program of the main process. */
export function serveImage(
  engine: DockerEngine,
  container: Container,
  ports: readonly ExposedPort[],
): (process: Process) => Program {
  const isWeb = container.image.behaviour.kind === 'web' || container.image.isUnknown;
  return function* server(process) {
    const { netns } = container;
    if (netns === null) return 1;
    const children = new Set<Process>();
    process.cleanups.push(() => {
      for (const child of [...children]) kill(child, 'SIGKILL');
    });
    const start = (body: (child: Process) => Program): void => {
      const child = spawn(process.sim, process.cpu, process.name, body);
      children.add(child);
      child.onExit.push(() => children.delete(child));
    };
    for (const { protocol, port } of ports) {
      const failure =
        protocol === 'udp'
          ? openDatagrams(netns, process, port)
          : openListener(netns, process, port, (listener) => {
              start((child) => acceptAll(child, container, listener, isWeb, start));
            });
      if (failure === null) continue;
      const text = `bind() to 0.0.0.0:${port} failed (${failure})\n`;
      writeLog(engine, container, 'stderr', text);
      return 1;
    }
    while (process.signal === null) yield* waitFor(process, [], () => false);
    return 0;
  };
}

/** @returns null, or why not. */
function openListener(
  netns: NetNamespace,
  process: Process,
  port: number,
  use: (listener: TcpSocket) => void,
): string | null {
  const listener = openTcp(netns);
  listener.reuseAddress = true;
  const refused = bindTcp(listener, 0, port) ?? listenTcp(listener, LISTEN_BACKLOG);
  if (refused !== null) {
    closeTcp(listener);
    return ERRNO[refused];
  }
  process.cleanups.push(() => closeTcp(listener));
  ownSocket(listener, process);
  use(listener);
  return null;
}

/** Datagrams are taken and nothing comes back. */
function openDatagrams(netns: NetNamespace, process: Process, port: number): string | null {
  const socket = openUdp(netns);
  const refused = bindUdp(socket, 0, port);
  if (refused !== null) {
    closeUdp(socket);
    return ERRNO[refused];
  }
  process.cleanups.push(() => closeUdp(socket));
  ownSocket(socket, process);
  return null;
}

function* acceptAll(
  process: Process,
  container: Container,
  listener: TcpSocket,
  isWeb: boolean,
  start: (body: (child: Process) => Program) => void,
): Program {
  for (;;) {
    const connection = yield* acceptTcp(process, listener);
    if (typeof connection === 'string') continue;
    yield* whilePaused(process, container);
    start((child) => serveConnection(child, container, connection, isWeb));
  }
}

function* whilePaused(process: Process, container: Container): Program<void> {
  yield* waitFor(process, [container.waiters], () => container.status !== 'paused');
}

function* serveConnection(
  process: Process,
  container: Container,
  connection: TcpSocket,
  isWeb: boolean,
): Program {
  process.cleanups.push(() => closeTcp(connection));
  ownSocket(connection, process);
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const waitNs = isWeb ? REQUEST_TIMEOUT_NS : Number.POSITIVE_INFINITY;
    const more = yield* readTcp(process, connection, 8192, waitNs);
    if (typeof more === 'string' || more.length === 0) return 0;
    if (!isWeb) continue; // a server that waits for words it does not hear
    bytes = concat([bytes, more]);
    const header = parseHttpHeader(bytes);
    if (header !== null && REQUEST.test(header.startLine)) break;
    if (header !== null || bytes.length > HTTP_HEADER_MAX_BYTES) return 0;
  }
  yield* whilePaused(process, container);
  yield* sleep(process, SCRIPT_START_NS);
  const hostname = container.machine.files.readFile('/etc/hostname')?.trim() ?? container.name;
  const page = `${hostname} from ${formatIpv4(connection.remoteAddress)}\n`;
  if ((yield* writeTcp(process, connection, bytesOf('HTTP/1.1 200 OK\r\n'))) !== null) return 1;
  yield* sleep(process, SCRIPT_STEP_NS);
  const rest = bytesOf(`Content-Type: text/plain\r\n\r\n${page}`);
  if ((yield* writeTcp(process, connection, rest)) !== null) return 1;
  yield* sleep(process, SCRIPT_END_NS);
  shutdownTcp(connection, 'write');
  return 0;
}
