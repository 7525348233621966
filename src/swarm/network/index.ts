/**
 * The data plane of a swarm node, as the agent, the wire and the CLI call it. Everything here acts at
 * once, so call it as a system call (runOn, context.kernel) of the node's engine.
 *
 *     member joins:   makeNetworking -> openIngress                      ... close
 *     task prepared:  prepareNetwork for each attachment
 *     task started:   createContainer -> attachTask -> startContainer -> bindTask
 *     task stopped:   unbindTask (weight 0, names gone) -> stopContainer ... removeContainer -> releaseNetwork
 *     plain container on an attachable network:
 *                     requestAttachment -> attachContainer -> startContainer
 *
 * @source moby daemon/cluster/executor/container/adapter.go; libnetwork/agent.go
 */
export { attachContainer, attachTask, endpointsOfTask } from './attachment.ts';
export { openIngress } from './ingress.ts';
export { prepareNetwork, releaseNetwork } from './local-network.ts';
export { makeNetworking } from './networking.ts';
export { bindTask, unbindTask } from './service-binding.ts';
