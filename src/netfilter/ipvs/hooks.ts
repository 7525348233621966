/**
 * Where IPVS hangs on netfilter: answers first, then requests.
 *
 *     INPUT    after filter, before nat      answers (98), requests (99)
 *     OUTPUT   after nat, before filter      answers (-99), requests (-98)
 *     FORWARD  after filter                  ICMP errors (99), answers (100)
 *
 * What it has handled is marked (PACKET_IPVS) and passes all further hooks untouched.
 * @source net/netfilter/ipvs/ip_vs_core.c ip_vs_ops4[]
 */
import { PACKET_HOST, PACKET_IPVS, type Packet } from '../../engine/packet.ts';
import type { Simulator } from '../../engine/simulator.ts';
import { ipProtocol, PROTOCOL_ICMP } from '../../protocols/ipv4.ts';
import { HOOK_FORWARD, HOOK_OUTPUT } from '../netfilter-hooks.ts';
import { replyError, requestError } from './icmp.ts';
import type { Ipvs } from './ipvs.ts';
import { handleReply } from './reply.ts';
import { handleRequest } from './request.ts';

/**
 * Runs all that IPVS has on this hook. Owns the packet while it runs.
 * @returns the packet to go on with, null if it is gone.
 */
export function runIpvs(sim: Simulator, ipvs: Ipvs, hook: number, packet: Packet): Packet | null {
  if ((packet.flags & PACKET_IPVS) !== 0) return packet;
  sim.workNs += sim.cost.conntrackNs;
  if (ipProtocol(packet.bytes, packet.network) === PROTOCOL_ICMP) {
    return runIcmp(sim, ipvs, hook, packet);
  }
  const current = handleReply(sim, ipvs, hook, packet);
  if (hook === HOOK_FORWARD || current === null) return current;
  if ((current.flags & PACKET_IPVS) !== 0) return current;
  return handleRequest(sim, ipvs, hook, current);
}

/** Errors about requests come first in FORWARD only. */
function runIcmp(sim: Simulator, ipvs: Ipvs, hook: number, packet: Packet): Packet | null {
  let current: Packet | null = packet;
  const isForwarded = hook === HOOK_FORWARD;
  const takesRequests = ipvs.settings.backupOnly === 0;
  if (isForwarded && takesRequests) current = requestError(sim, ipvs, hook, current);
  if (current === null || (current.flags & PACKET_IPVS) !== 0) return current;
  current = replyError(sim, ipvs, hook, current);
  if (current === null || (current.flags & PACKET_IPVS) !== 0) return current;
  if (isForwarded || !takesRequests) return current;
  if (current.packetType !== PACKET_HOST && hook !== HOOK_OUTPUT) return current;
  return requestError(sim, ipvs, hook, current);
}
