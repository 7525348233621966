/**
 * Endpoints on other nodes, and the entries that lead to them: a permanent neighbour (so that the
 * tunnel answers ARP itself) and the node's address behind the MAC.
 * @source libnetwork/drivers/overlay/peerdb.go
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { addVxlanFdb, removeVxlanFdb } from '../../devices/vxlan-control.ts';
import { addNeighbour, deleteNeighbour } from '../../stack/neighbour.ts';
import type { PeerRecord } from '../member.ts';
import { encryptTowards } from './encryption.ts';
import type { NodeNetworking, Overlay } from './overlay-record.ts';
import { subnetOfAddress } from './overlay-record.ts';
import { openSubnet } from './overlay-sandbox.ts';

/** Another node has an endpoint on the network. */
export function addPeer(
  node: NodeNetworking,
  overlay: Overlay,
  endpointId: string,
  record: PeerRecord,
): void {
  const { endpointAddress } = record;
  const present = overlay.peers.get(endpointAddress) ?? [];
  if (present.some((each) => each.endpointId === endpointId)) return;
  overlay.peers.set(endpointAddress, [...present, { endpointId, record }]);
  if (present.length === 0) program(node, overlay, record);
}

/** It has it no more; whoever else says the address is his takes its place. */
export function removePeer(
  node: NodeNetworking,
  overlay: Overlay,
  endpointId: string,
  address: Ipv4,
): void {
  const present = overlay.peers.get(address) ?? [];
  const at = present.findIndex((each) => each.endpointId === endpointId);
  if (at < 0) return;
  const rest = present.filter((_, i) => i !== at);
  if (rest.length === 0) overlay.peers.delete(address);
  else overlay.peers.set(address, rest);
  if (at > 0) return;
  unprogram(overlay, present[0]!.record); // it has at least this one
  if (rest[0] !== undefined) program(node, overlay, rest[0].record);
}

/** All that are known when the sandbox is made. @source initSandboxPeerDB() */
export function programPeers(node: NodeNetworking, overlay: Overlay): void {
  for (const [first] of overlay.peers.values()) {
    if (first !== undefined) program(node, overlay, first.record);
  }
}

function program(node: NodeNetworking, overlay: Overlay, record: PeerRecord): void {
  const { endpointAddress: address, endpointMac: mac, tunnelEndpoint } = record;
  const subnet = subnetOfAddress(overlay, address);
  if (subnet === null || overlay.sandbox === null) return;
  if (subnet.vxlan === null) openSubnet(node, overlay, subnet);
  const vxlan = subnet.vxlan!; // opened just now
  if (overlay.isSecure) encryptTowards(node, tunnelEndpoint);
  addNeighbour(overlay.sandbox, { device: vxlan, address, mac }, 'replace');
  const remote = { mac, remote: tunnelEndpoint, state: 'permanent', how: 'replace' } as const;
  addVxlanFdb(node.engine.world.sim, vxlan, remote);
}

/** Unlike the entries, what encrypts stays: other endpoints of the node may need it. */
function unprogram(overlay: Overlay, record: PeerRecord): void {
  const { endpointAddress: address, endpointMac: mac, tunnelEndpoint } = record;
  const vxlan = subnetOfAddress(overlay, address)?.vxlan ?? null;
  if (vxlan === null || overlay.sandbox === null) return;
  quietly(() => removeVxlanFdb(vxlan, mac, tunnelEndpoint));
  const { sandbox } = overlay;
  quietly(() => deleteNeighbour(sandbox, vxlan, address));
}

/** The user may have removed it by hand. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {}
}
