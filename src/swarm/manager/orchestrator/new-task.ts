/** A task as it begins, and whether it still is what its service wants. */
import type { NodeObject, ObjectId, ServiceObject, TaskObject, TaskState } from '../../objects.ts';
import { isEqual } from '../equality.ts';
import { type Leader, nowOf } from '../leader-record.ts';
import { meetsConstraints } from '../scheduler/constraints.ts';
import type { NewObject } from '../store.ts';

/** @source swarmkit manager/orchestrator/task.go NewTask() */
export function newTask(
  leader: Leader,
  service: ServiceObject,
  where: { readonly slot: number; readonly nodeId: ObjectId },
  desiredState: TaskState,
): NewObject<'task'> {
  const isJob = service.spec.mode.kind.endsWith('-job');
  return {
    serviceId: service.id,
    serviceName: service.spec.name,
    slot: where.slot,
    nodeId: where.nodeId,
    spec: service.spec.task,
    specVersion: service.specVersion,
    desiredState,
    status: {
      state: 'new',
      timestampNs: nowOf(leader),
      message: 'created',
      error: '',
      containerId: '',
      pid: 0,
      exitCode: 0,
      hostPorts: [],
    },
    attachments: [],
    endpointSpec: service.spec.endpoint,
    endpoint: null,
    jobIteration: isJob ? service.jobIteration : -1,
    containerAttachment: null,
  };
}

/** Whether a task of a job: it is to complete. */
export function isJobTask({ jobIteration }: TaskObject): boolean {
  return jobIteration >= 0;
}

/**
 * Whether a task has to be replaced to be what its service's spec says: a change of placement alone that
 * its node meets does not count. @source swarmkit manager/orchestrator/task.go IsTaskDirty()
 */
export function isTaskDirty(
  service: ServiceObject,
  task: TaskObject,
  node: NodeObject | null,
): boolean {
  if (service.specVersion === task.specVersion) return false;
  const { spec } = service;
  const { placement } = spec.task;
  const isSameButPlacement = isEqual(
    { ...spec.task, placement: null },
    { ...task.spec, placement: null },
  );
  const isSamePlacement = isEqual(placement, task.spec.placement);
  if (isSameButPlacement && !isSamePlacement) {
    if (node !== null && meetsConstraints(node, placement.constraints)) return false;
  }
  return !isSameButPlacement || !isSamePlacement || !isEqual(spec.endpoint, task.endpointSpec);
}

/** Whether tasks cannot stay on a node. */
export function isNodeInvalid(node: NodeObject | null): boolean {
  return node === null || node.status.state === 'down' || node.spec.availability === 'drain';
}
