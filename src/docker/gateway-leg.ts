/**
 * docker_gwbridge: a bridge that gives a container a way out where none of its networks does (an
 * overlay). Its leg there comes with the first such endpoint and goes when another is a gateway.
 * @source libnetwork/default_gateway.go, default_gateway_linux.go
 */
import { BRIDGE_ICC, BRIDGE_MASQUERADE, BRIDGE_NAME } from './drivers/bridge.ts';
import { driverOf } from './drivers/index.ts';
import { joinEndpoint, leaveEndpoint, makeLeg, releaseEndpoint } from './endpoint.ts';
import type { Container, DockerEngine, DockerNetwork } from './engine-record.ts';
import { makeId, shortId } from './ids.ts';
import { addNetwork, NETWORK_DEFAULTS } from './network-create.ts';
import { unpublishPorts } from './port-mapper.ts';

export const GATEWAY_NETWORK = 'docker_gwbridge';
/** Longest id of a sandbox's owner that names its leg itself. @source gwEPlen */
const OWNER_ID_MAX = 12;

const NO_WISH = { address: null, mac: null, aliases: [] } as const;

/** The network docker_gwbridge, made now if it is not there. @throws DockerError */
export function gatewayNetworkOf(engine: DockerEngine): DockerNetwork {
  for (const network of engine.networks.values()) {
    if (network.name === GATEWAY_NETWORK) return network;
  }
  const options = new Map([
    [BRIDGE_ICC, 'false'],
    [BRIDGE_MASQUERADE, 'true'],
    [BRIDGE_NAME, GATEWAY_NETWORK],
  ]);
  return addNetwork(engine, {
    ...NETWORK_DEFAULTS,
    name: GATEWAY_NETWORK,
    options,
    ipamOptions: null,
  });
}

/**
 * Gives a container its leg, or takes it away, as its networks want it; in one that runs the interface
 * is there at once. Call it after each endpoint that comes or goes. @throws DockerError
 */
export function updateGatewayLeg(engine: DockerEngine, container: Container): void {
  const { gatewayLeg, netns } = container;
  const isNeeded = needsGatewayLeg(container);
  if (isNeeded === (gatewayLeg !== null)) return;
  if (gatewayLeg !== null) {
    unpublishPorts(engine, container);
    leaveEndpoint(engine, gatewayLeg);
    releaseEndpoint(engine, gatewayLeg);
    return;
  }
  const network = gatewayNetworkOf(engine);
  if (netns === null) container.sandboxId = makeId(engine.stream);
  const { id, sandboxId } = container;
  const owner = id.length <= OWNER_ID_MAX ? id : shortId(sandboxId);
  container.gatewayLeg = makeLeg(engine, container, network, NO_WISH, `gateway_${owner}`);
  if (netns === null) return;
  let ethIndex = 0;
  while (netns.deviceByName.has(`eth${ethIndex}`)) ethIndex++;
  joinEndpoint(engine, container.gatewayLeg, netns, ethIndex);
}

/** @source Sandbox.needDefaultGW() */
function needsGatewayLeg(container: Container): boolean {
  let isNeeded = false;
  for (const { network, gateway } of container.endpoints.values()) {
    if (network.isInternal) continue;
    if (gateway !== null) return false;
    if (driverOf(network).needsGatewayLeg === true) isNeeded = true;
  }
  return isNeeded;
}
