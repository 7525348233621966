/** The last step of an IP packet on its way out: its Ethernet header. */
import { type Device, transmit } from '../engine/device.ts';
import { PACKET_BRIDGED_DNAT, type Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_IPV4,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../protocols/ethernet.ts';

/** Puts the header in front of packet.start and transmits. Owns the packet. */
export function sendToNeighbour(
  sim: Simulator,
  device: Device,
  packet: Packet,
  macHi: number,
  macLo: number,
): void {
  const frame = packet.start - ETHERNET_BYTES;
  const { bytes } = packet;
  packet.start = frame;
  writeTargetMac(bytes, frame, macHi, macLo);
  if ((packet.flags & PACKET_BRIDGED_DNAT) === 0) {
    writeSourceMac(bytes, frame, device.macHi, device.macLo);
  } // else it is on its way through the bridge and keeps its sender's: see bridge-netfilter.ts
  writeEthertype(bytes, frame, ETHERTYPE_IPV4);
  transmit(sim, device, packet);
}
