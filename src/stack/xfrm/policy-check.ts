/**
 * Whether a packet that came in was protected as the policies ask.
 * @source net/xfrm/xfrm_policy.c __xfrm_policy_check(), xfrm_policy_ok()
 */
import type { Packet } from '../../engine/packet.ts';
import { drop, type Simulator, timeNs } from '../../engine/simulator.ts';
import type { NetNamespace } from '../namespace.ts';
import { isSelected, readFlow } from './flow.ts';
import { lookupPolicy } from './policy-table.ts';
import type { SecPath, Xfrm, XfrmState, XfrmTemplate } from './xfrm-record.ts';

/** @returns false if the packet may not go on: it was dropped. */
export function checkPolicy(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  direction: 'in' | 'fwd',
): boolean {
  const xfrm = netns.xfrm!;
  const path = packet.secPath as SecPath | null; // only xfrm-input.ts sets it
  if (packet.inDevice?.isLoopback === true) return true;
  if (path === null && xfrm.tables[direction].count === 0 && !xfrm.isBlockedByDefault[direction]) {
    return true;
  }
  if (isAllowed(sim, xfrm, packet, path, direction)) return true;
  drop(sim, packet, 'ipsec-policy', packet.inDevice, netns.name);
  return false;
}

function isAllowed(
  sim: Simulator,
  xfrm: Xfrm,
  packet: Packet,
  path: SecPath | null,
  direction: 'in' | 'fwd',
): boolean {
  const { stats } = xfrm;
  readFlow(packet, packet.outDevice?.index ?? 0);
  for (let part = path; part !== null; part = part.before) {
    if (isSelected(part.state.selector)) continue;
    stats.XfrmInStateMismatch++;
    return false;
  }
  const policy = lookupPolicy(xfrm, direction);
  if (policy === null) {
    if (!xfrm.isBlockedByDefault[direction] && !hasTunnelFrom(path, 0)) return true;
    stats.XfrmInNoPols++;
    return false;
  }
  policy.use.usedNs = timeNs(sim);
  if (policy.isBlock) {
    stats.XfrmInPolBlock++;
    return false;
  }
  let at = 0;
  for (let i = policy.templates.length - 1; i >= 0 && at >= 0; i--) {
    at = followTemplate(policy.templates[i]!, path, at);
  }
  if (at >= 0 && !hasTunnelFrom(path, at)) return true;
  stats.XfrmInTmplMismatch++;
  return false;
}

/** The state of a path by its place: 0 is the outermost, which was taken off first. */
function stateAt(path: SecPath, place: number): XfrmState {
  let part = path;
  while (part.count > place + 1) part = part.before!;
  return part.state;
}

/** The place behind the state that a template means, -1 if there is none. @source xfrm_policy_ok() */
function followTemplate(template: XfrmTemplate, path: SecPath | null, from: number): number {
  if (template.isOptional && template.mode === 'transport') return from;
  const count = path === null ? 0 : path.count;
  for (let place = from; place < count; place++) {
    const state = stateAt(path!, place);
    if (isMeant(template, state)) return place + 1;
    if (state.mode !== 'transport') break;
  }
  return template.isOptional ? from : -1;
}

/** @source xfrm_state_ok() */
function isMeant(template: XfrmTemplate, state: XfrmState): boolean {
  if (template.protocol !== state.protocol || template.mode !== state.mode) return false;
  if (template.spi !== 0 && template.spi !== state.spi) return false;
  if (template.reqid !== 0 && template.reqid !== state.reqid) return false;
  if (state.mode === 'transport') return true;
  const isSource = template.source === 0 || template.source === state.source;
  return isSource && (template.target === 0 || template.target === state.target);
}

/** Whether there is a tunnel among the states from this place on. */
function hasTunnelFrom(path: SecPath | null, from: number): boolean {
  for (let part = path; part !== null && part.count > from; part = part.before) {
    if (part.state.mode !== 'transport') return true;
  }
  return false;
}
