/** What `docker network inspect` shows. @source moby api/types/network Inspect; its field order */
import { formatIpv4, type Ipv4 } from '../../../base/ipv4-address.ts';
import { formatMac } from '../../../base/mac-address.ts';
import type { DockerEngine, DockerNetwork, IpamConfig } from '../../../docker/engine-record.ts';
import { timestamp } from './duration-text.ts';
import { type GoStruct, type GoValue, goMap, goStruct, NIL_MAP, NIL_SLICE } from './go-value.ts';
import { majorVersion } from './port-text.ts';

export function networkDocument(engine: DockerEngine, network: DockerNetwork): GoStruct {
  const major = majorVersion(engine);
  const containers = goMap(
    [...network.endpoints.values()].map((endpoint) => [
      endpoint.container.id,
      goStruct('types.EndpointResource', {
        Name: endpoint.name,
        EndpointID: endpoint.id,
        MacAddress: endpoint.mac === null ? '' : formatMac(endpoint.mac),
        IPv4Address:
          endpoint.address === null ? '' : formatCidr(endpoint.address, endpoint.prefixLength),
        IPv6Address: '',
      }),
    ]),
    null,
  );
  const options = goMap(network.options);
  const labels = goMap(network.labels);
  return goStruct('types.NetworkResource', {
    Name: network.name,
    Id: network.id,
    Created: timestamp(engine.world.epochS, network.createdNs),
    Scope: network.scope,
    Driver: network.driver,
    ...(major >= 28 ? { EnableIPv4: true } : {}),
    EnableIPv6: network.enableIpv6,
    IPAM: goStruct('network.IPAM', {
      Driver: network.ipamDriver,
      Options: network.ipamOptions === null ? NIL_MAP : goMap(network.ipamOptions),
      Config:
        network.ipam.length === 0
          ? NIL_SLICE
          : network.ipam.map((config) => ipamDocument(config, major)),
    }),
    Internal: network.isInternal,
    Attachable: network.isAttachable,
    Ingress: network.isIngress,
    ConfigFrom: goStruct('network.ConfigReference', { Network: network.configFrom ?? '' }),
    ConfigOnly: network.isConfigOnly ?? false,
    ...(major >= 29
      ? { Options: options, Labels: labels, Containers: containers }
      : { Containers: containers, Options: options, Labels: labels }),
  });
}

function formatCidr(address: Ipv4, prefixLength: number): string {
  return `${formatIpv4(address)}/${prefixLength}`;
}

function ipamDocument(config: IpamConfig, major: number): GoValue {
  const { range, auxAddresses } = config;
  const gateway = config.isGatewayShown || major >= 29 ? config.gateway : null;
  return goStruct('network.IPAMConfig', {
    Subnet: formatCidr(config.subnet, config.prefixLength),
    IPRange: range === null ? undefined : formatCidr(range.address, range.prefixLength),
    Gateway: gateway === null ? undefined : formatIpv4(gateway),
    AuxiliaryAddresses:
      auxAddresses.size === 0
        ? undefined
        : goMap([...auxAddresses].map(([name, address]) => [name, formatIpv4(address)] as const)),
  });
}
