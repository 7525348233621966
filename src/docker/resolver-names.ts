/**
 * What the embedded DNS knows: the names of the containers on the networks that the asking container
 * is on.
 * @source moby libnetwork sandbox.go ResolveName(), network.go ResolveName(), ResolveIP()
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Container, DockerEndpoint, DockerNetwork } from './engine-record.ts';

/** Endpoints of a container in the order in which the gateway is chosen and interfaces are numbered. */
export function sortedEndpoints(container: Container): DockerEndpoint[] {
  return [...container.endpoints.values()].sort((one, two) => {
    if (one.network.isInternal !== two.network.isInternal) return one.network.isInternal ? 1 : -1;
    if ((one.gateway === null) !== (two.gateway === null)) return one.gateway === null ? 1 : -1;
    return one.network.name < two.network.name ? -1 : 1;
  });
}

/**
 * The addresses behind a name; empty if it is unknown here. `a.b.c` is tried as a name on all the
 * container's networks, then as `a.b` on network `c`, then as `a` on network `b.c`.
 */
export function addressesOfName(container: Container, name: string): Ipv4[] {
  const wanted = name.replace(/\.$/, '');
  const endpoints = endpointsForNames(container);
  for (let at = wanted.length; at > 0; at = wanted.lastIndexOf('.', at - 1)) {
    const networkName = at === wanted.length ? null : wanted.slice(at + 1);
    for (const { network } of endpoints) {
      if (networkName !== null && network.name !== networkName) continue;
      const found = addressesOn(network, wanted.slice(0, at));
      if (found.length > 0) return found;
    }
  }
  return [];
}

/** A swarm's own networks first, ingress after them. @source sandbox.go ResolveName() */
function endpointsForNames(container: Container): DockerEndpoint[] {
  const rank = ({ network: { scope, isIngress } }: DockerEndpoint): number =>
    scope === 'local' ? 2 : isIngress ? 1 : 0;
  return sortedEndpoints(container).sort((one, two) => rank(one) - rank(two));
}

/** `name.network` of an address on one of the container's networks, null if nobody has it. */
export function nameOfAddress(container: Container, address: Ipv4): string | null {
  for (const { network } of endpointsForNames(container)) {
    const found = network.names?.nameOf(address) ?? null;
    if (found !== null) return `${found}.${network.name}`;
    if (network.names !== null) continue;
    for (const endpoint of network.endpoints.values()) {
      const name = endpoint.dnsNames[0];
      if (endpoint.address === address && name !== undefined) return `${name}.${network.name}`;
    }
  }
  return null;
}

function addressesOn(network: DockerNetwork, name: string): Ipv4[] {
  if (network.names !== null) return network.names.addressesOf(name);
  const wanted = name.toLowerCase();
  const found: Ipv4[] = [];
  for (const { address, dnsNames } of network.endpoints.values()) {
    if (address === null || found.includes(address)) continue;
    if (dnsNames.some((each) => each.toLowerCase() === wanted)) found.push(address);
  }
  return found;
}
