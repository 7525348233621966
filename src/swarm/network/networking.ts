/** The node's half of the data plane, and who hears of the other nodes' endpoints. */
import type { SwarmMember, SwarmNetworking } from '../member.ts';

/**
 * The data plane of a member whose `gossip` is there: it becomes the gossip's listener.
 * Whoever makes the member puts the result into `member.network`.
 */
export function makeNetworking(member: SwarmMember): SwarmNetworking {
  throw new Error(`not yet: ${member.nodeId}`);
}
