/**
 * `docker secret` and `docker config`: create and rm. Listing reads the store.
 * @source swarmkit manager/controlapi/secret.go, config.go
 */
import type { Process, Program } from '../../engine/process.ts';
import type { SwarmMember } from '../member.ts';
import type { ConfigObject, ObjectId, SecretObject } from '../objects.ts';

export function* createSecret(
  _member: SwarmMember,
  _process: Process,
  _secret: { name: string; labels: ReadonlyMap<string, string>; data: string },
): Program<SecretObject> {
  throw new Error('not yet');
}

export function* removeSecret(
  _member: SwarmMember,
  _process: Process,
  _id: ObjectId,
): Program<void> {}

export function* createConfig(
  _member: SwarmMember,
  _process: Process,
  _config: { name: string; labels: ReadonlyMap<string, string>; data: string },
): Program<ConfigObject> {
  throw new Error('not yet');
}

export function* removeConfig(
  _member: SwarmMember,
  _process: Process,
  _id: ObjectId,
): Program<void> {}
