/**
 * How nodes are let in: a certificate for a token, and (for managers) a place in Raft.
 * @source swarmkit ca/server.go IssueNodeCertificate(); manager/state/raft/raft.go Join()
 */
import { nextInt32 } from '../../base/prng.ts';
import { NS_PER_MS, NS_PER_SEC } from '../../base/units.ts';
import { type Process, type Program, sleep } from '../../engine/process.ts';
import { streamOf } from '../../engine/simulator.ts';
import { addNodeObject } from '../manager/dispatch.ts';
import { makeObjectId } from '../manager/ids.ts';
import { closeEnd, openChannel } from './channel.ts';
import { agree, type Dispatcher, markNews } from './dispatcher-record.ts';
import { refreshManagers } from './manager-status.ts';
import type { Replies, RequestBody, WireMessage } from './messages.ts';
import { reconfigure } from './raft.ts';
import { rpcError } from './rpc.ts';
import { sharedOf } from './shared.ts';

const HEALTH_TIMEOUT_NS = 5 * NS_PER_SEC;
/** What signing takes. */
const SIGN_NS = 20 * NS_PER_MS;

/** A node with a token comes in: its object is made. @throws DockerError for a wrong token. */
export function* issueCertificate(
  process: Process,
  dispatcher: Dispatcher,
  body: RequestBody & { readonly kind: 'issue' },
): Program<Replies['issue']> {
  const { cluster } = dispatcher.manager.state.member;
  const { workerToken, managerToken } = cluster.settings;
  if (body.token !== workerToken && body.token !== managerToken) {
    throw rpcError(400, 'InvalidArgument', 'A valid join token is necessary to join this cluster');
  }
  const role = body.token === managerToken ? 'manager' : 'worker';
  yield* agree(process, dispatcher);
  yield* sleep(process, SIGN_NS);
  const { availability, description, address } = body;
  const id = makeObjectId(cluster.world.sim);
  const spec = { labels: new Map(), role, availability } as const;
  addNodeObject(cluster, { id, spec, description, managerStatus: null, address });
  sharedOf(cluster).roles.set(id, role);
  return { cluster, nodeId: id, role, address };
}

/** A manager becomes a member of Raft if the leader can reach it. @throws DockerError. */
export function* joinRaft(
  process: Process,
  dispatcher: Dispatcher,
  body: RequestBody & { readonly kind: 'raft-join' },
): Program<Replies['raft-join']> {
  const { manager } = dispatcher;
  const { member, host } = manager.state;
  const { raftMembers, roles } = sharedOf(member.cluster);
  const { nodeId, address, port } = body;
  const known = raftMembers.get(nodeId);
  if (roles.get(nodeId) !== 'manager') throw rpcError(403, 'PermissionDenied', 'Permission denied');
  const end = yield* openChannel<WireMessage>(process, host, { address, port }, HEALTH_TIMEOUT_NS);
  if (typeof end === 'string') {
    throw rpcError(
      500,
      'Unknown',
      'could not connect to prospective new cluster member using its advertised address: rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    );
  }
  closeEnd(host.world, end);
  yield* agree(process, dispatcher);
  const raftId = known?.raftId ?? drawRaftId(dispatcher);
  raftMembers.set(nodeId, { nodeId, raftId, address, port });
  reconfigure(manager.raft);
  refreshManagers(member.cluster, manager.raft);
  markNews(dispatcher);
  return { raftId };
}

/** A number that no member has. */
function drawRaftId({ manager }: Dispatcher): number {
  const { sim } = manager.state.host.world;
  return (nextInt32(streamOf(sim, 'swarm/raft')) >>> 0) + 1;
}
