/** What one run of load is: the cluster, the way into it, the clients. Everything that a result depends on. */
import type { CostName } from './cost-tables.ts';

/**
 * How clients reach the service. `ingress`: a published port on any node, by the routing mesh. `host`: a port
 * published on the very node of a replica. `vip`, `dnsrr`: from a container on the same overlay network, by the
 * service's virtual address or by the addresses of its tasks. `encrypted`: `vip` on an encrypted network.
 */
export const VARIANTS = ['ingress', 'host', 'vip', 'dnsrr', 'encrypted'] as const;
export type Variant = (typeof VARIANTS)[number];

export const PROTOCOLS = ['udp', 'tcp', 'http'] as const;
export type LoadProtocol = (typeof PROTOCOLS)[number];

export interface LoadSpec {
  readonly variant: Variant;
  readonly nodes: number;
  readonly replicas: number;
  readonly protocol: LoadProtocol;
  /** `open`: requests come at their rate whatever becomes of them. `closed`: each client waits for its answer. */
  readonly loop: 'open' | 'closed';
  readonly arrivals: 'poisson' | 'constant';
  /** Open loop: requests a second. */
  readonly ratePerSec: number;
  /** Closed loop: clients that ask one after the other; and what each thinks between answer and request. */
  readonly clients: number;
  readonly thinkNs: number;
  /** UDP: sockets that the load is spread over. TCP and HTTP with keep-alive, open loop: connections. */
  readonly flows: number;
  /** TCP and HTTP: requests go over one connection, or each makes its own. */
  readonly isKeptAlive: boolean;
  readonly requestBytes: number;
  readonly replyBytes: number;
  /** CPU time that a replica spends on a request. */
  readonly serviceNs: number;
  readonly warmupNs: number;
  readonly durationNs: number;
  /** A request without an answer for so long is lost. */
  readonly timeoutNs: number;
  readonly linkBitPerSec: number;
  readonly linkDelayNs: number;
  /** Frames that wait in front of a link, and in a card's receive ring. */
  readonly queueFrames: number;
  readonly ringFrames: number;
  readonly cost: CostName;
  readonly seed: number;
}

export const LOAD_DEFAULTS: LoadSpec = {
  variant: 'ingress',
  nodes: 3,
  replicas: 6,
  protocol: 'udp',
  loop: 'open',
  arrivals: 'poisson',
  ratePerSec: 20_000,
  clients: 32,
  thinkNs: 0,
  flows: 256,
  isKeptAlive: false,
  requestBytes: 64,
  replyBytes: 64,
  serviceNs: 5_000,
  warmupNs: 50_000_000,
  durationNs: 200_000_000,
  timeoutNs: 1_000_000_000,
  linkBitPerSec: 10_000_000_000,
  linkDelayNs: 5_000,
  queueFrames: 1000,
  ringFrames: 1024,
  cost: 'linux-6.18-vm',
  seed: 1,
};

/** Whether the clients are containers of the swarm, on a node of their own. */
export function isInside(variant: Variant): boolean {
  return variant === 'vip' || variant === 'dnsrr' || variant === 'encrypted';
}

/** Replicas that can run: a port of a host serves one. */
export function runnableReplicas({ variant, nodes, replicas }: LoadSpec): number {
  return variant === 'host' ? Math.min(nodes, replicas) : replicas;
}
