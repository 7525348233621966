/**
 * Flows as text: the line of `conntrack -L` and of /proc/net/nf_conntrack.
 * @source net/netfilter/nf_conntrack_standalone.c ct_seq_show(); libnetfilter_conntrack
 *   src/conntrack/snprintf_default.c
 */
import { formatIpv4 } from '../base/ipv4-address.ts';
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../protocols/ipv4.ts';
import { FLOW_ASSURED, FLOW_SEEN_REPLY, type Flow } from './conntrack-flow.ts';
import { type Conntrack, listFlows, nowTicks, secondsLeft } from './conntrack-table.ts';
import { TCP_STATE_NAMES } from './conntrack-tcp-states.ts';
import { hasPorts, PROTOCOL_SCTP, PROTOCOL_UDPLITE, type Tuple } from './conntrack-tuple.ts';

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [PROTOCOL_ICMP]: 'icmp',
  [PROTOCOL_TCP]: 'tcp',
  [PROTOCOL_UDP]: 'udp',
  47: 'gre',
  [PROTOCOL_SCTP]: 'sctp',
  [PROTOCOL_UDPLITE]: 'udplite',
};

/** What a line shows besides the tuples. */
export interface FlowTextOptions {
  /** Seconds left; undefined leaves them out. */
  readonly seconds: number;
  readonly showsCounters: boolean;
  /** `ipv4     2 ` in front. */
  readonly showsFamily: boolean;
  /** What follows the flags: `mark=0 use=1`. */
  readonly tail: string;
}

/** src=... dst=... and ports, or type, code and id, with a space at the end. */
function tupleText(tuple: Tuple): string {
  const addresses = `src=${formatIpv4(tuple.source)} dst=${formatIpv4(tuple.target)} `;
  if (tuple.protocol === PROTOCOL_ICMP) {
    const type = tuple.targetPort >> 8;
    const code = tuple.targetPort & 0xff;
    return `${addresses}type=${type} code=${code} id=${tuple.sourcePort} `;
  }
  if (!hasPorts(tuple.protocol)) return addresses;
  return `${addresses}sport=${tuple.sourcePort} dport=${tuple.targetPort} `;
}

/** One flow as a line without its end. */
export function flowText(flow: Flow, options: FlowTextOptions): string {
  const { original, reply, status } = flow;
  const name = PROTOCOL_NAMES[original.protocol] ?? 'unknown';
  const { showsCounters } = options;
  let text = options.showsFamily ? 'ipv4     2 ' : '';
  text += `${name.padEnd(8)} ${original.protocol} ${options.seconds} `;
  if (original.protocol === PROTOCOL_TCP) text += `${TCP_STATE_NAMES[flow.tcp.state]} `;
  text += tupleText(original);
  if (showsCounters) text += `packets=${flow.originalPackets} bytes=${flow.originalBytes} `;
  if ((status & FLOW_SEEN_REPLY) === 0) text += '[UNREPLIED] ';
  text += tupleText(reply);
  if (showsCounters) text += `packets=${flow.replyPackets} bytes=${flow.replyBytes} `;
  if ((status & FLOW_ASSURED) !== 0) text += '[ASSURED] ';
  return (text + options.tail).trimEnd();
}

/**
 * The seconds that a listing shows. A program that lists needs a tick at least to start, in which
 * netsim's clock stands still: so a flow just refreshed shows 29 and not 30, as on a real machine.
 */
export function listedSeconds(conntrack: Conntrack, flow: Flow): number {
  return secondsLeft(flow, nowTicks(conntrack.netns.sim) + 1);
}

/** The text of /proc/net/nf_conntrack of a namespace. */
export function renderProcConntrack(netns: {
  readonly netfilter: { readonly conntrack: Conntrack };
}): string {
  const { conntrack } = netns.netfilter;
  const flows = listFlows(conntrack);
  return flows
    .map((flow) => {
      const text = flowText(flow, {
        seconds: listedSeconds(conntrack, flow),
        showsCounters: conntrack.settings.acct !== 0,
        showsFamily: true,
        tail: `mark=${flow.mark >>> 0} zone=0 use=2`,
      });
      return `${text}\n`;
    })
    .join('');
}
