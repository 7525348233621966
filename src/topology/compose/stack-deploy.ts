/** The `deploy` part of a service. @source docker cli cli/compose/convert/service.go; compose-spec deploy.md */
import type { ServiceMode, TaskSpec, UpdateConfig } from '../../swarm/objects.ts';
import { listOf, type Mapping } from './merge.ts';
import { durationOf, mappingOf, textOf } from './stack-values.ts';

export interface Deployment {
  readonly mode: ServiceMode;
  readonly update: UpdateConfig | null;
  readonly rollback: UpdateConfig | null;
  readonly resources: TaskSpec['resources'];
  readonly restart: TaskSpec['restart'];
  readonly placement: TaskSpec['placement'];
}

const RESTART_DELAY_NS = 5e9;
const MONITOR_NS = 5e9;

/** @param service for `restart`, which counts without a restart policy. */
export function deployOf(deploy: Mapping, service: Mapping): Deployment {
  const placement = mappingOf(deploy.placement);
  const resources = mappingOf(deploy.resources);
  return {
    mode: modeOf(deploy),
    update: updateOf(deploy.update_config),
    rollback: updateOf(deploy.rollback_config),
    resources: {
      limits: amountOf(mappingOf(resources.limits)),
      reservations: amountOf(mappingOf(resources.reservations)),
    },
    restart: restartOf(deploy, service),
    placement: {
      constraints: listOf(placement.constraints).map(String),
      preferences: listOf(placement.preferences).map((each) => textOf(mappingOf(each).spread)),
      maxReplicas: Number(placement.max_replicas_per_node ?? 0),
    },
  };
}

function modeOf(deploy: Mapping): ServiceMode {
  const replicas = Number(deploy.replicas ?? 1);
  switch (textOf(deploy.mode)) {
    case 'global':
      return { kind: 'global' };
    case 'global-job':
      return { kind: 'global-job' };
    case 'replicated-job':
      return { kind: 'replicated-job', maxConcurrent: replicas, totalCompletions: replicas };
    default:
      return { kind: 'replicated', replicas };
  }
}

function updateOf(value: unknown): UpdateConfig | null {
  if (value === undefined || value === null) return null;
  const fields = mappingOf(value);
  const action = textOf(fields.failure_action);
  return {
    parallelism: Number(fields.parallelism ?? 1),
    delayNs: durationOf(fields.delay) ?? 0,
    failureAction: action === 'continue' || action === 'rollback' ? action : 'pause',
    monitorNs: durationOf(fields.monitor) || MONITOR_NS,
    maxFailureRatio: Number(fields.max_failure_ratio ?? 0),
    order: textOf(fields.order) === 'start-first' ? 'start-first' : 'stop-first',
  };
}

function restartOf(deploy: Mapping, service: Mapping): TaskSpec['restart'] {
  if (deploy.restart_policy === undefined || deploy.restart_policy === null) {
    const [name, count] = textOf(service.restart).split(':');
    const isFailure = name === 'on-failure';
    return {
      condition: isFailure ? 'on-failure' : 'any',
      delayNs: RESTART_DELAY_NS,
      maxAttempts: isFailure ? Number(count ?? 0) : 0,
      windowNs: 0,
    };
  }
  const fields = mappingOf(deploy.restart_policy);
  const condition = textOf(fields.condition);
  return {
    condition: condition === 'none' || condition === 'on-failure' ? condition : 'any',
    delayNs: durationOf(fields.delay) ?? RESTART_DELAY_NS,
    maxAttempts: Number(fields.max_attempts ?? 0),
    windowNs: durationOf(fields.window) ?? 0,
  };
}

function amountOf(fields: Mapping): TaskSpec['resources']['limits'] {
  return {
    nanoCpus: Math.round(Number(fields.cpus ?? 0) * 1e9),
    memoryBytes: bytesOf(textOf(fields.memory)),
    pids: Number(fields.pids ?? 0),
  };
}

/** `50M`, `1gb`. */
function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text);
  if (match === null) return 0;
  const power = ' kmgt'.indexOf(match[2]!.toLowerCase() || ' ');
  return Math.floor(Number(match[1]) * 1024 ** power);
}
