/**
 * A vxlan device that answers for the far side: ARP from the neighbour table, and the short cut around
 * a router.
 * @source drivers/net/vxlan/vxlan_core.c arp_reduce(), route_shortcircuit()
 */
import { type Device, netifRx } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { releasePacket, takePacket } from '../engine/packet-pool.ts';
import { drop, type Simulator, timeNs } from '../engine/simulator.ts';
import {
  ARP_BYTES,
  ARP_REPLY,
  ARP_REQUEST,
  arpOperation,
  arpSenderIp,
  arpSenderMacHi,
  arpSenderMacLo,
  arpTargetIp,
  isArpForIpv4,
  writeArp,
} from '../protocols/arp.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  targetMacHi,
  targetMacLo,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../protocols/ethernet.ts';
import { IPV4_BYTES, ipTarget } from '../protocols/ipv4.ts';
import { lookUpVxlanFdb, type Vxlan } from './vxlan-record.ts';

/**
 * ARP on a proxy device ends here: a request for a known neighbour is answered, the rest vanishes.
 * @source arp_reduce()
 */
export function answerArp(sim: Simulator, device: Device, vxlan: Vxlan, packet: Packet): void {
  const { bytes, start, end } = packet;
  const arp = start + ETHERNET_BYTES;
  const isRequest =
    end - arp >= ARP_BYTES && isArpForIpv4(bytes, arp) && arpOperation(bytes, arp) === ARP_REQUEST;
  const target = isRequest ? arpTargetIp(bytes, arp) : 0;
  const isOdd = target >>> 24 === 127 || target >>> 28 === 14;
  const { underlay } = vxlan;
  if (!isRequest || isOdd || underlay === null) {
    drop(sim, packet, 'vxlan-no-neighbour', device);
    return;
  }
  const neighbour = underlay.findNeighbour(device, target);
  if (neighbour === null || !underlay.isConnected(neighbour)) {
    drop(sim, packet, 'vxlan-no-neighbour', device);
    return;
  }
  const entry = lookUpVxlanFdb(vxlan, neighbour.macHi, neighbour.macLo, timeNs(sim));
  if (entry !== null && entry.remotes[0]!.address === 0) {
    drop(sim, packet, 'vxlan-no-neighbour', device); // it is on this host and answers itself
    return;
  }
  const askerHi = arpSenderMacHi(bytes, arp);
  const askerLo = arpSenderMacLo(bytes, arp);
  const reply = takePacket(sim, ETHERNET_BYTES + ARP_BYTES);
  reply.parentId = packet.id;
  const frame = reply.start;
  reply.network = frame + ETHERNET_BYTES;
  reply.end = frame + ETHERNET_BYTES + ARP_BYTES;
  writeTargetMac(reply.bytes, frame, askerHi, askerLo);
  writeSourceMac(reply.bytes, frame, neighbour.macHi, neighbour.macLo);
  writeEthertype(reply.bytes, frame, ETHERTYPE_ARP);
  writeArp(
    reply.bytes,
    reply.network,
    ARP_REPLY,
    neighbour.macHi,
    neighbour.macLo,
    target,
    askerHi,
    askerLo,
    arpSenderIp(bytes, arp),
  );
  releasePacket(sim, packet);
  netifRx(sim, device, reply);
}

/** Replaces the router's address by the target's own. @source route_shortcircuit() */
export function shortCut(device: Device, vxlan: Vxlan, packet: Packet): boolean {
  const { bytes, start } = packet;
  const ip = start + ETHERNET_BYTES;
  if (packet.end - ip < IPV4_BYTES || vxlan.underlay === null) return false;
  const neighbour = vxlan.underlay.findNeighbour(device, ipTarget(bytes, ip));
  if (neighbour === null) return false;
  const hi = targetMacHi(bytes, start);
  const lo = targetMacLo(bytes, start);
  if (hi === neighbour.macHi && lo === neighbour.macLo) return false;
  writeSourceMac(bytes, start, hi, lo);
  writeTargetMac(bytes, start, neighbour.macHi, neighbour.macLo);
  return true;
}
