/**
 * Packet events: what each layer decided about a packet. The data plane tells them to the
 * simulator's `trace` slot, if an observer has filled it; nothing below `observe` knows who listens.
 * A call site looks like `if (sim.trace !== null) sim.trace('route', packet, netns.name, {...})`, so that
 * a run without an observer builds no detail.
 */
import type { Packet } from './packet.ts';

/** The layers' decisions, in the words of the field. */
export const TRACE_KINDS = {
  transmit: 'a device sends the frame',
  receive: 'a device receives the frame',
  learn: 'a bridge or vxlan device learns where a MAC address is',
  forward: 'a bridge sends the frame out of the port its table names',
  flood: 'a bridge sends copies out of every port',
  encapsulate: 'a vxlan device wraps the frame for another host',
  decapsulate: 'a vxlan device unwraps a frame',
  route: 'the routing table names the way',
  neighbour: 'the MAC address of the next hop is looked up or asked for',
  hook: 'a netfilter hook lets the packet pass',
  rule: 'a netfilter rule matches',
  conntrack: 'connection tracking finds or makes the flow',
  nat: 'an address or port is rewritten',
  ipvs: 'a virtual service chooses a destination for a new connection',
  encrypt: 'IPsec puts the packet into an ESP packet',
  decrypt: 'IPsec takes the packet out of an ESP packet',
  fragment: 'a packet is cut into fragments',
  reassemble: 'fragments are put together',
  deliver: 'a socket takes the packet',
  answer: 'the stack itself answers (echo, error, ARP, reset)',
  drop: 'the packet ends here',
} as const;

export type TraceKind = keyof typeof TRACE_KINDS;

/** Plain values of the decision: addresses as text, ports as numbers, names. */
export type TraceDetail = Readonly<Record<string, string | number>>;

/**
 * Called at every decision. `where` names the place: a namespace, or `namespace.device`.
 * The packet may be read during the call and not kept.
 */
export type TraceSlot = (
  kind: TraceKind,
  packet: Packet,
  where: string,
  detail: TraceDetail,
) => void;
