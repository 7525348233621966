/**
 * States and policies of IPsec as `ip xfrm` prints them.
 * @source iproute2 ip/ipxfrm.c xfrm_state_info_print(), xfrm_policy_info_print()
 */

import { calendarOf, formatClock } from '../../apps/wall-clock.ts';
import { formatIpv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import type {
  XfrmAlgorithm,
  XfrmLimits,
  XfrmMark,
  XfrmPolicy,
  XfrmSelector,
  XfrmState,
  XfrmTemplate,
  XfrmUse,
} from '../../stack/xfrm/xfrm-record.ts';
import { ipProtocolName, XFRM_PROTOCOLS } from './ip-xfrm-words.ts';

/** By bit. */
export const STATE_FLAGS = [
  'noecn',
  'decap-dscp',
  'nopmtudisc',
  'wildrecv',
  'icmp',
  'af-unspec',
  'align4',
  'esn',
];
export const POLICY_FLAGS = ['localok', 'icmp'];
const AF_UNSPEC_FLAG = 32;

export interface XfrmStyle {
  /** `-s` */
  readonly isWithStatistics: boolean;
  readonly hasKeys: boolean;
  readonly epochSec: number;
  /** The name of a device, for selectors with one. */
  readonly deviceName: (index: number) => string;
}

/** The lines of a state. */
export function stateLines(state: XfrmState, style: XfrmStyle): string[] {
  const { isWithStatistics: isLong } = style;
  const flags = isLong || state.flags !== 0 ? flagText(state.flags, STATE_FLAGS) : '';
  const sequence = isLong ? `seq 0x${String(state.sequence).padStart(8, '0')} ` : '';
  const bits = isLong ? ` (0x${state.flags.toString(2).padStart(8, '0')})` : '';
  const isAnyFamily = (state.flags & AF_UNSPEC_FLAG) !== 0 && isOpen(state.selector);
  return [
    ...idLines(state, true, style),
    `\treplay-window ${state.replayWindow} ${sequence}${flags}${bits}`,
    ...markLines(state),
    ...algorithmLines(state.algorithms, style),
    ...(state.lastUsedNs >= 0 ? [`\tlastused ${timeText(state.lastUsedNs, style)}`] : []),
    `\tanti-replay context: seq 0x${state.sequenceIn.toString(16)}, ` +
      `oseq 0x${state.sequenceOut.toString(16)}, ` +
      `bitmap 0x${(state.replayBitmap >>> 0).toString(16).padStart(8, '0')}`,
    ...(isAnyFamily ? [] : [`\tsel ${selectorText(state.selector, style)}`]),
    ...(isLong ? lifetimeLines(state.limits, state.use, style) : []),
    ...(isLong ? statisticsLines(state) : []),
  ];
}

/** The lines of a policy. */
export function policyLines(policy: XfrmPolicy, style: XfrmStyle): string[] {
  const { isWithStatistics: isLong } = style;
  const action = policy.isBlock ? 'action block ' : isLong ? 'action allow ' : '';
  const index = isLong ? `index ${policy.index} ` : '';
  const share = isLong ? 'share any ' : '';
  const flags = isLong || policy.flags !== 0 ? flagText(policy.flags, POLICY_FLAGS) : '';
  const bits = isLong ? ` (0x${policy.flags.toString(2).padStart(8, '0')})` : '';
  return [
    selectorText(policy.selector, style),
    `\tdir ${policy.direction} ${action}${index}priority ${policy.priority} ` +
      `ptype main ${share}${flags}${bits}`,
    ...(isLong ? lifetimeLines(policy.limits, policy.use, style) : []),
    ...markLines({ mark: policy.mark, outputMark: null }),
    ...policy.templates.flatMap((template) => templateLines(template, style)),
  ];
}

/** A line's own indent is the caller's: template lines begin with `tmpl` behind one tab. */
function templateLines(template: XfrmTemplate, style: XfrmStyle): string[] {
  const { isWithStatistics: isLong } = style;
  const [head, rest] = idLines(template, false, style);
  const level = template.isOptional ? 'level use ' : isLong ? 'level required ' : '';
  const share = isLong ? 'share any ' : '';
  return [
    `\ttmpl ${head}`,
    `\t${rest}`,
    ...(level !== '' ? [`\t\t${level}${share}`] : []),
    ...(isLong ? ['\t\tenc-mask ffffffff auth-mask ffffffff comp-mask ffffffff'] : []),
  ];
}

/** Addresses, protocol, SPI, reqid and mode: two lines. @source xfrm_id_info_print() */
function idLines(id: XfrmState | XfrmTemplate, hasSpi: boolean, style: XfrmStyle): string[] {
  const { isWithStatistics: isLong } = style;
  const spiText = `spi 0x${id.spi.toString(16).padStart(8, '0')}${isLong ? `(${id.spi})` : ''} `;
  const spi = isLong || hasSpi || id.spi !== 0 ? spiText : '';
  const reqidHex = isLong ? `(0x${id.reqid.toString(16).padStart(8, '0')})` : '';
  return [
    `src ${formatIpv4(id.source)} dst ${formatIpv4(id.target)}`,
    `\tproto ${xfrmProtocolName(id.protocol)} ${spi}reqid ${id.reqid}${reqidHex} mode ${id.mode}`,
  ];
}

function xfrmProtocolName(protocol: number): string {
  const found = Object.entries(XFRM_PROTOCOLS).find(([, number]) => number === protocol);
  return found === undefined ? String(protocol) : found[0];
}

function isOpen(selector: XfrmSelector): boolean {
  return Object.values(selector).every((value) => value === 0);
}

/** `src 10.0.0.1/32 dst 10.0.0.2/32 proto udp dport 4789 `: it ends with a blank. */
function selectorText(selector: XfrmSelector, style: XfrmStyle): string {
  const { source, sourceLength, target, targetLength, protocol } = selector;
  const isIcmp = protocol === 1 || protocol === 58;
  const [from, to] = isIcmp ? ['type', 'code'] : ['sport', 'dport'];
  const { sourcePort, sourcePortMask, targetPort, targetPortMask, deviceIndex } = selector;
  return (
    `src ${formatIpv4(source)}/${sourceLength} dst ${formatIpv4(target)}/${targetLength} ` +
    (protocol === 0 ? '' : `proto ${ipProtocolName(protocol)} `) +
    (sourcePortMask === 0 ? '' : `${from} ${sourcePort} `) +
    (targetPortMask === 0 ? '' : `${to} ${targetPort} `) +
    (deviceIndex === 0 ? '' : `dev ${style.deviceName(deviceIndex)} `) +
    (style.isWithStatistics ? 'uid 0' : '')
  );
}

const hex = (value: number): string => (value === 0 ? '0' : `0x${value.toString(16)}`);

function markLines(record: { mark: XfrmMark; outputMark: XfrmMark | null }): string[] {
  const { mark, outputMark } = record;
  const isMarked = mark.value !== 0 || mark.mask !== 0;
  if (!isMarked && outputMark === null) return [];
  const own = isMarked ? `mark ${hex(mark.value)}/${hex(mark.mask)} ` : '';
  const other =
    outputMark === null
      ? ''
      : `output-mark 0x${outputMark.value.toString(16)}/0x${outputMark.mask.toString(16)}`;
  return [`\t${own}${other}`];
}

const ALGORITHM_ORDER = ['auth', 'auth-trunc', 'aead', 'enc', 'comp'] as const;

function algorithmLines(algorithms: readonly XfrmAlgorithm[], style: XfrmStyle): string[] {
  return ALGORITHM_ORDER.flatMap((kind) => algorithms.filter((each) => each.kind === kind)).map(
    (algorithm) => {
      const { kind, name, key, icvBits } = algorithm;
      const bits = style.isWithStatistics ? ` (${key.length * 8} bits)` : '';
      const digits = [...key].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      const shown = style.hasKeys
        ? key.length === 0
          ? ''
          : `0x${digits}${bits}`
        : '<<Keys hidden>>';
      const icv = kind === 'aead' || kind === 'auth-trunc' ? ` ${icvBits}` : '';
      return `\t${kind} ${name} ${shown}${icv}`;
    },
  );
}

/** The names of the bits that are set. */
function flagText(flags: number, names: readonly string[]): string {
  const set = names.filter((_, bit) => (flags & (1 << bit)) !== 0);
  return `flag ${set.join(' ')}`;
}

const limitText = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? '(INF)' : String(value);

function lifetimeLines(limits: XfrmLimits, use: XfrmUse, style: XfrmStyle): string[] {
  const used = use.usedNs < 0 ? '-' : timeText(use.usedNs, style);
  return [
    '\tlifetime config:',
    `\t  limit: soft ${limitText(limits.softBytes)}(bytes), hard ${limitText(limits.hardBytes)}(bytes)`,
    `\t  limit: soft ${limitText(limits.softPackets)}(packets), ` +
      `hard ${limitText(limits.hardPackets)}(packets)`,
    `\t  expire add: soft ${limits.softAddSec}(sec), hard ${limits.hardAddSec}(sec)`,
    `\t  expire use: soft ${limits.softUseSec}(sec), hard ${limits.hardUseSec}(sec)`,
    '\tlifetime current:',
    `\t  ${use.bytes}(bytes), ${use.packets}(packets)`,
    `\t  add ${timeText(use.addedNs, style)} use ${used}`,
  ];
}

function statisticsLines(state: XfrmState): string[] {
  return [
    '\tstats:',
    `\t  replay-window ${state.windowMissCount} replay ${state.replayCount} ` +
      `failed ${state.integrityFailedCount}`,
  ];
}

/** `2026-01-01 00:00:00` */
function timeText(atNs: number, style: XfrmStyle): string {
  const date = calendarOf(style.epochSec + Math.floor(atNs / NS_PER_SEC));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.year}-${two(date.month)}-${two(date.day)} ${formatClock(date)}`;
}
