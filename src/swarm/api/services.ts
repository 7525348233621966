/**
 * `docker service create`, `update`, `rollback`, `rm`.
 * @source swarmkit manager/controlapi/service.go; moby daemon/cluster/services.go
 */
import { DockerError } from '../../docker/engine-record.ts';
import type { Process, Program } from '../../engine/process.ts';
import { timeNs } from '../../engine/simulator.ts';
import { needsIngress } from '../manager/allocator/services.ts';
import type { Cluster } from '../manager/cluster.ts';
import { isEqual } from '../manager/equality.ts';
import { updateStore } from '../manager/store.ts';
import type { SwarmMember } from '../member.ts';
import type { NetworkAttachmentSpec, ObjectId, ServiceObject, ServiceSpec } from '../objects.ts';
import { commit, requireLeader } from '../wire/leader.ts';
import { rpcError } from '../wire/rpc.ts';
import { awaitAnswer } from './answer.ts';
import { checkFileReferences, checkPortConflicts, checkServiceSpec } from './service-check.ts';

/** Networks of every node that are no objects of the swarm. */
const PREDEFINED = ['bridge', 'host', 'none'];

/** @throws DockerError with the managers' words. */
export function* createService(
  member: SwarmMember,
  process: Process,
  spec: ServiceSpec,
): Program<ServiceObject> {
  const cluster = yield* requireLeader(member, process);
  const resolved = checkNewService(cluster, spec);
  yield* commit(member, process);
  const service = addService(cluster, resolved);
  yield* awaitAnswer(process);
  return service;
}

/** Where an update's spec comes from: `--rollback` and `docker service rollback` take the last one. */
export interface UpdateOptions {
  readonly isRollback: boolean;
}

/** @param versionIndex that of the service which the user looked at. @throws DockerError. */
export function* updateService(
  member: SwarmMember,
  process: Process,
  id: ObjectId,
  versionIndex: number,
  spec: ServiceSpec,
  options: UpdateOptions = { isRollback: false },
): Program<ServiceObject> {
  const cluster = yield* requireLeader(member, process);
  const resolved = checkChangedService(cluster, id, spec);
  yield* commit(member, process);
  const service = changeService(cluster, id, versionIndex, resolved, options);
  yield* awaitAnswer(process);
  return service;
}

/** @throws DockerError 404. */
export function* removeService(member: SwarmMember, process: Process, id: ObjectId): Program<void> {
  const cluster = yield* requireLeader(member, process);
  findService(cluster, id);
  yield* commit(member, process);
  updateStore(cluster, (tx) => tx.remove('service', id));
  yield* awaitAnswer(process);
}

/** Checks a spec. @returns it with the ids of its networks. @throws DockerError. */
export function checkNewService(cluster: Cluster, spec: ServiceSpec): ServiceSpec {
  const resolved = withNetworkIds(cluster, spec);
  checkServiceSpec(resolved);
  checkNetworks(cluster, resolved);
  checkPortConflicts(cluster, resolved, null);
  checkIngress(cluster, resolved);
  checkFileReferences(cluster, resolved.task.container);
  for (const { spec: other } of cluster.store.services.values()) {
    if (other.name !== spec.name) continue;
    const text = `name conflicts with an existing object: service ${spec.name} already exists`;
    throw rpcError(409, 'AlreadyExists', text);
  }
  return resolved;
}

/** Enters a service that was checked. */
export function addService(cluster: Cluster, spec: ServiceSpec): ServiceObject {
  return updateStore(cluster, (tx) =>
    tx.create('service', {
      spec,
      previousSpec: null,
      previousSpecVersion: 0,
      specVersion: 0,
      endpoint: null,
      updateStatus: null,
      jobIteration: 0,
    }),
  );
}

function checkChangedService(cluster: Cluster, id: ObjectId, spec: ServiceSpec): ServiceSpec {
  const service = findService(cluster, id);
  const resolved = withNetworkIds(cluster, spec);
  checkServiceSpec(resolved);
  checkNetworks(cluster, resolved);
  if (!isEqual(resolved.endpoint, service.spec.endpoint)) {
    checkPortConflicts(cluster, resolved, id);
  }
  checkFileReferences(cluster, resolved.task.container);
  if (service.spec.mode.kind !== resolved.mode.kind) {
    throw rpcError(501, 'Unimplemented', 'service mode change is not allowed');
  }
  if (service.spec.name !== resolved.name) {
    throw rpcError(501, 'Unimplemented', 'renaming services is not supported');
  }
  checkIngress(cluster, resolved);
  return resolved;
}

/** Enters a changed spec, or takes the last one back. @throws DockerError. */
export function changeService(
  cluster: Cluster,
  id: ObjectId,
  versionIndex: number,
  spec: ServiceSpec,
  { isRollback }: UpdateOptions,
): ServiceObject {
  const service = findService(cluster, id);
  const { previousSpec } = service;
  if (isRollback && previousSpec === null) {
    throw rpcError(400, 'FailedPrecondition', `service ${id} does not have a previous spec`);
  }
  if (service.versionIndex !== versionIndex) {
    throw rpcError(500, 'Unknown', 'update out of sequence');
  }
  const isJob = spec.mode.kind.endsWith('-job');
  const common = {
    ...service,
    previousSpec: service.spec,
    previousSpecVersion: service.specVersion,
    jobIteration: isJob ? service.jobIteration + 1 : service.jobIteration,
  };
  const changed: ServiceObject =
    isRollback && previousSpec !== null
      ? {
          ...common,
          spec: previousSpec,
          specVersion: service.previousSpecVersion,
          updateStatus: {
            state: 'rollback_started',
            startedNs: timeNs(cluster.world.sim),
            completedNs: null,
            message: 'manually requested rollback',
          },
        }
      : { ...common, spec, specVersion: service.versionIndex, updateStatus: null };
  return updateStore(cluster, (tx) => tx.update('service', changed));
}

function findService({ store }: Cluster, id: ObjectId): ServiceObject {
  const service = store.services.get(id);
  if (service === undefined) {
    throw rpcError(404, 'NotFound', `service ${id} not found`);
  }
  return service;
}

/** Users name networks. @source moby daemon/cluster/networks.go populateNetworkID() */
function withNetworkIds(cluster: Cluster, spec: ServiceSpec): ServiceSpec {
  const networks = spec.task.networks.map((each) => ({
    ...each,
    target: networkIdOf(cluster, each.target),
  }));
  return { ...spec, task: { ...spec.task, networks } };
}

function networkIdOf({ store }: Cluster, reference: string): NetworkAttachmentSpec['target'] {
  if (store.networks.has(reference)) return reference;
  const all = [...store.networks.values()];
  const named = all.find(({ name }) => name === reference);
  if (named !== undefined) return named.id;
  if (PREDEFINED.includes(reference)) return reference;
  const [found, ...more] = reference === '' ? [] : all.filter(({ id }) => id.startsWith(reference));
  if (found !== undefined && more.length === 0) return found.id;
  if (found === undefined) throw new DockerError(404, `network ${reference} not found`);
  const how = `${more.length + 1} matches found based on ID prefix`;
  throw new DockerError(400, `network ${reference} is ambiguous (${how})`);
}

function checkNetworks({ store }: Cluster, spec: ServiceSpec): void {
  for (const { target } of spec.task.networks) {
    const network = store.networks.get(target);
    if (network?.isIngress !== true) continue;
    const text = `Service cannot be explicitly attached to the ingress network "${network.name}"`;
    throw rpcError(400, 'InvalidArgument', text);
  }
}

function checkIngress({ store }: Cluster, spec: ServiceSpec): void {
  if (!needsIngress(spec)) return;
  if ([...store.networks.values()].some(({ isIngress }) => isIngress)) return;
  const text = 'service needs ingress network, but no ingress network is present';
  throw rpcError(400, 'FailedPrecondition', text);
}
