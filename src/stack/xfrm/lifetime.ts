/**
 * The ends of states: by bytes, by packets, by time.
 * @source net/xfrm/xfrm_state.c xfrm_state_check_expire(), xfrm_timer_handler()
 */
import { NS_PER_SEC } from '../../base/units.ts';
import { cancel, type Simulator, schedule, timeNs } from '../../engine/simulator.ts';
import { makeTimer } from '../../engine/timer-queue.ts';
import type { NetNamespace } from '../namespace.ts';
import { removeState } from './state-table.ts';
import type { Xfrm, XfrmState } from './xfrm-record.ts';

/**
 * Notes that a state is used now.
 * @returns whether it has carried all that it may: it is deleted then.
 */
export function hasExpired(sim: Simulator, xfrm: Xfrm, state: XfrmState): boolean {
  const { use, limits } = state;
  if (use.usedNs < 0) {
    use.usedNs = timeNs(sim);
    if (limits.hardUseSec > 0) armExpiry(sim, state);
  }
  if (use.bytes < limits.hardBytes && use.packets < limits.hardPackets) return false;
  endState(sim, xfrm, state);
  return true;
}

/** Takes a state out of the database, and its timer out of the queue. */
export function endState(sim: Simulator, xfrm: Xfrm, state: XfrmState): void {
  if (state.expiry !== null) cancel(sim, state.expiry);
  removeState(xfrm, state);
}

/** Lets a state end when its time is over. */
export function watchLifetime(netns: NetNamespace, state: XfrmState): void {
  const { hardAddSec, hardUseSec } = state.limits;
  const { sim } = netns;
  if (hardAddSec === 0 && hardUseSec === 0) {
    if (state.expiry !== null) cancel(sim, state.expiry);
    return;
  }
  state.expiry ??= makeTimer(netns.cpu, () => removeState(netns.xfrm!, state));
  armExpiry(sim, state);
}

function armExpiry(sim: Simulator, state: XfrmState): void {
  const { limits, use, expiry } = state;
  let dueNs = Number.POSITIVE_INFINITY;
  if (limits.hardAddSec > 0) dueNs = use.addedNs + limits.hardAddSec * NS_PER_SEC;
  if (limits.hardUseSec > 0 && use.usedNs >= 0) {
    dueNs = Math.min(dueNs, use.usedNs + limits.hardUseSec * NS_PER_SEC);
  }
  if (expiry === null || dueNs === Number.POSITIVE_INFINITY) return;
  schedule(sim, expiry, Math.max(0, Math.round(dueNs - timeNs(sim))));
}
