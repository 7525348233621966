/**
 * The anti-replay window of a state.
 * @source net/xfrm/xfrm_replay.c xfrm_replay_check_legacy(), xfrm_replay_advance_legacy()
 */
import type { XfrmState } from './xfrm-record.ts';

/** The widest window of states without extended sequence numbers. */
export const REPLAY_WINDOW_MAX = 32;

/** Whether a packet with this number (unsigned) may come in: it is new, and not too old. */
export function isFresh(state: XfrmState, sequence: number): boolean {
  const { replayWindow, sequenceIn } = state;
  if (replayWindow === 0) return true;
  if (sequence === 0) return false;
  if (sequence > sequenceIn) return true;
  const age = sequenceIn - sequence;
  if (age >= Math.min(replayWindow, REPLAY_WINDOW_MAX)) {
    state.windowMissCount++;
    return false;
  }
  if (((state.replayBitmap >>> age) & 1) === 0) return true;
  state.replayCount++;
  return false;
}

/** Remembers that this number came. */
export function advanceWindow(state: XfrmState, sequence: number): void {
  if (state.replayWindow === 0) return;
  const ahead = sequence - state.sequenceIn;
  if (ahead > 0) {
    const isNear = ahead < state.replayWindow;
    state.replayBitmap = isNear ? (state.replayBitmap << ahead) | 1 : 1;
    state.sequenceIn = sequence;
  } else {
    state.replayBitmap |= 1 << -ahead;
  }
}
