/**
 * Packet events in words: hop by hop, one line a step, and why packets were lost.
 */
import { DROP_REASONS, type DropReason } from '../engine/drop-reason.ts';
import type { TraceDetail } from '../engine/trace.ts';
import { describeFrame, innermost } from './frame-view.ts';
import type { TraceEvent } from './trace.ts';

/** Drops that happen in a healthy network, after flooding and broadcasts. */
const ORDINARY_REASONS: ReadonlySet<DropReason> = new Set<DropReason>([
  'other-host',
  'arp-not-for-us',
  'icmp-unwanted',
  'tcp-old-data',
  'bridge-link-local',
  'socket-closed',
]);

/** One line an event: time since the first one, packet, place, what was decided. */
export function traceLines(events: readonly TraceEvent[]): string[] {
  const placeColumns = Math.max(8, ...events.map(({ where }) => where.length));
  const startNs = events[0]?.timeNs ?? 0;
  return events.map((event) => {
    const time = formatMilliseconds(event.timeNs - startNs).padStart(12);
    const packet = `#${event.packetId}`.padEnd(6);
    const place = event.where.padEnd(placeColumns);
    return `${time}  ${packet} ${place}  ${event.kind.padEnd(11)}  ${decisionText(event)}`.trimEnd();
  });
}

function formatMilliseconds(timeNs: number): string {
  return `+${(timeNs / 1e6).toFixed(3)} ms`;
}

/** What the layer decided, in a few words. */
export function decisionText(event: TraceEvent): string {
  const { kind, frame, detail, reason } = event;
  if (kind === 'transmit' || kind === 'receive') {
    return `${describeFrame(frame)} (${frame.sizeBytes} bytes)`;
  }
  if (kind === 'drop' && reason !== null) {
    return `${reason}: ${DROP_REASONS[reason].sentence} [${describeFrame(frame)}]`;
  }
  return detailText(detail);
}

/** `port veth1, mac 02:42:0a:00:01:04` */
export function detailText(detail: TraceDetail): string {
  return Object.entries(detail)
    .map(([name, value]) => `${wordsOf(name)} ${value}`)
    .join(', ');
}

/** `outDevice` as `out device`. */
function wordsOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Packets of the same kind that ended at the same place for the same reason. */
export interface Loss {
  readonly reason: DropReason;
  readonly where: string;
  readonly what: string;
  /** The netfilter rule that decided it, as iptables writes it; empty if none did. */
  readonly rule: string;
  count: number;
}

/** Whether a drop tells something: in a healthy network some packets end, too. */
export function isNotableDrop({ reason }: TraceEvent): boolean {
  return reason !== null && !ORDINARY_REASONS.has(reason);
}

/** What was lost, in the order of the first of each; ordinary drops only if there are no others. */
export function lossesOf(events: readonly TraceEvent[]): Loss[] {
  const drops = events.filter(({ reason }) => reason !== null);
  const notable = drops.filter(isNotableDrop);
  const losses = new Map<string, Loss>();
  const rules = lastRules(events);
  for (const event of notable.length > 0 ? notable : drops) {
    const reason = event.reason as DropReason; // filtered above
    const what = lossName(event);
    const rule = reason.startsWith('rule-') ? (rules.get(event.packetId) ?? '') : '';
    const key = `${reason} ${event.where} ${what} ${rule}`;
    const known = losses.get(key);
    if (known === undefined) losses.set(key, { reason, where: event.where, what, rule, count: 1 });
    else known.count++;
  }
  return [...losses.values()];
}

/** The rule that each packet met last. */
function lastRules(events: readonly TraceEvent[]): Map<number, string> {
  const rules = new Map<number, string>();
  for (const { kind, packetId, detail } of events) {
    if (kind !== 'rule' || detail.spec === undefined) continue;
    rules.set(packetId, `iptables -t ${detail.table} -A ${detail.chain} ${detail.spec}`);
  }
  return rules;
}

/** The packet without what differs from one to the next: ids, sequence numbers, TTL. */
function lossName(event: TraceEvent): string {
  const { ip, echo, what } = innermost(event.frame);
  if (ip === null) return what;
  const kind = echo === null ? what : `ICMP echo ${echo.kind}`;
  return `${ip.source} > ${ip.target} ${kind}`;
}

/** Lines that say which packets died where, why, and what to look at. Empty if nothing was lost. */
export function explainLosses(events: readonly TraceEvent[]): string[] {
  return lossesOf(events).flatMap(({ reason, where, what, rule, count }) => {
    const { sentence, hint } = DROP_REASONS[reason];
    const times = count === 1 ? '' : ` (${count} times)`;
    return [
      `  ${what}${times}`,
      ...wrap(`dropped at ${where} (${reason}): ${sentence}`),
      ...(rule === '' ? [] : wrap(`the rule: ${rule}`)),
      ...wrap(`look at: ${hint}`),
    ];
  });
}

const TEXT_MAX_COLUMNS = 100;
const INDENT = '    ';

/** Breaks a sentence at blanks; the lines after the first are indented further. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = INDENT;
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + word.length > TEXT_MAX_COLUMNS) {
      lines.push(line.trimEnd());
      line = `${INDENT}  `;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
