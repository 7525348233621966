import { expect, test } from 'vitest';
import type { PeerRecord } from '../../../../src/swarm/member.ts';
import { makeSwarm, type SwarmWorld } from '../../../support/swarm.ts';

const NETWORK = 'testnetwork00000000000000';

function peer(endpointAddress: number): PeerRecord {
  return { kind: 'peer', endpointAddress, prefixLength: 24, endpointMac: 1, tunnelEndpoint: 2 };
}

/** A swarm of three, all on one network; what each hears after that. */
function makeNetwork(): { world: SwarmWorld; heard: string[][] } {
  const world = makeSwarm(3);
  for (const node of [1, 2, 3]) world.member(node).gossip.joinNetwork(NETWORK);
  world.pass(1);
  const heard = [1, 2, 3].map((node) => world.listen(node));
  return { world, heard };
}

function write(world: SwarmWorld, node: number, key: string): void {
  const { gossip } = world.member(node);
  gossip.createEntry('overlay_peer_table', NETWORK, key, peer(1));
}

/** What each has heard since the last call, but for rows of ingress. */
function take(heard: string[][]): string[] {
  return heard.map((lines) =>
    lines
      .splice(0)
      .filter((line) => /^\w+ row/.test(line))
      .join(', '),
  );
}

function peersOf(world: SwarmWorld, node: number): number {
  return world.member(node).gossip.peersOf(NETWORK).length;
}

test('a row comes to the other nodes within half a second, then its changes', () => {
  const { world, heard } = makeNetwork();
  expect([1, 2, 3].map((node) => peersOf(world, node))).toEqual([3, 3, 3]);
  expect(world.member(2).gossip.peersOf(NETWORK)[0]!.name).toBe(world.member(2).gossip.name);
  write(world, 2, 'row1');
  expect(take(heard)).toEqual(['', '', '']);
  world.pass(0.5);
  expect(take(heard)).toEqual(['create row1', '', 'create row1']);
  const { gossip } = world.member(2);
  gossip.updateEntry('overlay_peer_table', NETWORK, 'row1', peer(2));
  world.pass(0.5);
  gossip.deleteEntry('overlay_peer_table', NETWORK, 'row1');
  world.pass(0.5);
  expect(take(heard)).toEqual(['update row1, delete row1', '', 'update row1, delete row1']);
});

test('who joins a network later learns its rows over TCP; who leaves it takes its own along', () => {
  const { world, heard } = makeNetwork();
  world.member(3).gossip.leaveNetwork(NETWORK);
  write(world, 1, 'row1');
  world.pass(1);
  expect(take(heard)).toEqual(['', 'create row1', '']);
  world.member(3).gossip.joinNetwork(NETWORK);
  world.pass(1);
  expect(take(heard)).toEqual(['', '', 'create row1']);
  world.member(1).gossip.leaveNetwork(NETWORK);
  world.pass(1);
  expect(take(heard)).toEqual(['', 'delete row1', 'delete row1']);
  expect(peersOf(world, 2)).toBe(2);
});

test('without 7946/udp rows come only with the next bulk sync, and nobody is thought dead', () => {
  const { world, heard } = makeNetwork();
  world.iptables(1, '-A INPUT -p udp --dport 7946 -j DROP');
  write(world, 2, 'row1');
  world.pass(3);
  expect(take(heard)).toEqual(['', '', 'create row1']);
  world.pass(35);
  expect(take(heard)).toEqual(['create row1', '', '']);
  expect([1, 2, 3].map((node) => peersOf(world, node))).toEqual([3, 3, 3]);
});

test('without 7946 at all the node is dead for the others after some seconds', () => {
  const { world, heard } = makeNetwork();
  write(world, 1, 'row1');
  world.pass(1);
  take(heard);
  world.iptables(1, '-A INPUT -p udp --dport 7946 -j DROP');
  world.iptables(1, '-A INPUT -p tcp --dport 7946 -j DROP');
  world.pass(2);
  expect(take(heard)).toEqual(['', '', '']);
  world.pass(7);
  expect(take(heard)).toEqual(['', 'delete row1', 'delete row1']);
});

test('a cable that is pulled: rows go on both sides after about 6 s, and come back with it', () => {
  const { world, heard } = makeNetwork();
  write(world, 1, 'row1');
  write(world, 3, 'row3');
  world.pass(1);
  take(heard);
  world.setCable(3, false);
  world.pass(4);
  expect(take(heard)).toEqual(['', '', '']);
  world.pass(6);
  expect(take(heard)).toEqual(['delete row3', 'delete row3', 'delete row1']);
  expect([1, 2, 3].map((node) => peersOf(world, node))).toEqual([2, 2, 1]);
  write(world, 3, 'row4');
  world.pass(20);
  expect(take(heard)).toEqual(['', '', '']);
  world.setCable(3, true);
  world.pass(45);
  const [first = '', second = '', third = ''] = take(heard);
  for (const each of [first, second]) {
    expect(each.split(', ').sort()).toEqual(['create row3', 'create row4']);
  }
  expect(third).toBe('create row1');
  expect([1, 2, 3].map((node) => peersOf(world, node))).toEqual([3, 3, 3]);
});
