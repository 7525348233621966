/** When a task takes part in its service: its rows in endpoint_table, names, load balancers. */
import type { Container } from '../../docker/engine-record.ts';
import type { SwarmMember } from '../member.ts';

/** The container runs (and is healthy): others may find it and be balanced to it. */
export function bindTask(member: SwarmMember, container: Container): void {
  throw new Error(`not yet: ${member.nodeId} ${container.id}`);
}

/** It is about to stop: weight 0 and no names anywhere; its rows go with its endpoints. */
export function unbindTask(member: SwarmMember, container: Container): void {
  throw new Error(`not yet: ${member.nodeId} ${container.id}`);
}
