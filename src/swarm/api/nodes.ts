/**
 * `docker node update`, `rm`. (`promote` and `demote` are updates of the role.)
 * @source swarmkit manager/controlapi/node.go
 */
import type { Process, Program } from '../../engine/process.ts';
import type { SwarmMember } from '../member.ts';
import type { NodeObject, ObjectId } from '../objects.ts';

/** @throws DockerError 404, out of sequence. */
export function* updateNode(
  _member: SwarmMember,
  _process: Process,
  _id: ObjectId,
  _versionIndex: number,
  _spec: NodeObject['spec'],
): Program<NodeObject> {
  throw new Error('not yet');
}

/** @throws DockerError: it is a manager, or not down. */
export function* removeNode(
  _member: SwarmMember,
  _process: Process,
  _id: ObjectId,
  _options: { readonly isForced: boolean },
): Program<void> {}
