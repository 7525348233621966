/**
 * The database of security associations.
 * @source net/xfrm/xfrm_state.c xfrm_state_lookup(), xfrm_state_find(), __xfrm_state_insert()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { deleteInt, getInt, type IntTable, setInt } from '../int-table.ts';
import { isSelected } from './flow.ts';
import type { Xfrm, XfrmMark, XfrmPolicy, XfrmState, XfrmTemplate } from './xfrm-record.ts';

/** Whether a mark (signed or not) is the one that is asked for. */
export function isMarked(mark: number, wanted: XfrmMark): boolean {
  return ((mark ^ wanted.value) & wanted.mask) === 0;
}

/** The state by which a packet with this SPI came in, null if there is none. */
export function lookupState(
  xfrm: Xfrm,
  target: Ipv4,
  spi: number,
  protocol: number,
  mark: number,
): XfrmState | null {
  const states = getInt(xfrm.stateBySpi, spi | 0);
  if (states === null) return null;
  for (let i = 0; i < states.length; i++) {
    const state = states[i]!;
    if (state.target !== target || state.protocol !== protocol) continue;
    if (isMarked(mark, state.mark)) return state;
  }
  return null;
}

/** The state for a template of a policy, for `flow` between these two hosts: the newest that fits. */
export function findStateFor(
  xfrm: Xfrm,
  policy: XfrmPolicy,
  template: XfrmTemplate,
  source: Ipv4,
  target: Ipv4,
): XfrmState | null {
  const states = getInt(xfrm.statesByTarget, target);
  if (states === null) return null;
  const mark = policy.mark.value & policy.mark.mask;
  let anySource: XfrmState | null = null;
  for (let i = 0; i < states.length; i++) {
    const state = states[i]!;
    if (state.cipher === null || !isMarked(mark, state.mark)) continue;
    if (!isForTemplate(state, template) || !isSelected(state.selector)) continue;
    if (state.source === source) return state;
    if (state.source === 0 && anySource === null) anySource = state;
  }
  return anySource;
}

function isForTemplate(state: XfrmState, template: XfrmTemplate): boolean {
  return (
    state.reqid === template.reqid &&
    state.mode === template.mode &&
    state.protocol === template.protocol &&
    (template.spi === 0 || template.spi === state.spi)
  );
}

/** Puts a state into the lists. */
export function insertState(xfrm: Xfrm, state: XfrmState): void {
  xfrm.states.unshift(state);
  pushInto(xfrm.statesByTarget, state.target, state);
  if (state.spi !== 0) pushInto(xfrm.stateBySpi, state.spi | 0, state);
  xfrm.generation++;
}

/** Takes a state out; packets that wait with it still use it. */
export function removeState(xfrm: Xfrm, state: XfrmState): void {
  if (!state.isAlive) return;
  state.isAlive = false;
  xfrm.states.splice(xfrm.states.indexOf(state), 1);
  takeFrom(xfrm.statesByTarget, state.target, state);
  if (state.spi !== 0) takeFrom(xfrm.stateBySpi, state.spi | 0, state);
  xfrm.generation++;
}

function pushInto(table: IntTable<XfrmState[]>, key: number, state: XfrmState): void {
  const known = getInt(table, key);
  if (known === null) setInt(table, key, [state]);
  else known.unshift(state);
}

function takeFrom(table: IntTable<XfrmState[]>, key: number, state: XfrmState): void {
  const states = getInt(table, key) ?? [];
  states.splice(states.indexOf(state), 1);
  if (states.length === 0) deleteInt(table, key);
}
