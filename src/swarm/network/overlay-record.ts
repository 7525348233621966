/**
 * What a node keeps of its swarm networks: the sandbox of each overlay, who is behind which tunnel,
 * the services that it balances.
 * @source libnetwork/drivers/overlay/ov_network.go, libnetwork/service.go
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type {
  Container,
  DockerEndpoint,
  DockerEngine,
  DockerNetwork,
  IpamConfig,
} from '../../docker/engine-record.ts';
import type { Device } from '../../engine/device.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import type {
  EndpointRecord,
  GossipValue,
  PeerRecord,
  SwarmMember,
  SwarmNetworking,
} from '../member.ts';
import type { NetworkObject, ObjectId, PortConfig, TaskObject } from '../objects.ts';
import type { Encryption } from './encryption.ts';
import type { NameTable } from './name-table.ts';

/** Each subnet of a network has a bridge and a tunnel of its own, in one sandbox. */
export interface OverlaySubnet {
  readonly config: IpamConfig;
  readonly vni: number;
  /** Null until an address of the subnet is used here. */
  bridge: Device | null;
  vxlan: Device | null;
}

/** An endpoint on another node. */
export interface Peer {
  readonly endpointId: string;
  readonly record: PeerRecord;
}

/** A row that came, changed or went, and whose effect on the node's tables may wait; see deferral.ts. */
export interface Change {
  readonly kind: 'create' | 'update' | 'delete';
  /** The endpoint's id. */
  readonly key: string;
  readonly value: GossipValue;
}

export interface Overlay {
  readonly object: NetworkObject;
  readonly local: DockerNetwork;
  readonly subnets: readonly OverlaySubnet[];
  readonly mtuBytes: number;
  /** `-o encrypted` */
  readonly isSecure: boolean;
  /** `-o dsr`: tasks answer past the load balancer. */
  readonly isDirect: boolean;
  /** Null while no endpoint is on the network here. */
  sandbox: NetNamespace | null;
  sandboxPath: string;
  /** How often the sandbox was made: the first part of its name. */
  epoch: number;
  /** Endpoints in the sandbox. */
  joinCount: number;
  nextVeth: number;
  /** By address; more than one while a network disagrees, the first is programmed. */
  readonly peers: Map<Ipv4, Peer[]>;
  /** The rows of endpoint_table by endpoint id, this node's among them. */
  readonly rows: Map<string, EndpointRecord>;
  readonly names: NameTable;
  /** What has not been applied yet, in order. */
  pending: Change[];
  /** Takes away what watches for somebody who needs it; null: nothing does. */
  disarm: (() => void) | null;
  /** The load balancer's leg, null while it is being made or after its end. */
  balancer: DockerEndpoint | null;
}

/** A service on one network, as this node balances it. */
export interface Balancer {
  readonly address: Ipv4;
  /** The firewall mark by which IPVS knows it: counted on each node for itself. */
  readonly mark: number;
  /** Rows of the service, applied or not. */
  rowCount: number;
  /** By endpoint id, as applied. */
  readonly backends: Map<string, { readonly address: Ipv4; isDisabled: boolean }>;
}

export interface BalancedService {
  readonly key: string;
  readonly ports: readonly PortConfig[];
  /** By network id. */
  readonly balancers: Map<ObjectId, Balancer>;
  /** Which endpoints said that an address is theirs. */
  readonly holders: Map<Ipv4, Set<string>>;
}

/** A published port of the routing mesh on this node. */
export interface IngressPort {
  /** Services that publish it. */
  useCount: number;
  close: () => void;
}

export interface NodeNetworking extends SwarmNetworking {
  readonly member: SwarmMember;
  readonly engine: DockerEngine;
  readonly overlays: Map<ObjectId, Overlay>;
  readonly services: Map<string, BalancedService>;
  nextMark: number;
  readonly ports: Map<string, IngressPort>;
  readonly encryption: Encryption;
  /** Tasks of containers, and what managers granted to plain ones, by network. */
  readonly tasks: WeakMap<Container, TaskObject>;
  readonly grants: WeakMap<Container, Map<ObjectId, TaskObject>>;
}

const nodes = new WeakMap<DockerEngine, NodeNetworking>();

/** The data plane of an engine that is in a swarm; null if it is in none. */
export function networkingOf(engine: DockerEngine): NodeNetworking | null {
  return nodes.get(engine) ?? null;
}

export function setNetworking(engine: DockerEngine, node: NodeNetworking | null): void {
  if (node === null) nodes.delete(engine);
  else nodes.set(engine, node);
}

/** The node and the overlay of a network record; null if the network is not a swarm's here. */
export function overlayOf(
  engine: DockerEngine,
  network: DockerNetwork,
): { readonly node: NodeNetworking; readonly overlay: Overlay } | null {
  const node = networkingOf(engine);
  const overlay = node?.overlays.get(network.id);
  return node === null || overlay === undefined ? null : { node, overlay };
}

/** The subnet that an address is in; null if it is in none. */
export function subnetOfAddress(overlay: Overlay, address: Ipv4): OverlaySubnet | null {
  for (const subnet of overlay.subnets) {
    const { config } = subnet;
    const mask = config.prefixLength === 0 ? 0 : -1 << (32 - config.prefixLength);
    if ((address & mask) === (config.subnet & mask)) return subnet;
  }
  return null;
}
