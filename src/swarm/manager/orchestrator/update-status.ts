/** What `docker service inspect` says of an update. @source swarmkit manager/orchestrator/update/updater.go */
import type { ObjectId, ServiceObject, UpdateStatus } from '../../objects.ts';
import { type Leader, nowOf } from '../leader-record.ts';
import { updateStore } from '../store.ts';
import type { Update } from './updater.ts';

/** An update begins. */
export function markUpdating(leader: Leader, serviceId: ObjectId): void {
  change(leader, serviceId, (service) => ({
    ...service,
    updateStatus: service.updateStatus ?? {
      state: 'updating',
      startedNs: nowOf(leader),
      completedNs: null,
      message: 'update in progress',
    },
  }));
}

/** It is through. */
export function completeUpdate(leader: Leader, serviceId: ObjectId): void {
  change(leader, serviceId, (service) => {
    const { updateStatus } = service;
    if (updateStatus === null) return service;
    const isRollback = updateStatus.state === 'rollback_started';
    return {
      ...service,
      updateStatus: {
        ...updateStatus,
        state: isRollback ? 'rollback_completed' : 'completed',
        completedNs: nowOf(leader),
        message: isRollback ? 'rollback completed' : 'update completed',
      },
    };
  });
}

/** Too many of its tasks failed: it stops, or goes back. */
export function failUpdate(leader: Leader, update: Update, taskId: ObjectId): void {
  const why = `due to failure or early termination of task ${taskId}`;
  const { isRollback, config, service } = update;
  if (isRollback) pause(leader, service.id, 'rollback_paused', `rollback paused ${why}`);
  else if (config.failureAction === 'pause') {
    pause(leader, service.id, 'paused', `update paused ${why}`);
  } else rollBack(leader, service.id, `update rolled back ${why}`);
}

function pause(
  leader: Leader,
  serviceId: ObjectId,
  state: UpdateStatus['state'],
  message: string,
): void {
  change(leader, serviceId, (service) => {
    const { updateStatus } = service;
    if (updateStatus === null) return service;
    return { ...service, updateStatus: { ...updateStatus, state, message } };
  });
}

function rollBack(leader: Leader, serviceId: ObjectId, message: string): void {
  change(leader, serviceId, (service) => {
    const { updateStatus, previousSpec } = service;
    if (updateStatus === null || previousSpec === null) return service;
    return {
      ...service,
      spec: previousSpec,
      specVersion: service.previousSpecVersion,
      previousSpec: null,
      previousSpecVersion: 0,
      updateStatus: { ...updateStatus, state: 'rollback_started', message },
    };
  });
}

function change(
  leader: Leader,
  serviceId: ObjectId,
  make: (service: ServiceObject) => ServiceObject,
): void {
  const service = leader.store.services.get(serviceId);
  if (service === undefined) return;
  const changed = make(service);
  if (changed !== service) updateStore(leader.cluster, (tx) => tx.update('service', changed));
}
