import { expect, test } from 'vitest';
import { parseIpv4 } from '../../../../src/base/ipv4-address.ts';
import { runOn } from '../../../../src/engine/simulator.ts';
import { addAddress } from '../../../../src/stack/address.ts';
import { createLink, setLinkUp } from '../../../../src/stack/link.ts';
import {
  initSwarm,
  joinSwarm,
  joinToken,
  leaveSwarm,
  restartMember,
  swarmCa,
  swarmInfo,
  unlockKey,
  unlockSwarm,
  updateSwarm,
} from '../../../../src/swarm/api/swarm.ts';
import { requireManager } from '../../../../src/swarm/wire/leader.ts';
import {
  INIT,
  JOIN,
  join,
  makeSwarm,
  makeSwarmWorld,
  type SwarmWorld,
} from '../../../support/swarm.ts';

const NO_SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
const FORCE =
  'The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message.';
const AS_MANAGER =
  'You are attempting to leave the swarm on a node that is participating as a manager. ';

function init(world: SwarmWorld, node: number, advertise = ''): string {
  const addresses = { ...INIT.addresses, advertise };
  return world.fail(node, (engine, process) => initSwarm(engine, process, { ...INIT, addresses }));
}

function leave(world: SwarmWorld, node: number, force = false): string {
  return world.fail(node, (engine, process) => leaveSwarm(engine, process, { force }));
}

function joinWith(world: SwarmWorld, node: number, token: string, remote = JOIN.remote): string {
  return world.fail(node, (engine, process) =>
    joinSwarm(engine, process, { ...JOIN, token, remote }),
  );
}

function addDevice(world: SwarmWorld, name: string, text: string): void {
  const { root, cpu } = world.nodes[0]!;
  runOn(world.world.sim, cpu, () => {
    const device = createLink(root, { kind: 'dummy', name });
    setLinkUp(device);
    addAddress(root, device, { address: parseIpv4(text)!, prefixLength: 24 });
  });
}

test('the address to advertise: the only one, one of an interface, or the user must choose', () => {
  const world = makeSwarmWorld(1);
  expect(init(world, 1, 'nosuch')).toBe(
    'advertise address must be a non-zero IP address or network interface (with optional port number)',
  );
  addDevice(world, 'eth1', '192.168.56.11');
  expect(init(world, 1)).toBe(
    'could not choose an IP address to advertise since this system has multiple addresses on different interfaces (192.168.0.11 on eth0 and 192.168.56.11 on eth1) - specify one with --advertise-addr',
  );
  expect(swarmInfo(world.engines[0]!).state).toBe('inactive');
  expect(init(world, 1, 'eth1')).toBe('');
  expect(world.member(1).advertiseAddress).toBe(parseIpv4('192.168.56.11'));
  expect(init(world, 1)).toMatch(
    /^This node is already part of a swarm\. Use "docker swarm leave"/,
  );
});

test('who is in no swarm, a worker, and a manager', () => {
  const world = makeSwarm(2);
  const lone = makeSwarmWorld(1);
  expect(
    lone.fail(1, (engine, process) => joinToken(engine, process, 'worker', { rotate: false })),
  ).toBe(NO_SWARM);
  expect(leave(lone, 1)).toBe('This node is not part of a swarm');
  expect(() => requireManager(world.engines[1]!)).toThrow(
    /^This node is not a swarm manager\. Worker nodes/,
  );
  expect(requireManager(world.engines[0]!)).toBe(world.member(1));
  expect(swarmInfo(world.engines[1]!)).toMatchObject({
    state: 'active',
    isManager: false,
    nodeAddress: parseIpv4('192.168.0.12'),
    remoteManagers: [
      { nodeId: world.member(1).nodeId, address: parseIpv4('192.168.0.11'), port: 2377 },
    ],
  });
});

test('tokens: of another swarm, out of date, of no form; a port where nobody listens', () => {
  const world = makeSwarmWorld(3);
  expect(init(world, 1)).toBe('');
  const { workerToken, caDigest } = world.member(1).cluster.settings;
  expect(workerToken).toMatch(/^SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}$/);
  expect(joinWith(world, 2, 'SWMTKN-1-abc')).toBe('invalid join token');
  const other = workerToken.replace(caDigest, `0${'1'.repeat(49)}`);
  const start = world.nowSec();
  expect(joinWith(world, 2, other)).toMatch(
    /^remote CA does not match fingerprint\. Expected: [0-9a-f]{64}$/,
  );
  expect(world.nowSec() - start).toBeGreaterThan(8);
  expect(joinWith(world, 2, workerToken, '192.168.0.13')).toBe(
    'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 192.168.0.13:2377: connect: connection refused"',
  );
  const rotated = world.run(1, (engine, process) =>
    joinToken(engine, process, 'worker', { rotate: true }),
  );
  expect(rotated).not.toBe(workerToken);
  expect(joinWith(world, 2, workerToken)).toBe(
    'rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster',
  );
  expect(joinWith(world, 2, rotated)).toBe('');
  const before = world.member(1).cluster.settings.managerToken;
  world.run(1, (engine, process) => swarmCa(engine, process, { rotate: true }));
  expect(world.member(1).cluster.settings.managerToken).not.toBe(before);
});

test('a join that finds 2377 closed by a firewall is pending, and goes on in the background', () => {
  const world = makeSwarmWorld(2);
  init(world, 1);
  world.iptables(1, '-A INPUT -p tcp --dport 2377 -j DROP');
  const { workerToken } = world.member(1).cluster.settings;
  const start = world.nowSec();
  expect(joinWith(world, 2, workerToken)).toMatch(/^Timeout was reached before node joined\./);
  expect(world.nowSec() - start).toBeCloseTo(20, 1);
  const engine = world.engines[1]!;
  expect(swarmInfo(engine).state).toBe('pending');
  expect(joinWith(world, 2, workerToken)).toMatch(/^This node is already part of a swarm\./);
  world.iptables(1, '-F INPUT');
  world.pass(60);
  expect(swarmInfo(engine).state).toBe('active');
  expect(leave(world, 2)).toBe('');
});

test('a manager that the others cannot reach is not let in', () => {
  const world = makeSwarmWorld(2);
  init(world, 1);
  world.iptables(2, '-A INPUT -p tcp --dport 2377 -j DROP');
  expect(joinWith(world, 2, world.member(1).cluster.settings.managerToken)).toBe(
    "manager stopped: can't initialize raft node: rpc error: code = Unknown desc = could not connect to prospective new cluster member using its advertised address: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
  );
  expect(swarmInfo(world.engines[1]!).state).toBe('inactive');
});

test('leaving: a worker is down soon after, managers are warned', () => {
  const world = makeSwarm(4, 3);
  expect(leave(world, 4)).toBe('');
  world.pass(17);
  const { cluster } = world.member(1);
  const states = [...cluster.store.nodes.values()].map(({ status }) => status.state);
  expect(states).toEqual(['ready', 'ready', 'ready', 'down']);
  expect(leave(world, 3)).toBe(`${AS_MANAGER}${FORCE}`);
  expect(leave(world, 3, true)).toBe('');
  world.pass(10);
  expect(leave(world, 2)).toBe(
    `${AS_MANAGER}Removing this node leaves 1 managers out of 3. Without a Raft quorum your swarm will be inaccessible. ${FORCE}`,
  );
  expect(leave(world, 2, true)).toBe('');
  world.pass(30);
  expect(leave(world, 1)).toBe(
    `${AS_MANAGER}Doing so may lose the consensus of your cluster. ${FORCE}`,
  );
  expect(leave(world, 1, true)).toBe('');
  expect(init(world, 1)).toBe('');
  expect(leave(world, 1)).toBe(
    `${AS_MANAGER}Removing the last manager erases all current state of the swarm. Use \`--force\` to ignore this message. `,
  );
  join(world, 2, 'worker');
  expect(world.member(2).cluster).toBe(world.member(1).cluster);
});

test('--force-new-cluster brings a manager without a quorum back', () => {
  const world = makeSwarm(3, 3);
  world.setCable(2, false);
  world.setCable(3, false);
  world.pass(40);
  const token = (): string =>
    world.fail(1, (engine, process) => joinToken(engine, process, 'worker', { rotate: false }));
  expect(token()).toMatch(/The swarm does not have a leader/);
  world.run(1, (engine, process) => initSwarm(engine, process, { ...INIT, forceNewCluster: true }));
  expect(token()).toBe('');
});

test('autolock: a manager whose engine is restarted waits for the key', () => {
  const world = makeSwarm(2);
  const key = world.run(1, (engine, process) =>
    updateSwarm(engine, process, { isAutolocked: true }),
  );
  expect(key).toMatch(/^SWMKEY-1-[A-Za-z0-9+/]{43}$/);
  expect(world.run(1, (engine, process) => unlockKey(engine, process, { rotate: false }))).toBe(
    key,
  );
  const unlock = (text: string): string =>
    world.fail(1, (engine, process) => unlockSwarm(engine, process, text));
  expect(unlock(key)).toBe('swarm is not locked');
  const { cpu } = world.nodes[0]!;
  runOn(world.world.sim, cpu, () => restartMember(world.member(1)));
  expect(() => requireManager(world.engines[0]!)).toThrow(
    /^Swarm is encrypted and needs to be unlocked/,
  );
  expect(leave(world, 1)).toMatch(/^Swarm is encrypted and locked\./);
  expect(unlock(key.replace(/.{4}$/, 'AAAA'))).toBe(
    'swarm could not be unlocked: invalid key provided',
  );
  expect(unlock(key)).toBe('');
  world.pass(20);
  expect(swarmInfo(world.engines[0]!)).toMatchObject({ state: 'active', isManager: true });
  expect(
    world.run(1, (engine, process) => joinToken(engine, process, 'worker', { rotate: false })),
  ).toMatch(/^SWMTKN/);
});
