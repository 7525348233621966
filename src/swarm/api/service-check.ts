/**
 * What the managers refuse in a service's spec.
 * @source swarmkit manager/controlapi/service.go validateServiceSpec(), checkPortConflicts()
 */
import { DockerError } from '../../docker/engine-record.ts';
import { parseReference } from '../../docker/images.ts';
import type { Cluster } from '../manager/cluster.ts';
import { parseConstraints } from '../manager/scheduler/constraints.ts';
import type {
  FileReference,
  ObjectId,
  PortConfig,
  ResourceAmount,
  ServiceSpec,
  SwarmContainerSpec,
  UpdateConfig,
} from '../objects.ts';
import { rpcError } from '../wire/rpc.ts';

const NAME = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;
const NAME_MAX = 63;
const NANO_CPUS_MIN = 1e6;
const MEMORY_MIN = 4 * 1024 * 1024;

/** @throws DockerError 400. */
export function checkServiceSpec(spec: ServiceSpec): void {
  const { task } = spec;
  if (spec.name === '') refuse('meta: name must be provided');
  if (!NAME.test(spec.name)) refuse('name must be valid as a DNS name component');
  if (spec.name.length > NAME_MAX) refuse('name must be 63 characters or fewer');
  checkResources(task.resources.limits);
  checkResources(task.resources.reservations);
  if (task.restart.delayNs < 0) refuse('TaskSpec: restart-delay cannot be negative');
  if (task.restart.windowNs < 0) refuse('TaskSpec: restart-window cannot be negative');
  const constraints = parseConstraints(task.placement.constraints);
  if (typeof constraints === 'string') throw rpcError(400, 'Unknown', constraints);
  checkTargets('secret', task.container.secrets);
  checkTargets('config', task.container.configs);
  checkImage(task.container.image);
  checkMounts(task.container.mounts);
  const isJob = spec.mode.kind.endsWith('-job');
  if (isJob && spec.update !== null) refuse('Jobs may not have an update config');
  if (!isJob && spec.update !== null) checkUpdate(spec.update);
  checkEndpoint(spec.endpoint);
}

/** Ports that another service has. @param ownId the service that is updated. @throws DockerError 400. */
export function checkPortConflicts(
  { store }: Cluster,
  spec: ServiceSpec,
  ownId: ObjectId | null,
): void {
  const keyOf = ({ protocol, publishedPort }: PortConfig): string => `${protocol}/${publishedPort}`;
  const keysOf = (mode: PortConfig['publishMode']): Set<string> =>
    new Set(
      spec.endpoint.ports
        .filter((port) => port.publishMode === mode && port.publishedPort !== 0)
        .map(keyOf),
    );
  const ingress = keysOf('ingress');
  const host = keysOf('host');
  if (ingress.size + host.size === 0) return;
  for (const service of store.services.values()) {
    if (service.id === ownId) continue;
    for (const port of [...service.spec.endpoint.ports, ...(service.endpoint?.ports ?? [])]) {
      if (port.publishedPort === 0) continue;
      const key = keyOf(port);
      const isIngress = port.publishMode === 'ingress';
      // Several services may want the same port of a host: the scheduler tells them apart.
      if (!ingress.has(key) && !(isIngress && host.has(key))) continue;
      const how = isIngress ? 'an ingress port' : 'a host-published port';
      refuse(
        `port '${port.publishedPort}' is already in use by service '${service.spec.name}' (${service.id}) as ${how}`,
      );
    }
  }
}

/** Secrets and configs that are not there. @throws DockerError 400. */
export function checkFileReferences({ store }: Cluster, container: SwarmContainerSpec): void {
  const missing = (
    references: readonly FileReference[],
    table: ReadonlyMap<ObjectId, { readonly name: string }>,
  ): string[] =>
    references.filter(({ id, name }) => table.get(id)?.name !== name).map(({ name }) => name);
  for (const [kind, names] of [
    ['secret', missing(container.secrets, store.secrets)],
    ['config', missing(container.configs, store.configs)],
  ] as const) {
    if (names.length === 0) continue;
    refuse(`${names.length === 1 ? kind : `${kind}s`} not found: ${names.join(', ')}`);
  }
}

function refuse(text: string): never {
  throw rpcError(400, 'InvalidArgument', text);
}

function checkResources({ nanoCpus, memoryBytes }: ResourceAmount): void {
  if (nanoCpus !== 0 && nanoCpus < NANO_CPUS_MIN) {
    refuse(`invalid cpu value ${nanoCpus / 1e9}: Must be at least 0.001`);
  }
  if (memoryBytes !== 0 && memoryBytes < MEMORY_MIN) {
    refuse(`invalid memory value ${memoryBytes}: Must be at least 4MiB`);
  }
}

function checkTargets(kind: 'secret' | 'config', references: readonly FileReference[]): void {
  const taken = new Map<string, string>();
  for (const { name, fileName } of references) {
    const other = taken.get(fileName);
    if (other !== undefined) {
      refuse(
        `${kind} references '${other}' and '${name}' have a conflicting target: '${fileName}'`,
      );
    }
    taken.set(fileName, name);
  }
}

function checkImage(image: string): void {
  if (image === '') refuse('ContainerSpec: image reference must be provided');
  try {
    parseReference(image);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    refuse(`ContainerSpec: "${image}" is not a valid repository/tag`);
  }
}

function checkMounts(mounts: SwarmContainerSpec['mounts']): void {
  const targets = new Set<string>();
  for (const mount of mounts) {
    const target = mount.get('target') ?? mount.get('dst') ?? mount.get('destination') ?? '';
    if (targets.has(target)) refuse(`ContainerSpec: duplicate mount point: ${target}`);
    targets.add(target);
  }
}

function checkUpdate({ delayNs, monitorNs, maxFailureRatio }: UpdateConfig): void {
  if (delayNs < 0) refuse('TaskSpec: update-delay cannot be negative');
  if (monitorNs < 0) refuse('TaskSpec: update-monitor cannot be negative');
  if (maxFailureRatio < 0 || maxFailureRatio > 1) {
    refuse('TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1');
  }
}

function checkEndpoint({ mode, ports }: ServiceSpec['endpoint']): void {
  const taken = new Set<string>();
  for (const { publishMode, publishedPort, protocol } of ports) {
    if (mode === 'dnsrr' && publishMode === 'ingress') {
      refuse("EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
    }
    if (publishedPort === 0) continue;
    const key = `${protocol}/${publishedPort}`;
    if (taken.has(key)) refuse('EndpointSpec: duplicate published ports provided');
    taken.add(key);
  }
}
