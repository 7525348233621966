/** From the flags of `docker service create` to a service's specification. @source docker cli command/service/opts.go ToService() */

import { splitWords } from '../../../base/split-words.ts';
import { DockerError } from '../../../docker/engine-record.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import type {
  FileReference,
  NetworkAttachmentSpec,
  ServiceMode,
  ServiceSpec,
  SwarmContainerSpec,
  TaskSpec,
  UpdateConfig,
} from '../../../swarm/objects.ts';
import { type CommandLine, has, listOf, textOf, UsageError } from './command-line.ts';
import { bytesOf, durationOf, nanoCpusOf } from './duration-flags.ts';
import { pairsOf } from './network-create.ts';
import { portConfigsOf } from './service-ports.ts';
import { findConfig, findSecret } from './swarm-request.ts';

/** @source swarmkit api/defaults/service.go */
export const UPDATE_DEFAULTS: UpdateConfig = {
  parallelism: 1,
  delayNs: 0,
  failureAction: 'pause',
  monitorNs: 5e9,
  maxFailureRatio: 0,
  order: 'stop-first',
};
export const RESTART_DEFAULTS: TaskSpec['restart'] = {
  condition: 'any',
  delayNs: 5e9,
  maxAttempts: 0,
  windowNs: 0,
};
export const STOP_GRACE_NS = 10e9;

export function wrong(message: string): never {
  throw new UsageError(`${message}\n`, 1);
}

/** @param environment what `-e` and `--env-file` came to. */
export function serviceSpecOf(
  line: CommandLine,
  cluster: Cluster,
  environment: readonly string[],
): ServiceSpec {
  const mode = modeOf(line);
  const update = updateOf(line, 'update', null);
  const rollback = updateOf(line, 'rollback', null);
  if (mode.kind.endsWith('job') && (update !== null || rollback !== null)) {
    wrong('update and rollback configuration is not supported for jobs');
  }
  const networks = listOf(line, 'network').map((text) => networkOf(cluster, text));
  networks.sort((a, b) => (a.target < b.target ? -1 : 1));
  return {
    name: textOf(line, 'name'),
    labels: pairsOf(listOf(line, 'label')),
    task: {
      container: containerOf(line, cluster, environment),
      resources: resourcesOf(line, NO_RESOURCES),
      restart: restartOf(line, RESTART_DEFAULTS),
      placement: {
        constraints: listOf(line, 'constraint'),
        preferences: listOf(line, 'placement-pref').map(preferenceOf),
        maxReplicas: Number(textOf(line, 'replicas-max-per-node')),
      },
      networks,
      forceUpdate: 0,
      logDriver: textOf(line, 'log-driver'),
    },
    mode,
    update,
    rollback,
    endpoint: {
      mode: endpointModeOf(textOf(line, 'endpoint-mode') || 'vip'),
      ports: listOf(line, 'publish').flatMap(portConfigsOf),
    },
  };
}

const NO_AMOUNT = { nanoCpus: 0, memoryBytes: 0, pids: 0 };
export const NO_RESOURCES: TaskSpec['resources'] = { limits: NO_AMOUNT, reservations: NO_AMOUNT };

function containerOf(
  line: CommandLine,
  cluster: Cluster,
  environment: readonly string[],
): SwarmContainerSpec {
  const [image = '', ...args] = line.operands;
  const entrypoint = textOf(line, 'entrypoint');
  return {
    image,
    labels: pairsOf(listOf(line, 'container-label')),
    command: entrypoint === '' ? [] : splitWords(entrypoint),
    args,
    hostname: textOf(line, 'hostname'),
    environment,
    workingDir: textOf(line, 'workdir'),
    user: textOf(line, 'user'),
    groups: listOf(line, 'group'),
    isTty: has(line, 'tty'),
    isReadOnly: has(line, 'read-only'),
    stopSignal: textOf(line, 'stop-signal'),
    stopGraceNs: line.values.has('stop-grace-period')
      ? durationOf(textOf(line, 'stop-grace-period'))
      : STOP_GRACE_NS,
    hosts: listOf(line, 'host').map(hostEntryOf),
    dns: {
      nameservers: listOf(line, 'dns'),
      search: listOf(line, 'dns-search'),
      options: listOf(line, 'dns-option'),
    },
    mounts: listOf(line, 'mount').map(mountOf),
    secrets: listOf(line, 'secret').map((text) => fileOf(cluster, 'secret', text)),
    configs: listOf(line, 'config').map((text) => fileOf(cluster, 'config', text)),
    sysctls: pairsOf(listOf(line, 'sysctl')),
    capabilityAdd: listOf(line, 'cap-add').map(capabilityName).sort(),
    capabilityDrop: listOf(line, 'cap-drop').map(capabilityName).sort(),
    init: has(line, 'init'),
  };
}

/** `NET_ADMIN` as `CAP_NET_ADMIN`. */
export function capabilityName(text: string): string {
  const upper = text.toUpperCase();
  return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}

/** `web:10.0.0.9` as swarms keep it: `10.0.0.9 web`. */
export function hostEntryOf(text: string): string {
  const colon = text.indexOf(':');
  return `${text.slice(colon + 1)} ${text.slice(0, colon)}`;
}

export function endpointModeOf(text: string): 'vip' | 'dnsrr' {
  const mode = text.toLowerCase();
  if (mode === 'vip' || mode === 'dnsrr') return mode;
  throw new DockerError(400, `invalid endpoint mode: ${JSON.stringify(text)}`);
}

function modeOf(line: CommandLine): ServiceMode {
  const mode = textOf(line, 'mode');
  const hasReplicas = line.values.has('replicas');
  const replicas = Number(textOf(line, 'replicas') || 1);
  const refuse = (name: string, where: string): void => {
    if (line.values.has(name)) wrong(`${name} can only be used with ${where} mode`);
  };
  if (mode === 'global' || mode === 'global-job') {
    refuse('replicas', 'replicated or replicated-job');
    refuse('replicas-max-per-node', 'replicated or replicated-job');
    refuse('max-concurrent', 'replicated-job');
    return { kind: mode };
  }
  if (mode === 'replicated') {
    refuse('max-concurrent', 'replicated-job');
    return { kind: 'replicated', replicas };
  }
  if (mode === 'replicated-job') {
    const concurrent = textOf(line, 'max-concurrent');
    const totalCompletions = hasReplicas ? replicas : 1;
    const maxConcurrent = concurrent === '' ? totalCompletions : Number(concurrent);
    return { kind: 'replicated-job', maxConcurrent, totalCompletions };
  }
  return wrong(`unknown mode: ${mode}, only replicated and global supported`);
}

/** The flags of `update` or `rollback`; null if none was given. */
export function updateOf(
  line: CommandLine,
  prefix: 'update' | 'rollback',
  base: UpdateConfig | null,
): UpdateConfig | null {
  const given = (name: string): string | null =>
    line.values.has(`${prefix}-${name}`) ? textOf(line, `${prefix}-${name}`) : null;
  const start = base ?? UPDATE_DEFAULTS;
  const parallelism = given('parallelism');
  const delay = given('delay');
  const monitor = given('monitor');
  const ratio = given('max-failure-ratio');
  const action = given('failure-action');
  const order = given('order');
  if ([parallelism, delay, monitor, ratio, action, order].every((each) => each === null)) {
    return base;
  }
  return {
    parallelism: parallelism === null ? start.parallelism : Number(parallelism),
    delayNs: delay === null ? start.delayNs : durationOf(delay),
    monitorNs: monitor === null ? start.monitorNs : durationOf(monitor),
    maxFailureRatio: ratio === null ? start.maxFailureRatio : Number(ratio),
    failureAction: action === null ? start.failureAction : actionOf(action, prefix),
    order: order === null ? start.order : orderOf(order),
  };
}

/** @source moby daemon/cluster/convert/service.go updateConfigToGRPC() */
export function actionOf(text: string, prefix: string): UpdateConfig['failureAction'] {
  if (text === 'pause' || text === 'continue' || text === 'rollback') return text;
  throw new DockerError(400, `unrecognized ${prefix} failure action ${text}`);
}

export function orderOf(text: string): UpdateConfig['order'] {
  if (text === 'stop-first' || text === 'start-first') return text;
  throw new DockerError(400, `unrecognized update order ${text}`);
}

export function restartOf(line: CommandLine, base: TaskSpec['restart']): TaskSpec['restart'] {
  const given = (name: string): string | null =>
    line.values.has(`restart-${name}`) ? textOf(line, `restart-${name}`) : null;
  const delay = given('delay');
  const attempts = given('max-attempts');
  const window = given('window');
  return {
    condition: conditionOf(given('condition') ?? base.condition),
    delayNs: delay === null ? base.delayNs : durationOf(delay),
    maxAttempts: attempts === null ? base.maxAttempts : Number(attempts),
    windowNs: window === null ? base.windowNs : durationOf(window),
  };
}

export function conditionOf(text: string): TaskSpec['restart']['condition'] {
  if (text === 'none' || text === 'on-failure' || text === 'any') return text;
  throw new DockerError(400, `invalid RestartCondition: ${JSON.stringify(text)}`);
}

export function resourcesOf(line: CommandLine, base: TaskSpec['resources']): TaskSpec['resources'] {
  const { limits, reservations } = base;
  const cpus = (name: string, before: number): number =>
    line.values.has(name) ? nanoCpusOf(textOf(line, name)) : before;
  const bytes = (name: string, before: number): number =>
    line.values.has(name) ? bytesOf(textOf(line, name))! : before;
  return {
    limits: {
      nanoCpus: cpus('limit-cpu', limits.nanoCpus),
      memoryBytes: bytes('limit-memory', limits.memoryBytes),
      pids: line.values.has('limit-pids') ? Number(textOf(line, 'limit-pids')) : limits.pids,
    },
    reservations: {
      nanoCpus: cpus('reserve-cpu', reservations.nanoCpus),
      memoryBytes: bytes('reserve-memory', reservations.memoryBytes),
      pids: 0,
    },
  };
}

/** `spread=node.labels.zone`. */
export function preferenceOf(text: string): string {
  const equals = text.indexOf('=');
  if (equals < 0) wrong('placement preference must be of the format "<strategy>=<arg>"');
  const strategy = text.slice(0, equals);
  if (strategy !== 'spread')
    wrong(`unsupported placement preference ${strategy} (only spread is supported)`);
  return text.slice(equals + 1);
}

/** `overnet`, `name=overnet,alias=web,driver-opt=a=b`. @throws DockerError 404. */
export function networkOf(cluster: Cluster, text: string): NetworkAttachmentSpec {
  let name = text;
  const aliases: string[] = [];
  const driverOptions = new Map<string, string>();
  if (text.includes('=')) {
    name = '';
    for (const field of text.split(',')) {
      const equals = field.indexOf('=');
      if (equals < 0) wrong(`invalid field ${field}`);
      const key = field.slice(0, equals).trim().toLowerCase();
      const value = field.slice(equals + 1).trim();
      if (key === 'name') name = value;
      else if (key === 'alias') aliases.push(value);
      else if (key === 'driver-opt') {
        const [option = '', setting = ''] = value.split('=');
        driverOptions.set(option, setting);
      } else wrong(`invalid field key ${key}`);
    }
    if (name === '') wrong('network name/id is not specified');
  }
  return { target: networkIdOf(cluster, name), aliases, driverOptions };
}

/** Networks that every node has. */
const NODE_NETWORKS = ['bridge', 'host', 'none'];

/** The id of a swarm's network. @throws DockerError 404. */
export function networkIdOf({ store }: Cluster, reference: string): string {
  if (store.networks.has(reference)) return reference;
  for (const { id, name } of store.networks.values()) if (name === reference) return id;
  if (NODE_NETWORKS.includes(reference)) return reference;
  const found = [...store.networks.keys()].filter((id) => id.startsWith(reference));
  if (reference === '' || found.length === 0) {
    throw new DockerError(404, `network ${reference} not found`);
  }
  if (found.length > 1) {
    const how = `${found.length} matches found based on ID prefix`;
    throw new DockerError(400, `network ${reference} is ambiguous (${how})`);
  }
  return found[0]!;
}

const MOUNT_KEYS: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
};

/** `type=bind,source=/a,target=/b,readonly`. @source docker cli opts/mount.go */
export function mountOf(text: string): ReadonlyMap<string, string> {
  const mount = new Map([['type', 'volume']]);
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    const word = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    const key = Object.hasOwn(MOUNT_KEYS, word) ? MOUNT_KEYS[word]! : word;
    if (equals < 0 && key !== 'readonly' && key !== 'volume-nocopy') {
      wrong(
        `invalid argument ${JSON.stringify(text)} for "--mount" flag: invalid field '${field}' must be a key=value pair`,
      );
    }
    mount.set(key, equals < 0 ? 'true' : field.slice(equals + 1));
  }
  if (!mount.has('target')) {
    wrong(`invalid argument ${JSON.stringify(text)} for "--mount" flag: target is required`);
  }
  return mount;
}

/** `site.conf`, `source=site.conf,target=/etc/site.conf`. @throws UsageError if there is no such object. */
export function fileOf(cluster: Cluster, kind: 'secret' | 'config', text: string): FileReference {
  let source = text;
  let target = '';
  if (text.includes('=')) {
    for (const field of text.split(',')) {
      const [key = '', value = ''] = field.split('=');
      if (key === 'source' || key === 'src') source = value;
      else if (key === 'target') target = value;
      else if (!['uid', 'gid', 'mode'].includes(key))
        wrong(`invalid field in ${kind} request: ${key}`);
    }
  }
  try {
    const { id, name } =
      kind === 'secret' ? findSecret(cluster, source) : findConfig(cluster, source);
    return { id, name, fileName: target === '' ? name : target };
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return wrong(`${kind} not found: ${source}`);
  }
}
