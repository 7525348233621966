/**
 * What a network driver does. The engine has made the record and taken its addresses before; the
 * driver makes devices and rules on the host and one interface for each endpoint.
 * @source libnetwork/driverapi/driverapi.go
 */

import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import type {
  Container,
  DockerEndpoint,
  DockerEngine,
  DockerNetwork,
  EndpointSpec,
  NetworkDriverName,
} from '../engine-record.ts';

export interface NetworkDriver {
  readonly name: NetworkDriverName;
  /** Whether its networks have subnets. */
  readonly hasSubnets: boolean;
  /** @throws DockerError 400, 403, 500: options that cannot be. */
  createNetwork(engine: DockerEngine, network: DockerNetwork): void;
  removeNetwork(engine: DockerEngine, network: DockerNetwork): void;
  /**
   * Makes the endpoint's devices: `birthplace` is where its own end begins (the host's root
   * namespace, from Engine 28 on the sandbox). Called with the address set; sets the MAC.
   */
  createEndpoint(engine: DockerEngine, endpoint: DockerEndpoint, birthplace: NetNamespace): void;
  /** Takes the devices away. */
  deleteEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void;
  /** Whether the network gives its containers a way out: a default gateway. */
  hasGateway(network: DockerNetwork): boolean;
  /** Whether the default route is the device itself (ipvlan l3). */
  hasDeviceRoute(network: DockerNetwork): boolean;
  /** Whether its containers get a leg on docker_gwbridge if nothing else is their way out. */
  readonly needsGatewayLeg?: boolean;
  /** Where addresses come from; the engine's own IPAM if it is left out. @throws DockerError */
  addressOf?(
    engine: DockerEngine,
    network: DockerNetwork,
    container: Container,
    spec: EndpointSpec,
  ): { readonly address: Ipv4; readonly prefixLength: number };
  /** The interface is up in the sandbox: what else belongs there. */
  endpointJoined?(engine: DockerEngine, endpoint: DockerEndpoint, sandbox: NetNamespace): void;
}
