/**
 * What `conntrack -L -s ... -p udp --dport ...` asks for: options read into a filter, and the filter
 * held against flows.
 * @source conntrack-tools 1.4.7 src/conntrack.c, extensions/libct_proto_*.c
 */
import { type Ipv4, maskOf, parseIpv4 } from '../../base/ipv4-address.ts';
import {
  FLOW_ASSURED,
  FLOW_SEEN_REPLY,
  FLOW_SRC_NAT_DONE,
  type Flow,
} from '../../netfilter/conntrack-flow.ts';
import { TCP_STATE_NAMES } from '../../netfilter/conntrack-tcp-states.ts';
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../../protocols/ipv4.ts';

export interface AddressTest {
  readonly address: Ipv4;
  readonly mask: number;
}

/** An address of --src-nat; null stands for "whatever it is". */
export interface NatTest {
  readonly address: Ipv4 | null;
  readonly port: number | null;
}

export interface FlowFilter {
  isIpv6: boolean;
  protocol: number | null;
  originalSource: AddressTest | null;
  originalTarget: AddressTest | null;
  replySource: AddressTest | null;
  replyTarget: AddressTest | null;
  originalSourcePort: number | null;
  originalTargetPort: number | null;
  replySourcePort: number | null;
  replyTargetPort: number | null;
  icmpType: number | null;
  icmpCode: number | null;
  icmpId: number | null;
  tcpState: number | null;
  mark: number | null;
  markMask: number;
  /** FLOW_* bits that must be set. */
  statusOn: number;
  isUnreplied: boolean;
  zone: number;
  sourceNat: NatTest | null;
  targetNat: NatTest | null;
  anyNat: NatTest | null;
}

export function makeFlowFilter(): FlowFilter {
  return {
    isIpv6: false,
    protocol: null,
    originalSource: null,
    originalTarget: null,
    replySource: null,
    replyTarget: null,
    originalSourcePort: null,
    originalTargetPort: null,
    replySourcePort: null,
    replyTargetPort: null,
    icmpType: null,
    icmpCode: null,
    icmpId: null,
    tcpState: null,
    mark: null,
    markMask: 0xffffffff,
    statusOn: 0,
    isUnreplied: false,
    zone: 0,
    sourceNat: null,
    targetNat: null,
    anyNat: null,
  };
}

/** Protocols by the names that conntrack knows. */
const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: PROTOCOL_ICMP,
  tcp: PROTOCOL_TCP,
  udp: PROTOCOL_UDP,
  igmp: 2,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};

/** Reads a protocol by name or number; null: there is none of that name. */
export function parseProtocol(text: string): number | null {
  if (Object.hasOwn(PROTOCOLS, text)) return PROTOCOLS[text]!;
  return /^\d{1,3}$/.test(text) && Number(text) > 0 && Number(text) < 256 ? Number(text) : null;
}

/** The message of a value that conntrack does not take, as it prints it. */
export class BadValue extends Error {
  override name = 'BadValue';
}

function parseAddressTest(text: string): AddressTest {
  const slash = text.indexOf('/');
  const address = parseIpv4(slash < 0 ? text : text.slice(0, slash));
  if (address === null) throw new BadValue(`Invalid IP address \`${text}'`);
  if (slash < 0) return { address, mask: -1 };
  const length = text.slice(slash + 1);
  if (!/^\d{1,2}$/.test(length) || Number(length) > 32) throw new BadValue('Invalid netmask');
  return { address, mask: maskOf(Number(length)) };
}

function parseNatTest(text: string): NatTest {
  if (text === '') return { address: null, port: null };
  const colon = text.indexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  const address = host === '' ? null : parseIpv4(host);
  if (address === null && host !== '') throw new BadValue(`Invalid IP address \`${host}'`);
  return { address, port: colon < 0 ? null : leadingNumber(text.slice(colon + 1)) };
}

/** The digits at the start of the text, as strtoul() reads it; 0 if there are none. */
function leadingNumber(text: string): number {
  if (/^0x[0-9a-f]+/i.test(text)) return Number.parseInt(text, 16);
  const digits = /^\d+/.exec(text);
  return digits === null ? 0 : Number(digits[0]);
}

function applyStatus(filter: FlowFilter, text: string): void {
  for (const word of text.split(',')) {
    if (word === 'ASSURED') filter.statusOn |= FLOW_ASSURED;
    else if (word === 'SEEN_REPLY') filter.statusOn |= FLOW_SEEN_REPLY;
    else if (word === 'UNREPLIED') filter.isUnreplied = true;
    else if (word === 'SRC_NAT') filter.statusOn |= 1 << 4;
    else if (word === 'DST_NAT') filter.statusOn |= 1 << 5;
    else throw new BadValue(`Bad parameter \`${word}'`);
  }
}

function applyMark(filter: FlowFilter, text: string): void {
  const [mark, mask] = text.split('/');
  filter.mark = leadingNumber(mark ?? '') >>> 0;
  filter.markMask = mask === undefined ? 0xffffffff : leadingNumber(mask) >>> 0;
}

function parseTcpState(text: string): number {
  const state = (TCP_STATE_NAMES as readonly string[]).indexOf(text);
  if (state < 0) throw new BadValue(`unknown TCP state \`${text}'`);
  return state;
}

/** Puts an option into the filter. False: it is none of the filter's. */
export function applyFilterOption(filter: FlowFilter, option: string, value: string): boolean {
  switch (option) {
    case 's':
      filter.originalSource = parseAddressTest(value);
      return true;
    case 'd':
      filter.originalTarget = parseAddressTest(value);
      return true;
    case 'r':
      filter.replySource = parseAddressTest(value);
      return true;
    case 'q':
      filter.replyTarget = parseAddressTest(value);
      return true;
    case 'mask-src':
      filter.originalSource = masked(filter.originalSource, value);
      return true;
    case 'mask-dst':
      filter.originalTarget = masked(filter.originalTarget, value);
      return true;
    case 'p':
      filter.protocol = parseProtocol(value);
      if (filter.protocol === null) throw new BadValue(`\`${value}' unsupported protocol`);
      return true;
    case 'f':
      if (value !== 'ipv4' && value !== 'ipv6') {
        throw new BadValue(`\`${value}' unsupported protocol`);
      }
      filter.isIpv6 = value === 'ipv6';
      return true;
    case 'm':
      applyMark(filter, value);
      return true;
    case 'u':
      applyStatus(filter, value);
      return true;
    case 'w':
      filter.zone = leadingNumber(value);
      return true;
    case 'n':
      filter.sourceNat = parseNatTest(value);
      return true;
    case 'g':
      filter.targetNat = parseNatTest(value);
      return true;
    case 'j':
      filter.anyNat = parseNatTest(value);
      return true;
    default:
      return applyProtocolOption(filter, option, value);
  }
}

function masked(test: AddressTest | null, text: string): AddressTest {
  const mask = parseIpv4(text);
  if (mask === null) throw new BadValue(`Invalid IP address \`${text}'`);
  return { address: test?.address ?? 0, mask };
}

function applyProtocolOption(filter: FlowFilter, option: string, value: string): boolean {
  switch (option) {
    case 'sport':
      filter.originalSourcePort = leadingNumber(value) & 0xffff;
      return true;
    case 'dport':
      filter.originalTargetPort = leadingNumber(value) & 0xffff;
      return true;
    case 'reply-sport':
      filter.replySourcePort = leadingNumber(value) & 0xffff;
      return true;
    case 'reply-dport':
      filter.replyTargetPort = leadingNumber(value) & 0xffff;
      return true;
    case 'icmp-type':
      filter.icmpType = leadingNumber(value);
      return true;
    case 'icmp-code':
      filter.icmpCode = leadingNumber(value);
      return true;
    case 'icmp-id':
      filter.icmpId = leadingNumber(value);
      return true;
    case 'state':
      filter.tcpState = parseTcpState(value);
      return true;
    default:
      return false;
  }
}

function fits(test: AddressTest | null, address: Ipv4): boolean {
  return test === null || (address & test.mask) === (test.address & test.mask);
}

function isSame(wanted: number | null, value: number): boolean {
  return wanted === null || wanted === value;
}

/** Whether the filter lets the flow through. */
export function matchesFilter(filter: FlowFilter, flow: Flow): boolean {
  const { original, reply, status } = flow;
  if (filter.isIpv6 || filter.zone !== 0) return false;
  if (!isSame(filter.protocol, original.protocol)) return false;
  if (!fits(filter.originalSource, original.source)) return false;
  if (!fits(filter.originalTarget, original.target)) return false;
  if (!fits(filter.replySource, reply.source)) return false;
  if (!fits(filter.replyTarget, reply.target)) return false;
  if (!isSame(filter.originalSourcePort, original.sourcePort)) return false;
  if (!isSame(filter.originalTargetPort, original.targetPort)) return false;
  if (!isSame(filter.replySourcePort, reply.sourcePort)) return false;
  if (!isSame(filter.replyTargetPort, reply.targetPort)) return false;
  if (!isSame(filter.icmpType, original.targetPort >> 8)) return false;
  if (!isSame(filter.icmpCode, original.targetPort & 0xff)) return false;
  if (!isSame(filter.icmpId, original.sourcePort)) return false;
  if (!isSame(filter.tcpState, flow.tcp.state)) return false;
  if (filter.mark !== null) {
    if (((flow.mark & filter.markMask) | 0) !== ((filter.mark & filter.markMask) | 0)) return false;
  }
  if ((status & filter.statusOn) !== filter.statusOn) return false;
  if (filter.isUnreplied && (status & FLOW_SEEN_REPLY) !== 0) return false;
  return matchesNat(filter, flow);
}

function matchesNat(filter: FlowFilter, flow: Flow): boolean {
  const { sourceNat, targetNat, anyNat } = filter;
  if (sourceNat !== null && !isSourceNat(flow, sourceNat)) return false;
  if (targetNat !== null && !isTargetNat(flow, targetNat)) return false;
  return anyNat === null || isSourceNat(flow, anyNat) || isTargetNat(flow, anyNat);
}

function isSourceNat(flow: Flow, test: NatTest): boolean {
  const { original, reply } = flow;
  // conntrack compares ports even where there are none: every ICMP flow passes here.
  const hasPort = original.protocol === PROTOCOL_ICMP || reply.targetPort !== original.sourcePort;
  return isNat(flow, test, reply.target, original.source, reply.targetPort, hasPort);
}

function isTargetNat(flow: Flow, test: NatTest): boolean {
  const { original, reply } = flow;
  const hasPort = original.protocol === PROTOCOL_ICMP || reply.sourcePort !== original.targetPort;
  return isNat(flow, test, reply.source, original.target, reply.sourcePort, hasPort);
}

/** @source conntrack.c filter_nat(); libnetfilter_conntrack NFCT_GOPT_IS_SNAT and its like */
function isNat(
  flow: Flow,
  test: NatTest,
  translated: Ipv4,
  plain: Ipv4,
  port: number,
  isPortTranslated: boolean,
): boolean {
  if ((flow.status & FLOW_SRC_NAT_DONE) === 0) return false;
  const isAddressTranslated = translated !== plain;
  if (test.address === null && test.port === null) return isAddressTranslated || isPortTranslated;
  if (test.address !== null && (!isAddressTranslated || translated !== test.address)) return false;
  return test.port === null || (isPortTranslated && port === test.port);
}
