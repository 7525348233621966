/**
 * Sending ARP. The frames go straight to the device: no netfilter, no neighbour.
 * @source net/ipv4/arp.c arp_send(), arp_solicit()
 */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { type Device, placeOf, transmit } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { takePacket } from '../engine/packet-pool.ts';
import type { Simulator } from '../engine/simulator.ts';
import { ARP_BYTES, ARP_REPLY, ARP_REQUEST, writeArp } from '../protocols/arp.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../protocols/ethernet.ts';
import { ipSource } from '../protocols/ipv4.ts';
import { selectSource } from './address.ts';
import { addressType } from './fib-lookup.ts';
import { inetOf, isInSubnet } from './inet.ts';
import type { NetNamespace } from './namespace.ts';
import { type Neighbour, NUD_VALID } from './neighbour-table.ts';
import { RTN_LOCAL, SCOPE_LINK } from './route-type.ts';

/**
 * Asks who has neighbour.address: everybody, or with `isUnicast` only the MAC address that is known.
 * @param waiting the packet that caused it, whose source address the request may carry; or null.
 */
export function solicit(
  sim: Simulator,
  netns: NetNamespace,
  neighbour: Neighbour,
  waiting: Packet | null,
  isUnicast: boolean,
): void {
  const { device, address } = neighbour;
  const source = solicitSource(netns, device, address, waiting);
  const isKnown = isUnicast && (neighbour.state & NUD_VALID) !== 0;
  const hi = isKnown ? neighbour.macHi : 0xffff;
  const lo = isKnown ? neighbour.macLo : -1;
  sendArp(sim, device, ARP_REQUEST, source, address, hi, lo, 0, 0, waiting);
}

/** The sender address of a request, by arp_announce. */
function solicitSource(
  netns: NetNamespace,
  device: Device,
  target: Ipv4,
  waiting: Packet | null,
): Ipv4 {
  const { conf, addresses } = inetOf(device);
  const announce = Math.max(conf.arpAnnounce, netns.sysctl.confAll.arpAnnounce);
  if (waiting !== null && announce < 2) {
    const source = ipSource(waiting.bytes, waiting.network);
    if (addressType(netns.fib, source, null) === RTN_LOCAL) {
      if (announce === 0) return source;
      for (const each of addresses) {
        // Level 1: only an address from a subnet that the target is in, too.
        if (!each.isSecondary && isInSubnet(target, each) && isInSubnet(source, each))
          return source;
      }
    }
  }
  return selectSource(netns, device, target, SCOPE_LINK);
}

/**
 * Sends one ARP packet, to Ethernet address `toHi:toLo`; `macHi:macLo` goes into the target field.
 * @param cause the packet that it answers or that waits for it, null if none.
 */
export function sendArp(
  sim: Simulator,
  device: Device,
  operation: number,
  sender: Ipv4,
  target: Ipv4,
  toHi: number,
  toLo: number,
  macHi: number,
  macLo: number,
  cause: Packet | null,
): void {
  if (!device.hasArp) return;
  const packet = takePacket(sim, ETHERNET_BYTES + ARP_BYTES);
  const { bytes, start } = packet;
  packet.end = start + ETHERNET_BYTES + ARP_BYTES;
  packet.network = start + ETHERNET_BYTES;
  if (cause !== null) packet.parentId = cause.id;
  writeTargetMac(bytes, start, toHi, toLo);
  writeSourceMac(bytes, start, device.macHi, device.macLo);
  writeEthertype(bytes, start, ETHERTYPE_ARP);
  const arp = start + ETHERNET_BYTES;
  const ownHi = device.macHi;
  writeArp(bytes, arp, operation, ownHi, device.macLo, sender, macHi, macLo, target);
  if (sim.trace !== null) {
    sim.trace(operation === ARP_REPLY ? 'answer' : 'neighbour', packet, placeOf(device), {
      arp: operation === ARP_REPLY ? 'reply' : 'request',
      sender: formatIpv4(sender),
      target: formatIpv4(target),
    });
  }
  transmit(sim, device, packet);
}
