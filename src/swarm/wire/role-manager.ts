/**
 * Makes nodes what their specs say: promotes at once, demotes when a quorum of the others remains; and
 * takes managers out of Raft that were removed. Rotates keys.
 * @source swarmkit manager/role_manager.go; manager/keymanager/keymanager.go
 */
import { NS_PER_SEC } from '../../base/units.ts';
import { type Process, type Program, waitFor, wake } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import type { StoreEvent } from '../manager/store.ts';
import type { NodeObject, ObjectId } from '../objects.ts';
import { type Dispatcher, forgetNode, markNews } from './dispatcher-record.ts';
import { refreshManagers } from './manager-status.ts';
import { canRemove, propose, reconfigure, transferLeadership } from './raft.ts';
import { rotateKeys, sharedOf } from './shared.ts';

const RECONCILE_NS = 5 * NS_PER_SEC;
const PROPOSAL_TIMEOUT_NS = 5 * NS_PER_SEC;
const KEY_ROTATION_NS = 12 * 3600 * NS_PER_SEC;

/** Runs on the leader until it is none any more. */
export function* runRoleManager(process: Process, dispatcher: Dispatcher): Program<number> {
  const { store } = dispatcher.manager.state.member.cluster;
  const pending = new Set<ObjectId>(store.nodes.keys());
  for (const id of sharedOf(dispatcher.manager.state.member.cluster).raftMembers.keys()) {
    pending.add(id);
  }
  let isChanged = true;
  const watcher = (event: StoreEvent): void => {
    if (event.table !== 'node' || event.kind === 'create') return;
    // A session tells its node of the addresses that it has got.
    const before = event.previous as NodeObject | null;
    if (before !== null && before.attachments !== event.object.attachments) markNews(dispatcher);
    pending.add(event.object.id);
    isChanged = true;
    wake(dispatcher.waiters);
  };
  store.watchers.add(watcher);
  process.cleanups.push(() => store.watchers.delete(watcher));
  let rotateAtNs = timeNs(process.sim) + KEY_ROTATION_NS;
  while (!dispatcher.isStopped) {
    isChanged = false;
    for (const id of [...pending]) {
      if (dispatcher.isStopped) return 0;
      if (yield* reconcile(process, dispatcher, id)) pending.delete(id);
    }
    const waitNs = pending.size > 0 ? RECONCILE_NS : rotateAtNs - timeNs(process.sim);
    const isDue = (): boolean => isChanged || dispatcher.isStopped;
    yield* waitFor(process, [dispatcher.waiters], isDue, Math.max(1, waitNs));
    if (timeNs(process.sim) < rotateAtNs || dispatcher.isStopped) continue;
    rotateAtNs += KEY_ROTATION_NS;
    rotateKeys(dispatcher.manager.state.member.cluster);
    markNews(dispatcher);
  }
  return 0;
}

/** @returns whether nothing is left to do for this node. */
function* reconcile(process: Process, dispatcher: Dispatcher, id: ObjectId): Program<boolean> {
  const { cluster } = dispatcher.manager.state.member;
  const { raftMembers, roles } = sharedOf(cluster);
  const node = cluster.store.nodes.get(id);
  if (node === undefined) {
    forgetNode(dispatcher, id);
    roles.delete(id);
    return yield* removeFromRaft(process, dispatcher, id);
  }
  if (node.spec.role === roles.get(id)) return true;
  if (node.spec.role === 'manager') {
    if (!(yield* agree(process, dispatcher))) return false;
    roles.set(id, 'manager');
    markNews(dispatcher);
    return true;
  }
  if (raftMembers.has(id) && !(yield* removeFromRaft(process, dispatcher, id))) return false;
  if (dispatcher.isStopped) return false;
  roles.set(id, 'worker');
  markNews(dispatcher);
  return true;
}

/** @returns whether it is out. A leader that is to go hands over first. */
function* removeFromRaft(process: Process, dispatcher: Dispatcher, id: ObjectId): Program<boolean> {
  const { raft, state } = dispatcher.manager;
  const { raftMembers } = sharedOf(state.member.cluster);
  if (!raftMembers.has(id)) return true;
  if (!canRemove(raft, id)) return false;
  if (id === state.member.nodeId) {
    transferLeadership(raft);
    return false;
  }
  if (!(yield* agree(process, dispatcher))) return false;
  raftMembers.delete(id);
  reconfigure(raft);
  refreshManagers(state.member.cluster, raft);
  markNews(dispatcher);
  return true;
}

function* agree(process: Process, { manager }: Dispatcher): Program<boolean> {
  return yield* propose(manager.raft, process, PROPOSAL_TIMEOUT_NS);
}
