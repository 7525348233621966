/** `docker service inspect --pretty`. @source docker cli command/service/formatter.go */
import { timeNs } from '../../../engine/simulator.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import type { ServiceObject, UpdateConfig } from '../../../swarm/objects.ts';
import { goDuration } from './duration-flags.ts';
import { binarySize, humanDuration } from './duration-text.ts';
import { UPDATE_DEFAULTS } from './service-spec.ts';

export function servicePretty(cluster: Cluster, service: ServiceObject): string {
  const { spec } = service;
  const isJob = spec.mode.kind.endsWith('job');
  return `${[
    '',
    `ID:\t\t${service.id}`,
    `Name:\t\t${spec.name}`,
    ...labelLines(spec.labels),
    ...modeLines(service),
    ...statusLines(cluster, service),
    ...placementLines(service),
    ...(isJob ? [] : configLines('Update', spec.update ?? UPDATE_DEFAULTS)),
    ...(isJob ? [] : configLines('Rollback', spec.rollback ?? UPDATE_DEFAULTS)),
    ...containerLines(service),
    ...resourceLines(service),
    ...networkLines(cluster, service),
    `Endpoint Mode:\t${spec.endpoint.mode}`,
    ...portLines(service),
  ].join('\n')}\n\n`;
}

function labelLines(labels: ReadonlyMap<string, string>): string[] {
  if (labels.size === 0) return [];
  const lines = [...labels.keys()].sort().map((key) => {
    const value = labels.get(key);
    return value === '' ? ` ${key}` : ` ${key}=${value}`;
  });
  return ['Labels:', ...lines];
}

function modeLines({ spec: { mode } }: ServiceObject): string[] {
  if (mode.kind === 'global') return ['Service Mode:\tGlobal'];
  if (mode.kind !== 'replicated') return ['Service Mode:'];
  const replicas = mode.replicas === 0 ? [] : [` Replicas:\t${mode.replicas}`];
  return ['Service Mode:\tReplicated', ...replicas];
}

function statusLines(cluster: Cluster, { updateStatus }: ServiceObject): string[] {
  if (updateStatus === null) return [];
  const nowNs = timeNs(cluster.world.sim);
  const { state, startedNs, completedNs, message } = updateStatus;
  const ago = (ns: number): string => `${humanDuration(nowNs - ns).toLowerCase()} ago`;
  return [
    'UpdateStatus:',
    ` State:\t\t${state}`,
    ` Started:\t${ago(startedNs)}`,
    ...(state === 'completed' && completedNs !== null ? [` Completed:\t${ago(completedNs)}`] : []),
    ` Message:\t${message}`,
  ];
}

function placementLines({ spec: { task } }: ServiceObject): string[] {
  const { constraints, preferences, maxReplicas } = task.placement;
  const lines = ['Placement:'];
  if (constraints.length > 0) lines.push(` Constraints:\t[${constraints.join(' ')}]`);
  if (preferences.length > 0) {
    const texts = preferences.map((descriptor) => `spread=${descriptor}`);
    lines.push(` Preferences:   [${texts.join(' ')}]`);
  }
  if (maxReplicas > 0) lines.push(` Max Replicas Per Node:   ${maxReplicas}`);
  return lines;
}

function configLines(name: 'Update' | 'Rollback', config: UpdateConfig): string[] {
  const order = `${name} order:`.padEnd(name === 'Update' ? 19 : 19);
  return [
    `${name}Config:`,
    ` Parallelism:\t${config.parallelism}`,
    ...(config.delayNs === 0 ? [] : [` Delay:\t\t${goDuration(config.delayNs)}`]),
    ` On failure:\t${config.failureAction}`,
    ...(config.monitorNs === 0 ? [] : [` Monitoring Period: ${goDuration(config.monitorNs)}`]),
    ` Max failure ratio: ${config.maxFailureRatio}`,
    ` ${order}${config.order}`,
  ];
}

function containerLines({ spec: { task } }: ServiceObject): string[] {
  const { container } = task;
  const each = (list: readonly string[]): string => list.map((item) => `${item} `).join('');
  const lines = ['ContainerSpec:', ` Image:\t\t${container.image}`];
  if (container.args.length > 0) lines.push(` Args:\t\t${each(container.args)}`);
  if (container.environment.length > 0) lines.push(` Env:\t\t${each(container.environment)}`);
  if (container.workingDir !== '') lines.push(` Dir:\t\t${container.workingDir}`);
  if (container.init !== null) lines.push(` Init:\t\t${container.init}`);
  if (container.user !== '') lines.push(` User: ${container.user}`);
  const { capabilityAdd, capabilityDrop } = container;
  if (capabilityAdd.length + capabilityDrop.length > 0) {
    lines.push('Capabilities:');
    if (capabilityAdd.length > 0) lines.push(` Add: ${capabilityAdd.join(', ')}`);
    if (capabilityDrop.length > 0) lines.push(` Drop: ${capabilityDrop.join(', ')}`);
  }
  if (container.sysctls.size > 0) {
    lines.push('SysCtls:');
    for (const key of [...container.sysctls.keys()].sort()) {
      lines.push(` ${key}: ${container.sysctls.get(key)}`);
    }
  }
  return [
    ...lines,
    ...mountLines(container.mounts),
    ...fileLines('Configs', container.configs),
    ...fileLines('Secrets', container.secrets),
  ];
}

function mountLines(mounts: readonly ReadonlyMap<string, string>[]): string[] {
  if (mounts.length === 0) return [];
  return [
    'Mounts:',
    ...mounts.flatMap((mount) => [
      ` Target:\t${mount.get('target')}`,
      `  Source:\t${mount.get('source') ?? ''}`,
      `  ReadOnly:\t${mount.get('readonly') ?? 'false'}`,
      `  Type:\t\t${mount.get('type')}`,
    ]),
  ];
}

function fileLines(
  head: string,
  files: readonly { readonly name: string; readonly fileName: string }[],
): string[] {
  if (files.length === 0) return [];
  const lines = files.flatMap(({ name, fileName }) => [
    ` Target:\t${fileName}`,
    `  Source:\t${name}`,
  ]);
  return [`${head}:`, ...lines];
}

function resourceLines({ spec: { task } }: ServiceObject): string[] {
  const { limits, reservations } = task.resources;
  const amount = (title: string, { nanoCpus, memoryBytes }: typeof limits): string[] => {
    if (nanoCpus === 0 && memoryBytes === 0) return [];
    return [
      ` ${title}:`,
      ...(nanoCpus > 0 ? [`  CPU:\t\t${nanoCpus / 1e9}`] : []),
      ...(memoryBytes > 0 ? [`  Memory:\t${binarySize(memoryBytes)}`] : []),
    ];
  };
  return [
    'Resources:',
    ...amount('Reservations', reservations),
    ...amount('Limits', limits),
    ...(limits.pids > 0 ? [`  PIDs:\t\t${limits.pids}`] : []),
  ];
}

function networkLines({ store }: Cluster, { spec: { task } }: ServiceObject): string[] {
  if (task.networks.length === 0) return [];
  const names = task.networks.map(({ target }) => store.networks.get(target)?.name ?? target);
  return [`Networks:${names.map((name) => ` ${name}`).join('')} `];
}

function portLines({ endpoint }: ServiceObject): string[] {
  const ports = endpoint?.ports ?? [];
  if (ports.length === 0) return [];
  const lines = ports.flatMap((port) => [
    ` PublishedPort = ${port.publishedPort}`,
    `  Protocol = ${port.protocol}`,
    `  TargetPort = ${port.targetPort}`,
    `  PublishMode = ${port.publishMode}`,
  ]);
  return ['Ports:', ...lines.slice(0, -1), `${lines.at(-1)} `];
}
