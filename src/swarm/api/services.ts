/**
 * `docker service create`, `update`, `rollback`, `rm`.
 * @source swarmkit manager/controlapi/service.go; moby daemon/cluster/services.go
 */
import type { Process, Program } from '../../engine/process.ts';
import type { SwarmMember } from '../member.ts';
import type { ObjectId, ServiceObject, ServiceSpec } from '../objects.ts';

/** @throws DockerError with the managers' words. */
export function* createService(
  _member: SwarmMember,
  _process: Process,
  _spec: ServiceSpec,
): Program<ServiceObject> {
  throw new Error('not yet');
}

/** Where an update's spec comes from: `--rollback` and `docker service rollback` take the last one. */
export interface UpdateOptions {
  readonly isRollback: boolean;
}

/** @param versionIndex that of the service which the user looked at. @throws DockerError. */
export function* updateService(
  _member: SwarmMember,
  _process: Process,
  _id: ObjectId,
  _versionIndex: number,
  _spec: ServiceSpec,
  _options: UpdateOptions = { isRollback: false },
): Program<ServiceObject> {
  throw new Error('not yet');
}

/** @throws DockerError 404. */
export function* removeService(
  _member: SwarmMember,
  _process: Process,
  _id: ObjectId,
): Program<void> {}
