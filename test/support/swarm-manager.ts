// The leader's loops without a network: nodes are records, agents take assignments and answer at once.
import { expect } from 'vitest';
import { parseIpv4 } from '../../src/base/ipv4-address.ts';
import type { DockerEngine } from '../../src/docker/engine-record.ts';
import { NETWORK_DEFAULTS } from '../../src/docker/network-create.ts';
import { ENGINE_PROFILES } from '../../src/docker/profile.ts';
import { runUntil, schedule, timeNs } from '../../src/engine/simulator.ts';
import { makeTimer } from '../../src/engine/timer-queue.ts';
import { networkOf, type SwarmNetworkSpec } from '../../src/swarm/api/networks.ts';
import { addService, changeService, checkNewService } from '../../src/swarm/api/services.ts';
import type { Cluster } from '../../src/swarm/manager/cluster.ts';
import {
  addNodeObject,
  applyStatus,
  assignmentsOf,
  markNodeDown,
  markNodeReady,
} from '../../src/swarm/manager/dispatch.ts';
import { startLeader } from '../../src/swarm/manager/leader.ts';
import { makeStore, tasksOfService, updateStore } from '../../src/swarm/manager/store.ts';
import type { SwarmMember } from '../../src/swarm/member.ts';
import {
  type NetworkObject,
  type NodeObject,
  type ServiceMode,
  type ServiceObject,
  type ServiceSpec,
  stateRank,
  type TaskObject,
  type TaskSpec,
  type TaskState,
  type TaskStatus,
} from '../../src/swarm/objects.ts';
import { buildDockerWorld } from '../../src/topology/docker-world.ts';

const NONE = { nanoCpus: 0, memoryBytes: 0, pids: 0 };

export const TASK_SPEC: TaskSpec = {
  container: {
    image: 'ubuntu:latest',
    labels: new Map(),
    command: [],
    args: [],
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
  resources: { limits: NONE, reservations: NONE },
  restart: { condition: 'any', delayNs: 5e9, maxAttempts: 0, windowNs: 0 },
  placement: { constraints: [], preferences: [], maxReplicas: 0 },
  networks: [],
  forceUpdate: 0,
  logDriver: '',
};

export interface ServiceOptions {
  readonly image?: string;
  readonly mode?: ServiceMode;
  readonly networks?: readonly string[];
  readonly ports?: ServiceSpec['endpoint']['ports'];
  readonly endpointMode?: 'vip' | 'dnsrr';
  readonly task?: Partial<TaskSpec>;
  readonly update?: ServiceSpec['update'];
}

export function replicated(replicas: number): ServiceMode {
  return { kind: 'replicated', replicas };
}

export function serviceSpec(name: string, options: ServiceOptions = {}): ServiceSpec {
  const { image = 'ubuntu:latest', mode = replicated(1), networks = [], ports = [] } = options;
  return {
    name,
    labels: new Map(),
    task: {
      ...TASK_SPEC,
      container: { ...TASK_SPEC.container, image },
      networks: networks.map((target) => ({ target, aliases: [], driverOptions: new Map() })),
      ...options.task,
    },
    mode,
    update: options.update ?? null,
    rollback: null,
    endpoint: { mode: options.endpointMode ?? 'vip', ports },
  };
}

export interface SwarmLab {
  readonly cluster: Cluster;
  readonly nodes: readonly NodeObject[];
  /** Virtual seconds. */
  pass(seconds: number): void;
  network(name: string, changes?: Partial<SwarmNetworkSpec>): NetworkObject;
  create(name: string, options?: ServiceOptions): ServiceObject;
  change(name: string, edit: (spec: ServiceSpec) => ServiceSpec): void;
  rollBack(name: string): void;
  remove(name: string): void;
  service(name: string): ServiceObject;
  tasks(name: string): TaskObject[];
  /** `NAME.SLOT NODE DESIRED STATE ERROR`, in the order of `docker service ps`. */
  ps(name: string): string[];
  setNode(host: string, change: Partial<NodeObject['spec']>): void;
  /** The node's agent falls silent, and is declared down. */
  fail(host: string): void;
  comeBack(host: string): void;
  end(taskId: string, exitCode: number): void;
}

const READY_NS = 300e6;
const STOP_NS = 1e9;

/** An image `fails` exits with 1 after a second; `missing` is not there; others run. */
class Agent {
  readonly #lab: { cluster: Cluster; after: (delayNs: number, what: () => void) => void };
  readonly #nodeId: string;
  readonly #known = new Map<string, { task: TaskObject; state: TaskState; isStopping: boolean }>();
  isSilent = false;

  constructor(
    lab: { cluster: Cluster; after: (delayNs: number, what: () => void) => void },
    nodeId: string,
  ) {
    this.#lab = lab;
    this.#nodeId = nodeId;
  }

  take(tasks: readonly TaskObject[]): void {
    if (this.isSilent) return;
    const ids = new Set(tasks.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    for (const task of tasks) {
      const known = this.#known.get(task.id);
      if (known === undefined) {
        this.#known.set(task.id, { task, state: task.status.state, isStopping: false });
      } else known.task = task;
      this.#step(task.id);
    }
  }

  end(taskId: string, exitCode: number): void {
    if (exitCode === 0) this.#report(taskId, 'complete', 'finished', '', 0);
    else this.#report(taskId, 'failed', 'started', `task: non-zero exit (${exitCode})`, exitCode);
  }

  #step(id: string): void {
    const known = this.#known.get(id);
    if (known === undefined || stateRank(known.state) >= stateRank('complete')) return;
    const { task, state } = known;
    const after = (delayNs: number, what: () => void): void => this.#lab.after(delayNs, what);
    if (stateRank(task.desiredState) >= stateRank('shutdown')) {
      if (known.isStopping) return;
      known.isStopping = true;
      after(STOP_NS, () => this.#report(id, 'shutdown', 'shutdown'));
    } else if (state === 'assigned') {
      if (task.spec.container.image.startsWith('missing')) {
        this.#report(id, 'rejected', 'preparing', `No such image: ${task.spec.container.image}`);
        return;
      }
      this.#report(id, 'ready', 'prepared');
      this.#step(id);
    } else if (state === 'ready' && stateRank(task.desiredState) >= stateRank('running')) {
      known.state = 'starting';
      after(READY_NS, () => {
        this.#report(id, 'running', 'started');
        if (task.spec.container.image.startsWith('fails')) after(1e9, () => this.end(id, 1));
        if (task.spec.container.image.startsWith('short')) after(1e9, () => this.end(id, 0));
      });
    }
  }

  #report(id: string, state: TaskState, message: string, error = '', exitCode = 0): void {
    const known = this.#known.get(id);
    if (known === undefined || stateRank(known.state) >= stateRank('complete')) return;
    known.state = state;
    if (this.isSilent) return;
    const status: TaskStatus = {
      ...known.task.status,
      state,
      message,
      error,
      exitCode,
      timestampNs: timeNs(this.#lab.cluster.world.sim),
    };
    applyStatus(this.#lab.cluster, this.#nodeId, id, status);
  }
}

export function makeSwarmLab(nodeCount: number, seed = 1): SwarmLab {
  const { world, nodes: machines } = buildDockerWorld({
    nodes: 1,
    internet: false,
    engine: null,
    seed,
  });
  const machine = machines[0]!;
  const { sim } = world;
  const after = (delayNs: number, what: () => void): void => {
    schedule(sim, makeTimer(machine.cpu, what), delayNs);
  };
  const cluster: Cluster = {
    world,
    id: 'cluster',
    createdNs: 0,
    store: makeStore(),
    members: new Map(),
    dataPathPort: 4789,
    addressPools: [{ address: parseIpv4('10.0.0.0')!, prefixLength: 8 }],
    subnetPrefixLength: 24,
    settings: { taskHistoryLimit: 5 } as Cluster['settings'],
  };
  const agents = new Map<string, Agent>();
  const member = {
    engine: { machine, world, profile: ENGINE_PROFILES['26.1'] } as unknown as DockerEngine,
    cluster,
    wire: {
      assign: (nodeId: string) =>
        after(1e6, () => agents.get(nodeId)?.take(assignmentsOf(cluster, nodeId))),
    },
  } as unknown as SwarmMember;
  startLeader(cluster, member);
  const { store } = cluster;
  updateStore(cluster, (tx) =>
    tx.create('network', networkOf({ ...netSpec('ingress'), isIngress: true })),
  );
  const nodes: NodeObject[] = [];
  const pass = (seconds: number): void => {
    runUntil(sim, timeNs(sim) + seconds * 1e9);
  };
  for (let number = 1; number <= nodeCount; number++) {
    const role = number === 1 ? 'manager' : 'worker';
    const address = parseIpv4('192.168.0.10')! + number;
    const node = addNodeObject(cluster, {
      id: `node${number}id`.padEnd(25, '0'),
      spec: { labels: new Map(), role, availability: 'active' },
      description: {
        hostname: `node${number}`,
        engineLabels: new Map(),
        engineVersion: '26.1.5',
        nanoCpus: 2e9,
        memoryBytes: 4e9,
        os: 'linux',
        architecture: 'x86_64',
      },
      managerStatus: null,
      address,
    });
    agents.set(node.id, new Agent({ cluster, after }, node.id));
    markNodeReady(cluster, node.id, address);
    nodes.push(node);
    pass(0.2);
  }
  const service = (name: string): ServiceObject => {
    const found = [...store.services.values()].find(({ spec }) => spec.name === name);
    expect(found, `service ${name}`).toBeDefined();
    return found!;
  };
  const nodeOf = (host: string): NodeObject =>
    [...store.nodes.values()].find(({ description }) => description.hostname === host)!;
  const tasks = (name: string): TaskObject[] => tasksOfService(store, service(name).id);
  return {
    cluster,
    nodes,
    pass,
    network(name, changes = {}) {
      const made = updateStore(cluster, (tx) =>
        tx.create('network', networkOf({ ...netSpec(name), ...changes })),
      );
      pass(0.1);
      return store.networks.get(made.id)!;
    },
    create: (name, options) =>
      addService(cluster, checkNewService(cluster, serviceSpec(name, options))),
    change(name, edit) {
      const { id, spec, versionIndex } = service(name);
      changeService(cluster, id, versionIndex, edit(spec), { isRollback: false });
    },
    rollBack(name) {
      const { id, spec, versionIndex } = service(name);
      changeService(cluster, id, versionIndex, spec, { isRollback: true });
    },
    remove(name) {
      const { id } = service(name);
      updateStore(cluster, (tx) => tx.remove('service', id));
    },
    service,
    tasks,
    ps(name) {
      const rows = tasks(name).map((task) => ({
        task,
        host: store.nodes.get(task.nodeId)?.description.hostname ?? '-',
      }));
      rows.sort(
        (one, other) =>
          one.task.slot - other.task.slot ||
          one.host.localeCompare(other.host) * Number(one.task.slot === 0) ||
          other.task.createdNs - one.task.createdNs,
      );
      return rows.map(({ task: { slot, desiredState, status }, host }) =>
        `${name}.${slot} ${host} ${desiredState} ${status.state} ${status.error}`.trim(),
      );
    },
    setNode(host, change) {
      const node = nodeOf(host);
      updateStore(cluster, (tx) =>
        tx.update('node', { ...node, spec: { ...node.spec, ...change } }),
      );
    },
    fail(host) {
      const node = nodeOf(host);
      agents.get(node.id)!.isSilent = true;
      markNodeDown(cluster, node.id, 'heartbeat failure');
    },
    comeBack(host) {
      const node = nodeOf(host);
      const agent = agents.get(node.id)!;
      agent.isSilent = false;
      markNodeReady(cluster, node.id, node.status.address);
      after(1e6, () => agent.take(assignmentsOf(cluster, node.id)));
    },
    end(taskId, exitCode) {
      agents.get(store.tasks.get(taskId)!.nodeId)!.end(taskId, exitCode);
    },
  };
}

function netSpec(name: string): SwarmNetworkSpec {
  return { ...NETWORK_DEFAULTS, name, driver: 'overlay', configFrom: '' };
}
