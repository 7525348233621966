/**
 * The packet: one mutable pooled record of real bytes, netsim's sk_buff.
 *
 *     bytes   |<- headroom ->|<----------- frame ----------->|<- tailroom ->|
 *             0            start    network    transport    end          length
 *
 * Whoever holds a packet owns it: hand it on, drop it with a reason, or release it.
 * @source include/linux/skbuff.h struct sk_buff
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from './device.ts';

/** skb->pkt_type, relative to the device that received the frame. */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;

/** Packet.flags: what happened to it on the way (IPSKB_* and friends). */
export const PACKET_FORWARDED = 1;
/** Was put together from fragments by conntrack; send it as fragments of fragmentMaxBytes again. */
export const PACKET_DEFRAGMENTED = 2;
/** Came up through a bridge port with br_netfilter: PREROUTING has been done in the bridge. */
export const PACKET_BRIDGE_PREROUTED = 4;
/** Was encrypted here: no policy applies to it again (IPSKB_XFRM_TRANSFORMED). */
export const PACKET_TRANSFORMED = 8;
/** DF is ignored for this packet: it may be fragmented here (skb->ignore_df). */
export const PACKET_IGNORE_DF = 16;
/** A reply made by netfilter itself (REJECT): conntrack does not track it. */
export const PACKET_UNTRACKED = 64;
/** Its target was changed in a bridge: when the neighbour layer sends it out of that bridge, bridging goes on. */
export const PACKET_BRIDGED_DNAT = 128;
/** Its socket has made progress: the neighbour that it goes to is alive (skb_dst_pending_confirm). */
export const PACKET_CONFIRM = 256;
/**
 * The UDP datagram at packet.transport was written here and not read from anywhere: its checksum is
 * right, and a receiver need not sum it up again (ip_summed CHECKSUM_PARTIAL, as between veths). Who
 * spoils bytes on purpose takes it off.
 */
export const PACKET_CHECKSUM_KNOWN = 512;
/** IPVS has handled it: a request on its way to a destination, or an answer (skb->ipvs_property). */
export const PACKET_IPVS = 1024;

/** The slot of a connection-tracking entry; filled and read only by netfilter/conntrack. */
export interface ConntrackSlot {
  readonly slot: 'conntrack';
}
/** The slot of what IPsec is still to do to a packet; filled and read only by stack/xfrm. */
export interface TransformSlot {
  readonly slot: 'transform';
}
/** The slot of the IPsec states by which a packet came in; filled and read only by stack/xfrm. */
export interface SecPathSlot {
  readonly slot: 'sec-path';
}
/** The slot of the socket that sent the packet; filled and read only by stack. */
export interface SocketSlot {
  readonly slot: 'socket';
}

export interface Packet {
  /** Unique in a run; stays the same through NAT and encapsulation. */
  id: number;
  /** The packet that this one is a copy, a fragment of or an answer to; 0 if none. */
  parentId: number;
  bornNs: number;
  bytes: Uint8Array;
  /** The frame (or, above the device, the datagram) is bytes[start, end). */
  start: number;
  end: number;
  /** Offset of the IP header in bytes; valid once the packet has come to IP. */
  network: number;
  /** Offset of the transport header in bytes. */
  transport: number;
  /** The device that has the packet now (skb->dev). */
  device: Device | null;
  /** The device through which it came to IP, null if it was born here (skb->skb_iif). */
  inDevice: Device | null;
  packetType: number;
  flags: number;
  mark: number;
  /** The routing decision (skb_dst): where it goes next. routeType is 0 while there is none. */
  routeType: number;
  outDevice: Device | null;
  /** The neighbour to hand it to: the gateway, or the target itself. */
  nextHop: Ipv4;
  /** MTU of the path as far as known: the device's, or what an ICMP error taught. */
  pathMtuBytes: number;
  conntrack: ConntrackSlot | null;
  /** How the packet relates to its conntrack entry (IP_CT_*), valid with one. */
  conntrackInfo: number;
  socket: SocketSlot | null;
  /** IPsec that awaits it on its way out (the xfrm of skb_dst), and that it had on its way in (skb_sec_path). */
  transform: TransformSlot | null;
  secPath: SecPathSlot | null;
  /** The sending socket's flow hash (sk_txhash), 0 if it has none. */
  hash: number;
  /** Largest fragment that it was put together from, 0 if never fragmented (frag_max_size). */
  fragmentMaxBytes: number;
  /** br_netfilter: the bridge port it came in by and (in the bridge) leaves by. */
  bridgeInPort: Device | null;
  bridgeOutPort: Device | null;
  /** A private word of whichever layer holds the packet now (skb->cb): TCP's end sequence, say. */
  control: number;
  /** When it arrives, while a delay line holds it. */
  dueNs: number;
  /** Link of the queue that holds it (neighbour queue, socket queue, cable). */
  next: Packet | null;
  /** True while it lies in the pool. */
  isFree: boolean;
}

/** A queue of packets linked through `next`; it owns what it holds. */
export interface PacketQueue {
  head: Packet | null;
  tail: Packet | null;
  count: number;
}

export function makePacketQueue(): PacketQueue {
  return { head: null, tail: null, count: 0 };
}

/** Appends; the queue owns the packet from here. */
export function enqueue(queue: PacketQueue, packet: Packet): void {
  packet.next = null;
  if (queue.tail === null) queue.head = packet;
  else queue.tail.next = packet;
  queue.tail = packet;
  queue.count++;
}

/** Takes the first one out, null if the queue is empty; the caller owns it. */
export function dequeue(queue: PacketQueue): Packet | null {
  const packet = queue.head;
  if (packet === null) return null;
  queue.head = packet.next;
  if (queue.head === null) queue.tail = null;
  packet.next = null;
  queue.count--;
  return packet;
}
