/**
 * The way in: from a device's frame to a local protocol or to the forwarder.
 *
 *     deliverFrame -> ARP
 *                  -> receiveIpv4 -> [PREROUTING] -> routeInput -> deliverLocally -> [INPUT] -> protocol
 *                                                              -> forward
 *
 * @source net/ipv4/ip_input.c
 */
import type { Device } from '../engine/device.ts';
import { PACKET_BRIDGE_PREROUTED, PACKET_OTHERHOST, type Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { HOOK_INPUT, HOOK_PREROUTING, hasHook, runHook } from '../netfilter/netfilter.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ethertypeOf,
} from '../protocols/ethernet.ts';
import { ICMP_UNREACHABLE, UNREACHABLE_PROTOCOL } from '../protocols/icmp.ts';
import {
  IPV4_BYTES,
  ipHeaderBytes,
  ipIsFragment,
  ipProtocol,
  ipTotalBytes,
  ipVersion,
  isIpChecksumGood,
  PROTOCOL_ESP,
} from '../protocols/ipv4.ts';
import { receiveArp } from './arp.ts';
import { forward } from './forward.ts';
import { sendIcmpError } from './icmp-error.ts';
import { type NetNamespace, namespaceOf } from './namespace.ts';
import { output } from './output.ts';
import { deliverRaw } from './raw-socket.ts';
import { REASSEMBLE_LOCAL, reassemble } from './reassembly.ts';
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, routeInput } from './route.ts';
import { checkPolicy } from './xfrm/policy-check.ts';

/** The protocols' entry behind every device: fills Device.deliver. Owns the packet, a whole frame. */
export function deliverFrame(sim: Simulator, device: Device, packet: Packet): void {
  const ethertype = ethertypeOf(packet.bytes, packet.start);
  packet.network = packet.start + ETHERNET_BYTES;
  if (ethertype === ETHERTYPE_IPV4) receiveIpv4(sim, device, packet);
  else if (ethertype === ETHERTYPE_ARP) receiveArp(sim, device, packet);
  else drop(sim, packet, 'unhandled-protocol', device);
}

/**
 * Checks a datagram that came by `device`, takes its Ethernet header off (packet.start is then the IP
 * header) and sends it on its way. @source ip_rcv(), ip_rcv_core()
 */
export function receiveIpv4(sim: Simulator, device: Device, packet: Packet): void {
  if (packet.packetType === PACKET_OTHERHOST) {
    drop(sim, packet, 'other-host', device);
    return;
  }
  sim.workNs += sim.cost.ipReceiveNs;
  if (!isIpv4HeaderSound(packet)) {
    drop(sim, packet, 'ip-header', device);
    return;
  }
  const ip = packet.network;
  const { bytes } = packet;
  if (!isIpChecksumGood(bytes, ip)) {
    drop(sim, packet, 'ip-checksum', device);
    return;
  }
  packet.start = ip;
  packet.end = ip + ipTotalBytes(bytes, ip);
  packet.transport = ip + ipHeaderBytes(bytes, ip);
  packet.inDevice = device;
  packet.fragmentMaxBytes = 0; // what the bridge put together is one packet here (IPCB is cleared)
  const netns = namespaceOf(device);
  let current: Packet | null = packet;
  if ((packet.flags & PACKET_BRIDGE_PREROUTED) !== 0) {
    packet.flags &= ~PACKET_BRIDGE_PREROUTED; // the bridge has run this hook already
  } else if (hasHook(netns.netfilter, HOOK_PREROUTING)) {
    current = runHook(sim, netns.netfilter, HOOK_PREROUTING, packet, device, null);
    if (current === null) return;
  }
  finishReceive(sim, netns, current);
}

/** The second half, after PREROUTING: the routing decision and its consequence. */
function finishReceive(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  // A packet that came through loopback, or that the bridge has routed, brings its decision along.
  if (packet.routeType === 0 && !routeInput(sim, netns, packet)) return;
  const type = packet.routeType;
  if (type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_MULTICAST) {
    deliverLocally(sim, netns, packet);
    return;
  }
  if (packet.inDevice === null) output(sim, netns, packet);
  else forward(sim, netns, packet);
}

/** Reassembles if need be, passes INPUT and hands to the protocol. @source ip_local_deliver() */
export function deliverLocally(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  let current: Packet | null = packet;
  if (ipIsFragment(packet.bytes, packet.network)) {
    current = reassemble(sim, netns, packet, REASSEMBLE_LOCAL);
    if (current === null) return;
  }
  if (hasHook(netns.netfilter, HOOK_INPUT)) {
    current = runHook(sim, netns.netfilter, HOOK_INPUT, current, current.inDevice, null);
    if (current === null) return;
  }
  const protocol = ipProtocol(current.bytes, current.network);
  if (netns.xfrm !== null && protocol !== PROTOCOL_ESP) {
    if (!checkPolicy(sim, netns, current, 'in')) return;
  }
  const hasRaw = netns.rawSockets.length > 0 && deliverRaw(sim, netns, current);
  const handler = netns.protocols[protocol];
  if (handler !== null && handler !== undefined) {
    handler(sim, netns, current);
    return;
  }
  if (!hasRaw) {
    sendIcmpError(sim, netns, current, ICMP_UNREACHABLE, UNREACHABLE_PROTOCOL, 0);
  }
  drop(sim, current, 'no-protocol', current.inDevice, netns.name);
}

function isIpv4HeaderSound(packet: Packet): boolean {
  const { bytes, network, end } = packet;
  if (end - network < IPV4_BYTES || ipVersion(bytes, network) !== 4) return false;
  const headerBytes = ipHeaderBytes(bytes, network);
  if (headerBytes < IPV4_BYTES || end - network < headerBytes) return false;
  const totalBytes = ipTotalBytes(bytes, network);
  return totalBytes >= headerBytes && end - network >= totalBytes;
}
