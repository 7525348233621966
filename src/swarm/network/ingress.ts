/** The ingress network on a node: its load balancer, and docker_gwbridge. */
import type { SwarmMember } from '../member.ts';
import type { NetworkObject } from '../objects.ts';
import { prepareNetwork } from './local-network.ts';

/**
 * Makes the ingress network, its sandbox and docker_gwbridge, as soon as the node has its address there.
 * Calling it again does nothing. @returns whether it is there.
 */
export function openIngress(member: SwarmMember): boolean {
  const network = ingressOf(member);
  if (network === null) return false;
  const self = member.cluster.store.nodes.get(member.nodeId);
  if (self?.attachments.get(network.id) === undefined) return false;
  prepareNetwork(member, network);
  return true;
}

function ingressOf(member: SwarmMember): NetworkObject | null {
  for (const network of member.cluster.store.networks.values()) {
    if (network.isIngress) return network;
  }
  return null;
}
