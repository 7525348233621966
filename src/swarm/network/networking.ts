/** The node's half of the data plane, and who hears of the other nodes' endpoints. */
import { registerDriver } from '../../docker/drivers/index.ts';
import type { GossipEvent, SwarmMember, SwarmNetworking } from '../member.ts';
import { watchLeaving } from './attachment.ts';
import { defer, setApplier } from './deferral.ts';
import { clearStates, makeEncryption, setKeys } from './encryption.ts';
import { dropOverlay } from './local-network.ts';
import { overlayDriver } from './overlay-driver.ts';
import {
  type Change,
  type NodeNetworking,
  networkingOf,
  type Overlay,
  setNetworking,
} from './overlay-record.ts';
import { addPeer, removePeer } from './peers.ts';
import {
  addRow,
  applyDisabled,
  applyRemoved,
  applyRow,
  disableRow,
  removeAllRows,
  removeRow,
} from './service-binding.ts';

/** The first mark of a node's services. @source libnetwork/service.go fwMarkCtr */
const FIRST_MARK = 256;

/**
 * The data plane of a member whose `gossip` is there: it becomes the gossip's listener.
 * Whoever makes the member puts the result into `member.network`.
 */
export function makeNetworking(member: SwarmMember): SwarmNetworking {
  registerDriver(overlayDriver);
  setApplier(applyChange);
  const { engine, gossip } = member;
  const node: NodeNetworking = {
    member,
    engine,
    overlays: new Map(),
    services: new Map(),
    nextMark: FIRST_MARK,
    ports: new Map(),
    encryption: makeEncryption(),
    tasks: new WeakMap(),
    grants: new WeakMap(),
    onGossip: (event) => hear(node, event),
    setEncryptionKeys: (keys) => setKeys(node, keys),
    close: () => {
      stopWatching();
      close(node);
    },
  };
  setNetworking(engine, node);
  const stopWatching = watchLeaving(node);
  gossip.listener = node.onGossip;
  return node;
}

function hear(node: NodeNetworking, event: GossipEvent): void {
  const overlay = node.overlays.get(event.networkId);
  if (overlay === undefined) return;
  const { kind, key, value } = event;
  if (value.kind === 'peer') {
    // Its own endpoints are in the sandbox itself.
    if (value.tunnelEndpoint !== node.member.dataPathAddress) defer(node, overlay, event);
  } else if (kind === 'create') addRow(node, overlay, key, value);
  else if (kind === 'update') disableRow(overlay, node, key, value);
  else removeRow(node, overlay, key);
}

function applyChange(node: NodeNetworking, overlay: Overlay, { kind, key, value }: Change): void {
  if (value.kind === 'peer') {
    if (kind === 'delete') removePeer(node, overlay, key, value.endpointAddress);
    else addPeer(node, overlay, key, value);
  } else if (kind === 'create') applyRow(node, overlay, key, value);
  else if (kind === 'update') applyDisabled(node, overlay, key, value);
  else applyRemoved(node, overlay, key, value);
}

/** @source moby daemon/cluster Leave(): docker_gwbridge stays */
function close(node: NodeNetworking): void {
  for (const overlay of [...node.overlays.values()]) {
    removeAllRows(node, overlay);
    dropOverlay(node, overlay);
  }
  clearStates(node);
  node.member.gossip.listener = null;
  if (networkingOf(node.engine) === node) setNetworking(node.engine, null);
}
