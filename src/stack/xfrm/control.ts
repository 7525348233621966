/**
 * The control plane of IPsec: what a netlink client (`ip xfrm`, Docker's overlay driver) asks of a
 * namespace's states and policies.
 * @source net/xfrm/xfrm_user.c
 */
import { KernelError } from '../../base/errors.ts';
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { nextBelow } from '../../base/prng.ts';
import { streamOf, timeNs } from '../../engine/simulator.ts';
import { PROTOCOL_ESP } from '../../protocols/ipv4.ts';
import { makeIntTable } from '../int-table.ts';
import type { NetNamespace } from '../namespace.ts';
import { endState, watchLifetime } from './lifetime.ts';
import { makeState, makeStateRecord } from './make-state.ts';
import { IPSEC_SLOT } from './policy-match.ts';
import { insertPolicy, makePolicyTable, removePolicy } from './policy-table.ts';
import { insertState, lookupState } from './state-table.ts';
import { ANY_SELECTOR, ANY_TEMPLATE, NO_LIMITS, NO_MARK } from './xfrm-defaults.ts';
import type {
  Xfrm,
  XfrmAlgorithm,
  XfrmDirection,
  XfrmLimits,
  XfrmMark,
  XfrmMode,
  XfrmPolicy,
  XfrmSelector,
  XfrmState,
  XfrmTemplate,
} from './xfrm-record.ts';
import { makeXfrmStats } from './xfrm-stats.ts';

/** A new state. Left out: reqid 0, transport, no mark, no window, any selector, no limits. */
export interface XfrmStateSpec {
  readonly source: Ipv4;
  readonly target: Ipv4;
  /** PROTOCOL_ESP by default. */
  readonly protocol?: number;
  /** Unsigned 32 bits. */
  readonly spi: number;
  readonly reqid?: number;
  readonly mode?: XfrmMode;
  readonly mark?: XfrmMark;
  readonly outputMark?: XfrmMark;
  /** `{kind: 'aead', name: 'rfc4106(gcm(aes))', key, icvBits: 64}`; the key ends with the salt. */
  readonly algorithms: readonly XfrmAlgorithm[];
  readonly replayWindow?: number;
  readonly selector?: Partial<XfrmSelector>;
  readonly limits?: Partial<XfrmLimits>;
  readonly flags?: number;
  readonly sequence?: number;
  readonly sequenceIn?: number;
  readonly sequenceOut?: number;
}

/** Names a state: with the target, SPI, protocol and mark. */
export interface XfrmStateId {
  readonly source?: Ipv4;
  readonly target: Ipv4;
  readonly protocol?: number;
  readonly spi: number;
  readonly mark?: XfrmMark;
}

/** A new policy. Left out: allow, priority 0, no mark, no templates, any selector, no limits. */
export interface XfrmPolicySpec {
  readonly direction: XfrmDirection;
  readonly selector: Partial<XfrmSelector>;
  readonly mark?: XfrmMark;
  readonly isBlock?: boolean;
  readonly priority?: number;
  readonly index?: number;
  readonly templates?: ReadonlyArray<Partial<XfrmTemplate>>;
  readonly limits?: Partial<XfrmLimits>;
  readonly flags?: number;
}

/** Names a policy: by direction and either index or selector and mark. */
export interface XfrmPolicyId {
  readonly direction: XfrmDirection;
  readonly index?: number;
  readonly selector?: Partial<XfrmSelector>;
  readonly mark?: XfrmMark;
}

/** States and policies of a namespace at most. */
const ENTRIES_MAX = 65536;
/** Templates of a policy at most. @source XFRM_MAX_DEPTH */
const TEMPLATES_MAX = 6;
/** Life of a larval state. @source net.core.xfrm_acq_expires */
const LARVAL_LIFE_SEC = 30;
const SPI_TRIES_MAX = 1024;

/** XFRM_MSG_NEWSA. @throws KernelError EEXIST, EINVAL, ENOSYS (unknown algorithm) */
export function addXfrmState(netns: NetNamespace, spec: XfrmStateSpec): XfrmState {
  const xfrm = xfrmOf(netns);
  const state = makeState(netns, spec);
  if (findXfrmState(netns, spec) !== null) throw new KernelError('EEXIST');
  if (xfrm.states.length >= ENTRIES_MAX) throw new KernelError('ENOBUFS');
  insertState(xfrm, state);
  watchLifetime(netns, state);
  noteChange(netns);
  return state;
}

/**
 * XFRM_MSG_UPDSA: a larval state becomes a whole one; of a whole one selector and limits change.
 * @throws KernelError ESRCH if there is none
 * @source xfrm_state_update()
 */
export function updateXfrmState(netns: NetNamespace, spec: XfrmStateSpec): XfrmState {
  const xfrm = xfrmOf(netns);
  const state = makeState(netns, spec);
  const known = findXfrmState(netns, spec);
  if (known === null) throw new KernelError('ESRCH');
  noteChange(netns);
  if (known.cipher === null) {
    endState(netns.sim, xfrm, known);
    insertState(xfrm, state);
    watchLifetime(netns, state);
    return state;
  }
  known.selector = state.selector;
  known.limits = state.limits;
  watchLifetime(netns, known);
  xfrm.generation++;
  return known;
}

/**
 * XFRM_MSG_ALLOCSPI: a larval state that holds a free SPI between these two (a random one).
 * @throws KernelError ENOENT if none is free
 */
export function allocateSpi(
  netns: NetNamespace,
  id: Omit<XfrmStateSpec, 'algorithms' | 'spi'>,
  lowest: number,
  highest: number,
): XfrmState {
  const xfrm = xfrmOf(netns);
  const spi = freeSpi(netns, id, lowest, highest);
  if (spi === null) throw new KernelError('ENOENT', 'No SPI available in the requested range.');
  const selector = {
    source: id.source,
    sourceLength: id.source === 0 ? 0 : 32,
    target: id.target,
    targetLength: 32,
  };
  const limits = { hardAddSec: LARVAL_LIFE_SEC };
  const state = makeStateRecord(netns, { ...id, spi, selector, limits, algorithms: [] }, null);
  insertState(xfrm, state);
  watchLifetime(netns, state);
  return state;
}

function freeSpi(
  netns: NetNamespace,
  id: Omit<XfrmStateSpec, 'algorithms' | 'spi'>,
  lowest: number,
  highest: number,
): number | null {
  const stream = streamOf(netns.sim, 'stack/xfrm');
  const count = highest - lowest + 1;
  for (let i = 0; i < Math.min(count, SPI_TRIES_MAX); i++) {
    const spi = lowest + (count === 1 ? 0 : nextBelow(stream, count));
    if (findXfrmState(netns, { ...id, spi }) === null) return spi;
  }
  return null;
}

/** XFRM_MSG_DELSA. @throws KernelError ESRCH if there is none */
export function deleteXfrmState(netns: NetNamespace, id: XfrmStateId): void {
  const state = findXfrmState(netns, id);
  if (state === null) throw new KernelError('ESRCH');
  endState(netns.sim, netns.xfrm!, state);
  noteChange(netns);
}

/** XFRM_MSG_GETSA: the state, null if there is none. */
export function findXfrmState(netns: NetNamespace, id: XfrmStateId): XfrmState | null {
  const { xfrm } = netns;
  if (xfrm === null) return null;
  const mark = id.mark ?? NO_MARK;
  return lookupState(xfrm, id.target, id.spi, id.protocol ?? PROTOCOL_ESP, mark.value & mark.mask);
}

/** All states, the newest first. */
export function listXfrmStates(netns: NetNamespace): readonly XfrmState[] {
  return netns.xfrm?.states ?? [];
}

/** XFRM_MSG_FLUSHSA: deletes all, or all of one protocol (0: all). */
export function flushXfrmStates(netns: NetNamespace, protocol = 0): void {
  const { xfrm } = netns;
  if (xfrm === null) return;
  for (const state of [...xfrm.states]) {
    if (protocol === 0 || state.protocol === protocol) endState(netns.sim, xfrm, state);
  }
  noteChange(netns);
}

/** XFRM_MSG_NEWPOLICY. @throws KernelError EEXIST, EINVAL */
export function addXfrmPolicy(netns: NetNamespace, spec: XfrmPolicySpec): XfrmPolicy {
  if (findXfrmPolicy(netns, { ...spec, index: 0 }) !== null) throw new KernelError('EEXIST');
  return putPolicy(netns, spec, 0);
}

/** XFRM_MSG_UPDPOLICY: like add, but takes the place of an equal one. */
export function updateXfrmPolicy(netns: NetNamespace, spec: XfrmPolicySpec): XfrmPolicy {
  const known = findXfrmPolicy(netns, { ...spec, index: 0 });
  if (known !== null) removePolicy(netns.xfrm!, known);
  return putPolicy(netns, spec, known?.index ?? 0);
}

/** XFRM_MSG_DELPOLICY. @throws KernelError ENOENT if there is none */
export function deleteXfrmPolicy(netns: NetNamespace, id: XfrmPolicyId): void {
  const policy = findXfrmPolicy(netns, id);
  if (policy === null) throw new KernelError('ENOENT');
  removePolicy(netns.xfrm!, policy);
  noteChange(netns);
}

/** XFRM_MSG_GETPOLICY: the policy, null if there is none. */
export function findXfrmPolicy(netns: NetNamespace, id: XfrmPolicyId): XfrmPolicy | null {
  const { xfrm } = netns;
  if (xfrm === null) return null;
  const selector = { ...ANY_SELECTOR, ...id.selector };
  const mark = id.mark ?? NO_MARK;
  const isWanted = (policy: XfrmPolicy): boolean => {
    if (policy.direction !== id.direction) return false;
    if (id.index !== undefined && id.index !== 0) return policy.index === id.index;
    return (
      policy.mark.value === mark.value &&
      policy.mark.mask === mark.mask &&
      isSameSelector(policy.selector, selector)
    );
  };
  return xfrm.policies.find(isWanted) ?? null;
}

/** All policies, the newest first. */
export function listXfrmPolicies(netns: NetNamespace): readonly XfrmPolicy[] {
  return netns.xfrm?.policies ?? [];
}

/** XFRM_MSG_FLUSHPOLICY: deletes all. */
export function flushXfrmPolicies(netns: NetNamespace): void {
  const { xfrm } = netns;
  if (xfrm === null) return;
  for (const policy of [...xfrm.policies]) removePolicy(xfrm, policy);
  noteChange(netns);
}

/** XFRM_MSG_SETDEFAULT: what becomes of packets that no policy speaks of. */
export function setDefaultXfrmPolicy(
  netns: NetNamespace,
  direction: XfrmDirection,
  isBlock: boolean,
): void {
  xfrmOf(netns).isBlockedByDefault[direction] = isBlock;
  noteChange(netns);
}

/** The record of a namespace, made when it is first needed. */
function xfrmOf(netns: NetNamespace): Xfrm {
  netns.netfilter.ipsec = IPSEC_SLOT;
  netns.xfrm ??= {
    states: [],
    stateBySpi: makeIntTable(),
    statesByTarget: makeIntTable(),
    policies: [],
    tables: { in: makePolicyTable(), out: makePolicyTable(), fwd: makePolicyTable() },
    isBlockedByDefault: { in: false, out: false, fwd: false },
    nextPolicyIndex: 0,
    nextPosition: 0,
    generation: 1,
    stats: makeXfrmStats(),
  };
  return netns.xfrm;
}

/** Sockets decide anew how their packets go, and how large they may be. @source rt_genid_bump_all() */
function noteChange(netns: NetNamespace): void {
  netns.fib.generation++;
}

function putPolicy(netns: NetNamespace, spec: XfrmPolicySpec, index: number): XfrmPolicy {
  const xfrm = xfrmOf(netns);
  const templates = spec.templates ?? [];
  if (templates.length > TEMPLATES_MAX) throw new KernelError('EINVAL');
  if (xfrm.policies.length >= ENTRIES_MAX) throw new KernelError('ENOBUFS');
  const policy: XfrmPolicy = {
    direction: spec.direction,
    selector: { ...ANY_SELECTOR, ...spec.selector },
    mark: spec.mark ?? NO_MARK,
    isBlock: spec.isBlock ?? false,
    priority: spec.priority ?? 0,
    index: index || spec.index || freeIndex(xfrm, spec.direction),
    templates: templates.map((template) => ({ ...ANY_TEMPLATE, ...template })),
    limits: { ...NO_LIMITS, ...spec.limits },
    flags: spec.flags ?? 0,
    use: { bytes: 0, packets: 0, addedNs: timeNs(netns.sim), usedNs: -1 },
    position: xfrm.nextPosition++,
    transform: null,
    transformSource: 0,
    transformTarget: 0,
    transformGeneration: 0,
    isResolved: false,
    areStatesSelective: false,
    isAlive: true,
  };
  insertPolicy(xfrm, policy);
  noteChange(netns);
  return policy;
}

const DIRECTION_NUMBERS: Readonly<Record<XfrmDirection, number>> = { in: 0, out: 1, fwd: 2 };

/** Numbers in steps of eight; the lowest bits say the direction. @source xfrm_gen_index() */
function freeIndex(xfrm: Xfrm, direction: XfrmDirection): number {
  for (;;) {
    const index = xfrm.nextPolicyIndex | DIRECTION_NUMBERS[direction];
    xfrm.nextPolicyIndex += 8;
    const free = index === 0 ? 8 : index;
    if (!xfrm.policies.some((policy) => policy.index === free)) return free;
  }
}

function isSameSelector(one: XfrmSelector, two: XfrmSelector): boolean {
  return (Object.keys(ANY_SELECTOR) as Array<keyof XfrmSelector>).every(
    (key) => one[key] === two[key],
  );
}
