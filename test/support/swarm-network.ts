// Nodes whose data plane is real and whose managers are not: the test says what a store would hold, and a
// stand-in gossip brings each row to the others after 200 ms.

import { parseIpv4 } from '../../src/base/ipv4-address.ts';
import { createContainer } from '../../src/docker/container-create.ts';
import { startContainer } from '../../src/docker/container-start.ts';
import { engineOf } from '../../src/docker/engine.ts';
import type { Container, DockerEngine } from '../../src/docker/engine-record.ts';
import { runOn, runUntil, schedule } from '../../src/engine/simulator.ts';
import { makeTimer } from '../../src/engine/timer-queue.ts';
import type { Cluster } from '../../src/swarm/manager/cluster.ts';
import { makeStore } from '../../src/swarm/manager/store.ts';
import type { Gossip, GossipEvent, SwarmMember } from '../../src/swarm/member.ts';
import {
  attachTask,
  bindTask,
  endpointsOfTask,
  makeNetworking,
  openIngress,
  prepareNetwork,
} from '../../src/swarm/network/index.ts';
import type {
  NetworkObject,
  NodeObject,
  PortConfig,
  ServiceObject,
  TaskObject,
} from '../../src/swarm/objects.ts';
import { buildDockerWorld, type DockerWorld } from '../../src/topology/docker-world.ts';
import { plainSpec } from './docker-lab.ts';

const GOSSIP_NS = 200_000_000;

export interface SwarmNet extends DockerWorld {
  readonly members: readonly SwarmMember[];
  readonly cluster: Cluster;
  act<Result>(node: number, what: (engine: DockerEngine) => Result): Result;
  network(name: string, index: number, changes?: Partial<NetworkObject>): NetworkObject;
  /** Gives a node its load balancer's address on a network. */
  attach(node: number, network: NetworkObject, address: string): void;
  /** Starts a task on a node: its own addresses in order of the networks. */
  task(node: number, wanted: WantedTask): { container: Container; task: TaskObject };
  pass(seconds: number): void;
}

export interface WantedTask {
  readonly service: string;
  readonly slot?: number;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly legs: ReadonlyArray<{ network: NetworkObject; address: string; vip: string | null }>;
  readonly ports?: readonly PortConfig[];
  readonly isBound?: boolean;
}

const address = (text: string): number => parseIpv4(text)!;

function fakeGossips(cluster: Cluster, count: number): Gossip[] {
  const gossips: Gossip[] = [];
  const joined: Set<string>[] = [];
  const rows: Array<Map<string, GossipEvent>> = [];
  const { world } = cluster;
  const later = (node: number, event: GossipEvent): void => {
    const timer = makeTimer(world.sim.cpu, () => {
      if (joined[node]!.has(event.networkId)) gossips[node]!.listener?.(event);
    });
    schedule(world.sim, timer, GOSSIP_NS);
  };
  for (let i = 0; i < count; i++) {
    joined.push(new Set());
    rows.push(new Map());
    const tell = (event: GossipEvent): void => {
      const key = `${event.table} ${event.networkId} ${event.key}`;
      if (event.kind === 'delete') rows[i]!.delete(key);
      else rows[i]!.set(key, { ...event, kind: 'create' });
      for (let other = 0; other < count; other++) if (other !== i) later(other, event);
    };
    const say =
      (kind: GossipEvent['kind']) =>
      (
        table: GossipEvent['table'],
        networkId: string,
        key: string,
        value: GossipEvent['value'],
      ): void =>
        tell({ table, networkId, key, kind, value, nodeId: `node${i + 1}` });
    gossips.push({
      name: `00000000000${i + 1}`,
      joinNetwork(id) {
        joined[i]!.add(id);
        for (const [other, all] of rows.entries()) {
          if (other === i) continue;
          for (const event of all.values()) if (event.networkId === id) later(i, event);
        }
      },
      leaveNetwork(id) {
        joined[i]!.delete(id);
      },
      createEntry: say('create'),
      updateEntry: say('update'),
      deleteEntry(table, networkId, key) {
        const old = rows[i]!.get(`${table} ${networkId} ${key}`);
        if (old !== undefined) tell({ ...old, kind: 'delete' });
      },
      peersOf: () => [],
      listener: null,
      close() {},
    });
  }
  return gossips;
}

/** As many nodes as asked for, all in one swarm with an ingress network. */
export function makeSwarmNet(count = 2, seed = 1): SwarmNet {
  const built = buildDockerWorld({ nodes: count, internet: false, seed });
  const { world } = built;
  const store = makeStore();
  const cluster = {
    world,
    id: 'cluster',
    createdNs: 0,
    store,
    members: new Map(),
    dataPathPort: 4789,
    addressPools: [],
    subnetPrefixLength: 24,
    settings: null,
  } as unknown as Cluster;
  const nodeObjects = store.nodes as Map<string, NodeObject>;
  const networks = store.networks as Map<string, NetworkObject>;
  const gossips = fakeGossips(cluster, count);
  const act: SwarmNet['act'] = (node, what) => {
    const machine = built.nodes[node - 1]!;
    return runOn(world.sim, machine.cpu, () => what(engineOf(machine)!));
  };
  const network: SwarmNet['network'] = (name, index, changes = {}) => {
    const object: NetworkObject = {
      id: `${name}00000000000000000000000`.slice(0, 25),
      versionIndex: 1,
      createdNs: 0,
      updatedNs: 0,
      name,
      driver: 'overlay',
      labels: new Map(),
      options: new Map(),
      isInternal: false,
      isAttachable: false,
      isIngress: false,
      isIpv6: false,
      configFrom: '',
      ipamDriver: 'default',
      ipam: [
        {
          subnet: address(`10.0.${index}.0`),
          prefixLength: 24,
          gateway: address(`10.0.${index}.1`),
          range: null,
        },
      ],
      vnis: [4096 + index],
      isSubnetNamed: false,
      ...changes,
    } as NetworkObject;
    networks.set(object.id, object);
    return object;
  };
  const attach: SwarmNet['attach'] = (node, { id }, text) => {
    const old = nodeObjects.get(`node${node}`)!;
    const attachments = new Map([...old.attachments, [id, address(text)] as const]);
    nodeObjects.set(`node${node}`, { ...old, attachments });
  };
  const ingress = network('ingress', 0, { isIngress: true });
  const members = built.nodes.map((machine, i) => {
    const nodeId = `node${i + 1}`;
    nodeObjects.set(nodeId, { id: nodeId, attachments: new Map() } as unknown as NodeObject);
    attach(i + 1, ingress, `10.0.0.${i + 2}`);
    const own = address(`192.168.0.${11 + i}`);
    const member = {
      engine: engineOf(machine)!,
      cluster,
      nodeId,
      advertiseAddress: own,
      listenAddress: own,
      dataPathAddress: own,
      role: 'manager',
      state: 'active',
      error: '',
      wire: null,
      gossip: gossips[i]!,
      agent: null,
      network: null,
    } as unknown as SwarmMember;
    act(i + 1, () => {
      (member as { network: unknown }).network = makeNetworking(member);
      openIngress(member);
    });
    return member;
  });
  const task: SwarmNet['task'] = (node, wanted) => {
    const member = members[node - 1]!;
    const { service, slot = 1, legs, ports = [], isBound = true } = wanted;
    const virtualAddresses = legs.flatMap(({ network: { id }, vip }) =>
      vip === null ? [] : [{ networkId: id, address: address(vip), prefixLength: 24 }],
    );
    const endpoint: ServiceObject['endpoint'] = { mode: 'vip', ports, virtualAddresses };
    const object = {
      id: `${service}task${slot}`,
      serviceId: `${service}-id`,
      serviceName: service,
      slot,
      nodeId: member.nodeId,
      attachments: legs.map((leg) => ({
        network: leg.network,
        address: address(leg.address),
        prefixLength: 24,
        aliases: [],
      })),
      endpoint,
    } as unknown as TaskObject;
    const container = act(node, (engine) => {
      for (const { network: each } of object.attachments) prepareNetwork(member, each);
      const endpoints = endpointsOfTask(object);
      const made = createContainer(engine, {
        ...plainSpec,
        name: `${service}.${slot}.${object.id}`,
        image: wanted.image ?? 'ubuntu',
        command: wanted.command ?? (wanted.image === undefined ? ['sleep', 'infinity'] : []),
        networkMode: [...endpoints.keys()][0] ?? 'bridge',
        endpoints,
      });
      attachTask(member, made, object);
      startContainer(engine, made);
      if (isBound) bindTask(member, made);
      return made;
    });
    return { container, task: object };
  };
  const pass = (seconds: number): void => {
    runUntil(world.sim, world.sim.nowNs + seconds * 1e9);
  };
  pass(1);
  return { ...built, members, cluster, act, network, attach, task, pass };
}
