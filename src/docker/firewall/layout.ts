/**
 * What a layout of chains and rules has to offer; the engine's profile says which one is used.
 * All functions program the root namespace of the engine's machine.
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import type { Subnet } from '../ipam/address-pools.ts';

/** A bridge network, as far as rules go. */
export interface FirewalledBridge {
  readonly name: string;
  readonly subnet: Subnet;
  readonly isInternal: boolean;
  /** `com.docker.network.bridge.enable_icc`: containers of the network may talk to each other. */
  readonly allowsIcc: boolean;
  /** `com.docker.network.bridge.enable_ip_masquerade` */
  readonly masquerades: boolean;
  /** Without the userland proxy published ports are reached by hairpin. */
  readonly isHairpin: boolean;
}

/** A published port. */
export interface FirewalledPort {
  readonly bridge: FirewalledBridge;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** 0 for any address of the host. */
  readonly hostAddress: Ipv4;
  readonly hostPort: number;
  readonly containerAddress: Ipv4;
  readonly containerPort: number;
}

export interface FirewallLayout {
  /** The chains that every engine has, before any network. */
  setUp(netfilter: Netfilter): void;
  addBridge(netfilter: Netfilter, bridge: FirewalledBridge): void;
  removeBridge(netfilter: Netfilter, bridge: FirewalledBridge): void;
  /** A container got an address on a bridge (28 guards it against direct access). */
  addEndpoint(netfilter: Netfilter, bridge: FirewalledBridge, address: Ipv4): void;
  removeEndpoint(netfilter: Netfilter, bridge: FirewalledBridge, address: Ipv4): void;
  addPort(netfilter: Netfilter, port: FirewalledPort): void;
  removePort(netfilter: Netfilter, port: FirewalledPort): void;
}
