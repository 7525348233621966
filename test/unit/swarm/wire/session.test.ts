import { expect, test } from 'vitest';
import { joinSwarm } from '../../../../src/swarm/api/swarm.ts';
import { JOIN, makeSwarm, type SwarmWorld } from '../../../support/swarm.ts';

function stateOf(world: SwarmWorld, node: number): string {
  const { cluster, nodeId } = world.member(node);
  const { state, message } = cluster.store.nodes.get(nodeId)!.status;
  return message === '' ? state : `${state}: ${message}`;
}

test('a worker whose cable is pulled is down after three missed heartbeats, and ready when it is back', () => {
  const world = makeSwarm(2);
  world.setCable(2, false);
  world.pass(9);
  expect(stateOf(world, 2)).toBe('ready');
  world.pass(8);
  expect(stateOf(world, 2)).toBe('down: heartbeat failure');
  world.setCable(2, true);
  world.pass(15);
  expect(stateOf(world, 2)).toBe('ready');
});

test('so it is when the manager drops 2377/tcp', () => {
  const world = makeSwarm(2);
  world.iptables(1, '-A INPUT -p tcp --dport 2377 -j DROP');
  world.pass(17);
  expect(stateOf(world, 2)).toBe('down: heartbeat failure');
  world.iptables(1, '-F INPUT');
  world.pass(15);
  expect(stateOf(world, 2)).toBe('ready');
});

test('a shorter heartbeat period notices sooner', () => {
  const world = makeSwarm(2);
  const { cluster } = world.member(1);
  cluster.settings = { ...cluster.settings, heartbeatPeriodNs: 1e9 };
  world.pass(6);
  world.setCable(2, false);
  world.pass(4);
  expect(stateOf(world, 2)).toBe('down: heartbeat failure');
});

test('the sessions of workers find the next leader', () => {
  const world = makeSwarm(4, 3);
  world.setCable(1, false);
  world.pass(50);
  expect([1, 2, 3, 4].map((node) => stateOf(world, node))).toEqual([
    'down: heartbeat failure for node in "unknown" state',
    'ready',
    'ready',
    'ready',
  ]);
});

test('a join that cannot reach 2377 goes on in the background', () => {
  const world = makeSwarm(1);
  const more = makeSwarm(1, 1, 2);
  expect(more.member(1).nodeId).not.toBe(world.member(1).nodeId);
  const { workerToken: token } = world.member(1).cluster.settings;
  expect(
    world.fail(1, (engine, process) => joinSwarm(engine, process, { ...JOIN, token })),
  ).toMatch(/^This node is already part of a swarm\./);
});

test('idle, a swarm of ten says little', () => {
  const world = makeSwarm(10);
  world.pass(5);
  const before = world.world.sim.frameCount;
  world.pass(60);
  // A ping and its answer a second for each node, two or three hops each, and a heartbeat every 5 s.
  expect((world.world.sim.frameCount - before) / 60).toBeLessThan(10 * 12);
});
