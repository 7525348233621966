/**
 * What policies and selectors look at in a packet, and whether it fits.
 * @source net/xfrm/xfrm_policy.c xfrm_decode_session(), xfrm_selector_match()
 */
import { type Ipv4, maskOf } from '../../base/ipv4-address.ts';
import type { Packet } from '../../engine/packet.ts';
import { readUint16 } from '../../protocols/bytes.ts';
import {
  IP_OFFSET_MASK,
  ipFragmentField,
  ipHeaderBytes,
  ipProtocol,
  ipSource,
  ipTarget,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../../protocols/ipv4.ts';
import type { XfrmSelector } from './xfrm-record.ts';

const PROTOCOL_DCCP = 33;
const PROTOCOL_SCTP = 132;

/** One packet's properties; ports of ICMP are type and code. @source struct flowi */
export interface XfrmFlow {
  source: Ipv4;
  target: Ipv4;
  protocol: number;
  sourcePort: number;
  targetPort: number;
  /** Signed, as on packets. */
  mark: number;
  deviceIndex: number;
}

/** One record for all: a flow is looked at at once and not kept. */
export const flow: XfrmFlow = {
  source: 0,
  target: 0,
  protocol: 0,
  sourcePort: 0,
  targetPort: 0,
  mark: 0,
  deviceIndex: 0,
};

/** Writes a packet's properties (packet.network is its IP header) into `flow`. */
export function readFlow(packet: Packet, deviceIndex: number): void {
  const { bytes, network } = packet;
  const protocol = ipProtocol(bytes, network);
  flow.source = ipSource(bytes, network);
  flow.target = ipTarget(bytes, network);
  flow.protocol = protocol;
  flow.mark = packet.mark;
  flow.deviceIndex = deviceIndex;
  flow.sourcePort = 0;
  flow.targetPort = 0;
  if ((ipFragmentField(bytes, network) & IP_OFFSET_MASK) !== 0) return;
  const at = network + ipHeaderBytes(bytes, network);
  if (at + 4 > packet.end) return;
  switch (protocol) {
    case PROTOCOL_UDP:
    case PROTOCOL_TCP:
    case PROTOCOL_SCTP:
    case PROTOCOL_DCCP:
      flow.sourcePort = readUint16(bytes, at);
      flow.targetPort = readUint16(bytes, at + 2);
      return;
    case PROTOCOL_ICMP:
      flow.sourcePort = bytes[at]!;
      flow.targetPort = bytes[at + 1]!;
  }
}

/** Whether `flow` is one that the selector means. @source __xfrm4_selector_match() */
export function isSelected(selector: XfrmSelector): boolean {
  return (
    ((flow.target ^ selector.target) & maskOf(selector.targetLength)) === 0 &&
    ((flow.source ^ selector.source) & maskOf(selector.sourceLength)) === 0 &&
    ((flow.targetPort ^ selector.targetPort) & selector.targetPortMask) === 0 &&
    ((flow.sourcePort ^ selector.sourcePort) & selector.sourcePortMask) === 0 &&
    (selector.protocol === 0 || selector.protocol === flow.protocol) &&
    (selector.deviceIndex === 0 || selector.deviceIndex === flow.deviceIndex)
  );
}
