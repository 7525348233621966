/** Clients that send UDP datagrams and wait for the echo: at a rate, or each after its answer. */
import { assert } from '../base/assert.ts';
import type { Packet } from '../engine/packet.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import { type Simulator, schedule, scheduleAt, streamOf, timeNs } from '../engine/simulator.ts';
import { makeTimer, type Timer } from '../engine/timer-queue.ts';
import { UDP_BYTES } from '../protocols/udp.ts';
import {
  connectUdp,
  openUdp,
  sendUdp,
  setEncapsulation,
  type UdpSocket,
} from '../stack/udp-socket.ts';
import { advance, makeArrivals } from './arrivals.ts';
import { type Clients, NO_ANSWER, REQUESTS_MAX } from './clients.ts';
import { readNumber, readReplica, writeNumber } from './exchange.ts';
import { noteAnswer, noteLoss, noteOffered } from './record.ts';

/** Requests by number: when each was meant to be sent; NaN once it is answered. */
interface Sent {
  intendedNs: Float64Array;
  count: number;
}

interface Flow {
  readonly socket: UdpSocket;
  /** Closed loop: the number that it waits for, -1 for none. */
  waitsFor: number;
  timer: Timer | null;
}

/** Arms the clients. @returns what to do when the run is over: what was not answered is lost. */
export function startDatagramClients(clients: Clients): () => void {
  const { spec, swarm, record } = clients;
  const sent: Sent = { intendedNs: new Float64Array(1024), count: 0 };
  const isOpen = spec.loop === 'open';
  const count = isOpen ? spec.flows : spec.clients;
  const flows = Array.from({ length: count }, (_, i) => openFlow(clients, i));
  const payload = new Uint8Array(spec.requestBytes);
  const send = (flow: Flow, intendedNs: number): void => {
    const number = noteSent(sent, intendedNs);
    writeNumber(payload, number);
    flow.waitsFor = number;
    noteOffered(record, intendedNs);
    const failure = sendUdp(flow.socket, payload);
    if (failure === null) return;
    sent.intendedNs[number] = Number.NaN;
    noteLoss(record, intendedNs, `client: ${failure}`);
  };
  flows.forEach((flow) => {
    setEncapsulation(flow.socket, (sim, _socket, packet) => {
      const number = takeAnswer(clients, sent, sim, packet);
      if (!isOpen && number === flow.waitsFor) askAgain(clients, flow);
    });
  });
  if (isOpen) armArrivals(clients, flows, send);
  else armClosedLoops(clients, flows, sent, send);
  return () => {
    for (let i = 0; i < sent.count; i++) {
      const intendedNs = sent.intendedNs[i]!;
      if (!Number.isNaN(intendedNs)) noteLoss(record, intendedNs, NO_ANSWER);
    }
    assert(swarm.targets.length > 0, 'requests went somewhere');
  };
}

function openFlow({ swarm }: Clients, index: number): Flow {
  const socket = openUdp(swarm.clientNetns);
  const target = swarm.targets[index % swarm.targets.length]!;
  const failure = connectUdp(socket, target, swarm.port);
  assert(failure === null, 'the client has a route to the service');
  return { socket, waitsFor: -1, timer: null };
}

function noteSent(sent: Sent, intendedNs: number): number {
  assert(sent.count < REQUESTS_MAX, 'a run has a bound on its requests');
  if (sent.count === sent.intendedNs.length) {
    const longer = new Float64Array(sent.count * 2);
    longer.set(sent.intendedNs);
    sent.intendedNs = longer;
  }
  sent.intendedNs[sent.count] = intendedNs;
  return sent.count++;
}

/** @returns the number of the request, -1 if it was answered or given up before. */
function takeAnswer({ record }: Clients, sent: Sent, sim: Simulator, packet: Packet): number {
  const { bytes, transport } = packet;
  const number = readNumber(bytes, transport + UDP_BYTES);
  const replica = readReplica(bytes, transport + UDP_BYTES);
  releasePacket(sim, packet);
  sim.workNs += sim.cost.socketDeliverNs;
  const intendedNs = number < sent.count ? sent.intendedNs[number]! : Number.NaN;
  if (Number.isNaN(intendedNs)) return -1;
  sent.intendedNs[number] = Number.NaN;
  noteAnswer(record, replica, intendedNs, timeNs(sim));
  return number;
}

/** Open loop: one stream of arrivals, flow after flow. */
function armArrivals(
  { spec, swarm, startNs, endNs }: Clients,
  flows: readonly Flow[],
  send: (flow: Flow, intendedNs: number) => void,
): void {
  const { sim } = swarm.world;
  const random = streamOf(sim, 'load/arrivals');
  const arrivals = makeArrivals(spec.arrivals, spec.ratePerSec, startNs, random);
  let next = 0;
  const timer = makeTimer(swarm.clientNetns.cpu, () => {
    const intendedNs = arrivals.nextNs;
    advance(arrivals);
    if (arrivals.nextNs < endNs)
      scheduleAt(sim, timer, Math.max(sim.nowNs, Math.round(arrivals.nextNs)));
    sim.workNs += sim.cost.systemCallNs;
    send(flows[next]!, intendedNs);
    next = (next + 1) % flows.length;
  });
  if (arrivals.nextNs < endNs) scheduleAt(sim, timer, Math.round(arrivals.nextNs));
}

/** Closed loop: each flow is a client with one request under way; its timer thinks, or gives up. */
function armClosedLoops(
  { spec, swarm, record, startNs, endNs }: Clients,
  flows: readonly Flow[],
  sent: Sent,
  send: (flow: Flow, intendedNs: number) => void,
): void {
  const { sim } = swarm.world;
  flows.forEach((flow, index) => {
    flow.timer = makeTimer(swarm.clientNetns.cpu, (timer) => {
      const before = flow.waitsFor < 0 ? Number.NaN : sent.intendedNs[flow.waitsFor]!;
      if (!Number.isNaN(before)) {
        noteLoss(record, before, NO_ANSWER);
        sent.intendedNs[flow.waitsFor] = Number.NaN;
      }
      if (timeNs(sim) >= endNs) return;
      sim.workNs += sim.cost.systemCallNs;
      send(flow, timeNs(sim));
      // The answer may have come within the call; then its timer is armed for the next request.
      if (timer.heapIndex < 0) schedule(sim, timer, spec.timeoutNs);
    });
    // They do not begin together: one microsecond apart.
    scheduleAt(sim, flow.timer, startNs + 1000 * index);
  });
}

function askAgain({ spec, swarm }: Clients, flow: Flow): void {
  schedule(swarm.world.sim, flow.timer!, spec.thinkNs); // closed loops have one
}
