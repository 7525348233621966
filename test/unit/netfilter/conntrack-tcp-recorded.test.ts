import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { confirmPacket, conntrackOf, trackPacket } from '../../../src/netfilter/conntrack.ts';
import { CT_NEW, FLOW_ASSURED, FLOW_SEEN_REPLY } from '../../../src/netfilter/conntrack-flow.ts';
import { listFlows, nowTicks, secondsLeft } from '../../../src/netfilter/conntrack-table.ts';
import { TCP_STATE_NAMES } from '../../../src/netfilter/conntrack-tcp-states.ts';
import { HOOK_PREROUTING } from '../../../src/netfilter/netfilter-hooks.ts';
import {
  type Bench,
  type Ends,
  ends,
  makeBench,
  tcpPacket,
  turned,
} from '../../support/netfilter.ts';

const RECORDED = new URL('../../fixtures/conntrack/tcp-6.18.txt', import.meta.url);
/** Seconds that the recorder itself may have taken. */
const SLACK = 2;

const flows = readFileSync(RECORDED, 'utf8')
  .split('flow ')
  .slice(1)
  .map((part) => part.trim().split('\n'));

/** Sends one recorded segment; returns `CLASS STATE SECONDS AU SIDE`. */
function replay(bench: Bench, of: Ends, fields: readonly string[]): string {
  const { sim, netfilter } = bench;
  const [direction, flags, sequence, ack, window, dataBytes, options] = fields;
  const packet = tcpPacket(sim, direction === '0' ? of : turned(of), {
    flags: Number(flags),
    sequence: Number(sequence) | 0,
    ack: Number(ack) | 0,
    window: Number(window),
    dataBytes: Number(dataBytes),
    options: options === '-' ? [] : [...Buffer.from(options!, 'hex')],
  });
  trackPacket(sim, netfilter, HOOK_PREROUTING, packet);
  const isInvalid = conntrackOf(packet) === null;
  const kind = isInvalid ? 'I' : packet.conntrackInfo === CT_NEW ? 'N' : 'E';
  confirmPacket(sim, netfilter, packet);
  const flow = listFlows(netfilter.conntrack)[0];
  if (flow === undefined) return `${kind} -`;
  const assured = (flow.status & FLOW_ASSURED) !== 0 ? 'A' : '-';
  const unreplied = (flow.status & FLOW_SEEN_REPLY) === 0 ? 'U' : '-';
  const side = flow.original.source === of.source ? 'o' : 'r';
  const seconds = secondsLeft(flow, nowTicks(sim));
  return `${kind} ${TCP_STATE_NAMES[flow.tcp.state]} ${seconds} ${assured}${unreplied} ${side}`;
}

/** The recorded outcome with its seconds rounded up to ours, if they are near. */
function withSecondsOf(ours: string, recorded: string): string {
  const words = recorded.split(' ');
  const seconds = Number(ours.split(' ')[2]);
  if (words.length > 2 && Math.abs(seconds - Number(words[2])) <= SLACK) words[2] = String(seconds);
  return words.join(' ');
}

describe('the TCP tracker does with every segment what Linux 6.18 did', () => {
  it.each(flows.map((lines) => [lines[0]!, lines.slice(1)] as const))('flow %s', (port, lines) => {
    const bench = makeBench();
    const of = ends(`10.1.0.2:${port} > 10.2.0.2:80`);
    for (const line of lines) {
      const [segment, recorded] = line.split(' > ');
      const ours = replay(bench, of, segment!.split(' '));
      expect(`${segment} > ${ours}`).toBe(`${segment} > ${withSecondsOf(ours, recorded!)}`);
    }
  });
});
