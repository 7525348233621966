/**
 * The objects of a cluster, as its managers keep them. Each is immutable: a change is a new record with
 * a higher `versionIndex`, so that a message in flight may hold the record of its moment.
 * @source moby/swarmkit api/objects.proto, api/specs.proto, api/types.proto
 */
import type { Ipv4 } from '../base/ipv4-address.ts';

/** In order: a task only moves to the right. @source api/types.proto TaskState */
export const TASK_STATES = [
  'new',
  'pending',
  'assigned',
  'accepted',
  'preparing',
  'ready',
  'starting',
  'running',
  'complete',
  'shutdown',
  'failed',
  'rejected',
  'remove',
  'orphaned',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** 25 characters of 0-9a-z. @source swarmkit identity/randomid.go */
export type ObjectId = string;

export interface ObjectMeta {
  readonly id: ObjectId;
  /** The Raft index of its last change. */
  readonly versionIndex: number;
  readonly createdNs: number;
  readonly updatedNs: number;
}

export type NodeRole = 'worker' | 'manager';
export type NodeAvailability = 'active' | 'pause' | 'drain';

export interface NodeObject extends ObjectMeta {
  readonly spec: {
    readonly labels: ReadonlyMap<string, string>;
    readonly role: NodeRole;
    readonly availability: NodeAvailability;
  };
  readonly description: {
    readonly hostname: string;
    readonly engineLabels: ReadonlyMap<string, string>;
    readonly engineVersion: string;
    readonly nanoCpus: number;
    readonly memoryBytes: number;
    readonly os: string;
    readonly architecture: string;
  };
  readonly status: {
    readonly state: 'unknown' | 'down' | 'ready' | 'disconnected';
    readonly message: string;
    readonly address: Ipv4;
  };
  /** Null for a worker. */
  readonly managerStatus: {
    readonly raftId: number;
    readonly address: Ipv4;
    readonly port: number;
    readonly isLeader: boolean;
    readonly reachability: 'unknown' | 'unreachable' | 'reachable';
  } | null;
  /** Its load balancers' addresses by network: ingress, and each overlay with a task here. */
  readonly attachments: ReadonlyMap<ObjectId, Ipv4>;
}

export interface SwarmIpamConfig {
  readonly subnet: Ipv4;
  readonly prefixLength: number;
  readonly gateway: Ipv4;
  readonly range: { readonly address: Ipv4; readonly prefixLength: number } | null;
}

export interface NetworkObject extends ObjectMeta {
  readonly name: string;
  /** `overlay`, or a driver of node-local networks (`--scope swarm`, `--config-from`). */
  readonly driver: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly options: ReadonlyMap<string, string>;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly isIngress: boolean;
  readonly isIpv6: boolean;
  readonly configFrom: string;
  readonly ipamDriver: string;
  readonly ipam: readonly SwarmIpamConfig[];
  /** One a subnet: 4096 for ingress. */
  readonly vnis: readonly number[];
  /** Whether the user named the subnet. */
  readonly isSubnetNamed: boolean;
  /**
   * Whether the allocator gave it subnets and VNIs. Until then `ipam` holds what the user asked for
   * (gateway 0: none named), and `docker network inspect` shows no driver, subnets or options.
   */
  readonly isAllocated: boolean;
}

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

export interface PortConfig {
  readonly name: string;
  readonly protocol: PortProtocol;
  readonly targetPort: number;
  /** 0 in a spec: the allocator chooses (from 30000, or an ephemeral one on the host). */
  readonly publishedPort: number;
  readonly publishMode: 'ingress' | 'host';
}

export interface NetworkAttachmentSpec {
  /** A network's id (a spec may come with a name: the API resolves it). */
  readonly target: string;
  readonly aliases: readonly string[];
  readonly driverOptions: ReadonlyMap<string, string>;
}

export interface SwarmContainerSpec {
  readonly image: string;
  readonly labels: ReadonlyMap<string, string>;
  /** ENTRYPOINT's replacement (`--entrypoint`). */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly hostname: string;
  readonly environment: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly groups: readonly string[];
  readonly isTty: boolean;
  readonly isReadOnly: boolean;
  readonly stopSignal: string;
  readonly stopGraceNs: number;
  readonly hosts: readonly string[];
  readonly dns: {
    readonly nameservers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  readonly mounts: readonly ReadonlyMap<string, string>[];
  readonly secrets: readonly FileReference[];
  readonly configs: readonly FileReference[];
  readonly sysctls: ReadonlyMap<string, string>;
  readonly capabilityAdd: readonly string[];
  readonly capabilityDrop: readonly string[];
  readonly init: boolean | null;
}

/** A secret or config in a container. */
export interface FileReference {
  readonly id: ObjectId;
  readonly name: string;
  readonly fileName: string;
}

export interface TaskSpec {
  readonly container: SwarmContainerSpec;
  readonly resources: {
    readonly limits: ResourceAmount;
    readonly reservations: ResourceAmount;
  };
  readonly restart: {
    readonly condition: 'none' | 'on-failure' | 'any';
    readonly delayNs: number;
    /** 0: unlimited. */
    readonly maxAttempts: number;
    /** 0: for ever. */
    readonly windowNs: number;
  };
  readonly placement: {
    readonly constraints: readonly string[];
    /** `node.labels.zone`: the descriptors of `spread=`. */
    readonly preferences: readonly string[];
    /** 0: no bound. */
    readonly maxReplicas: number;
  };
  readonly networks: readonly NetworkAttachmentSpec[];
  /** Raised by `--force`. */
  readonly forceUpdate: number;
  readonly logDriver: string;
}

export interface ResourceAmount {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly pids: number;
}

export interface UpdateConfig {
  readonly parallelism: number;
  readonly delayNs: number;
  readonly failureAction: 'pause' | 'continue' | 'rollback';
  readonly monitorNs: number;
  readonly maxFailureRatio: number;
  readonly order: 'stop-first' | 'start-first';
}

export type ServiceMode =
  | { readonly kind: 'replicated'; readonly replicas: number }
  | { readonly kind: 'global' }
  | {
      readonly kind: 'replicated-job';
      readonly maxConcurrent: number;
      readonly totalCompletions: number;
    }
  | { readonly kind: 'global-job' };

export interface ServiceSpec {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly task: TaskSpec;
  readonly mode: ServiceMode;
  /** Null: not given; the defaults count, and inspect shows none. */
  readonly update: UpdateConfig | null;
  readonly rollback: UpdateConfig | null;
  readonly endpoint: {
    readonly mode: 'vip' | 'dnsrr';
    readonly ports: readonly PortConfig[];
  };
}

export interface UpdateStatus {
  readonly state:
    | 'updating'
    | 'paused'
    | 'completed'
    | 'rollback_started'
    | 'rollback_paused'
    | 'rollback_completed';
  readonly startedNs: number;
  readonly completedNs: number | null;
  readonly message: string;
}

export interface ServiceObject extends ObjectMeta {
  readonly spec: ServiceSpec;
  readonly previousSpec: ServiceSpec | null;
  /** That of `previousSpec`: a rollback takes it back together with it. */
  readonly previousSpecVersion: number;
  /** The version of `spec` itself: a task whose specVersion differs is looked at by the updater. */
  readonly specVersion: number;
  /** What the allocator gave: ports as published, addresses in order (ingress first). */
  readonly endpoint: {
    readonly mode: 'vip' | 'dnsrr';
    readonly ports: readonly PortConfig[];
    readonly virtualAddresses: readonly VirtualAddress[];
  } | null;
  readonly updateStatus: UpdateStatus | null;
  /** Jobs: how often the job was started anew. */
  readonly jobIteration: number;
}

export interface VirtualAddress {
  readonly networkId: ObjectId;
  readonly address: Ipv4;
  readonly prefixLength: number;
}

export interface NetworkAttachment {
  readonly network: NetworkObject;
  readonly address: Ipv4;
  readonly prefixLength: number;
  readonly aliases: readonly string[];
}

export interface TaskStatus {
  readonly state: TaskState;
  readonly timestampNs: number;
  readonly message: string;
  readonly error: string;
  /** Empty until the container exists. */
  readonly containerId: string;
  readonly pid: number;
  readonly exitCode: number;
  /** Host-mode ports as bound. */
  readonly hostPorts: readonly PortConfig[];
}

export interface TaskObject extends ObjectMeta {
  /** Empty for the attachment of a plain container. */
  readonly serviceId: ObjectId;
  /** Service's name at creation; the container is NAME.SLOT.ID (global: NAME.NODE.ID). */
  readonly serviceName: string;
  /** From 1; 0 for tasks of global services. */
  readonly slot: number;
  /** Empty until it is assigned. */
  readonly nodeId: ObjectId;
  readonly spec: TaskSpec;
  readonly specVersion: number;
  readonly desiredState: TaskState;
  readonly status: TaskStatus;
  readonly attachments: readonly NetworkAttachment[];
  /** What the service's spec said of its endpoint when the task was made. */
  readonly endpointSpec: ServiceSpec['endpoint'];
  /** The service's endpoint as it was allocated; null before that, and for attachments. */
  readonly endpoint: ServiceObject['endpoint'];
  readonly jobIteration: number;
  /** A plain container's leg on an attachable network, and the address that it wants. */
  readonly containerAttachment: {
    readonly containerId: string;
    readonly wantedAddress: Ipv4 | null;
  } | null;
}

export interface SecretObject extends ObjectMeta {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Never shown but in the containers that are given it. */
  readonly data: string;
}
export interface ConfigObject extends ObjectMeta {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly data: string;
}

const RANKS = new Map<TaskState, number>(TASK_STATES.map((state, index) => [state, index]));

/** A state's place in the order. */
export function stateRank(state: TaskState): number {
  return RANKS.get(state)!; // a row for each
}

/** Whether the first state lies behind the second. */
export function isPast(state: TaskState, other: TaskState): boolean {
  return stateRank(state) > stateRank(other);
}
