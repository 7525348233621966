/**
 * The control plane of IPsec: what a netlink client (`ip xfrm`, Docker's overlay driver) asks of a
 * namespace's states and policies.
 * @source net/xfrm/xfrm_user.c
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { NetNamespace } from '../namespace.ts';
import type {
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

/** XFRM_MSG_NEWSA. @throws KernelError EEXIST, EINVAL, ENOSYS (unknown algorithm) */
export declare function addXfrmState(netns: NetNamespace, spec: XfrmStateSpec): XfrmState;
/** XFRM_MSG_UPDSA. @throws KernelError ESRCH if there is none */
export declare function updateXfrmState(netns: NetNamespace, spec: XfrmStateSpec): XfrmState;
/** XFRM_MSG_DELSA. @throws KernelError ESRCH if there is none */
export declare function deleteXfrmState(netns: NetNamespace, id: XfrmStateId): void;
/** XFRM_MSG_GETSA: the state, null if there is none. */
export declare function findXfrmState(netns: NetNamespace, id: XfrmStateId): XfrmState | null;
/** All states, the newest first. */
export declare function listXfrmStates(netns: NetNamespace): readonly XfrmState[];
/** XFRM_MSG_FLUSHSA: deletes all, or all of one protocol. */
export declare function flushXfrmStates(netns: NetNamespace, protocol?: number): void;
/** XFRM_MSG_NEWPOLICY. @throws KernelError EEXIST, EINVAL */
export declare function addXfrmPolicy(netns: NetNamespace, spec: XfrmPolicySpec): XfrmPolicy;
/** XFRM_MSG_UPDPOLICY: like add, but takes the place of an equal one. */
export declare function updateXfrmPolicy(netns: NetNamespace, spec: XfrmPolicySpec): XfrmPolicy;
/** XFRM_MSG_DELPOLICY. @throws KernelError ENOENT if there is none */
export declare function deleteXfrmPolicy(netns: NetNamespace, id: XfrmPolicyId): void;
/** XFRM_MSG_GETPOLICY: the policy, null if there is none. */
export declare function findXfrmPolicy(netns: NetNamespace, id: XfrmPolicyId): XfrmPolicy | null;
/** All policies, the newest first. */
export declare function listXfrmPolicies(netns: NetNamespace): readonly XfrmPolicy[];
/** XFRM_MSG_FLUSHPOLICY: deletes all. */
export declare function flushXfrmPolicies(netns: NetNamespace): void;
