/**
 * Who is alive: each second a node pings the next one; who does not answer is asked through others and
 * over TCP, then suspected, then dead.
 *
 *     ping --- 500 ms ---> three others ping it, and TCP --- end of the second ---> suspect
 *     suspect --- 4 s (few nodes) to 24 s, less the more say so ---> dead     alive: it denies it
 *
 * @source memberlist/state.go probeNode(), suspectNode(), deadNode(), aliveNode(); suspicion.go
 */
import { NS_PER_MS, NS_PER_SEC } from '../../base/units.ts';
import { type Process, type Program, sleep, spawn, waitFor, wake } from '../../engine/process.ts';
import { cancel, schedule, timeNs } from '../../engine/simulator.ts';
import { makeTimer } from '../../engine/timer-queue.ts';
import { closeEnd, openChannel } from './channel.ts';
import { sendDatagramTo } from './gossip-datagram.ts';
import { partnersIn, queueRumour, randomNodes, takeNews } from './gossip-queue.ts';
import {
  type Datagram,
  type Doubt,
  GOSSIP_PORT,
  type GossipNode,
  type Rumour,
} from './gossip-record.ts';
import { isAlive, loseNode, regainNode } from './gossip-view.ts';

const PROBE_NS = NS_PER_SEC;
const PROBE_TIMEOUT_NS = 500 * NS_PER_MS;
const INDIRECT_CHECKS = 3;
const SUSPICION_MULTIPLIER = 4;
const SUSPICION_MAX_MULTIPLIER = 6;
const PING_BYTES = 40;
const ACK_BYTES = 20;

/** Pings one node a second, in turn. */
export function* runProbes(process: Process, node: GossipNode): Program<number> {
  const stagger = (node.index * 137) % 1000;
  yield* sleep(process, stagger * NS_PER_MS);
  while (!node.isClosed) {
    yield* waitFor(process, [node.waiters], () => node.isClosed || node.aliveCount > 1);
    if (node.isClosed) break;
    const startNs = timeNs(process.sim);
    const target = nextTarget(node);
    if (target !== null) yield* probe(process, node, target);
    const leftNs = PROBE_NS - (timeNs(process.sim) - startNs);
    if (leftNs > 0) yield* sleep(process, leftNs);
  }
  return 0;
}

function nextTarget(node: GossipNode): GossipNode | null {
  const { roster } = node.shared;
  const partners = partnersIn(node, roster, node.index);
  for (let tries = 0; tries < partners.length; tries++) {
    node.nextProbe = (node.nextProbe + 1) % partners.length;
    const target = partners[node.nextProbe]!;
    if (isAlive(node, target)) return target;
  }
  return null;
}

function* probe(process: Process, node: GossipNode, target: GossipNode): Program<void> {
  const sequence = node.nextSequence++;
  const ping = { isAnswered: false };
  node.pings.set(sequence, ping);
  const isOver = (): boolean => ping.isAnswered || node.isClosed;
  const doubt = node.doubts.get(target);
  if (doubt !== undefined) {
    // A suspect hears of it with the ping, so that it can deny it.
    const { incarnation } = doubt;
    const rumour: Rumour = { kind: 'suspect', node: target, incarnation, from: node };
    const news = { rumours: [rumour], clusterEvents: [], tableEvents: [] };
    sendDatagramTo(node, target, { kind: 'ping', sequence, target: null, ...news }, 2 * PING_BYTES);
  } else {
    send(node, target, 'ping', sequence, null, PING_BYTES);
  }
  yield* waitFor(process, [node.waiters], isOver, PROBE_TIMEOUT_NS);
  if (!isOver()) {
    for (const other of randomNodes(node, INDIRECT_CHECKS)) {
      if (other !== target) send(node, other, 'indirect-ping', sequence, target, PING_BYTES);
    }
    probeByTcp(node, target, ping);
    yield* waitFor(process, [node.waiters], isOver, PROBE_TIMEOUT_NS);
  }
  node.pings.delete(sequence);
  if (ping.isAnswered || node.isClosed) return;
  suspect(node, {
    kind: 'suspect',
    node: target,
    incarnation: node.incarnations.get(target) ?? 0,
    from: node,
  });
}

/** A connection that opens is as good as an answer: then only UDP is in trouble. */
function probeByTcp(node: GossipNode, target: GossipNode, ping: { isAnswered: boolean }): void {
  const { host } = node;
  spawn(host.world.sim, host.cpu, 'dockerd', function* dial(process) {
    const to = { address: target.address, port: GOSSIP_PORT };
    const end = yield* openChannel(process, host, to, PROBE_TIMEOUT_NS);
    if (typeof end === 'string') return 1;
    closeEnd(host.world, end);
    ping.isAnswered = true;
    wake(node.waiters);
    return 0;
  });
}

function send(
  node: GossipNode,
  to: GossipNode,
  kind: Datagram['kind'],
  sequence: number,
  target: GossipNode | null,
  sizeBytes: number,
): void {
  const { rumours, clusterEvents, sizeBytes: newsBytes } = takeNews(node);
  const news = { rumours, clusterEvents, tableEvents: [] };
  sendDatagramTo(node, to, { kind, sequence, target, ...news }, sizeBytes + newsBytes);
}

/** A ping, its answer, or the wish that this node ping another one. */
export function takeProbe(node: GossipNode, from: GossipNode, datagram: Datagram): void {
  const { kind, sequence, target } = datagram;
  if (kind === 'ping') send(node, from, 'ack', sequence, null, ACK_BYTES);
  if (kind === 'ack') {
    const ping = node.pings.get(sequence);
    if (ping === undefined) return;
    ping.isAnswered = true;
    wake(node.waiters);
  }
  if (kind === 'indirect-ping' && target !== null) probeFor(node, from, sequence, target);
}

function probeFor(node: GossipNode, from: GossipNode, sequence: number, target: GossipNode): void {
  const { host } = node;
  spawn(host.world.sim, host.cpu, 'dockerd', function* ask(process) {
    const own = node.nextSequence++;
    const ping = { isAnswered: false };
    node.pings.set(own, ping);
    send(node, target, 'ping', own, null, PING_BYTES);
    const isOver = (): boolean => ping.isAnswered || node.isClosed;
    yield* waitFor(process, [node.waiters], isOver, PROBE_TIMEOUT_NS);
    node.pings.delete(own);
    if (ping.isAnswered && !node.isClosed) send(node, from, 'ack', sequence, null, ACK_BYTES);
    return 0;
  });
}

/** A rumour came, or is this node's own. */
export function hearRumour(node: GossipNode, rumour: Rumour): void {
  if (rumour.node === node) {
    if (rumour.kind !== 'alive' && rumour.incarnation >= node.incarnation) deny(node, rumour);
    return;
  }
  if (rumour.kind === 'alive') believeAlive(node, rumour);
  else if (rumour.kind === 'suspect') suspect(node, rumour);
  else bury(node, rumour);
}

/** `I am alive`: with a higher incarnation, so that it counts. */
function deny(node: GossipNode, rumour: Rumour): void {
  node.incarnation = rumour.incarnation + 1;
  queueRumour(node, { kind: 'alive', node, incarnation: node.incarnation, from: node });
}

function believeAlive(node: GossipNode, rumour: Rumour): void {
  const { node: about, incarnation } = rumour;
  const known = node.incarnations.get(about) ?? 0;
  if (incarnation <= known) return;
  node.incarnations.set(about, incarnation);
  const doubt = node.doubts.get(about);
  if (doubt !== undefined) {
    if (doubt.timer !== null) cancel(node.host.world.sim, doubt.timer);
    node.doubts.delete(about);
    if (doubt.state !== 'suspect') regainNode(node, about);
    wake(node.waiters);
  }
  queueRumour(node, rumour);
}

function suspect(node: GossipNode, rumour: Rumour): void {
  const { node: about, incarnation, from } = rumour;
  if (!isAlive(node, about) || incarnation < (node.incarnations.get(about) ?? 0)) return;
  const doubt = node.doubts.get(about);
  if (doubt !== undefined) {
    if (doubt.from.has(from)) return;
    doubt.from.add(from);
    queueRumour(node, rumour);
    armSuspicion(node, about, doubt);
    return;
  }
  const fresh: Doubt = {
    state: 'suspect',
    incarnation,
    from: new Set([from]),
    sinceNs: timeNs(node.host.world.sim),
    timer: null,
  };
  node.doubts.set(about, fresh);
  queueRumour(node, rumour);
  armSuspicion(node, about, fresh);
}

/** How long the suspect has to deny it: less when more nodes agree. @source suspicion.go */
function armSuspicion(node: GossipNode, about: GossipNode, doubt: Doubt): void {
  const { sim } = node.host.world;
  const count = node.aliveCount;
  const leastNs = Math.round(
    SUSPICION_MULTIPLIER * Math.max(1, Math.log10(Math.max(1, count))) * PROBE_NS,
  );
  const expected = count - 2 < SUSPICION_MULTIPLIER - 2 ? 0 : SUSPICION_MULTIPLIER - 2;
  const confirmed = Math.min(doubt.from.size - 1, expected);
  const mostNs = SUSPICION_MAX_MULTIPLIER * leastNs;
  const share = expected === 0 ? 1 : Math.log(confirmed + 1) / Math.log(expected + 1);
  const totalNs = Math.max(leastNs, Math.round(mostNs - share * (mostNs - leastNs)));
  doubt.timer ??= makeTimer(node.host.cpu, () => {
    // biome-ignore lint/correctness/useYield: a process only because it changes devices and routes
    spawn(sim, node.host.cpu, 'dockerd', function* expire() {
      if (node.isClosed || node.doubts.get(about) !== doubt || doubt.state !== 'suspect') return 0;
      bury(node, { kind: 'dead', node: about, incarnation: doubt.incarnation, from: node });
      return 0;
    });
  });
  const passedNs = timeNs(sim) - doubt.sinceNs;
  schedule(sim, doubt.timer, Math.max(0, totalNs - passedNs));
}

/** It is dead, or has left. */
function bury(node: GossipNode, rumour: Rumour): void {
  const { node: about, incarnation, kind } = rumour;
  if (incarnation < (node.incarnations.get(about) ?? 0)) return;
  const doubt = node.doubts.get(about);
  if (doubt !== undefined && doubt.state !== 'suspect') {
    if (kind === 'left') doubt.state = 'left';
    return;
  }
  if (doubt?.timer != null) cancel(node.host.world.sim, doubt.timer);
  node.doubts.set(about, {
    state: kind === 'left' ? 'left' : 'dead',
    incarnation,
    from: new Set(),
    sinceNs: timeNs(node.host.world.sim),
    timer: null,
  });
  loseNode(node, about);
  queueRumour(node, rumour);
  wake(node.waiters);
}
