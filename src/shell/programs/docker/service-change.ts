/** What the flags of `docker service update` make of a specification. @source docker cli command/service/update.go updateService() */

import { splitWords } from '../../../base/split-words.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import type {
  FileReference,
  NetworkAttachmentSpec,
  PortConfig,
  ServiceMode,
  ServiceSpec,
  SwarmContainerSpec,
  TaskSpec,
} from '../../../swarm/objects.ts';
import { type CommandLine, has, listOf, textOf } from './command-line.ts';
import { durationOf } from './duration-flags.ts';
import { pairsOf } from './network-create.ts';
import { portConfigsOf } from './service-ports.ts';
import {
  capabilityName,
  endpointModeOf,
  fileOf,
  hostEntryOf,
  mountOf,
  networkIdOf,
  networkOf,
  preferenceOf,
  resourcesOf,
  restartOf,
  updateOf,
  wrong,
} from './service-spec.ts';

export function changedSpec(line: CommandLine, cluster: Cluster, spec: ServiceSpec): ServiceSpec {
  const { task } = spec;
  return {
    name: spec.name,
    labels: mapWith(line, 'label', spec.labels),
    task: {
      container: changedContainer(line, cluster, task.container),
      resources: resourcesOf(line, task.resources),
      restart: restartOf(line, task.restart),
      placement: changedPlacement(line, task.placement),
      networks: changedNetworks(line, cluster, task.networks),
      forceUpdate: task.forceUpdate + (has(line, 'force') ? 1 : 0),
      logDriver: textIf(line, 'log-driver', task.logDriver),
    },
    mode: changedMode(line, spec.mode),
    update: updateOf(line, 'update', spec.update),
    rollback: updateOf(line, 'rollback', spec.rollback),
    endpoint: {
      mode: line.values.has('endpoint-mode')
        ? endpointModeOf(textOf(line, 'endpoint-mode'))
        : spec.endpoint.mode,
      ports: changedPorts(line, spec.endpoint.ports),
    },
  };
}

function textIf(line: CommandLine, name: string, before: string): string {
  return line.values.has(name) ? textOf(line, name) : before;
}

function wordsIf(line: CommandLine, name: string, before: readonly string[]): readonly string[] {
  return line.values.has(name) ? splitWords(textOf(line, name)) : before;
}

/** `NAME-add` and `NAME-rm` of `key=value`. */
function mapWith(
  line: CommandLine,
  name: string,
  before: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const [added, removed] = [listOf(line, `${name}-add`), listOf(line, `${name}-rm`)];
  if (added.length + removed.length === 0) return before;
  const map = new Map(before);
  for (const key of removed) map.delete(key.split('=')[0]!);
  for (const [key, value] of pairsOf(added)) map.set(key, value);
  return map;
}

/** `NAME-add` and `NAME-rm` of plain words; the result is sorted, as the CLI does it. */
function wordsWith(line: CommandLine, name: string, before: readonly string[]): readonly string[] {
  const [added, removed] = [listOf(line, `${name}-add`), listOf(line, `${name}-rm`)];
  if (added.length + removed.length === 0) return before;
  const kept = [...new Set([...before, ...added])].filter((word) => !removed.includes(word));
  return kept.sort();
}

function changedContainer(
  line: CommandLine,
  cluster: Cluster,
  before: SwarmContainerSpec,
): SwarmContainerSpec {
  return {
    ...before,
    image: textIf(line, 'image', before.image),
    labels: mapWith(line, 'container-label', before.labels),
    command: wordsIf(line, 'entrypoint', before.command),
    args: wordsIf(line, 'args', before.args),
    hostname: textIf(line, 'hostname', before.hostname),
    environment: changedEnvironment(line, before.environment),
    workingDir: textIf(line, 'workdir', before.workingDir),
    user: textIf(line, 'user', before.user),
    groups: wordsWith(line, 'group', before.groups),
    isTty: line.values.has('tty') ? has(line, 'tty') : before.isTty,
    isReadOnly: line.values.has('read-only') ? has(line, 'read-only') : before.isReadOnly,
    stopSignal: textIf(line, 'stop-signal', before.stopSignal),
    stopGraceNs: line.values.has('stop-grace-period')
      ? durationOf(textOf(line, 'stop-grace-period'))
      : before.stopGraceNs,
    hosts: changedHosts(line, before.hosts),
    dns: {
      nameservers: wordsWith(line, 'dns', before.dns.nameservers),
      search: wordsWith(line, 'dns-search', before.dns.search),
      options: wordsWith(line, 'dns-option', before.dns.options),
    },
    mounts: changedMounts(line, before.mounts),
    secrets: changedFiles(line, cluster, 'secret', before.secrets),
    configs: changedFiles(line, cluster, 'config', before.configs),
    sysctls: mapWith(line, 'sysctl', before.sysctls),
    ...changedCapabilities(line, before),
    init: line.values.has('init') ? has(line, 'init') : before.init,
  };
}

function changedEnvironment(line: CommandLine, before: readonly string[]): readonly string[] {
  const [added, removed] = [listOf(line, 'env-add'), listOf(line, 'env-rm')];
  if (added.length + removed.length === 0) return before;
  const byName = new Map(before.map((text) => [text.split('=')[0]!, text]));
  for (const text of added) byName.set(text.split('=')[0]!, text);
  for (const name of removed) byName.delete(name);
  return [...byName.values()].sort();
}

function changedHosts(line: CommandLine, before: readonly string[]): readonly string[] {
  const added = listOf(line, 'host-add').map(hostEntryOf);
  const removed = listOf(line, 'host-rm').map((text) =>
    text.includes(':') ? hostEntryOf(text) : text,
  );
  if (added.length + removed.length === 0) return before;
  const isRemoved = (entry: string): boolean =>
    removed.some((text) => text === entry || text === entry.split(' ')[1]);
  return [...before.filter((entry) => !isRemoved(entry)), ...added];
}

function changedMounts(
  line: CommandLine,
  before: SwarmContainerSpec['mounts'],
): SwarmContainerSpec['mounts'] {
  const added = listOf(line, 'mount-add').map(mountOf);
  const removed = listOf(line, 'mount-rm');
  const targets = new Set([...removed, ...added.map((mount) => mount.get('target'))]);
  return [...before.filter((mount) => !targets.has(mount.get('target'))), ...added];
}

function changedFiles(
  line: CommandLine,
  cluster: Cluster,
  kind: 'secret' | 'config',
  before: readonly FileReference[],
): readonly FileReference[] {
  const removed = listOf(line, `${kind}-rm`);
  const added = listOf(line, `${kind}-add`).map((text) => fileOf(cluster, kind, text));
  return [...before.filter(({ name }) => !removed.includes(name)), ...added];
}

/** What is added is not dropped any more, and the other way round. */
function changedCapabilities(
  line: CommandLine,
  before: SwarmContainerSpec,
): Pick<SwarmContainerSpec, 'capabilityAdd' | 'capabilityDrop'> {
  const added = listOf(line, 'cap-add').map(capabilityName);
  const dropped = listOf(line, 'cap-drop').map(capabilityName);
  const merge = (kept: readonly string[], more: readonly string[], less: readonly string[]) =>
    [...new Set([...kept.filter((each) => !less.includes(each)), ...more])].sort();
  return {
    capabilityAdd: merge(before.capabilityAdd, added, dropped),
    capabilityDrop: merge(before.capabilityDrop, dropped, added),
  };
}

function changedPlacement(line: CommandLine, before: TaskSpec['placement']): TaskSpec['placement'] {
  const removed = listOf(line, 'placement-pref-rm').map(preferenceOf);
  const added = listOf(line, 'placement-pref-add').map(preferenceOf);
  return {
    constraints: wordsWith(line, 'constraint', before.constraints),
    preferences: [...before.preferences.filter((each) => !removed.includes(each)), ...added],
    maxReplicas: line.values.has('replicas-max-per-node')
      ? Number(textOf(line, 'replicas-max-per-node'))
      : before.maxReplicas,
  };
}

function changedNetworks(
  line: CommandLine,
  cluster: Cluster,
  before: readonly NetworkAttachmentSpec[],
): readonly NetworkAttachmentSpec[] {
  const added = listOf(line, 'network-add').map((text) => networkOf(cluster, text));
  const removed = listOf(line, 'network-rm').map((name) => networkIdOf(cluster, name));
  if (added.length + removed.length === 0) return before;
  const kept = before.filter(({ target }) => !removed.includes(target));
  for (const network of added) {
    if (kept.some(({ target }) => target === network.target)) {
      wrong(
        `service is already attached to network ${cluster.store.networks.get(network.target)?.name ?? network.target}`,
      );
    }
    kept.push(network);
  }
  return kept.sort((a, b) => (a.target < b.target ? -1 : 1));
}

function changedMode(line: CommandLine, mode: ServiceMode): ServiceMode {
  const replicas = line.values.has('replicas') ? Number(textOf(line, 'replicas')) : null;
  const concurrent = line.values.has('max-concurrent')
    ? Number(textOf(line, 'max-concurrent'))
    : null;
  if (mode.kind === 'replicated-job') {
    return {
      kind: mode.kind,
      totalCompletions: replicas ?? mode.totalCompletions,
      maxConcurrent: concurrent ?? mode.maxConcurrent,
    };
  }
  if (replicas === null) return mode;
  if (mode.kind !== 'replicated') wrong('replicas can only be used with replicated mode');
  return { kind: 'replicated', replicas };
}

/**
 * What was there is not added again, not even in place of itself.
 * @source docker cli command/service/update.go updatePorts()
 */
function changedPorts(line: CommandLine, before: readonly PortConfig[]): readonly PortConfig[] {
  const added = listOf(line, 'publish-add').flatMap(portConfigsOf);
  const removed = listOf(line, 'publish-rm').flatMap(portConfigsOf);
  if (added.length + removed.length === 0) return before;
  const keyOf = (port: PortConfig): string =>
    `${port.publishedPort}:${port.targetPort}/${port.protocol}/${port.publishMode}`;
  const present = new Map(before.map((port) => [keyOf(port), port]));
  const kept = [...present.values()].filter((port) => !removed.some((each) => fits(each, port)));
  const ports = [...kept, ...added.filter((port) => !present.has(keyOf(port)))];
  return ports.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** `--publish-rm 80`: what it publishes does not count, but how does. */
function fits(wanted: PortConfig, port: PortConfig): boolean {
  return (
    wanted.protocol === port.protocol &&
    wanted.targetPort === port.targetPort &&
    wanted.publishMode === port.publishMode
  );
}
