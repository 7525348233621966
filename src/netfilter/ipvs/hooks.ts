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
import { PACKET_IPVS, type Packet } from '../../engine/packet.ts';
import type { Simulator } from '../../engine/simulator.ts';
import { ipProtocol, PROTOCOL_ICMP } from '../../protocols/ipv4.ts';
import { HOOK_FORWARD } from '../netfilter-hooks.ts';
import { requestError } from './icmp.ts';
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
  let current: Packet | null = packet;
  if (hook === HOOK_FORWARD) {
    const isIcmp = ipProtocol(packet.bytes, packet.network) === PROTOCOL_ICMP;
    if (isIcmp && ipvs.settings.backupOnly === 0) {
      current = requestError(sim, ipvs, hook, packet);
      if (current === null || (current.flags & PACKET_IPVS) !== 0) return current;
    }
    return handleReply(sim, ipvs, hook, current);
  }
  current = handleReply(sim, ipvs, hook, packet);
  if (current === null || (current.flags & PACKET_IPVS) !== 0) return current;
  return handleRequest(sim, ipvs, hook, current);
}
