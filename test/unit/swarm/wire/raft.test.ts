import { expect, test } from 'vitest';
import { updateNode } from '../../../../src/swarm/api/nodes.ts';
import type { NodeRole } from '../../../../src/swarm/objects.ts';
import {
  commit,
  leaderOf,
  requireLeader,
  requireManager,
} from '../../../../src/swarm/wire/leader.ts';
import { makeSwarm, type SwarmWorld } from '../../../support/swarm.ts';

const NO_LEADER =
  "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";

/** What a reader on the node gets: '' or the error. */
function read(world: SwarmWorld, node: number): string {
  return world.fail(node, (engine, process) => requireLeader(requireManager(engine), process));
}

function write(world: SwarmWorld, node: number): string {
  return world.fail(node, (engine, process) => commit(requireManager(engine), process));
}

function setRole(world: SwarmWorld, by: number, node: number, role: NodeRole): string {
  const { cluster, nodeId } = world.member(node);
  const { id, versionIndex, spec } = cluster.store.nodes.get(nodeId)!;
  return world.fail(by, (engine, process) =>
    updateNode(requireManager(engine), process, id, versionIndex, { ...spec, role }),
  );
}

function leader(world: SwarmWorld): string | undefined {
  return leaderOf(world.member(1).cluster)?.engine.machine.name;
}

/** `node1 ready leader`, as `docker node ls` has it. */
function nodes(world: SwarmWorld): string[] {
  return [...world.member(1).cluster.store.nodes.values()].map((node) => {
    const { managerStatus, status, description } = node;
    const manager =
      managerStatus === null
        ? ''
        : managerStatus.isLeader
          ? ' leader'
          : ` ${managerStatus.reachability}`;
    return `${description.hostname} ${status.state}${manager}`;
  });
}

test('three managers: the leader is cut off, another one is elected, and it comes back as a follower', () => {
  const world = makeSwarm(3, 3);
  expect(nodes(world)).toEqual([
    'node1 ready leader',
    'node2 ready reachable',
    'node3 ready reachable',
  ]);
  expect([1, 2, 3].map((node) => read(world, node) + write(world, node))).toEqual(['', '', '']);
  world.setCable(1, false);
  world.pass(2);
  expect(write(world, 1)).toBe(
    'rpc error: code = Unknown desc = raft: failed to process the request: node lost leader status',
  );
  world.pass(40);
  expect(['node2', 'node3']).toContain(leader(world));
  expect(read(world, 1)).toBe(NO_LEADER);
  expect([2, 3].map((node) => read(world, node) + write(world, node))).toEqual(['', '']);
  expect(nodes(world)[0]).toBe('node1 down unreachable');
  world.setCable(1, true);
  world.pass(40);
  expect(read(world, 1)).toBe('');
  expect(nodes(world).filter((text) => text.endsWith('ready leader'))).toHaveLength(1);
  expect(nodes(world).filter((text) => text.endsWith('ready reachable'))).toHaveLength(2);
});

test('two of three are cut off: no leader, until one is back', () => {
  const world = makeSwarm(3, 3);
  world.setCable(2, false);
  world.setCable(3, false);
  world.pass(30);
  expect(leader(world)).toBeUndefined();
  expect([1, 2, 3].map((node) => read(world, node))).toEqual([NO_LEADER, NO_LEADER, NO_LEADER]);
  world.setCable(2, true);
  world.pass(45);
  expect([read(world, 1), write(world, 2)]).toEqual(['', '']);
  expect(read(world, 3)).toBe(NO_LEADER);
});

test('five managers: the side of three goes on, that of two stands still', () => {
  const world = makeSwarm(5, 5);
  for (const node of [1, 2]) {
    for (const other of [3, 4, 5]) {
      world.iptables(node, `-A INPUT -s 192.168.0.1${other} -j DROP`);
      world.iptables(other, `-A INPUT -s 192.168.0.1${node} -j DROP`);
    }
  }
  world.pass(45);
  expect(['node3', 'node4', 'node5']).toContain(leader(world));
  expect([1, 2].map((node) => read(world, node))).toEqual([NO_LEADER, NO_LEADER]);
  expect([3, 4, 5].map((node) => write(world, node))).toEqual(['', '', '']);
  for (let node = 1; node <= 5; node++) world.iptables(node, '-F INPUT');
  world.pass(60);
  expect([1, 2, 3, 4, 5].map((node) => read(world, node))).toEqual(['', '', '', '', '']);
});

test('2377/tcp dropped at the leader costs it its place', () => {
  const world = makeSwarm(3, 3);
  world.iptables(1, '-A INPUT -p tcp --sport 2377 -j DROP');
  world.iptables(1, '-A INPUT -p tcp --dport 2377 -j DROP');
  world.pass(45);
  expect(['node2', 'node3']).toContain(leader(world));
});

test('promote and demote: a worker becomes a manager, a leader hands over, the last one stays', () => {
  const world = makeSwarm(3);
  expect([setRole(world, 1, 2, 'manager'), setRole(world, 1, 3, 'manager')]).toEqual(['', '']);
  world.pass(3);
  expect(nodes(world)).toEqual([
    'node1 ready leader',
    'node2 ready reachable',
    'node3 ready reachable',
  ]);
  expect(read(world, 3)).toBe('');
  expect(setRole(world, 2, 1, 'worker')).toBe('');
  world.pass(15);
  expect(world.member(1).role).toBe('worker');
  expect(read(world, 1)).toMatch(/^This node is not a swarm manager. Worker nodes can't be used/);
  expect(nodes(world)[0]).toBe('node1 ready');
  world.setCable(2, false);
  world.pass(5);
  const by = leader(world) === 'node2' ? 2 : 3;
  expect(setRole(world, by, 3, 'worker')).toMatch(/would result in a loss of quorum|lost leader/);
  world.setCable(2, true);
  // Who was the leader alone has more entries, so only it can win; the other one may stand often.
  world.pass(150);
  expect(setRole(world, 2, 3, 'worker')).toBe('');
  world.pass(15);
  expect(setRole(world, 2, 2, 'worker')).toBe(
    'rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm',
  );
});
