/**
 * Redirects: telling a neighbour on the same link that there is a shorter way.
 * @source net/ipv4/route.c __mkroute_input() (when), ip_rt_send_redirect() (how often)
 */
import type { Packet } from '../engine/packet.ts';
import { type Simulator, timeNs } from '../engine/simulator.ts';
import { ICMP_REDIRECT } from '../protocols/icmp.ts';
import { ipSource } from '../protocols/ipv4.ts';
import { sendIcmpError } from './icmp-error.ts';
import { mayRedirectBeSent } from './icmp-limit.ts';
import type { NetNamespace } from './namespace.ts';
import { shouldRedirect } from './route.ts';

const REDIRECT_HOST = 1;

/** For a packet that is about to leave by the device it came in by. It stays the caller's. */
export function sendRedirectIfNeeded(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  if (!shouldRedirect(netns, packet)) return;
  const source = ipSource(packet.bytes, packet.network);
  if (!mayRedirectBeSent(netns.icmpLimits, timeNs(sim), source)) return;
  sendIcmpError(sim, netns, packet, ICMP_REDIRECT, REDIRECT_HOST, packet.nextHop);
}
