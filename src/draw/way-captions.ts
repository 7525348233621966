/** A sentence or two for each step of a way. */
import { DROP_REASONS } from '../engine/drop-reason.ts';
import { type FrameView, innermost } from '../observe/frame-view.ts';
import type { TraceEvent } from '../observe/trace.ts';
import { DROP_SENTENCES_ES } from './drop-sentences-es.ts';
import type { PacketWay, WayHop } from './packet-way.ts';
import type { SnapshotIndex } from './snapshot.ts';
import { shortName } from './text.ts';
import type { Words } from './words.ts';

export interface Caption {
  /** Null for a last line that belongs to no station: the drop. */
  readonly number: number | null;
  /** `c1 eth0` */
  readonly place: string;
  readonly text: string;
}

/** Steps that are told; a longer way is cut, and says so. */
export const STEPS_MAX = 40;

/** The captions of the steps that are on the drawing, numbered from `first`. */
export function captionsOf(
  way: PacketWay,
  index: SnapshotIndex,
  words: Words,
  first: number,
): Caption[] {
  const captions: Caption[] = [];
  let before = '';
  for (const [i, hop] of way.hops.slice(0, STEPS_MAX).entries()) {
    const frame = frameText(hop.event.frame, words);
    const parts = [
      frame === before ? '' : frame,
      ...hop.decisions.map((event) => decisionText(event, words)),
      changeText(hop, way.hops[i + 1], words),
    ];
    before = frame;
    const texts = [...new Set(parts.filter((text) => text !== ''))];
    const verb = hop.direction === 'out' ? words.way.sends : words.way.receives;
    const text = texts.length === 0 ? verb : texts.join('; ');
    captions.push({ number: first + i, place: placeText(hop, index), text });
  }
  if (way.drop !== null) captions.push(dropCaption(way, way.drop, index, words));
  return captions;
}

function placeText({ deviceId }: WayHop, index: SnapshotIndex): string {
  const device = index.device.get(deviceId);
  if (device === undefined) return '';
  const namespace = index.namespace.get(device.namespaceId);
  return `${shortName(namespace?.label ?? '', 18)} ${device.name}`.trim();
}

/** `10.0.1.3 → 10.0.1.4, ICMP echo request, TTL 64, 98 bytes`, of the outer packet. */
export function frameText(frame: FrameView, words: Words): string {
  const bytes = `${frame.sizeBytes} ${words.way.bytes}`;
  if (frame.ip === null) return `${frame.what}, ${bytes}`;
  const { source, target, ttlHops } = frame.ip;
  if (frame.inner !== null) {
    const inside = innermost(frame);
    const wrapped = inside.ip === null ? inside.what : `${inside.ip.source} → ${inside.ip.target}`;
    return `${source} → ${target} UDP 4789, VNI ${frame.vni ?? 0} [${wrapped}], ${bytes}`;
  }
  const what = frame.what.replace(/, id \d+, seq \d+/, '').replace(' > ', ' → ');
  return `${source} → ${target}, ${what}, TTL ${ttlHops}, ${bytes}`;
}

function decisionText({ kind, detail }: TraceEvent, { way }: Words): string {
  const value = (name: string): string => String(detail[name] ?? '');
  switch (kind) {
    case 'forward':
      return way.looksUp(value('mac'), value('port'));
    case 'flood':
      return way.floods;
    case 'route':
      return value('type') === 'local'
        ? way.local
        : way.routes(value('target'), value('via'), value('out'));
    case 'encapsulate':
      return way.encapsulates(value('to'), value('vni') || value('id'));
    case 'decapsulate':
      return way.decapsulates(value('vni') || value('id'));
    case 'nat': {
      if (value('before') === value('after')) return '';
      const port = value('port');
      return way.translates(value('kind'), value('before'), value('after') + (port && `:${port}`));
    }
    case 'fragment':
      return way.fragments;
    case 'reassemble':
      return way.reassembles;
    case 'answer':
      return way.answers;
    case 'deliver':
      return value('protocol') === 'tcp' ? way.delivers('TCP') : '';
    default:
      return '';
  }
}

/** NAT that no event told of (a known connection): the addresses are others when it is seen next. */
function changeText(hop: WayHop, next: WayHop | undefined, { way }: Words): string {
  if (hop.decisions.some(({ kind }) => kind === 'nat') || next === undefined) return '';
  const before = hop.event.frame;
  const after = next.event.frame;
  if (before.inner !== null || after.inner !== null) return '';
  if (before.ip === null || after.ip === null) return '';
  const parts: string[] = [];
  if (before.ip.source !== after.ip.source) {
    parts.push(way.translates('SNAT', before.ip.source, after.ip.source));
  }
  if (before.ip.target !== after.ip.target) {
    parts.push(way.translates('DNAT', before.ip.target, after.ip.target));
  }
  return parts.join('; ');
}

function dropCaption(
  way: PacketWay,
  drop: TraceEvent,
  index: SnapshotIndex,
  words: Words,
): Caption {
  const reason = drop.reason ?? 'unhandled-protocol';
  const english = DROP_REASONS[reason].sentence;
  const sentence = words.language === 'es' ? (DROP_SENTENCES_ES[reason] ?? english) : english;
  const rule = way.hops
    .flatMap(({ decisions }) => decisions)
    .findLast(({ kind, detail }) => kind === 'rule' && detail.spec !== undefined);
  const shown =
    reason.startsWith('rule-') && rule !== undefined
      ? ` ${words.way.rule}: iptables -t ${rule.detail.table} -A ${rule.detail.chain} ${rule.detail.spec}`
      : '';
  const device = index.device.get(way.dropDeviceId ?? '');
  const namespace = index.namespace.get(device?.namespaceId ?? '');
  const isNamespace = drop.place.deviceName === '';
  const name = shortName(namespace?.label ?? drop.where, 18);
  const place = isNamespace || device === undefined ? name : `${name} ${device.name}`;
  return { number: null, place, text: words.way.dropped(reason, sentence) + shown };
}
