/**
 * -m policy: whether IPsec protected a packet, or will.
 * @source net/netfilter/xt_policy.c
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Packet } from '../../engine/packet.ts';
import type { Walk } from '../rule.ts';

/** A value that is asked for; null: any. */
export interface PolicyValue<Value> {
  readonly value: Value;
  readonly isInverted: boolean;
}

export interface PolicyAddress {
  readonly address: Ipv4;
  readonly mask: number;
}

/** What is asked of one transformation. */
export interface PolicyElement {
  readonly source: PolicyValue<PolicyAddress> | null;
  readonly target: PolicyValue<PolicyAddress> | null;
  readonly protocol: PolicyValue<number> | null;
  readonly mode: PolicyValue<'transport' | 'tunnel'> | null;
  /** Unsigned. */
  readonly spi: PolicyValue<number> | null;
  readonly reqid: PolicyValue<number> | null;
}

export interface PolicyTest {
  readonly direction: 'in' | 'out';
  /** `--pol ipsec` or `none`. */
  readonly wantsIpsec: boolean;
  /** All transformations, one for each element, and not any of them for the first element. */
  readonly isStrict: boolean;
  /** With `--pol ipsec` at least one. */
  readonly elements: readonly PolicyElement[];
}

/** What `-m policy` asks of IPsec; stack/xfrm fills it. */
export interface IpsecSlot {
  /** -1: no IPsec on this packet's way; else whether it fits the elements (1) or not (0). */
  compare(packet: Packet, test: PolicyTest): number;
}

/** @source policy_mt() */
export function testPolicy(walk: Walk, packet: Packet, info: PolicyTest): boolean {
  const { ipsec } = walk.netfilter;
  const outcome = ipsec === null ? -1 : ipsec.compare(packet, info);
  return info.wantsIpsec ? outcome > 0 : outcome < 0;
}
