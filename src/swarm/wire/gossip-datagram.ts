/**
 * Datagrams of gossip.
 *
 *     0       4      8           12
 *     | magic | node | number ... filler
 *
 * Unlike Docker, whose datagrams are encrypted, the bytes only say which datagram of which node it is
 * and have about its size; the receiver takes the content out of the sender's record when it arrives.
 * @source memberlist/net.go
 */
import { releasePacket } from '../../engine/packet-pool.ts';
import { UDP_BYTES } from '../../protocols/udp.ts';
import { takeReceived } from '../../stack/socket.ts';
import { sendUdp } from '../../stack/udp-socket.ts';
import type { Datagram, GossipNode } from './gossip-record.ts';
import { GOSSIP_PORT } from './gossip-record.ts';

const MAGIC = 0x6e737567;
/** Header and what encryption adds. */
const OVERHEAD_BYTES = 45;
/** Datagrams of a node that may be under way at a time. */
const SENT_MAX = 1024;

export interface Received {
  readonly from: GossipNode;
  readonly datagram: Datagram;
}

/** Sends a datagram; whether it arrives is another matter. */
export function sendDatagramTo(
  node: GossipNode,
  to: GossipNode,
  content: Omit<Datagram, 'id'>,
  sizeBytes: number,
): void {
  const id = node.nextDatagram++;
  node.sent[id % SENT_MAX] = { id, ...content };
  const bytes = new Uint8Array(OVERHEAD_BYTES + sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, node.index);
  view.setUint32(8, id >>> 0);
  sendUdp(node.udp, bytes, to.address, GOSSIP_PORT);
}

/** The next datagram that came, null if none waits; what is no gossip is left out. */
export function takeDatagram(node: GossipNode): Received | null {
  const { sim } = node.host.world;
  for (;;) {
    const packet = takeReceived(node.udp);
    if (packet === null) return null;
    const start = packet.transport + UDP_BYTES;
    const { bytes, end } = packet;
    const isLong = end - start >= OVERHEAD_BYTES;
    const view = new DataView(bytes.buffer, bytes.byteOffset + start, Math.max(0, end - start));
    const isGossip = isLong && view.getUint32(0) === MAGIC;
    const from = isGossip ? node.shared.roster[view.getUint32(4)] : undefined;
    const id = isGossip ? view.getUint32(8) : 0;
    releasePacket(sim, packet);
    const datagram = from?.sent[id % SENT_MAX] ?? null;
    if (from !== undefined && datagram !== null && datagram.id === id) return { from, datagram };
  }
}
