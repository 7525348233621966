/**
 * Clients that ask over TCP: plain or HTTP, a connection for each request or one for many. Each
 * client is a process on a processor of its own, so that clients do not wait for each other.
 */
import { ownSocket } from '../apps/socket-owner.ts';
import { makePrng } from '../base/prng.ts';
import type { Process, Program } from '../engine/process.ts';
import { sleep, spawn } from '../engine/process.ts';
import { addCpu, makeReady, scheduleAt, timeNs } from '../engine/simulator.ts';
import { makeTimer } from '../engine/timer-queue.ts';
import {
  closeTcp,
  connectTcp,
  openTcp,
  readTcp,
  setNoDelayTcp,
  type TcpSocket,
  writeTcp,
} from '../stack/tcp/tcp-socket.ts';
import { advance, makeArrivals } from './arrivals.ts';
import { type Clients, NO_ANSWER } from './clients.ts';
import { replicaIn } from './exchange.ts';
import { noteAnswer, noteLoss, noteOffered } from './record.ts';

/** Requests under way at most, where each has a connection of its own. */
const WORKERS_MAX = 4096;
/** Requests that wait in the client for a connection; more are lost. */
const WAITING_MAX = 100_000;
/** After a failure a closed client waits before it asks again, as anybody would. */
const RETRY_NS = 10_000_000;

/** A client's connection, null while it has none. */
interface Connection {
  readonly target: number;
  socket: TcpSocket | null;
}

/** Starts the clients. @returns what to do when the run is over. */
export function startStreamClients(clients: Clients): () => void {
  return clients.spec.loop === 'open' ? startPool(clients) : startUsers(clients);
}

/** Closed loop: each user asks, waits, thinks. */
function startUsers(clients: Clients): () => void {
  const { spec, record, startNs, endNs } = clients;
  const underWay = new Set<{ intendedNs: number }>();
  for (let i = 0; i < spec.clients; i++) {
    startProcess(clients, i, function* user(process) {
      const connection = makeConnection(clients, i);
      yield* sleep(process, startNs + 1000 * i - timeNs(process.sim));
      while (timeNs(process.sim) < endNs) {
        const request = { intendedNs: timeNs(process.sim) };
        underWay.add(request);
        noteOffered(record, request.intendedNs);
        const isAnswered = yield* ask(process, clients, connection, request.intendedNs);
        underWay.delete(request);
        const pauseNs = isAnswered ? spec.thinkNs : RETRY_NS;
        if (pauseNs > 0) yield* sleep(process, pauseNs);
      }
      return 0;
    });
  }
  return () => {
    for (const { intendedNs } of underWay) noteLoss(record, intendedNs, NO_ANSWER);
  };
}

/** Open loop: requests come at their times and go to a free worker, or wait for one. */
function startPool(clients: Clients): () => void {
  const { spec, swarm, record, startNs, endNs } = clients;
  const { sim } = swarm.world;
  const waiting: number[] = [];
  const underWay = new Set<{ intendedNs: number }>();
  const idle: Process[] = [];
  const workersMax = spec.isKeptAlive ? spec.flows : WORKERS_MAX;
  let workers = 0;
  const startWorker = (): void => {
    const index = workers++;
    startProcess(clients, index, function* worker(process) {
      const connection = makeConnection(clients, index);
      for (;;) {
        const intendedNs = waiting.shift();
        if (intendedNs === undefined) {
          idle.push(process);
          yield;
          continue;
        }
        const request = { intendedNs };
        underWay.add(request);
        yield* ask(process, clients, connection, intendedNs);
        underWay.delete(request);
      }
    });
  };
  const arrivals = makeArrivals(
    spec.arrivals,
    spec.ratePerSec,
    startNs,
    makePrng(spec.seed, 'load/arrivals'),
  );
  const timer = makeTimer(swarm.clientNetns.cpu, () => {
    const intendedNs = arrivals.nextNs;
    advance(arrivals);
    if (arrivals.nextNs < endNs)
      scheduleAt(sim, timer, Math.max(sim.nowNs, Math.round(arrivals.nextNs)));
    noteOffered(record, intendedNs);
    if (waiting.length >= WAITING_MAX) {
      noteLoss(record, intendedNs, 'client: too many wait for a connection');
      return;
    }
    waiting.push(intendedNs);
    const free = idle.pop();
    if (free !== undefined) makeReady(sim, free.cpu, free);
    else if (workers < workersMax) startWorker();
  });
  if (arrivals.nextNs < endNs) scheduleAt(sim, timer, Math.round(arrivals.nextNs));
  return () => {
    for (const { intendedNs } of underWay) noteLoss(record, intendedNs, NO_ANSWER);
    for (const intendedNs of waiting) noteLoss(record, intendedNs, NO_ANSWER);
  };
}

function startProcess(
  { swarm }: Clients,
  index: number,
  body: (process: Process) => Program,
): void {
  const { sim } = swarm.world;
  const cpu = addCpu(sim, `client${index}`);
  cpu.isUnlimited = true;
  spawn(sim, cpu, `client ${index}`, body);
}

function makeConnection({ swarm }: Clients, index: number): Connection {
  return { target: swarm.targets[index % swarm.targets.length]!, socket: null };
}

/** One request and its answer. @returns whether it came; if not, the loss is noted. */
function* ask(
  process: Process,
  clients: Clients,
  connection: Connection,
  intendedNs: number,
): Program<boolean> {
  const { spec, record, exchange } = clients;
  const { sim } = process;
  const untilNs = intendedNs + spec.timeoutNs;
  const outcome = yield* converse(process, clients, connection, untilNs);
  if (!spec.isKeptAlive || typeof outcome === 'string') hangUp(process, connection);
  if (typeof outcome === 'string') {
    noteLoss(record, intendedNs, outcome === 'EAGAIN' ? NO_ANSWER : `client: ${outcome}`);
    return false;
  }
  noteAnswer(record, replicaIn(outcome, exchange), intendedNs, timeNs(sim));
  return true;
}

/** @returns the first bytes of the whole answer, or why there is none. */
function* converse(
  process: Process,
  { swarm, exchange }: Clients,
  connection: Connection,
  untilNs: number,
): Program<Uint8Array | string> {
  const { sim } = process;
  const leftNs = (): number => Math.max(0, Math.round(untilNs - timeNs(sim)));
  if (leftNs() === 0) return 'EAGAIN';
  if (connection.socket === null) {
    const socket = openTcp(swarm.clientNetns);
    connection.socket = socket;
    ownSocket(socket, process);
    setNoDelayTcp(socket, true);
    const failure = yield* connectTcp(process, socket, connection.target, swarm.port, leftNs());
    if (failure !== null) return failure;
  }
  const { socket } = connection;
  const failure = yield* writeTcp(process, socket, exchange.request);
  if (failure !== null) return failure;
  let first: Uint8Array | null = null;
  for (let missing = exchange.replyBytes; missing > 0; ) {
    const more = yield* readTcp(process, socket, missing, leftNs());
    if (typeof more === 'string') return more;
    if (more.length === 0) return 'ECONNRESET';
    first = first === null ? more : first;
    missing -= more.length;
  }
  return first ?? 'ECONNRESET';
}

function hangUp(_process: Process, connection: Connection): void {
  if (connection.socket !== null) closeTcp(connection.socket);
  connection.socket = null;
}
