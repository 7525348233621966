/**
 * Networks of the whole swarm.
 * @source swarmkit manager/controlapi/network.go; moby daemon/cluster/networks.go
 */
import { DockerError } from '../../docker/engine-record.ts';
import { checkIpam } from '../../docker/ipam/ipam-check.ts';
import type { NetworkSpec } from '../../docker/network-create.ts';
import type { Process, Program } from '../../engine/process.ts';
import { needsIngress } from '../manager/allocator/services.ts';
import type { Cluster } from '../manager/cluster.ts';
import { type NewObject, updateStore } from '../manager/store.ts';
import type { SwarmMember } from '../member.ts';
import { isPast, type NetworkObject, type ObjectId } from '../objects.ts';
import { commit, requireLeader } from '../wire/leader.ts';
import { rpcError } from '../wire/rpc.ts';
import { awaitAnswer } from './answer.ts';

const PREDEFINED = ['bridge', 'host', 'none', 'default'];

/** What `docker network create --scope swarm` asks for on top. */
export interface SwarmNetworkSpec extends NetworkSpec {
  readonly configFrom: string;
}

/** @throws DockerError with the managers' words. */
export function* createSwarmNetwork(
  member: SwarmMember,
  process: Process,
  spec: SwarmNetworkSpec,
): Program<NetworkObject> {
  if (PREDEFINED.includes(spec.name)) {
    const text = `operation is not permitted on predefined ${spec.name} network`;
    throw new DockerError(403, text);
  }
  const cluster = yield* requireLeader(member, process);
  checkNetwork(cluster, spec);
  yield* commit(member, process);
  const network = updateStore(cluster, (tx) => tx.create('network', networkOf(spec)));
  yield* awaitAnswer(process);
  return network;
}

/** @throws DockerError: in use by a service or a task. */
export function* removeSwarmNetwork(
  member: SwarmMember,
  process: Process,
  id: ObjectId,
): Program<void> {
  const cluster = yield* requireLeader(member, process);
  checkUnused(cluster, id);
  yield* commit(member, process);
  updateStore(cluster, (tx) => tx.remove('network', id));
  yield* awaitAnswer(process);
}

/** A network as it is entered: the allocator gives it what is not named. */
export function networkOf(spec: SwarmNetworkSpec): NewObject<'network'> {
  const named = spec.ipam.filter(({ subnet }) => subnet !== null);
  return {
    name: spec.name,
    driver: spec.driver === '' ? 'overlay' : spec.driver,
    labels: spec.labels,
    options: spec.options,
    isInternal: spec.isInternal,
    isAttachable: spec.isAttachable,
    isIngress: spec.isIngress,
    isIpv6: spec.enableIpv6,
    configFrom: spec.configFrom,
    ipamDriver: spec.ipamDriver === '' ? 'default' : spec.ipamDriver,
    ipam: named.map(({ subnet, gateway, range }) => ({
      subnet: subnet!.address, // filtered
      prefixLength: subnet!.prefixLength,
      gateway: gateway ?? 0,
      range,
    })),
    vnis: [],
    isSubnetNamed: named.length > 0,
    isAllocated: false,
  };
}

function checkNetwork({ store }: Cluster, spec: SwarmNetworkSpec): void {
  for (const { name } of store.networks.values()) {
    if (name !== spec.name) continue;
    throw new DockerError(409, `network with name ${name} already exists`);
  }
  checkIpam(spec.ipam);
  if (spec.isIngress && spec.isAttachable) {
    throw rpcError(400, 'InvalidArgument', 'ingress network cannot be attachable');
  }
  const ingress = [...store.networks.values()].find(({ isIngress }) => isIngress);
  if (spec.isIngress && ingress !== undefined) {
    throw rpcError(409, 'AlreadyExists', `ingress network (${ingress.id}) is already present`);
  }
}

function checkUnused({ store }: Cluster, id: ObjectId): void {
  const network = store.networks.get(id);
  if (network === undefined) throw rpcError(404, 'NotFound', `network ${id} not found`);
  const inUse = (by: string): DockerError => rpcError(400, 'FailedPrecondition', by);
  for (const service of store.services.values()) {
    if (network.isIngress && needsIngress(service.spec)) {
      throw inUse(`ingress network cannot be removed because service ${service.id} depends on it`);
    }
    if (service.spec.task.networks.some(({ target }) => target === id)) {
      throw inUse(`network ${id} is in use by service ${service.id}`);
    }
  }
  if (network.isIngress) return;
  for (const task of store.tasks.values()) {
    const isLive = !isPast(task.desiredState, 'running') && !isPast(task.status.state, 'running');
    if (isLive && task.attachments.some((each) => each.network.id === id)) {
      throw inUse(`network ${id} is in use by task ${task.id}`);
    }
  }
}
