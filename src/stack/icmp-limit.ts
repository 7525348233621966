/**
 * How many ICMP errors a machine sends: a token bucket for all of them and one for each target.
 * @source net/ipv4/icmp.c icmp_global_allow(), icmpv4_xrlim_allow(); net/ipv4/inetpeer.c
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import { NS_PER_MS, NS_PER_SEC } from '../base/units.ts';
import { ICMP_UNREACHABLE, UNREACHABLE_FRAG_NEEDED } from '../protocols/icmp.ts';

/** net.ipv4.icmp_msgs_per_sec and icmp_msgs_burst */
const GLOBAL_PER_SEC = 1000;
const GLOBAL_BURST = 50;
/** XRLIM_BURST_FACTOR: tokens that a target may save up. */
const TARGET_BURST = 6;
/** net.ipv4.route.redirect_*: count, first pause and silence after which counting starts anew. */
const REDIRECT_COUNT_MAX = 9;
const REDIRECT_LOAD_NS = 20 * NS_PER_MS;
const REDIRECT_SILENCE_NS = REDIRECT_LOAD_NS * 2 ** (REDIRECT_COUNT_MAX + 1);
const PEERS_MAX = 4096;

interface Peer {
  tokensNs: number;
  lastNs: number;
  redirectCount: number;
  redirectLastNs: number;
}

export interface IcmpLimits {
  globalCredit: number;
  globalLastNs: number;
  readonly peers: Map<Ipv4, Peer>;
}

export function makeIcmpLimits(): IcmpLimits {
  return { globalCredit: GLOBAL_BURST, globalLastNs: 0, peers: new Map() };
}

/**
 * Whether an ICMP message of this kind to `target` may be sent now; takes a token if so.
 * @param rateMask bit n set: type n is limited (net.ipv4.icmp_ratemask).
 * @param ratelimitMs the pause per target (net.ipv4.icmp_ratelimit), 0 for no limit.
 */
export function mayIcmpBeSent(
  limits: IcmpLimits,
  nowNs: number,
  target: Ipv4,
  type: number,
  code: number,
  rateMask: number,
  ratelimitMs: number,
): boolean {
  if (type > 31 || ((rateMask >>> type) & 1) === 0) return true;
  if (type === ICMP_UNREACHABLE && code === UNREACHABLE_FRAG_NEEDED) return true;
  if (!takeGlobalToken(limits, nowNs)) return false;
  const timeoutNs = ratelimitMs * NS_PER_MS;
  if (timeoutNs === 0) return true;
  const peer = peerOf(limits, target, nowNs, TARGET_BURST * timeoutNs);
  peer.tokensNs = Math.min(peer.tokensNs + nowNs - peer.lastNs, TARGET_BURST * timeoutNs);
  peer.lastNs = nowNs;
  if (peer.tokensNs < timeoutNs) return false;
  peer.tokensNs -= timeoutNs;
  return true;
}

/** Tokens that a peer may save up for "no route" errors, one a second. @source ip_error() */
const ROUTE_ERROR_NS = NS_PER_SEC;
const ROUTE_ERROR_BURST = 5;

/**
 * Whether a router may tell `target` that it has no route; takes a token, of the same purse as
 * mayIcmpBeSent (which is asked afterwards, so that such an error costs two).
 * @source net/ipv4/route.c ip_error()
 */
export function mayRouteErrorBeSent(limits: IcmpLimits, nowNs: number, target: Ipv4): boolean {
  const fullNs = ROUTE_ERROR_BURST * ROUTE_ERROR_NS;
  const peer = peerOf(limits, target, nowNs, fullNs);
  peer.tokensNs = Math.min(peer.tokensNs + nowNs - peer.lastNs, fullNs);
  peer.lastNs = nowNs;
  if (peer.tokensNs < ROUTE_ERROR_NS) return false;
  peer.tokensNs -= ROUTE_ERROR_NS;
  return true;
}

/** Whether another redirect to `target` may be sent; counts it. @source ip_rt_send_redirect() */
export function mayRedirectBeSent(limits: IcmpLimits, nowNs: number, target: Ipv4): boolean {
  const peer = peerOf(limits, target, nowNs, 0);
  if (nowNs > peer.redirectLastNs + REDIRECT_SILENCE_NS) peer.redirectCount = 0;
  if (peer.redirectCount >= REDIRECT_COUNT_MAX) {
    peer.redirectLastNs = nowNs;
    return false;
  }
  const pauseNs = REDIRECT_LOAD_NS * 2 ** peer.redirectCount;
  if (peer.redirectCount > 0 && nowNs <= peer.redirectLastNs + pauseNs) return false;
  peer.redirectLastNs = nowNs;
  peer.redirectCount++;
  return true;
}

function takeGlobalToken(limits: IcmpLimits, nowNs: number): boolean {
  const elapsedNs = Math.min(nowNs - limits.globalLastNs, NS_PER_SEC);
  if (elapsedNs >= 20 * NS_PER_MS) {
    const earned = Math.floor((GLOBAL_PER_SEC * elapsedNs) / NS_PER_SEC);
    limits.globalCredit = Math.min(limits.globalCredit + earned, GLOBAL_BURST);
    limits.globalLastNs = nowNs;
  }
  if (limits.globalCredit <= 0) return false;
  limits.globalCredit--;
  return true;
}

function peerOf(limits: IcmpLimits, target: Ipv4, nowNs: number, fullNs: number): Peer {
  const known = limits.peers.get(target);
  if (known !== undefined) return known;
  if (limits.peers.size >= PEERS_MAX) limits.peers.clear();
  const peer = { tokensNs: fullNs, lastNs: nowNs, redirectCount: 0, redirectLastNs: 0 };
  limits.peers.set(target, peer);
  return peer;
}
