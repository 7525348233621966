/** The swarm under load: machines on a LAN of cables, a service, and where its clients stand. */
import { NetsimError } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { engineOf } from '../docker/engine.ts';
import { type Container, type DockerEngine, DockerError } from '../docker/engine-record.ts';
import { NETWORK_DEFAULTS } from '../docker/network-create.ts';
import { type Process, type Program, spawn } from '../engine/process.ts';
import { runUntil } from '../engine/simulator.ts';
import { listAddresses } from '../stack/address.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { createSwarmNetwork } from '../swarm/api/networks.ts';
import { createService } from '../swarm/api/services.ts';
import { initSwarm, joinSwarm, joinToken } from '../swarm/api/swarm.ts';
import { tasksOfService } from '../swarm/manager/store.ts';
import { memberOf, type SwarmMember } from '../swarm/member.ts';
import type { ServiceObject, ServiceSpec, TaskObject } from '../swarm/objects.ts';
import { buildDockerWorld } from '../topology/docker-world.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import { COSTS } from './cost-tables.ts';
import { isInside, type LoadSpec, runnableReplicas } from './load-spec.ts';

/** The port of the service, in the containers and published. */
export const SERVICE_PORT = 9000;

const NETWORK = 'loadnet';
const SERVICE = 'web';
const ADDRESSES = { listen: '', advertise: '', dataPath: '' };
/** Virtual time after which a step of the set-up is given up, and in which what was told goes round. */
const STEP_MAX_NS = 300e9;
const GOSSIP_NS = 5e9;

/** A running replica of the service. */
export interface Replica {
  /** `web.1` */
  readonly name: string;
  readonly node: Machine;
  readonly netns: NetNamespace;
}

export interface SwarmUnderLoad {
  readonly world: World;
  readonly nodes: readonly Machine[];
  readonly client: Machine;
  readonly replicas: readonly Replica[];
  /** Where the clients' sockets are. */
  readonly clientNetns: NetNamespace;
  /** Where requests go: clients take these in turn. */
  readonly targets: readonly Ipv4[];
  readonly port: number;
}

/** Builds and starts everything. @throws NetsimError if the service does not come up. */
export function buildSwarm(spec: LoadSpec): SwarmUnderLoad {
  const hasLoadNode = isInside(spec.variant);
  const built = buildDockerWorld({
    nodes: spec.nodes + (hasLoadNode ? 1 : 0),
    internet: false,
    seed: spec.seed,
    world: { cost: COSTS[spec.cost], maxFrames: Number.POSITIVE_INFINITY },
    cables: {
      delayNs: spec.linkDelayNs,
      rateBitPerSec: spec.linkBitPerSec,
      queuePackets: spec.queueFrames,
      ringFrames: spec.ringFrames,
    },
  });
  const { world, client } = built;
  const engines = built.nodes.map((machine) => engineOf(machine)!); // each node was given one
  const leader = formSwarm(engines);
  const loadNode = hasLoadNode ? built.nodes.at(-1)! : null; // the one more
  if (loadNode !== null) {
    loadNode.cpu.isUnlimited = true;
    runStep(leader.engine, (process) => createSwarmNetwork(leader, process, networkSpec(spec)));
  }
  const service = runStep(leader.engine, (process) =>
    createService(leader, process, serviceSpec(spec, loadNode)),
  );
  const loader =
    loadNode === null
      ? null
      : runStep(leader.engine, (process) => createService(leader, process, loaderSpec(loadNode)));
  const wanted = runnableReplicas(spec);
  const tasks = awaitTasks(leader, service, wanted);
  const replicas = tasks.map((task) => replicaOf(engines, task));
  let clientNetns = client.root;
  if (loader !== null) {
    clientNetns = replicaOf(engines, awaitTasks(leader, loader, 1)[0]!).netns; // it waited for one
  }
  runUntil(world.sim, world.sim.nowNs + GOSSIP_NS);
  const nodes = built.nodes.slice(0, spec.nodes);
  const targets = targetsOf(spec, leader, service, tasks, replicas, nodes);
  return { world, nodes, client, replicas, clientNetns, targets, port: SERVICE_PORT };
}

/** Does a call of the API as a process of the node. @throws NetsimError with the engine's words. */
function runStep<Result>(engine: DockerEngine, act: (process: Process) => Program<Result>): Result {
  const { sim } = engine.world;
  const outcome: { result?: Result; error?: unknown; isDone: boolean } = { isDone: false };
  spawn(sim, engine.machine.cpu, 'bench', function* main(process) {
    try {
      outcome.result = yield* act(process);
    } catch (error) {
      outcome.error = error;
    }
    outcome.isDone = true;
    return 0;
  });
  const untilNs = sim.nowNs + STEP_MAX_NS;
  while (!outcome.isDone && sim.nowNs < untilNs) runUntil(sim, sim.nowNs + 1_000_000);
  if (outcome.error instanceof DockerError) {
    throw new NetsimError('bench-setup', `the swarm refuses: ${outcome.error.message}`);
  }
  if (outcome.error !== undefined) throw outcome.error;
  if (!outcome.isDone) throw new NetsimError('bench-setup', 'the swarm does not answer');
  return outcome.result as Result; // it is done, and did not throw
}

function formSwarm(engines: readonly DockerEngine[]): SwarmMember {
  const [first, ...others] = engines as [DockerEngine, ...DockerEngine[]]; // at least one node
  runStep(first, (process) =>
    initSwarm(first, process, {
      addresses: ADDRESSES,
      availability: 'active',
      dataPathPort: 0,
      addressPools: [],
      subnetPrefixLength: 0,
      forceNewCluster: false,
      settings: {},
    }),
  );
  const token = runStep(first, (process) => joinToken(first, process, 'worker', { rotate: false }));
  for (const engine of others) {
    runStep(engine, (process) =>
      joinSwarm(engine, process, {
        addresses: ADDRESSES,
        availability: 'active',
        token,
        remote: '192.168.0.11:2377',
      }),
    );
  }
  return memberOf(first)!; // it has just become one
}

function networkSpec({ variant }: LoadSpec) {
  const options = new Map(variant === 'encrypted' ? [['encrypted', '']] : []);
  return { ...NETWORK_DEFAULTS, driver: 'overlay', name: NETWORK, options, scope: 'swarm' };
}

const NO_AMOUNT = { nanoCpus: 0, memoryBytes: 0, pids: 0 };

function baseSpec(name: string, constraints: readonly string[], isInNetwork: boolean): ServiceSpec {
  const target = { target: NETWORK, aliases: [], driverOptions: new Map() };
  return {
    name,
    labels: new Map(),
    task: {
      container: {
        image: 'alpine:latest',
        labels: new Map(),
        command: [],
        args: ['sleep', 'infinity'],
        hostname: '',
        environment: [],
        workingDir: '',
        user: '',
        groups: [],
        isTty: false,
        isReadOnly: false,
        stopSignal: '',
        stopGraceNs: 10e9,
        hosts: [],
        dns: { nameservers: [], search: [], options: [] },
        mounts: [],
        secrets: [],
        configs: [],
        sysctls: new Map(),
        capabilityAdd: [],
        capabilityDrop: [],
        init: null,
      },
      resources: { limits: NO_AMOUNT, reservations: NO_AMOUNT },
      restart: { condition: 'any', delayNs: 5e9, maxAttempts: 0, windowNs: 0 },
      placement: { constraints, preferences: [], maxReplicas: 0 },
      networks: isInNetwork ? [target] : [],
      forceUpdate: 0,
      logDriver: '',
    },
    mode: { kind: 'replicated', replicas: 1 },
    update: null,
    rollback: null,
    endpoint: { mode: 'vip', ports: [] },
  };
}

function serviceSpec(spec: LoadSpec, loadNode: Machine | null): ServiceSpec {
  const constraints = loadNode === null ? [] : [`node.hostname!=${loadNode.name}`];
  const base = baseSpec(SERVICE, constraints, loadNode !== null);
  const port = {
    name: '',
    protocol: spec.protocol === 'udp' ? 'udp' : 'tcp',
    targetPort: SERVICE_PORT,
    publishedPort: SERVICE_PORT,
    publishMode: spec.variant === 'host' ? 'host' : 'ingress',
  } as const;
  return {
    ...base,
    mode: { kind: 'replicated', replicas: runnableReplicas(spec) },
    endpoint: {
      mode: spec.variant === 'dnsrr' ? 'dnsrr' : 'vip',
      ports: loadNode === null ? [port] : [],
    },
  };
}

function loaderSpec(node: Machine): ServiceSpec {
  return baseSpec('load', [`node.hostname==${node.name}`], true);
}

function awaitTasks(member: SwarmMember, service: ServiceObject, wanted: number): TaskObject[] {
  const { store, world } = member.cluster;
  const untilNs = world.sim.nowNs + STEP_MAX_NS;
  for (;;) {
    const running = tasksOfService(store, service.id).filter(
      ({ status, desiredState }) => status.state === 'running' && desiredState === 'running',
    );
    if (running.length >= wanted) return running.sort((a, b) => a.slot - b.slot);
    if (world.sim.nowNs >= untilNs) {
      const name = service.spec.name;
      throw new NetsimError(
        'bench-setup',
        `service ${name}: ${running.length} of ${wanted} replicas run after 5 minutes`,
        { hint: 'fewer replicas, or more nodes' },
      );
    }
    runUntil(world.sim, world.sim.nowNs + 100e6);
  }
}

function replicaOf(engines: readonly DockerEngine[], task: TaskObject): Replica {
  for (const engine of engines) {
    const container: Container | undefined = engine.containers.get(task.status.containerId);
    if (container === undefined || container.netns === null) continue;
    return {
      name: `${task.serviceName}.${task.slot}`,
      node: engine.machine,
      netns: container.netns,
    };
  }
  throw new NetsimError('bench-setup', `the container of ${task.serviceName} is gone`);
}

function targetsOf(
  { variant }: LoadSpec,
  { cluster }: SwarmMember,
  service: ServiceObject,
  tasks: readonly TaskObject[],
  replicas: readonly Replica[],
  nodes: readonly Machine[],
): Ipv4[] {
  if (variant === 'ingress') return nodes.map(addressOfNode);
  if (variant === 'host') return replicas.map(({ node }) => addressOfNode(node));
  if (variant === 'dnsrr') {
    return tasks.flatMap(({ attachments }) => attachments.slice(0, 1).map((each) => each.address));
  }
  const { endpoint } = cluster.store.services.get(service.id) ?? service;
  return (endpoint?.virtualAddresses ?? []).slice(0, 1).map(({ address }) => address);
}

function addressOfNode(node: Machine): Ipv4 {
  const eth0 = node.root.deviceByName.get('eth0');
  const address = eth0 === undefined ? undefined : listAddresses(eth0)[0]?.address;
  if (address === undefined) throw new NetsimError('bench-setup', `${node.name} has no address`);
  return address;
}
