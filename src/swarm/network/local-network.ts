/**
 * A swarm's network on one node: there while somebody on the node is on it.
 * @source moby daemon/network.go createNetwork(), deleteNetwork(); libnetwork/network.go joinCluster()
 */
import { numberOption } from '../../docker/drivers/options.ts';
import { DockerError, type DockerNetwork, type IpamConfig } from '../../docker/engine-record.ts';
import { timeNs } from '../../engine/simulator.ts';
import type { SwarmMember } from '../member.ts';
import type { NetworkObject, ObjectId } from '../objects.ts';
import { closeBalancer, openBalancer } from './balancer-sandbox.ts';
import { forgetPending, settle } from './deferral.ts';
import { encryptedMtu, programVni } from './encryption.ts';
import { forgetServicesOn } from './load-balancer.ts';
import { makeNameTable } from './name-table.ts';
import { type NodeNetworking, networkingOf, type Overlay } from './overlay-record.ts';

const MTU_OPTION = 'com.docker.network.driver.mtu';
export const VNI_OPTION = 'com.docker.network.driver.overlay.vxlanid_list';
const UNDERLAY_MTU_BYTES = 1500;
/** Ethernet, VXLAN, UDP and IP headers. @source vxlanEncap */
const ENCAPSULATION_BYTES = 50;

/**
 * Makes an overlay network on this node with its load balancer's sandbox, or gives the one that is
 * there. `NodeObject.attachments` must have the load balancer's address.
 * @throws DockerError: VXLAN device in use, subnets in the way.
 */
export function prepareNetwork(member: SwarmMember, network: NetworkObject): DockerNetwork {
  const node = networkingOf(member.engine);
  if (node === null) throw new DockerError(503, 'This node is not part of a swarm');
  const present = node.overlays.get(network.id);
  if (present !== undefined) return present.local;
  if (network.driver !== 'overlay') {
    throw new DockerError(501, `swarm networks of driver ${network.driver} are not emulated`);
  }
  const self = member.cluster.store.nodes.get(member.nodeId);
  const balancerAddress = self?.attachments.get(network.id) ?? null;
  if (balancerAddress === null) {
    throw new DockerError(500, `network ${network.name} has no load balancer address here yet`);
  }
  const overlay = makeOverlay(node, network);
  node.overlays.set(network.id, overlay);
  member.engine.networks.set(network.id, overlay.local);
  member.gossip.joinNetwork(network.id);
  try {
    openBalancer(node, overlay, balancerAddress);
  } catch (error) {
    dropOverlay(node, overlay);
    throw error;
  }
  return overlay.local;
}

/** Takes it down if nobody on this node is on it any more. @returns whether it is gone. */
export function releaseNetwork(member: SwarmMember, networkId: ObjectId): boolean {
  const node = networkingOf(member.engine);
  const overlay = node?.overlays.get(networkId);
  if (node === null || overlay === undefined) return true;
  if (overlay.object.isIngress) return false;
  for (const endpoint of overlay.local.endpoints.values()) {
    if (endpoint !== overlay.balancer) return false;
  }
  dropOverlay(node, overlay);
  return true;
}

/** Takes a network down whoever is on it: its endpoints have been left before. */
export function dropOverlay(node: NodeNetworking, overlay: Overlay): void {
  const { id } = overlay.object;
  forgetPending(overlay);
  closeBalancer(node, overlay);
  if (overlay.isSecure) for (const { vni } of overlay.subnets) programVni(node, vni, false);
  node.member.gossip.leaveNetwork(id);
  forgetServicesOn(node, id);
  node.overlays.delete(id);
  node.engine.networks.delete(id);
}

function makeOverlay(node: NodeNetworking, network: NetworkObject): Overlay {
  const ipam: IpamConfig[] = network.ipam.map((config) => ({
    ...config,
    isGatewayShown: true,
    auxAddresses: new Map(),
    isUserDefined: true, // the manager has named it
  }));
  const options = new Map([...network.options, [VNI_OPTION, network.vnis.join(',')]]);
  let overlay: Overlay | null = null;
  const names = makeNameTable(() => {
    if (overlay !== null) settle(node, overlay);
  });
  const local: DockerNetwork = {
    id: network.id,
    name: network.name,
    driver: 'overlay',
    scope: 'swarm',
    createdNs: timeNs(node.engine.world.sim),
    isInternal: network.isInternal,
    isAttachable: network.isAttachable,
    isIngress: network.isIngress,
    enableIpv6: network.isIpv6,
    options: options as Map<string, string>, // pairs of text
    labels: network.labels,
    ipamDriver: network.ipamDriver === '' ? 'default' : network.ipamDriver,
    ipamOptions: null,
    ipam,
    endpoints: new Map(),
    names,
    device: null,
    ownsDevice: false,
  };
  const isSecure = network.options.has('encrypted');
  const mtuBytes = (numberOption(local, MTU_OPTION, 0) || UNDERLAY_MTU_BYTES) - ENCAPSULATION_BYTES;
  overlay = {
    object: network,
    local,
    subnets: ipam.map((config, i) => ({
      config,
      vni: network.vnis[i] ?? 0,
      bridge: null,
      vxlan: null,
    })),
    mtuBytes: isSecure ? encryptedMtu(mtuBytes) : mtuBytes,
    isSecure,
    isDirect: network.options.has('dsr'),
    sandbox: null,
    sandboxPath: '',
    epoch: 0,
    joinCount: 0,
    nextVeth: 0,
    peers: new Map(),
    rows: new Map(),
    names,
    balancer: null,
    pending: [],
    disarm: null,
  };
  return overlay;
}
