/**
 * The record of one connection: client, virtual service, destination, and how far it is.
 *
 *     client address:port  ->  virtual address:port  ->  destination address:port
 *
 * A template of a persistent service is one, too: its client port is 0, and for a firewall mark its
 * protocol is 0 and its virtual address the mark.
 * @source include/net/ip_vs.h struct ip_vs_conn
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { IpvsDestination } from './service.ts';

/** Bits of IpvsConnection.flags; the lowest three are FORWARD_*. @source IP_VS_CONN_F_* */
export const CONNECTION_FORWARD_MASK = 7;
/** No packet came back through here yet (or never will: Route and Tunnel). */
export const CONNECTION_NO_OUTPUT = 0x80;
/** Counted as inactive by its destination. */
export const CONNECTION_INACTIVE = 0x100;
export const CONNECTION_TEMPLATE = 0x1000;
/** It ends with the packet that made it (-o). */
export const CONNECTION_ONE_PACKET = 0x2000;
/** net.ipv4.vs.conntrack was on when it was made. */
export const CONNECTION_TRACKED = 0x10000;

/** Template.state: a connection that it made has been established. */
export const TEMPLATE_ASSURED = 1;
/** A template with this destination port is never found again. */
export const TEMPLATE_INVALID_PORT = 0xffff;

export interface IpvsConnection {
  protocol: number;
  client: Ipv4;
  clientPort: number;
  virtual: Ipv4;
  virtualPort: number;
  target: Ipv4;
  targetPort: number;
  flags: number;
  /** TCP's state (tcp-state.ts), 0 for UDP, TEMPLATE_ASSURED or 0 for a template. */
  state: number;
  fwmark: number;
  destination: IpvsDestination | null;
  /** The template that made it. */
  control: IpvsConnection | null;
  /** Connections that this template made. */
  controlled: number;
  inPackets: number;
  /** How long it lives after its last packet, in ticks. */
  timeoutTicks: number;
  /** When it is due, and the later tick at which the kernel's timer wheel fires. */
  expiresTick: number;
  firesTick: number;
  /** The wheel's slot that holds it, -1 for none, and the tick of that slot. */
  wheelSlot: number;
  wheelTick: number;
  wheelPrevious: IpvsConnection | null;
  wheelNext: IpvsConnection | null;
  hash: number;
  /** Next one with the same hash, or next one in the pool. */
  next: IpvsConnection | null;
}

export function makeIpvsConnection(): IpvsConnection {
  return {
    protocol: 0,
    client: 0,
    clientPort: 0,
    virtual: 0,
    virtualPort: 0,
    target: 0,
    targetPort: 0,
    flags: 0,
    state: 0,
    fwmark: 0,
    destination: null,
    control: null,
    controlled: 0,
    inPackets: 0,
    timeoutTicks: 0,
    expiresTick: 0,
    firesTick: 0,
    wheelSlot: -1,
    wheelTick: 0,
    wheelPrevious: null,
    wheelNext: null,
    hash: 0,
    next: null,
  };
}
