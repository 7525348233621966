/**
 * Which nodes can take a task, and in which words the others cannot.
 * Unlike Docker, all nodes have the same plugins and platform, and no generic resources or CSI volumes.
 * @source swarmkit manager/scheduler/filter.go, pipeline.go
 */
import type { TaskObject } from '../../objects.ts';
import { meetsConstraints } from './constraints.ts';
import { hostPortsOf, type NodeInfo } from './node-set.ts';

interface Filter {
  readonly check: (info: NodeInfo, task: TaskObject) => boolean;
  readonly explain: (nodes: string) => string;
}

const FILTERS: readonly Filter[] = [
  {
    check: ({ node }) => node.status.state === 'ready' && node.spec.availability === 'active',
    explain: (nodes) => `${nodes} not available for new tasks`,
  },
  { check: hasResources, explain: (nodes) => `insufficient resources on ${nodes}` },
  {
    check: ({ node }, { spec }) => meetsConstraints(node, spec.placement.constraints),
    explain: (nodes) => `scheduling constraints not satisfied on ${nodes}`,
  },
  {
    check: ({ hostPorts }, task) => hostPortsOf(task).every((key) => !hostPorts.has(key)),
    explain: (nodes) => `host-mode port already in use on ${nodes}`,
  },
  {
    check: ({ activeByService }, { spec, serviceId }) =>
      spec.placement.maxReplicas === 0 ||
      (activeByService.get(serviceId) ?? 0) < spec.placement.maxReplicas,
    explain: () => 'max replicas per node limit exceed',
  },
];

/** The filters for one task, with how many nodes each has refused since one was accepted. */
export interface Pipeline {
  readonly task: TaskObject;
  readonly failures: number[];
}

export function makePipeline(task: TaskObject): Pipeline {
  return { task, failures: FILTERS.map(() => 0) };
}

/** Whether the node can take the task. */
export function accepts(pipeline: Pipeline, info: NodeInfo): boolean {
  const { task, failures } = pipeline;
  for (const [index, { check }] of FILTERS.entries()) {
    if (check(info, task)) continue;
    failures[index] = (failures[index] ?? 0) + 1;
    return false;
  }
  failures.fill(0);
  return true;
}

/** Why nobody takes it: most failures first. */
export function explain({ failures }: Pipeline): string {
  return FILTERS.map((filter, index) => ({ filter, count: failures[index] ?? 0 }))
    .filter(({ count }) => count > 0)
    .sort((one, other) => other.count - one.count)
    .map(({ filter, count }) => filter.explain(count === 1 ? '1 node' : `${count} nodes`))
    .join('; ');
}

function hasResources(info: NodeInfo, { spec }: TaskObject): boolean {
  const { nanoCpus, memoryBytes } = spec.resources.reservations;
  const { description } = info.node;
  return (
    (nanoCpus === 0 || nanoCpus <= description.nanoCpus - info.reservedNanoCpus) &&
    (memoryBytes === 0 || memoryBytes <= description.memoryBytes - info.reservedMemoryBytes)
  );
}
