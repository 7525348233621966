/**
 * The bridge driver: a bridge with the gateway's address, a veth pair for each container, rules.
 * @source libnetwork/drivers/bridge/bridge_linux.go
 */
import { type Ipv4, maskOf, parseIpv4 } from '../../base/ipv4-address.ts';
import { bridgePortOf } from '../../devices/bridge.ts';
import type { Device } from '../../engine/device.ts';
import { addAddress, listAddresses } from '../../stack/address.ts';
import { createLink, deleteLink, setLinkMaster, setLinkMtu, setLinkUp } from '../../stack/link.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { writeSysctl } from '../../stack/sysctl-tree.ts';
import {
  type DockerEndpoint,
  type DockerEngine,
  DockerError,
  type DockerNetwork,
} from '../engine-record.ts';
import { firewallOf } from '../firewall/index.ts';
import type { FirewalledBridge } from '../firewall/layout.ts';
import { shortId } from '../ids.ts';
import { subnetOf } from '../ipam/address-pools.ts';
import type { NetworkDriver } from './driver.ts';
import { endpointMac, makeRandomMac, makeVethName } from './interface-names.ts';
import { attempt, badOption, flagOption, numberOption } from './options.ts';

const PREFIX = 'com.docker.network.bridge.';
export const BRIDGE_NAME = `${PREFIX}name`;
export const BRIDGE_ICC = `${PREFIX}enable_icc`;
export const BRIDGE_MASQUERADE = `${PREFIX}enable_ip_masquerade`;
export const BRIDGE_HOST_BINDING = `${PREFIX}host_binding_ipv4`;
export const BRIDGE_DEFAULT = `${PREFIX}default_bridge`;
export const DRIVER_MTU = 'com.docker.network.driver.mtu';
/** @source defaultBindingIP, shown as 0.0.0.0 */
const ANY_ADDRESS = '0.0.0.0';

export const bridgeDriver: NetworkDriver = {
  name: 'bridge',
  hasSubnets: true,
  createNetwork,
  removeNetwork,
  createEndpoint,
  deleteEndpoint,
  hasGateway: (network) => !network.isInternal,
  hasDeviceRoute: () => false,
};

/** The name of a network's bridge. */
export function bridgeNameOf(network: DockerNetwork): string {
  return network.options.get(BRIDGE_NAME) ?? `br-${shortId(network.id)}`;
}

/** The address that ports are published on if the user names none. */
export function hostBindingOf(network: DockerNetwork): Ipv4 {
  return parseIpv4(network.options.get(BRIDGE_HOST_BINDING) ?? ANY_ADDRESS) ?? 0;
}

/** What the firewall must know of a bridge network. */
export function firewalledBridge(engine: DockerEngine, network: DockerNetwork): FirewalledBridge {
  return {
    name: bridgeNameOf(network),
    subnet: subnetOf(network.ipam[0]!), // the driver takes no network without
    isInternal: network.isInternal,
    allowsIcc: flagOption(network, BRIDGE_ICC, true),
    masquerades: flagOption(network, BRIDGE_MASQUERADE, true),
    isHairpin: !engine.hasUserlandProxy,
  };
}

function createNetwork(engine: DockerEngine, network: DockerNetwork): void {
  checkOptions(network);
  checkConflicts(engine, network);
  const { root } = engine.machine;
  const name = bridgeNameOf(network);
  const existing = root.deviceByName.get(name);
  const bridge = existing ?? makeBridge(engine, name);
  network.device = bridge;
  network.ownsDevice = existing === undefined;
  try {
    addGatewayAddress(root, bridge, network);
    if (engine.profile.setsBridgeMtu) setMtu(bridge, network);
    const isNfNeeded = !flagOption(network, BRIDGE_ICC, true) || !engine.hasUserlandProxy;
    if (isNfNeeded) writeSysctl(root, 'net.bridge.bridge-nf-call-iptables', '1');
    if (!engine.hasUserlandProxy) writeSysctl(root, `net.ipv4.conf.${name}.route_localnet`, '1');
    const firewall = firewallOf(engine.profile);
    firewall.addBridge(root.netfilter, firewalledBridge(engine, network));
    setLinkUp(bridge);
  } catch (error) {
    if (network.ownsDevice) deleteLink(bridge);
    throw error;
  }
}

/** @source parseNetworkGenericOptions() */
function checkOptions(network: DockerNetwork): void {
  flagOption(network, BRIDGE_ICC, true);
  flagOption(network, BRIDGE_MASQUERADE, true);
  const mtu = numberOption(network, DRIVER_MTU, 0);
  if (mtu < 0) throw new DockerError(400, `invalid MTU number: ${mtu}`);
  const binding = network.options.get(BRIDGE_HOST_BINDING);
  if (binding !== undefined && parseIpv4(binding) === null) {
    throw badOption(BRIDGE_HOST_BINDING, binding, 'nil ip');
  }
  if (network.ipam.length > 1) {
    throw new DockerError(403, "bridge driver doesn't support multiple subnets");
  }
}

/** @source checkConflict() */
function checkConflicts(engine: DockerEngine, network: DockerNetwork): void {
  const name = bridgeNameOf(network);
  for (const other of engine.networks.values()) {
    if (other.driver !== 'bridge' || bridgeNameOf(other) !== name) continue;
    throw new DockerError(
      403,
      `cannot create network ${network.id} (${name}): conflicts with network ` +
        `${other.id} (${name}): networks have same bridge name`,
    );
  }
}

function makeBridge(engine: DockerEngine, name: string): Device {
  const { root } = engine.machine;
  const mac = makeRandomMac(engine);
  const bridge = attempt(`failed to create bridge ${name} via netlink`, () =>
    createLink(root, { kind: 'bridge', name, mac }),
  );
  bridge.txQueueLength = 0;
  return bridge;
}

function addGatewayAddress(root: NetNamespace, bridge: Device, network: DockerNetwork): void {
  const { gateway, prefixLength } = network.ipam[0]!; // checked by the caller
  if (gateway === null) return;
  if (listAddresses(bridge).some((each) => each.address === gateway)) return;
  const broadcast = prefixLength < 31 ? gateway | ~maskOf(prefixLength) : 0;
  attempt('failed to add IPv4 address to bridge', () =>
    addAddress(root, bridge, { address: gateway, prefixLength, broadcast }),
  );
}

function setMtu(device: Device, network: DockerNetwork): void {
  const mtu = numberOption(network, DRIVER_MTU, 0);
  if (mtu === 0) return;
  attempt(`failed to set MTU on ${device.name}`, () => setLinkMtu(device, mtu));
}

function removeNetwork(engine: DockerEngine, network: DockerNetwork): void {
  const { netfilter } = engine.machine.root;
  firewallOf(engine.profile).removeBridge(netfilter, firewalledBridge(engine, network));
  if (network.ownsDevice && network.device !== null) deleteLink(network.device);
  network.device = null;
}

/** @source CreateEndpoint() */
function createEndpoint(
  engine: DockerEngine,
  endpoint: DockerEndpoint,
  birthplace: NetNamespace,
): void {
  const { network, wantedMac } = endpoint;
  const address = endpoint.address!; // a bridge network has a subnet
  const bridge = network.device;
  if (bridge === null || !bridge.isRegistered) {
    throw new DockerError(500, `adding interface to bridge ${bridgeNameOf(network)} failed`);
  }
  const { root } = engine.machine;
  endpoint.mac = endpointMac(engine, wantedMac, address);
  const name = makeVethName(engine, root);
  const peerName = makeVethName(engine, root);
  const peer = { name: peerName, netns: birthplace };
  const host = attempt(
    `failed to add the host (${name}) <=> sandbox (${peerName}) pair interfaces`,
    () => createLink(root, { kind: 'veth', name, peer }),
  );
  const container = host.lower!; // a veth pair was just joined
  endpoint.hostDevice = host;
  endpoint.containerDevice = container;
  host.txQueueLength = 0;
  container.txQueueLength = 0;
  setMtu(host, network);
  setMtu(container, network);
  attempt(`adding interface ${name} to bridge ${bridge.name} failed`, () =>
    setLinkMaster(host, bridge),
  );
  const port = bridgePortOf(host);
  if (!engine.hasUserlandProxy && port !== null) port.isHairpin = true;
  const firewall = firewallOf(engine.profile);
  firewall.addEndpoint(root.netfilter, firewalledBridge(engine, network), address);
  setLinkUp(host);
}

function deleteEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const { network, address, hostDevice } = endpoint;
  if (address !== null) {
    const { netfilter } = engine.machine.root;
    const firewall = firewallOf(engine.profile);
    firewall.removeEndpoint(netfilter, firewalledBridge(engine, network), address);
  }
  if (hostDevice?.isRegistered) deleteLink(hostDevice);
  endpoint.hostDevice = null;
  endpoint.containerDevice = null;
}
