/**
 * The records of IPsec in one namespace: security associations (states), policies, and what packets
 * remember of them.
 * @source include/net/xfrm.h struct xfrm_state, xfrm_policy, sec_path; struct netns_xfrm
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { SecPathSlot, TransformSlot } from '../../engine/packet.ts';
import type { Timer } from '../../engine/timer-queue.ts';
import type { EspCipher } from '../../protocols/esp.ts';
import type { IntTable } from '../int-table.ts';
import type { XfrmStats } from './xfrm-stats.ts';

export type XfrmMode = 'transport' | 'tunnel';
export type XfrmDirection = 'in' | 'out' | 'fwd';

/** A mark that has to be there under a mask (both unsigned); mask 0: any. */
export interface XfrmMark {
  readonly value: number;
  readonly mask: number;
}

/** Which packets: addresses with prefix lengths, protocol, ports; 0 for any. */
export interface XfrmSelector {
  readonly source: Ipv4;
  readonly sourceLength: number;
  readonly target: Ipv4;
  readonly targetLength: number;
  /** IP protocol, 0 for any. */
  readonly protocol: number;
  /** Ports (of ICMP: type and code), under masks: 0xffff or 0 for any. */
  readonly sourcePort: number;
  readonly sourcePortMask: number;
  readonly targetPort: number;
  readonly targetPortMask: number;
  /** Index of the device, 0 for any. */
  readonly deviceIndex: number;
}

/** Limits of a state's or policy's life; 0 for seconds and Infinity for the others: none. */
export interface XfrmLimits {
  readonly softBytes: number;
  readonly hardBytes: number;
  readonly softPackets: number;
  readonly hardPackets: number;
  readonly softAddSec: number;
  readonly hardAddSec: number;
  readonly softUseSec: number;
  readonly hardUseSec: number;
}

/** What a state or policy has carried so far; times are virtual, -1 for never. Used: a state first, a policy last. */
export interface XfrmUse {
  bytes: number;
  packets: number;
  addedNs: number;
  usedNs: number;
}

/** An algorithm as it was configured: name of the kernel's crypto layer, key, bits of the ICV. */
export interface XfrmAlgorithm {
  readonly kind: 'aead' | 'enc' | 'auth' | 'auth-trunc' | 'comp';
  readonly name: string;
  readonly key: Uint8Array;
  /** Bits of the ICV: of aead and auth-trunc. */
  readonly icvBits: number;
}

/** A security association: one direction between two hosts. */
export interface XfrmState {
  readonly source: Ipv4;
  readonly target: Ipv4;
  /** 50 (ESP), 51 (AH), 108 (IPComp). */
  readonly protocol: number;
  /** Unsigned. */
  readonly spi: number;
  readonly reqid: number;
  readonly mode: XfrmMode;
  readonly mark: XfrmMark;
  /** The mark that the encrypted packet gets, null to keep it. */
  readonly outputMark: XfrmMark | null;
  selector: XfrmSelector;
  limits: XfrmLimits;
  /** Ends it when its time is over; null without a limit of time. */
  expiry: Timer | null;
  readonly algorithms: readonly XfrmAlgorithm[];
  readonly flags: number;
  readonly sequence: number;
  /** Does the work; null for a larval one (`ip xfrm state allocspi`). */
  readonly cipher: EspCipher | null;
  /** ESP header and IV, and in tunnel mode the new IP header. */
  readonly headerBytes: number;
  readonly use: XfrmUse;
  lastUsedNs: number;
  /** Anti-replay: width of the window, highest number seen and the window below it. */
  readonly replayWindow: number;
  sequenceIn: number;
  sequenceOut: number;
  replayBitmap: number;
  replayCount: number;
  windowMissCount: number;
  integrityFailedCount: number;
  isAlive: boolean;
  /** The path of a packet that came in by this state alone. */
  readonly path: SecPath;
}

/** One transformation that a policy asks for. */
export interface XfrmTemplate {
  readonly source: Ipv4;
  readonly target: Ipv4;
  readonly protocol: number;
  /** 0: any. */
  readonly spi: number;
  readonly reqid: number;
  readonly mode: XfrmMode;
  /** level use: without a state the packet goes as it is. */
  readonly isOptional: boolean;
}

/** A rule of the policy database. */
export interface XfrmPolicy {
  readonly direction: XfrmDirection;
  readonly selector: XfrmSelector;
  readonly mark: XfrmMark;
  readonly isBlock: boolean;
  readonly priority: number;
  readonly index: number;
  readonly templates: readonly XfrmTemplate[];
  readonly limits: XfrmLimits;
  readonly flags: number;
  readonly use: XfrmUse;
  /** Older ones win among equals. */
  readonly position: number;
  /** The states last found for the templates; see transform.ts. */
  transform: Transform | null;
  transformSource: Ipv4;
  transformTarget: Ipv4;
  transformGeneration: number;
  /** Whether there was a state for every template; whether one is for some packets only. */
  isResolved: boolean;
  areStatesSelective: boolean;
  isAlive: boolean;
}

/** What is still to be done to a packet on its way out: a state, then the next ones. */
export interface Transform extends TransformSlot {
  readonly slot: 'transform';
  readonly state: XfrmState;
  readonly next: Transform | null;
}

/** By which states a packet came in: the last one, and those before it. */
export interface SecPath extends SecPathSlot {
  readonly slot: 'sec-path';
  readonly state: XfrmState;
  readonly before: SecPath | null;
  readonly count: number;
  /** Longer paths that begin with this one, so that each is made once. */
  readonly longer: SecPath[];
}

/** Two directions and two numbers of policies. */
export interface PolicyTable {
  /** Host to host, by target address. */
  readonly exact: IntTable<XfrmPolicy[]>;
  /** All others, in order of priority. */
  readonly inexact: XfrmPolicy[];
  count: number;
}

/** IPsec of one namespace; NetNamespace.xfrm is null until it has a state or a policy. */
export interface Xfrm {
  /** The newest first, as `ip xfrm state` lists them. */
  readonly states: XfrmState[];
  readonly stateBySpi: IntTable<XfrmState[]>;
  /** By target address; the newest first. */
  readonly statesByTarget: IntTable<XfrmState[]>;
  /** The newest first, as `ip xfrm policy` lists them. */
  readonly policies: XfrmPolicy[];
  readonly tables: Readonly<Record<XfrmDirection, PolicyTable>>;
  /** What becomes of packets that no policy speaks of. */
  readonly isBlockedByDefault: Record<XfrmDirection, boolean>;
  nextPolicyIndex: number;
  nextPosition: number;
  /** Changes with every state and policy: what was decided before holds no longer. */
  generation: number;
  readonly stats: XfrmStats;
}
