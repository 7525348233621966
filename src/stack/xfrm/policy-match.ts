/**
 * -m policy: fills netfilter's slot for IPsec.
 * @source net/netfilter/xt_policy.c match_policy_in(), match_policy_out(), match_xfrm_state()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Packet } from '../../engine/packet.ts';
import type {
  IpsecSlot,
  PolicyAddress,
  PolicyElement,
  PolicyTest,
  PolicyValue,
} from '../../netfilter/matches/policy-test.ts';
import type { SecPath, Transform, XfrmState } from './xfrm-record.ts';

export const IPSEC_SLOT: IpsecSlot = {
  compare: (packet: Packet, test: PolicyTest): number => {
    if (test.direction === 'in') return compareIn(packet.secPath as SecPath | null, test);
    return compareOut(packet.transform as Transform | null, test);
  },
};

/** The states by which it came in, the innermost first. */
function compareIn(path: SecPath | null, test: PolicyTest): number {
  if (path === null) return -1;
  const { elements, isStrict } = test;
  if (isStrict && elements.length !== path.count) return 0;
  let place = 0;
  for (let part: SecPath | null = path; part !== null; part = part.before) {
    if (isMeant(elements[isStrict ? place++ : 0]!, part.state)) {
      if (!isStrict) return 1;
    } else if (isStrict) return 0;
  }
  return isStrict ? 1 : 0;
}

/** The states by which it will go out, in their order. */
function compareOut(transform: Transform | null, test: PolicyTest): number {
  if (transform === null) return -1;
  const { elements, isStrict } = test;
  let place = 0;
  for (let step: Transform | null = transform; step !== null; step = step.next) {
    const element = elements[isStrict ? place++ : 0];
    if (element === undefined) return 0;
    if (isMeant(element, step.state)) {
      if (!isStrict) return 1;
    } else if (isStrict) return 0;
  }
  return isStrict && place === elements.length ? 1 : 0;
}

function isMeant(element: PolicyElement, state: XfrmState): boolean {
  return (
    isAddress(element.source, state.source) &&
    isAddress(element.target, state.target) &&
    isValue(element.protocol, state.protocol) &&
    isValue(element.mode, state.mode) &&
    isValue(element.spi, state.spi) &&
    isValue(element.reqid, state.reqid)
  );
}

function isAddress(wanted: PolicyValue<PolicyAddress> | null, address: Ipv4): boolean {
  if (wanted === null) return true;
  const { address: prefix, mask } = wanted.value;
  return (((address ^ prefix) & mask) === 0) !== wanted.isInverted;
}

function isValue<Value>(wanted: PolicyValue<Value> | null, value: Value): boolean {
  return wanted === null || (wanted.value === value) !== wanted.isInverted;
}
