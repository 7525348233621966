/**
 * NetworkDB of a node: makes a Gossip whose packets go over 7946.
 * @source libnetwork/networkdb; hashicorp/memberlist
 */
import { assert } from '../../base/assert.ts';
import type { Gossip, SwarmMember } from '../member.ts';

/** Opens 7946 and joins the nodes that the managers' addresses name. */
export function createGossip(_member: Pick<SwarmMember, 'engine' | 'cluster' | 'nodeId'>): Gossip {
  assert(false, 'not yet');
}
