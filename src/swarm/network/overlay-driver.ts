/**
 * The overlay driver, as the engine calls it for endpoints; the networks themselves come and go by
 * local-network.ts.
 * @source libnetwork/drivers/overlay/overlay.go, ov_endpoint.go, joinleave.go
 */
import type { NetworkDriver } from '../../docker/drivers/driver.ts';
import {
  type Container,
  type DockerEndpoint,
  type DockerEngine,
  DockerError,
  type DockerNetwork,
  type EndpointSpec,
} from '../../docker/engine-record.ts';
import { addAddress } from '../../stack/address.ts';
import { addRoute } from '../../stack/fib.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { writeSysctl } from '../../stack/sysctl.ts';
import { balancedAddressOf, ingressPortsOf } from './attachment.ts';
import { type NodeNetworking, type Overlay, overlayOf, subnetOfAddress } from './overlay-record.ts';
import { joinSandbox, leaveSandbox } from './overlay-sandbox.ts';
import { programPeers } from './peers.ts';
import { bindContainer, releaseEndpointRow } from './service-binding.ts';
import { addRedirectRules } from './task-rules.ts';

export const overlayDriver: NetworkDriver = {
  name: 'overlay',
  hasSubnets: true,
  createNetwork: () => {},
  removeNetwork: () => {},
  createEndpoint,
  deleteEndpoint,
  hasGateway: () => false,
  hasDeviceRoute: () => false,
  needsGatewayLeg: true,
  addressOf,
  endpointJoined,
};

/** The managers gave it before: by the task, by an attachment, or (a load balancer) by the node. */
function addressOf(
  engine: DockerEngine,
  network: DockerNetwork,
  container: Container,
  spec: EndpointSpec,
) {
  const { node, overlay } = here(engine, network);
  const granted = node.grants.get(container)?.get(network.id)?.attachments[0]?.address;
  const address = granted ?? spec.address;
  const subnet = address === null ? null : subnetOfAddress(overlay, address);
  if (address === null || subnet === null) {
    throw new DockerError(
      500,
      'attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded',
    );
  }
  return { address, prefixLength: subnet.config.prefixLength };
}

function createEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const { node, overlay } = here(engine, endpoint.network);
  const address = endpoint.address!; // addressOf was first
  const subnet = subnetOfAddress(overlay, address)!; // it has looked
  if (overlay.isSecure && node.encryption.keys.length === 0) {
    throw new DockerError(500, 'cannot join secure network: encryption keys not present');
  }
  if (joinSandbox(node, overlay, subnet, endpoint)) programPeers(node, overlay);
  node.member.gossip.createEntry('overlay_peer_table', overlay.object.id, endpoint.id, {
    kind: 'peer',
    endpointAddress: address,
    prefixLength: endpoint.prefixLength,
    endpointMac: endpoint.mac!, // set by joinSandbox
    tunnelEndpoint: node.member.dataPathAddress,
  });
}

function deleteEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const found = overlayOf(engine, endpoint.network);
  if (found === null || endpoint.hostDevice === null) return;
  const { node, overlay } = found;
  releaseEndpointRow(node, overlay, endpoint.id);
  node.member.gossip.deleteEntry('overlay_peer_table', overlay.object.id, endpoint.id);
  leaveSandbox(node, overlay, endpoint);
}

/** @source Sandbox.populateNetworkResources(), populateLoadBalancers() */
function endpointJoined(
  engine: DockerEngine,
  endpoint: DockerEndpoint,
  sandbox: NetNamespace,
): void {
  const { node, overlay } = here(engine, endpoint.network);
  const { container } = endpoint;
  const device = endpoint.containerDevice!; // it is up
  const own = subnetOfAddress(overlay, endpoint.address!)!; // createEndpoint has looked
  for (const { config } of overlay.subnets) {
    if (config === own.config || own.config.gateway === null) continue;
    const { subnet: prefix, prefixLength } = config;
    addRoute(sandbox, { prefix, prefixLength, gateway: own.config.gateway, device });
  }
  if (endpoint === overlay.balancer || !engine.containers.has(container.id)) return;
  if (overlay.isDirect) answerForService(node, overlay, endpoint, sandbox);
  if (overlay.object.isIngress) {
    addRedirectRules(sandbox, endpoint.address!, ingressPortsOf(node, container));
  }
  if (!node.tasks.has(container)) bindContainer(node, overlay, endpoint);
}

/** Direct server return: the task itself has the service's address, but does not tell of it. */
function answerForService(
  node: NodeNetworking,
  overlay: Overlay,
  endpoint: DockerEndpoint,
  sandbox: NetNamespace,
): void {
  const address = balancedAddressOf(node, endpoint.container, overlay.object.id);
  if (address === null) return;
  const { name } = endpoint.containerDevice!; // it is up
  writeSysctl(sandbox, `net.ipv4.conf.${name}.arp_ignore`, '1');
  writeSysctl(sandbox, `net.ipv4.conf.${name}.arp_announce`, '2');
  addAddress(sandbox, sandbox.loopback, { address, prefixLength: 32 });
}

function here(engine: DockerEngine, network: DockerNetwork) {
  const found = overlayOf(engine, network);
  if (found === null) throw new DockerError(404, `could not find network with id ${network.id}`);
  return found;
}
