/** The ingress network on a node: its load balancer, and docker_gwbridge. */
import type { SwarmMember } from '../member.ts';

/** Makes docker_gwbridge and, as soon as the node has its address there, the ingress sandbox. */
export function openIngress(member: SwarmMember): void {
  throw new Error(`not yet: ${member.nodeId}`);
}

/** Takes the ingress sandbox down (`docker swarm leave`); docker_gwbridge stays. */
export function closeIngress(member: SwarmMember): void {
  throw new Error(`not yet: ${member.nodeId}`);
}
