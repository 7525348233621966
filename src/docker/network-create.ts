/** `docker network create`, `rm`, `prune`, and finding networks. */
import type { Ipv4 } from '../base/ipv4-address.ts';
import { type DockerEngine, DockerError, type DockerNetwork } from './engine-record.ts';
import type { Subnet } from './ipam/address-pools.ts';

/** One `--subnet` with its `--gateway`, `--ip-range` and `--aux-address`; host bits are kept. */
export interface IpamSpec {
  readonly subnet: Subnet | null;
  readonly gateway: Ipv4 | null;
  readonly range: Subnet | null;
  readonly auxAddresses: ReadonlyMap<string, Ipv4>;
}

/** What `docker network create` asks for. */
export interface NetworkSpec {
  readonly name: string;
  /** `bridge` if empty. */
  readonly driver: string;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly isIngress: boolean;
  readonly enableIpv6: boolean;
  readonly options: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  /** `default` if empty. */
  readonly ipamDriver: string;
  readonly ipamOptions: ReadonlyMap<string, string> | null;
  /** Empty: one of the engine's own pools. */
  readonly ipam: readonly IpamSpec[];
}

/** All defaults: `createNetwork(engine, { ...NETWORK_DEFAULTS, name: 'mynet' })`. */
export const NETWORK_DEFAULTS: Omit<NetworkSpec, 'name'> = {
  driver: 'bridge',
  isInternal: false,
  isAttachable: false,
  isIngress: false,
  enableIpv6: false,
  options: new Map(),
  labels: new Map(),
  ipamDriver: 'default',
  ipamOptions: null,
  ipam: [],
};

/** Creates a network. @throws DockerError with the engine's words. */
export function createNetwork(engine: DockerEngine, spec: NetworkSpec): DockerNetwork {
  void engine;
  throw new DockerError(500, spec.name);
}

/** By name, id or prefix of an id. @throws DockerError 404 `network X not found`, 400 ambiguous. */
export function findNetwork(engine: DockerEngine, reference: string): DockerNetwork {
  void engine;
  throw new DockerError(404, `network ${reference} not found`);
}

/** `docker network rm`. @throws DockerError 403: predefined, active endpoints. */
export function removeNetwork(engine: DockerEngine, network: DockerNetwork): void {
  void engine;
  void network;
}

/** `docker network prune`: all that no container is on. @returns their names, as the CLI prints them. */
export function pruneNetworks(engine: DockerEngine): string[] {
  void engine;
  return [];
}
