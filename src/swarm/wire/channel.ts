/**
 * A connection between two engines on 2377 or 7946: messages in both directions over one TCP stream.
 *
 *     0       4        8         12         16
 *     | magic | length | channel | sequence | filler ...   a frame; `length` counts all of it
 *
 * Unlike Docker, whose streams are TLS 1.3 with gRPC in it, a frame's bytes only say which message of
 * the sender it is, and have about the size of the real one. The receiver takes the message out of the
 * sender's outbox when the last byte has arrived: what is dropped on the LAN is never known there.
 */
import { ownSocket } from '../../apps/socket-owner.ts';
import { ERRNO, type Errno } from '../../base/errors.ts';
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import type { Cpu } from '../../engine/cpu.ts';
import {
  makeWaitQueue,
  type Process,
  type Program,
  spawn,
  type WaitQueue,
  waitFor,
  wake,
} from '../../engine/process.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import {
  closeTcp,
  connectTcp,
  openTcp,
  readTcp,
  setNoDelayTcp,
  type TcpSocket,
  writeTcp,
} from '../../stack/tcp/tcp-socket.ts';
import { isTcpReadable } from '../../stack/tcp/tcp-stream.ts';
import type { World } from '../../world/world.ts';

const MAGIC = 0x6e737731;
export const FRAME_HEADER_BYTES = 16;
/** Longer frames are no frames. */
const FRAME_MAX_BYTES = 16 * 1024 * 1024;
/** What TLS says before the first message: the client's hello, the server's with its certificate. */
const HELLO_BYTES = 517;
const WELCOME_BYTES = 1480;
const HANDSHAKE_TIMEOUT_NS = 5 * NS_PER_SEC;

/** One end of a channel. `Message` is what its users agreed on. */
export interface ChannelEnd<Message> {
  readonly channel: Channel<Message>;
  /** 0: who connected. 1: who accepted. */
  readonly side: 0 | 1;
  /** Null within one engine: there nothing goes over the LAN. */
  readonly socket: TcpSocket | null;
  /** The other side's address as this one sees it; 0 within one engine. */
  readonly remoteAddress: Ipv4;
  /** Messages that are to be written, with their sizes. */
  readonly queue: { readonly message: Message; readonly sizeBytes: number }[];
  /** Sent, and not yet taken by the other end: by sequence. */
  readonly outbox: Map<number, Message>;
  readonly waiters: WaitQueue;
  nextSequence: number;
  isClosed: boolean;
  onMessage: (message: Message) => void;
  onClose: () => void;
}

export interface Channel<Message> {
  readonly id: number;
  readonly ends: [ChannelEnd<Message>, ChannelEnd<Message> | null];
}

/** Where a channel's end lives: the engine's process has the sockets. */
export interface ChannelHost {
  readonly world: World;
  readonly netns: NetNamespace;
  readonly cpu: Cpu;
  /** dockerd. */
  readonly owner: Process;
}

interface Registry {
  nextId: number;
  readonly byId: Map<number, Channel<unknown>>;
}

const registries = new WeakMap<World, Registry>();

function registryOf(world: World): Registry {
  let registry = registries.get(world);
  if (registry === undefined) {
    registry = { nextId: 1, byId: new Map() };
    registries.set(world, registry);
  }
  return registry;
}

function makeEnd<Message>(
  channel: Channel<Message>,
  side: 0 | 1,
  socket: TcpSocket | null,
): ChannelEnd<Message> {
  return {
    channel,
    side,
    socket,
    remoteAddress: socket?.remoteAddress ?? 0,
    queue: [],
    outbox: new Map(),
    waiters: makeWaitQueue(),
    nextSequence: 1,
    isClosed: false,
    onMessage: () => {},
    onClose: () => {},
  };
}

/**
 * Connects to an engine. @returns the end, ready to send, or why not.
 * @param boundTo our address (`--advertise-addr`); 0 for the route's.
 */
export function* openChannel<Message>(
  process: Process,
  host: ChannelHost,
  to: { readonly address: Ipv4; readonly port: number },
  timeoutNs: number,
): Program<ChannelEnd<Message> | Errno> {
  const socket = openTcp(host.netns);
  ownSocket(socket, host.owner);
  setNoDelayTcp(socket, true);
  const failure = yield* connectTcp(process, socket, to.address, to.port, timeoutNs);
  if (failure !== null) {
    closeTcp(socket);
    return failure;
  }
  const registry = registryOf(host.world);
  const id = registry.nextId++;
  const channel = { id, ends: [null, null] } as unknown as Channel<Message>;
  const end = makeEnd(channel, 0, socket);
  channel.ends[0] = end;
  registry.byId.set(id, channel as Channel<unknown>);
  const said = yield* writeTcp(process, socket, frame(channel.id, 0, HELLO_BYTES));
  const answer = said === null ? yield* readWelcome(process, socket) : said;
  if (answer !== null) {
    closeEnd(host.world, end);
    return answer;
  }
  spawn(process.sim, host.cpu, 'dockerd', (own) => serveEnd(own, host.world, end));
  return end;
}

function* readWelcome(process: Process, socket: TcpSocket): Program<Errno | null> {
  let count = 0;
  while (count < WELCOME_BYTES) {
    const rest = WELCOME_BYTES - count;
    const bytes = yield* readTcp(process, socket, rest, HANDSHAKE_TIMEOUT_NS);
    if (typeof bytes === 'string') return bytes;
    if (bytes.length === 0) return 'ECONNRESET';
    count += bytes.length;
  }
  return null;
}

/** Takes a connection that a listener accepted: `use` gets the end once the other side has said hello. */
export function acceptChannel<Message>(
  host: ChannelHost,
  socket: TcpSocket,
  use: (end: ChannelEnd<Message>) => void,
): void {
  const { world } = host;
  ownSocket(socket, host.owner);
  spawn(world.sim, host.cpu, 'dockerd', function* greet(process) {
    setNoDelayTcp(socket, true);
    const bytes = yield* readExactly(process, socket, HELLO_BYTES);
    const header = bytes === null ? null : readHeader(bytes, 0);
    const channel = header === null ? undefined : registryOf(world).byId.get(header.channel);
    if (channel === undefined || channel.ends[1] !== null || header?.sequence !== 0) {
      closeTcp(socket); // whoever this is, it is no engine
      return 0;
    }
    const end = makeEnd(channel as Channel<Message>, 1, socket);
    channel.ends[1] = end as ChannelEnd<unknown>;
    const failure = yield* writeTcp(process, socket, frame(channel.id, 0, WELCOME_BYTES));
    if (failure !== null) {
      closeEnd(world, end);
      return 0;
    }
    use(end);
    return yield* serveEnd(process, world, end);
  });
}

/** A channel between two parts of one engine (its agent and its manager). */
export function openLocalChannel<Message>(
  host: ChannelHost,
): [ChannelEnd<Message>, ChannelEnd<Message>] {
  const channel = { id: 0, ends: [null, null] } as unknown as Channel<Message>;
  const one = makeEnd(channel, 0, null);
  const two = makeEnd(channel, 1, null);
  channel.ends[0] = one;
  channel.ends[1] = two;
  for (const end of [one, two]) {
    spawn(host.world.sim, host.cpu, 'dockerd', (own) => serveLocal(own, host.world, end));
  }
  return [one, two];
}

/** Queues a message; the end's process writes it. Nothing happens on a closed end. */
export function sendMessage<Message>(
  end: ChannelEnd<Message>,
  message: Message,
  sizeBytes: number,
): void {
  if (end.isClosed) return;
  end.queue.push({ message, sizeBytes });
  wake(end.waiters);
}

/** Closes the connection; the other end's onClose is called when it hears of it. */
export function closeEnd<Message>(world: World, end: ChannelEnd<Message>): void {
  if (end.isClosed) return;
  end.isClosed = true;
  const { channel, socket } = end;
  if (socket === null) {
    const other = channel.ends[end.side === 0 ? 1 : 0];
    if (other !== null) closeEnd(world, other);
  } else {
    closeTcp(socket);
    const other = channel.ends[end.side === 0 ? 1 : 0];
    if (other === null || other.isClosed) registryOf(world).byId.delete(channel.id);
  }
  wake(end.waiters);
  end.onClose();
}

function* serveLocal<Message>(
  process: Process,
  world: World,
  end: ChannelEnd<Message>,
): Program<number> {
  const other = end.channel.ends[end.side === 0 ? 1 : 0]!;
  for (;;) {
    yield* waitFor(
      process,
      [other.waiters, end.waiters],
      () => other.queue.length > 0 || end.isClosed,
    );
    if (end.isClosed) return 0;
    for (let next = other.queue.shift(); next !== undefined; next = other.queue.shift()) {
      end.onMessage(next.message);
      if (end.isClosed) return 0;
    }
    if (process.signal !== null) closeEnd(world, end);
  }
}

/** Writes what is queued and hands on what comes, until one side closes. */
function* serveEnd<Message>(
  process: Process,
  world: World,
  end: ChannelEnd<Message>,
): Program<number> {
  const socket = end.socket!;
  const queues = [socket.waiters, end.waiters];
  const isBusy = () => end.isClosed || end.queue.length > 0 || isTcpReadable(socket);
  let rest: Uint8Array = new Uint8Array(0);
  for (;;) {
    yield* waitFor(process, queues, isBusy);
    if (end.isClosed) return 0;
    if (end.queue.length > 0) {
      const failure = yield* writeTcp(process, socket, takeFrames(end));
      if (failure !== null) break;
    }
    if (end.isClosed) return 0;
    if (!isTcpReadable(socket)) continue;
    const bytes = yield* readTcp(process, socket);
    if (end.isClosed) return 0;
    if (typeof bytes === 'string' || bytes.length === 0) break;
    const left = takeMessages(end, rest.length === 0 ? bytes : join(rest, bytes));
    if (left === null) break;
    rest = left;
  }
  closeEnd(world, end);
  return 0;
}

/** All queued messages as one write. */
function takeFrames<Message>(end: ChannelEnd<Message>): Uint8Array {
  let total = 0;
  for (const { sizeBytes } of end.queue) total += Math.max(FRAME_HEADER_BYTES, sizeBytes);
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const { message, sizeBytes } of end.queue.splice(0)) {
    const size = Math.max(FRAME_HEADER_BYTES, sizeBytes);
    const sequence = end.nextSequence++;
    end.outbox.set(sequence, message);
    writeHeader(bytes, at, end.channel.id, sequence, size);
    at += size;
  }
  return bytes;
}

/** Hands on the messages whose last byte is there. @returns what is left; null: no frames. */
function takeMessages<Message>(end: ChannelEnd<Message>, bytes: Uint8Array): Uint8Array | null {
  const other = end.channel.ends[end.side === 0 ? 1 : 0];
  let at = 0;
  while (bytes.length - at >= FRAME_HEADER_BYTES) {
    const header = readHeader(bytes, at);
    if (header === null || header.channel !== end.channel.id) return null;
    if (bytes.length - at < header.length) break;
    at += header.length;
    const message = other?.outbox.get(header.sequence);
    if (message === undefined) return null;
    other?.outbox.delete(header.sequence);
    end.onMessage(message);
    if (end.isClosed) return null;
  }
  return bytes.subarray(at);
}

function frame(channel: number, sequence: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  writeHeader(bytes, 0, channel, sequence, sizeBytes);
  return bytes;
}

function writeHeader(
  bytes: Uint8Array,
  at: number,
  channel: number,
  sequence: number,
  length: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  view.setUint32(0, MAGIC);
  view.setUint32(4, length);
  view.setUint32(8, channel);
  view.setUint32(12, sequence);
}

function readHeader(
  bytes: Uint8Array,
  at: number,
): { readonly length: number; readonly channel: number; readonly sequence: number } | null {
  if (bytes.length - at < FRAME_HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const length = view.getUint32(4);
  if (view.getUint32(0) !== MAGIC || length < FRAME_HEADER_BYTES || length > FRAME_MAX_BYTES) {
    return null;
  }
  return { length, channel: view.getUint32(8), sequence: view.getUint32(12) };
}

function* readExactly(
  process: Process,
  socket: TcpSocket,
  count: number,
): Program<Uint8Array | null> {
  let bytes: Uint8Array = new Uint8Array(0);
  while (bytes.length < count) {
    const more = yield* readTcp(process, socket, count - bytes.length, HANDSHAKE_TIMEOUT_NS);
    if (typeof more === 'string' || more.length === 0) return null;
    bytes = join(bytes, more);
    if (bytes.length >= 4 && readU32(bytes) !== MAGIC) return null;
  }
  return bytes;
}

function readU32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

function join(one: Uint8Array, two: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + two.length);
  bytes.set(one);
  bytes.set(two, one.length);
  return bytes;
}

/** Why a connection failed, in gRPC's words. @source grpc-go internal/transport/http2_client.go */
export function dialErrorText(
  to: { readonly address: Ipv4; readonly port: number },
  failure: Errno,
): string {
  const reason = failure === 'EAGAIN' ? 'i/o timeout' : `connect: ${ERRNO[failure].toLowerCase()}`;
  const peer = `${formatIpv4(to.address)}:${to.port}`;
  return `connection error: desc = "transport: Error while dialing: dial tcp ${peer}: ${reason}"`;
}
