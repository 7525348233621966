/**
 * `docker secret` and `docker config`: create and rm. Listing reads the store.
 * @source swarmkit manager/controlapi/secret.go, config.go
 */
import type { Process, Program } from '../../engine/process.ts';
import type { Cluster } from '../manager/cluster.ts';
import { updateStore } from '../manager/store.ts';
import type { SwarmMember } from '../member.ts';
import type { ConfigObject, FileReference, ObjectId, SecretObject } from '../objects.ts';
import { commit, requireLeader } from '../wire/leader.ts';
import { rpcError } from '../wire/rpc.ts';

const NAME = /^[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?$/;
const NAME_MAX = 64;
const SECRET_MAX_BYTES = 500 * 1024;
const CONFIG_MAX_BYTES = 1000 * 1024;

/** What the user gives. */
export interface FileSpec {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly data: string;
}

/** @throws DockerError. */
export function* createSecret(
  member: SwarmMember,
  process: Process,
  secret: FileSpec,
): Program<SecretObject> {
  const cluster = yield* requireLeader(member, process);
  check(cluster, 'secret', secret);
  yield* commit(member, process);
  const { name, labels, data } = secret;
  return updateStore(cluster, (tx) => tx.create('secret', { name, labels, data }));
}

/** @throws DockerError: unknown, in use. */
export function* removeSecret(member: SwarmMember, process: Process, id: ObjectId): Program<void> {
  const cluster = yield* requireLeader(member, process);
  checkUnused(cluster, 'secret', id);
  yield* commit(member, process);
  updateStore(cluster, (tx) => tx.remove('secret', id));
}

/** @throws DockerError. */
export function* createConfig(
  member: SwarmMember,
  process: Process,
  config: FileSpec,
): Program<ConfigObject> {
  const cluster = yield* requireLeader(member, process);
  check(cluster, 'config', config);
  yield* commit(member, process);
  const { name, labels, data } = config;
  return updateStore(cluster, (tx) => tx.create('config', { name, labels, data }));
}

/** @throws DockerError: unknown, in use. */
export function* removeConfig(member: SwarmMember, process: Process, id: ObjectId): Program<void> {
  const cluster = yield* requireLeader(member, process);
  checkUnused(cluster, 'config', id);
  yield* commit(member, process);
  updateStore(cluster, (tx) => tx.remove('config', id));
}

function check({ store }: Cluster, kind: 'secret' | 'config', file: FileSpec): void {
  const { name, data } = file;
  const refuse = (text: string): never => {
    throw rpcError(400, 'InvalidArgument', text);
  };
  if (name === '') refuse('name must be provided');
  if (name.length > NAME_MAX || !NAME.test(name)) {
    refuse(
      'invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]',
    );
  }
  const maxBytes = kind === 'secret' ? SECRET_MAX_BYTES : CONFIG_MAX_BYTES;
  if (data.length === 0 || data.length >= maxBytes) {
    refuse(`${kind} data must be larger than 0 and less than ${maxBytes} bytes`);
  }
  for (const other of store[`${kind}s`].values()) {
    if (other.name === name) throw rpcError(409, 'AlreadyExists', `${kind} ${name} already exists`);
  }
}

function checkUnused({ store }: Cluster, kind: 'secret' | 'config', id: ObjectId): void {
  const file = store[`${kind}s`].get(id);
  if (file === undefined) throw rpcError(404, 'NotFound', `could not find ${kind} ${id}`);
  const uses = (references: readonly FileReference[]): boolean =>
    references.some((each) => each.id === id);
  const users = [...store.services.values()]
    .filter(({ spec }) => uses(spec.task.container[`${kind}s`]))
    .map(({ spec }) => spec.name);
  if (users.length === 0) return;
  const who = users.length === 1 ? 'service' : 'services';
  const text = `${kind} '${file.name}' is in use by the following ${who}: ${users.join(', ')}`;
  throw rpcError(400, 'InvalidArgument', text);
}
