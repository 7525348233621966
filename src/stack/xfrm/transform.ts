/**
 * What IPsec has to do to a packet that goes out: the policy for it, and the states for the policy's
 * templates. Decided when the packet is routed, done behind POSTROUTING (xfrm-output.ts).
 * @source net/xfrm/xfrm_policy.c xfrm_lookup(), xfrm_tmpl_resolve_one(), xfrm_init_pmtu()
 */
import type { Errno } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { PACKET_TRANSFORMED, type Packet } from '../../engine/packet.ts';
import { drop, type Simulator, timeNs } from '../../engine/simulator.ts';
import { ESP_BYTES } from '../../protocols/esp.ts';
import { IPV4_BYTES } from '../../protocols/ipv4.ts';
import type { NetNamespace } from '../namespace.ts';
import { makeRoute, type Route, routeOutputFrom } from '../route.ts';
import { flow, readFlow } from './flow.ts';
import { lookupPolicy } from './policy-table.ts';
import { findStateFor } from './state-table.ts';
import type { Transform, Xfrm, XfrmPolicy, XfrmState } from './xfrm-record.ts';

/** What a policy says to a packet: it goes as it is, it may not go, or it needs a state that is not there. */
type Outcome = 'plain' | 'blocked' | 'no-state' | 'transformed';

/** What decide() found, for the outcome 'transformed'. */
let decided: Transform | null = null;

const tunnelRoute = makeRoute();

/**
 * Finds what IPsec has to do to a packet that is routed and about to go out, and notes it on the packet.
 * @returns false if it may not go: it was dropped.
 */
export function prepareTransform(sim: Simulator, netns: NetNamespace, packet: Packet): boolean {
  const xfrm = netns.xfrm;
  if ((packet.flags & PACKET_TRANSFORMED) !== 0) return true;
  packet.transform = null;
  const out = packet.outDevice;
  if (xfrm === null || out === null || out.isLoopback) return true;
  if (xfrm.tables.out.count === 0 && !xfrm.isBlockedByDefault.out) return true;
  readFlow(packet, out.index);
  switch (decide(netns, xfrm)) {
    case 'plain':
      return true;
    case 'blocked':
      xfrm.stats.XfrmOutPolBlock++;
      drop(sim, packet, 'ipsec-blocked', out);
      return false;
    case 'no-state':
      xfrm.stats.XfrmOutNoStates++;
      drop(sim, packet, 'ipsec-no-state', out);
      return false;
    default:
  }
  packet.transform = decided;
  return followTunnel(sim, netns, packet);
}

/**
 * The same for a packet whose mark or addresses a rule of OUTPUT has changed. Its sender is not told
 * of the loss. @source ip_route_me_harder()
 */
export function prepareTransformAgain(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
): boolean {
  const { id } = packet;
  if (prepareTransform(sim, netns, packet)) return true;
  if (sim.sentId === id) sim.sentFailure = null;
  return false;
}

/** The largest packet that the way of a routed packet takes, before IPsec. @source dst_mtu() */
export function mtuAfterIpsec(packet: Packet): number {
  const { transform, pathMtuBytes } = packet;
  if (transform === null) return pathMtuBytes;
  return payloadMtuOf(transform as Transform, pathMtuBytes); // only prepareTransform sets it
}

/**
 * Takes off a socket's route what IPsec will add to its packets (route.ipsecBytes).
 * @returns the error of a policy that forbids them.
 */
export function limitRoute(
  netns: NetNamespace,
  route: Route,
  protocol: number,
  sourcePort: number,
  targetPort: number,
  mark: number,
): Errno | null {
  const xfrm = netns.xfrm;
  const out = route.outDevice;
  route.ipsecBytes = 0;
  if (xfrm === null || out === null || out.isLoopback) return null;
  if (xfrm.tables.out.count === 0 && !xfrm.isBlockedByDefault.out) return null;
  flow.source = route.source;
  flow.target = route.target;
  flow.protocol = protocol;
  flow.sourcePort = sourcePort;
  flow.targetPort = targetPort;
  flow.mark = mark;
  flow.deviceIndex = out.index;
  const outcome = decide(netns, xfrm);
  if (outcome === 'blocked') {
    xfrm.stats.XfrmOutPolBlock++;
    return 'EPERM';
  }
  if (outcome !== 'transformed') return null;
  const mtuBytes = route.pathMtuBytes;
  route.ipsecBytes = mtuBytes - Math.min(mtuBytes, payloadMtuOf(decided!, mtuBytes));
  return null;
}

/** The policy for `flow` and its states; the latter in `decided`. @source xfrm_lookup_with_ifid() */
function decide(netns: NetNamespace, xfrm: Xfrm): Outcome {
  const policy = lookupPolicy(xfrm, 'out');
  if (policy === null) return xfrm.isBlockedByDefault.out ? 'blocked' : 'plain';
  policy.use.usedNs = timeNs(netns.sim);
  if (policy.isBlock) return 'blocked';
  if (policy.templates.length === 0) return 'plain';
  if (!resolveTemplates(netns, xfrm, policy)) return 'no-state';
  decided = policy.transform;
  return decided === null ? 'plain' : 'transformed';
}

/** Finds the states for the templates of a policy, or takes those found before if they still hold. */
function resolveTemplates(netns: NetNamespace, xfrm: Xfrm, policy: XfrmPolicy): boolean {
  const { source, target } = flow;
  if (
    policy.transformGeneration === xfrm.generation &&
    policy.transformSource === source &&
    policy.transformTarget === target &&
    !policy.areStatesSelective
  ) {
    return policy.isResolved;
  }
  const states: XfrmState[] = [];
  policy.areStatesSelective = false;
  policy.isResolved = findStates(netns, xfrm, policy, states);
  let transform: Transform | null = null;
  for (let i = states.length - 1; policy.isResolved && i >= 0; i--) {
    transform = { slot: 'transform', state: states[i]!, next: transform };
  }
  policy.transform = transform;
  policy.transformSource = source;
  policy.transformTarget = target;
  policy.transformGeneration = xfrm.generation;
  return policy.isResolved;
}

/** @source xfrm_tmpl_resolve_one() */
function findStates(
  netns: NetNamespace,
  xfrm: Xfrm,
  policy: XfrmPolicy,
  states: XfrmState[],
): boolean {
  let { source, target } = flow;
  for (const template of policy.templates) {
    let local = source;
    let remote = target;
    if (template.mode === 'tunnel') {
      remote = template.target;
      local = template.source === 0 ? sourceTowards(netns, remote) : template.source;
    }
    const state = findStateFor(xfrm, policy, template, local, remote);
    if (state === null) {
      if (template.isOptional) continue;
      return false;
    }
    // A state for some protocols or ports only: the next packet may need another one.
    if (state.selector.protocol !== 0 || state.selector.targetLength !== 0) {
      policy.areStatesSelective = true;
    }
    states.push(state);
    source = local;
    target = remote;
  }
  return true;
}

function sourceTowards(netns: NetNamespace, target: Ipv4): Ipv4 {
  const failure = routeOutputFrom(netns, target, 0, null, 0, 0, tunnelRoute);
  return failure === null ? tunnelRoute.source : 0;
}

/** A packet that goes through a tunnel takes the way to its far end. */
function followTunnel(sim: Simulator, netns: NetNamespace, packet: Packet): boolean {
  const end = lastTunnel(packet.transform as Transform); // only set by prepareTransform
  if (end === null) return true;
  const { source, target } = end;
  const failure = routeOutputFrom(netns, target, source, null, packet.mark, 0, tunnelRoute);
  if (failure !== null) {
    drop(sim, packet, 'no-route', null, netns.name);
    return false;
  }
  packet.outDevice = tunnelRoute.outDevice;
  packet.nextHop = tunnelRoute.nextHop;
  packet.pathMtuBytes = tunnelRoute.pathMtuBytes;
  return true;
}

function lastTunnel(transform: Transform): XfrmState | null {
  let last: XfrmState | null = null;
  for (let step: Transform | null = transform; step !== null; step = step.next) {
    if (step.state.mode === 'tunnel') last = step.state;
  }
  return last;
}

/** The largest packet that fits into `mtuBytes` once it is encrypted. @source xfrm_init_pmtu() */
export function payloadMtuOf(transform: Transform, mtuBytes: number): number {
  const inner = transform.next === null ? mtuBytes : payloadMtuOf(transform.next, mtuBytes);
  const { state } = transform;
  const cipher = state.cipher!;
  const blockBytes = Math.max(4, cipher.blockBytes);
  const outside = state.mode === 'tunnel' ? 0 : IPV4_BYTES;
  const room = inner - state.headerBytes - cipher.icvBytes - outside;
  return (room & ~(blockBytes - 1)) + outside - 2;
}

/** Bytes that stand before the payload: ESP header, IV, in tunnel mode a new IP header. */
export function headerBytesOf(mode: 'transport' | 'tunnel', ivBytes: number): number {
  return ESP_BYTES + ivBytes + (mode === 'tunnel' ? IPV4_BYTES : 0);
}
