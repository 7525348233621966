/**
 * The namespace in which an overlay network lives on a node: for each subnet a bridge with the
 * gateway's address and a tunnel, and a veth for each endpoint.
 *
 *     host                       1-<network>                        container
 *     vx-001001-abcde ---------> vxlan0 --- br0 --- veth0 --------- eth0
 *     (born here: outer packets)
 *
 * @source libnetwork/drivers/overlay/ov_network.go, joinleave.go, ov_utils.go; libnetwork/osl
 */
import { maskOf } from '../../base/ipv4-address.ts';
import { bridgeOf } from '../../devices/bridge.ts';
import { macFromAddress, makeVethName } from '../../docker/drivers/interface-names.ts';
import { attempt } from '../../docker/drivers/options.ts';
import type { DockerEndpoint } from '../../docker/engine-record.ts';
import { prepareSandbox } from '../../docker/sandbox.ts';
import type { Device } from '../../engine/device.ts';
import { runOn } from '../../engine/simulator.ts';
import { addAddress } from '../../stack/address.ts';
import { createNamespace, deleteNamespace } from '../../stack/create-namespace.ts';
import {
  createLink,
  deleteLink,
  moveLink,
  renameLink,
  setLinkMac,
  setLinkMaster,
  setLinkMtu,
  setLinkUp,
} from '../../stack/link.ts';
import { type NetNamespace, namespaceOf } from '../../stack/namespace.ts';
import { netnsId } from '../../stack/netns-ids.ts';
import { bindNamespace } from '../../world/machine.ts';
import { settle, settleNamespace } from './deferral.ts';
import { programVni } from './encryption.ts';
import type { NodeNetworking, Overlay, OverlaySubnet } from './overlay-record.ts';

/** Where the engine mounts its namespaces. */
export const NETNS_FOLDER = '/var/run/docker/netns';
/** Names of namespaces are cut to this. @source osl GenerateKey() */
const KEY_LENGTH = 12;

/** The file of a sandbox. */
export function sandboxPathOf(id: string): string {
  return `${NETNS_FOLDER}/${id.slice(0, KEY_LENGTH)}`;
}

/**
 * Puts an endpoint on the network: its host side ends in the sandbox, which comes with the first.
 * @returns whether it did, so that peers are to be programmed.
 */
export function joinSandbox(
  node: NodeNetworking,
  overlay: Overlay,
  subnet: OverlaySubnet,
  endpoint: DockerEndpoint,
): boolean {
  const isFirst = overlay.sandbox === null;
  if (isFirst) openSandbox(node, overlay);
  if (subnet.bridge === null) {
    settle(node, overlay); // what waits does not watch the new tunnel
    openSubnet(node, overlay, subnet);
  }
  overlay.joinCount++;
  const { engine } = node;
  const { root } = engine.machine;
  const name = makeVethName(engine, root);
  const peer = { name: makeVethName(engine, root) };
  const inner = attempt('could not create a veth pair', () =>
    createLink(root, { kind: 'veth', name, peer }),
  );
  const outer = inner.lower!; // a veth pair was just joined
  inner.txQueueLength = 0;
  outer.txQueueLength = 0;
  setLinkMtu(inner, overlay.mtuBytes);
  moveInto(overlay.sandbox!, inner, `veth${overlay.nextVeth++}`); // opened above
  setLinkMaster(inner, subnet.bridge);
  setLinkUp(inner);
  setLinkMtu(outer, overlay.mtuBytes);
  endpoint.mac = endpoint.wantedMac ?? macFromAddress(endpoint.address!); // taken before
  setLinkMac(outer, endpoint.mac);
  endpoint.hostDevice = inner;
  endpoint.containerDevice = outer;
  return isFirst;
}

/** Takes it off again; the sandbox goes with the last. */
export function leaveSandbox(
  node: NodeNetworking,
  overlay: Overlay,
  endpoint: DockerEndpoint,
): void {
  const { hostDevice } = endpoint;
  if (hostDevice === null) return;
  if (hostDevice.isRegistered) deleteLink(hostDevice);
  endpoint.hostDevice = null;
  endpoint.containerDevice = null;
  overlay.joinCount--;
  if (overlay.joinCount === 0) closeSandbox(node, overlay);
}

/** A device moves from where it is into a namespace, which gets to know where its other end is. */
export function moveInto(target: NetNamespace, device: Device, name: string): void {
  const from = namespaceOf(device);
  // The messages about the move number the namespaces. @source dev_change_net_namespace()
  netnsId(from, target);
  moveLink(device, target, name);
  const { lower } = device;
  const other = lower === null ? from : namespaceOf(lower);
  if (other === target) return;
  netnsId(target, other);
  netnsId(other, target);
}

/** A namespace of the engine's own, with its file. */
export function openNamespace(node: NodeNetworking, path: string): NetNamespace {
  const { world, machine } = node.engine;
  const netns = createNamespace(world.sim, path.slice(path.lastIndexOf('/') + 1), machine.cpu);
  setLinkUp(netns.loopback);
  prepareSandbox(node.engine, netns);
  bindNamespace(machine, path, netns, () =>
    runOn(world.sim, machine.cpu, () => settleNamespace(netns)),
  );
  return netns;
}

export function closeNamespace(node: NodeNetworking, path: string, netns: NetNamespace): void {
  node.engine.machine.files.remove(path);
  deleteNamespace(node.engine.world.sim, netns);
}

const probed = new WeakSet<NodeNetworking>();

/** Engines of 20.10 try once whether the kernel has VXLAN. @source ov_network.go networkOnceInit() */
function probeTunnels(node: NodeNetworking): void {
  const { machine, profile } = node.engine;
  if (!profile.version.startsWith('20.') || probed.has(node)) return;
  probed.add(node);
  deleteLink(createLink(machine.root, { kind: 'vxlan', name: 'testvxlan', vxlan: { id: 1 } }));
}

/** @source initSandbox() */
function openSandbox(node: NodeNetworking, overlay: Overlay): void {
  overlay.epoch++;
  overlay.sandboxPath = sandboxPathOf(`${overlay.epoch}-${overlay.object.id}`);
  probeTunnels(node);
  overlay.sandbox = openNamespace(node, overlay.sandboxPath);
  overlay.nextVeth = 0;
}

/** A subnet gets its bridge and tunnel with its first endpoint or peer. @source setupSubnetSandbox() */
export function openSubnet(node: NodeNetworking, overlay: Overlay, subnet: OverlaySubnet): void {
  const netns = overlay.sandbox!; // opened by the caller
  const { gateway, prefixLength, subnet: prefix } = subnet.config;
  if (overlay.isSecure) programVni(node, subnet.vni, true);
  const number = overlay.subnets.filter(({ bridge }) => bridge !== null).length;
  const vni = subnet.vni.toString(16).padStart(6, '0');
  const suffix = `${vni}-${overlay.object.id.slice(0, 5)}`;
  const bridge = createLink(netns, { kind: 'bridge', name: `ov-${suffix}` });
  bridge.txQueueLength = 0;
  bridgeOf(bridge).defaultPvid = 0;
  renameLink(bridge, `br${number}`);
  if (gateway !== null) {
    const broadcast = prefix | ~maskOf(prefixLength);
    addAddress(netns, bridge, { address: gateway, prefixLength, broadcast });
  }
  setLinkUp(bridge);
  subnet.bridge = bridge;
  const { root } = node.engine.machine;
  const { dataPathPort } = node.member.cluster;
  const options = { id: subnet.vni, port: dataPathPort, isProxy: true, isL2Miss: true };
  const vxlan = attempt('error creating vxlan interface', () =>
    createLink(root, {
      kind: 'vxlan',
      name: `vx-${suffix}`,
      mtu: overlay.mtuBytes,
      vxlan: { ...options, isL3Miss: true },
    }),
  );
  vxlan.txQueueLength = 0;
  moveInto(netns, vxlan, `vxlan${number}`);
  setLinkMaster(vxlan, bridge);
  setLinkUp(vxlan);
  subnet.vxlan = vxlan;
}

function closeSandbox(node: NodeNetworking, overlay: Overlay): void {
  const { sandbox } = overlay;
  if (sandbox === null) return;
  for (const subnet of overlay.subnets) {
    if (subnet.vxlan?.isRegistered) deleteLink(subnet.vxlan);
    subnet.bridge = null;
    subnet.vxlan = null;
  }
  closeNamespace(node, overlay.sandboxPath, sandbox);
  overlay.sandbox = null;
}
