/**
 * What a node makes of what it hears: who is there, who is on a network, which rows there are.
 * @source libnetwork/networkdb/delegate.go, event_delegate.go; memberlist/state.go
 */
import { wake } from '../../engine/process.ts';
import type { GossipEvent } from '../member.ts';
import type { ObjectId } from '../objects.ts';
import {
  type ClusterEvent,
  type GossipNode,
  type Knowledge,
  knows,
  learn,
  type NetworkView,
  type TableEvent,
} from './gossip-record.ts';

/** Whether a node has heard of another one and does not take it for dead. */
export function isAlive(view: GossipNode, node: GossipNode): boolean {
  if (node === view) return true;
  const event = joinEventOf(view, node);
  if (event === null) return false;
  const doubt = view.doubts.get(node);
  return doubt === undefined || doubt.state === 'suspect';
}

/** The first event of a node is that it joined: its number is in the roster's order. */
function joinEventOf(view: GossipNode, node: GossipNode): ClusterEvent | null {
  const event = node.joinEvent;
  return event !== null && knows(view.known, event.index) ? event : null;
}

/** Whether a node believes that another one is on a network. */
export function isAttached(view: GossipNode, networkId: ObjectId, node: GossipNode): boolean {
  if (node === view) return view.networks.has(networkId);
  const event = lastAttachment(view, networkId, node);
  return event !== null && event.kind === 'attach' && isAlive(view, node);
}

/** What is known last of a node's going on and off a network. */
function lastAttachment(
  view: GossipNode,
  networkId: ObjectId,
  node: GossipNode,
): ClusterEvent | null {
  let event = view.shared.networks.get(networkId)?.attachments.get(node) ?? null;
  while (event !== null && !knows(view.known, event.index)) event = event.previous;
  return event;
}

/**
 * Nodes on a network in the order in which one of them heard of it: those that it knew of when it joined,
 * itself, the others.
 */
export function attachedNodes(view: GossipNode, networkId: ObjectId): GossipNode[] {
  const own = view.networks.get(networkId);
  const [before, after]: [GossipNode[], GossipNode[]] = [[], []];
  for (const [node, event] of view.shared.networks.get(networkId)?.attachments ?? []) {
    if (node === view || !isAttached(view, networkId, node)) continue;
    const isOld = own !== undefined && event.index < own.heardBefore;
    (isOld ? before : after).push(node);
  }
  return own === undefined ? after : [...before, view, ...after];
}

/** An event of the cluster's log came. @returns whether it is new, and so to be passed on. */
export function hearClusterEvent(view: GossipNode, event: ClusterEvent): boolean {
  if (knows(view.known, event.index)) return false;
  learn(view.known, event.index);
  if (event.kind === 'join') {
    if (!view.doubts.has(event.node)) view.aliveCount++;
    wake(view.waiters);
  } else if (event.kind === 'detach') {
    const network = view.networks.get(event.networkId);
    if (network !== undefined) forgetRows(view, network, event.node);
  }
  return true;
}

/** A row came by a datagram. @returns whether it is new. */
export function hearTableEvent(view: GossipNode, network: NetworkView, event: TableEvent): boolean {
  if (knows(network.known, event.index)) return false;
  if (!isAttached(view, event.networkId, event.owner)) return false;
  acceptTableEvent(view, network, event);
  return true;
}

/** Takes a row in, unless a newer one of its key is known; its owner's failure hides it. */
function acceptTableEvent(view: GossipNode, network: NetworkView, event: TableEvent): void {
  const before = lastKnown(network, event);
  learn(network.known, event.index);
  if (event.owner === view) return;
  if (before !== null && before.index > event.index) return;
  if (!isAlive(view, event.owner) || hasLeft(view, event)) {
    const from = network.forgotten.get(event.owner) ?? 0;
    network.forgotten.set(event.owner, Math.max(from, event.index + 1));
    return;
  }
  const wasThere = before !== null && !before.isDelete && !isForgotten(network, before);
  if (event.isDelete) {
    if (wasThere) tell(view, event, 'delete');
  } else {
    tell(view, event, wasThere ? 'update' : 'create');
  }
}

/** Whether the owner of a row is known to have gone off its network. */
function hasLeft(view: GossipNode, { networkId, owner }: TableEvent): boolean {
  const attachment = lastAttachment(view, networkId, owner);
  return attachment !== null && attachment.kind === 'detach';
}

/** The newest event of the same row that is known. */
function lastKnown(network: NetworkView, event: TableEvent): TableEvent | null {
  let newest = event.row.newest;
  while (newest !== null && !knows(network.known, newest.index)) newest = newest.previous;
  return newest;
}

function isForgotten(network: NetworkView, event: TableEvent): boolean {
  return event.index < (network.forgotten.get(event.owner) ?? 0);
}

/** A node failed or left the network: its rows go. */
export function forgetRows(view: GossipNode, network: NetworkView, owner: GossipNode): void {
  const rows = network.log.rows.get(owner);
  if (rows !== undefined) {
    for (const row of rows.values()) {
      const known = lastKnown(network, row);
      if (known === null || known.isDelete || isForgotten(network, known)) continue;
      tell(view, known, 'delete');
    }
  }
  network.forgotten.set(owner, network.log.events.length);
}

/** All rows of another node's table that this one lacks (bulk sync). */
export function mergeTable(
  view: GossipNode,
  network: NetworkView,
  theirs: { readonly known: Knowledge; readonly forgotten: ReadonlyMap<GossipNode, number> },
): void {
  const { log, known } = network;
  // First what came back, then what is new.
  for (const [owner, below] of [...network.forgotten]) {
    if (!isAlive(view, owner) || !isAttached(view, log.id, owner)) continue;
    const theirsBelow = theirs.forgotten.get(owner) ?? 0;
    if (theirsBelow >= below) continue;
    restoreRows(view, network, owner, below, theirsBelow);
  }
  for (let index = known.upTo; index < theirs.known.upTo; index++) {
    if (!knows(known, index)) acceptTableEvent(view, network, log.events[index]!);
  }
  for (const index of [...theirs.known.extras].sort((one, two) => one - two)) {
    if (!knows(known, index)) acceptTableEvent(view, network, log.events[index]!);
  }
}

/** A failed node is back: what was thrown away is told again. */
function restoreRows(
  view: GossipNode,
  network: NetworkView,
  owner: GossipNode,
  below: number,
  from: number,
): void {
  if (from === 0) network.forgotten.delete(owner);
  else network.forgotten.set(owner, from);
  for (const row of network.log.rows.get(owner)?.values() ?? []) {
    const known = lastKnown(network, row);
    // What its owner took back in the meantime does not rise again.
    if (known === null || known.isDelete || row.isDelete) continue;
    if (known.index >= below || known.index < from) continue;
    tell(view, known, 'create');
  }
}

/** A node is dead for this one: nothing of it remains on any network. */
export function loseNode(view: GossipNode, node: GossipNode): void {
  if (joinEventOf(view, node) !== null) view.aliveCount--;
  for (const network of view.networks.values()) {
    if (network.log.attachments.has(node)) forgetRows(view, network, node);
  }
}

/** It is back. */
export function regainNode(view: GossipNode, node: GossipNode): void {
  if (joinEventOf(view, node) !== null) view.aliveCount++;
}

function tell(view: GossipNode, event: TableEvent, kind: GossipEvent['kind']): void {
  const { table, networkId, key, value, owner } = event;
  view.onEvent?.({ table, networkId, key, kind, value, nodeId: owner.member.nodeId });
}
