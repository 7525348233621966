/**
 * Forgetting: what a packet loses when it leaves one stack for another.
 * @source net/core/skbuff.c skb_scrub_packet(); net/core/dev.c __dev_forward_skb2()
 */
import { PACKET_CHECKSUM_KNOWN, PACKET_HOST, type Packet } from '../engine/packet.ts';

/**
 * Takes route, conntrack, socket and bridge marks off a packet; when it `crossesNamespace` the mark
 * too. The flow hash stays: it decides the VXLAN source port of a TCP flow beyond a veth.
 */
export function scrubPacket(packet: Packet, crossesNamespace: boolean): void {
  packet.packetType = PACKET_HOST;
  packet.flags &= PACKET_CHECKSUM_KNOWN;
  packet.inDevice = null;
  packet.routeType = 0;
  packet.outDevice = null;
  packet.nextHop = 0;
  packet.pathMtuBytes = 0;
  packet.conntrack = null;
  packet.conntrackInfo = 0;
  packet.socket = null;
  packet.transform = null;
  packet.secPath = null;
  packet.fragmentMaxBytes = 0;
  packet.bridgeInPort = null;
  packet.bridgeOutPort = null;
  packet.control = 0;
  if (crossesNamespace) packet.mark = 0;
}
