/**
 * tracepath: the routers on the way and the path MTU, by large UDP datagrams with DF and a growing
 * TTL. Unlike iputils, the way back is taken to be as long as the way there: error queues here do not
 * keep the TTL of an ICMP message, so `asymm` is never printed.
 * @source iputils 20221126 tracepath.c
 */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { NS_PER_SEC } from '../base/units.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { type Process, type Program, waitFor } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { type SocketError, takeError, takeReceived } from '../stack/socket.ts';
import { closeUdp, openUdp, sendUdp, type UdpSocket } from '../stack/udp-socket.ts';
import { formatMs } from './ping-text.ts';
import type { ProgramOutput } from './program-output.ts';

/** The port that iputils begins with. */
export const TRACEPATH_PORT = 44444;
/** Ports that are used in turn. */
const PORT_COUNT = 64;
const MAX_PROBES = 10;
const HOST_COLUMNS = 52;
const HEADERS_BYTES = 28;

export interface TracepathOptions {
  readonly target: Ipv4;
  readonly maxHops: number;
  /** Size to start with. */
  readonly mtuBytes: number;
  readonly port: number;
  readonly showsBoth: boolean;
  readonly isNumeric: boolean;
  readonly nameOf: (process: Process, address: Ipv4) => Program<string | null>;
}

interface Run {
  readonly process: Process;
  readonly options: TracepathOptions;
  readonly output: ProgramOutput;
  readonly socket: UdpSocket;
  readonly sent: Map<number, { readonly ttlHops: number; readonly sentNs: number }>;
  ttlHops: number;
  mtuBytes: number;
  slot: number;
  hopsTo: number;
}

/** Follows the way to the target. @returns 0. */
export function* tracepath(
  process: Process,
  netns: NetNamespace,
  options: TracepathOptions,
  output: ProgramOutput,
): Program {
  const socket = openUdp(netns);
  process.cleanups.push(() => closeUdp(socket));
  socket.pathMtuDiscovery = 'do';
  socket.receiveErrors = true;
  const run: Run = {
    process,
    options,
    output,
    socket,
    sent: new Map(),
    ttlHops: 1,
    mtuBytes: options.mtuBytes,
    slot: 0,
    hopsTo: -1,
  };
  const isReached = yield* allHops(run);
  if (process.signal !== null) return process.signal === 'SIGINT' ? 130 : 143;
  if (!isReached) output.write(`     Too many hops: pmtu ${run.mtuBytes}\n`);
  const hops = run.hopsTo >= 0 ? `hops ${run.hopsTo} back ${run.hopsTo} ` : '';
  output.write(`     Resume: pmtu ${run.mtuBytes} ${hops}\n`);
  return 0;
}

/** @returns whether it ended before the last hop. */
function* allHops(run: Run): Program<boolean> {
  const { options, process } = run;
  for (run.ttlHops = 1; run.ttlHops <= options.maxHops; run.ttlHops++) {
    run.socket.ttlHops = run.ttlHops;
    let progress = -1;
    for (let i = 0; i < 3 && process.signal === null; i++) {
      const before = run.mtuBytes;
      progress = yield* probe(run);
      if (run.mtuBytes !== before) {
        i = -1;
        continue;
      }
      if (progress === 0) return true;
      if (progress > 0) break;
    }
    if (process.signal !== null) return true;
    if (progress < 0) run.output.write(`${String(run.ttlHops).padStart(2)}:  no reply\n`);
  }
  return false;
}

/** One probe. @returns 0: the end; more: an answer came; less: none. */
function* probe(run: Run): Program<number> {
  const { options, process, socket } = run;
  const { sim } = process;
  let isSent = false;
  for (let i = 0; i < MAX_PROBES && !isSent; i++) {
    const port = options.port + run.slot;
    run.sent.set(port, { ttlHops: run.ttlHops, sentNs: timeNs(sim) });
    const payload = new Uint8Array(Math.max(0, run.mtuBytes - HEADERS_BYTES));
    isSent = sendUdp(socket, payload, options.target, port) === null;
    if (isSent) break;
    const progress = yield* readErrors(run);
    run.sent.delete(port);
    if (progress === 0) return 0;
    if (progress > 0) i = -1;
  }
  run.slot = (run.slot + 1) % PORT_COUNT;
  if (!isSent) {
    run.output.write(`${String(run.ttlHops).padStart(2)}:  send failed\n`);
    return 0;
  }
  const isReady = (): boolean => socket.receiveQueue.count > 0 || socket.errorQueue.length > 0;
  yield* waitFor(process, [socket.waiters], isReady, NS_PER_SEC);
  const packet = takeReceived(socket);
  if (packet !== null) {
    releasePacket(sim, packet);
    run.output.write(`${String(run.ttlHops).padStart(2)}?: reply received 8)\n`);
    return 0;
  }
  return yield* readErrors(run);
}

function* readErrors(run: Run): Program<number> {
  let progress = -1;
  takeError(run.socket);
  for (;;) {
    const error = run.socket.errorQueue.shift();
    if (error === undefined) return progress;
    progress = run.mtuBytes;
    if (!(yield* printError(run, error))) return 0;
  }
}

/** Prints a line. @returns whether to go on. */
function* printError(run: Run, error: SocketError): Program<boolean> {
  const { output, process } = run;
  const sent = run.sent.get(error.targetPort);
  run.sent.delete(error.targetPort);
  const ttl = String(sent?.ttlHops ?? run.ttlHops).padStart(2);
  if (error.origin === 'local') {
    output.write(`${String(run.ttlHops).padStart(2)}?: ${'[LOCALHOST]'.padEnd(32)} `);
  } else {
    const host = yield* hostText(run, error.from);
    const pad = HOST_COLUMNS - Math.min(host.length, HOST_COLUMNS - 1);
    output.write(`${ttl}${sent === undefined ? '?: ' : ':  '}${host}${' '.repeat(pad)}`);
    if (sent !== undefined) {
      const us = Math.floor((timeNs(process.sim) - sent.sentNs) / 1000);
      output.write(`${formatMs(us).padStart(7)}ms `);
    }
  }
  switch (error.errno) {
    case 'EMSGSIZE':
      output.write(`pmtu ${error.info}\n`);
      run.mtuBytes = error.info;
      return true;
    case 'ECONNREFUSED':
      output.write('reached\n');
      run.hopsTo = sent?.ttlHops ?? run.ttlHops;
      return false;
    case 'EHOSTUNREACH':
      output.write(error.type === 11 ? '\n' : '!H\n');
      return error.type === 11;
    case 'EPROTO':
    case 'ENETUNREACH':
    case 'EACCES':
      output.write({ EPROTO: '!P\n', ENETUNREACH: '!N\n', EACCES: '!A\n' }[error.errno]);
      return false;
    default:
      output.write('\n');
      return false;
  }
}

function* hostText(run: Run, address: Ipv4): Program<string> {
  const { options, process } = run;
  const text = formatIpv4(address);
  if (options.isNumeric && !options.showsBoth) return text;
  const name = options.isNumeric ? text : ((yield* options.nameOf(process, address)) ?? '???');
  return options.showsBoth ? `${name} (${text})` : name;
}
