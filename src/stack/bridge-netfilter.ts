/**
 * br_netfilter: bridged IPv4 frames pass the IP hooks of the bridge's namespace.
 *
 *     port in -> [PREROUTING] -> target unchanged: bridge on
 *                                target changed:   routed to this bridge: bridge on, to the MAC of the
 *                                                  new target; elsewhere: up to the IP stack
 *     bridge  -> [FORWARD] -> [POSTROUTING] -> fragments if need be -> port out
 *
 * While a hook runs, packet.start is the IP header, the devices of the hook are the bridge, and
 * bridgeInPort and bridgeOutPort are the ports (`-m physdev`).
 * @source net/bridge/br_netfilter_hooks.c
 */
import {
  type BridgeNetfilter,
  type BridgePort,
  bridgeFrame,
  bridgeOf,
  bridgePortOf,
  sendOutOfPort,
} from '../devices/bridge.ts';
import type { Device } from '../engine/device.ts';
import {
  PACKET_BRIDGE_PREROUTED,
  PACKET_BRIDGED_DNAT,
  PACKET_HOST,
  PACKET_IGNORE_DF,
  type Packet,
} from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import {
  HOOK_FORWARD,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
  hasHook,
  runHook,
} from '../netfilter/netfilter.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_IPV4,
  ethertypeOf,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../protocols/ethernet.ts';
import {
  IP_DF,
  IPV4_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipSource,
  ipTarget,
  ipTos,
  ipTotalBytes,
  ipVersion,
  isIpChecksumGood,
} from '../protocols/ipv4.ts';
import { FIB_UNREACHABLE } from './fib-lookup.ts';
import { fragmentPacket } from './fragment.ts';
import { inetOf } from './inet.ts';
import { type NetNamespace, namespaceOf } from './namespace.ts';
import { findNeighbour, neighbourOutput } from './neighbour.ts';
import { NUD_CONNECTED } from './neighbour-table.ts';
import { makeRoute, RTN_UNICAST, routeInput, routeOutput } from './route.ts';
import { decideInput, decision, INPUT_NO_ROUTE } from './route-input.ts';

/** One route record for all: it is used at once and not kept. */
const route = makeRoute();

/** The slot that every bridge gets; see devices/bridge.ts. */
export const BRIDGE_NETFILTER: BridgeNetfilter = {
  preRouting,
  forward,
  postRouting,
  transmit,
};

/** Header of the frame that is being cut into fragments. @source struct brnf_frag_data */
const cutHeader = { targetHi: 0, targetLo: 0, sourceHi: 0, sourceLo: 0 };

/** @source br_nf_pre_routing(), br_nf_pre_routing_finish() */
function preRouting(sim: Simulator, port: BridgePort, packet: Packet): Packet | null {
  const { bytes, start } = packet;
  if (ethertypeOf(bytes, start) !== ETHERTYPE_IPV4) return packet;
  const bridge = port.bridge;
  const netns = namespaceOf(bridge);
  if (netns.sysctl.bridgeNfCallIptables === 0 && !bridgeOf(bridge).callsIptables) return packet;
  if (!validate(sim, port, packet)) return null;
  packet.bridgeInPort = port.device;
  packet.bridgeOutPort = null;
  packet.inDevice = bridge;
  if (!hasHook(netns.netfilter, HOOK_PREROUTING)) {
    packet.flags |= PACKET_BRIDGE_PREROUTED;
    return packet;
  }
  const targetHi = targetMacHi(bytes, start);
  const targetLo = targetMacLo(bytes, start);
  const sourceHi = sourceMacHi(bytes, start);
  const sourceLo = sourceMacLo(bytes, start);
  const { packetType } = packet;
  packet.start = packet.network;
  const target = ipTarget(bytes, packet.network);
  packet.packetType = PACKET_HOST;
  packet.device = bridge;
  const passed = runHook(sim, netns.netfilter, HOOK_PREROUTING, packet, bridge, null);
  if (passed === null) return null;
  passed.packetType = packetType;
  passed.flags |= PACKET_BRIDGE_PREROUTED;
  passed.bridgeInPort = port.device;
  passed.inDevice = bridge;
  if (passed !== packet) {
    // Put together from fragments: it has the header of the last one.
    const frame = passed.start - ETHERNET_BYTES;
    writeTargetMac(passed.bytes, frame, targetHi, targetLo);
    writeSourceMac(passed.bytes, frame, sourceHi, sourceLo);
    writeEthertype(passed.bytes, frame, ETHERTYPE_IPV4);
  }
  if (ipTarget(passed.bytes, passed.network) === target) {
    passed.start = passed.network - ETHERNET_BYTES;
    passed.device = port.device;
    return passed;
  }
  return redirect(sim, netns, port, passed);
}

/** The target was changed: routes the packet afresh. packet.start is the IP header. */
function redirect(
  sim: Simulator,
  netns: NetNamespace,
  port: BridgePort,
  packet: Packet,
): Packet | null {
  const bridge = port.bridge;
  packet.routeType = 0;
  if (!routeWithoutForwarding(netns, bridge, packet) && !routeInput(sim, netns, packet))
    return null;
  const frame = packet.network - ETHERNET_BYTES;
  if (packet.routeType !== RTN_UNICAST || packet.outDevice !== bridge) {
    writeTargetMac(packet.bytes, frame, bridge.macHi, bridge.macLo);
    packet.packetType = PACKET_HOST;
    packet.start = frame;
    packet.device = port.device;
    return packet;
  }
  const neighbour = findNeighbour(netns, bridge, packet.nextHop);
  if (neighbour !== null && (neighbour.state & NUD_CONNECTED) !== 0) {
    writeTargetMac(packet.bytes, frame, neighbour.macHi, neighbour.macLo);
    packet.start = frame;
    packet.device = port.device;
    return packet;
  }
  // The neighbour layer asks for the address, leaves the sender's address in the header as it is, and
  // sends out of the bridge; see transmit below.
  packet.flags |= PACKET_BRIDGED_DNAT;
  neighbourOutput(sim, netns, packet);
  return null;
}

/**
 * What stays on its bridge needs no ip_forward: where only that stands in the way, the packet is routed
 * as one of our own. True: its way leads out of the bridge.
 * @source br_nf_pre_routing_finish()
 */
function routeWithoutForwarding(netns: NetNamespace, bridge: Device, packet: Packet): boolean {
  if (inetOf(bridge).conf.forwarding !== 0) return false;
  const { bytes, network, mark } = packet;
  const target = ipTarget(bytes, network);
  const tos = ipTos(bytes, network);
  const outcome = decideInput(netns, bridge, target, ipSource(bytes, network), tos, mark);
  if (outcome !== INPUT_NO_ROUTE || decision.outcome !== FIB_UNREACHABLE) return false;
  if (routeOutput(netns, target, 0, null, 0, tos, route) !== null) return false;
  if (route.outDevice !== bridge) return false;
  packet.routeType = route.type;
  packet.outDevice = bridge;
  packet.nextHop = route.nextHop;
  packet.pathMtuBytes = route.pathMtuBytes;
  return true;
}

/** @source br_nf_dev_xmit(), br_nf_pre_routing_finish_bridge_slow() */
function transmit(sim: Simulator, bridge: Device, packet: Packet): boolean {
  if ((packet.flags & PACKET_BRIDGED_DNAT) === 0) return false;
  packet.flags &= ~PACKET_BRIDGED_DNAT;
  bridge.txPackets--; // it only passes through
  bridge.txBytes -= packet.end - packet.start;
  const inPort = packet.bridgeInPort === null ? null : bridgePortOf(packet.bridgeInPort);
  if (inPort === null || inPort.bridge !== bridge) {
    drop(sim, packet, 'device-gone', bridge);
    return true;
  }
  packet.device = inPort.device;
  bridgeFrame(sim, inPort, packet);
  return true;
}

/** @source br_nf_forward_ip() */
function forward(sim: Simulator, port: BridgePort, packet: Packet): Packet | null {
  if (packet.bridgeInPort === null) return packet;
  const bridge = port.bridge;
  const { netfilter } = namespaceOf(bridge);
  packet.bridgeOutPort = port.device;
  if (!hasHook(netfilter, HOOK_FORWARD)) return packet;
  return runBridgedHook(sim, bridge, packet, HOOK_FORWARD, bridge);
}

/** @source br_nf_post_routing(), br_nf_dev_queue_xmit() */
function postRouting(sim: Simulator, port: BridgePort, packet: Packet): void {
  if (packet.bridgeInPort === null) {
    sendOutOfPort(sim, port, packet);
    return;
  }
  const bridge = port.bridge;
  const netns = namespaceOf(bridge);
  let current: Packet | null = packet;
  if (hasHook(netns.netfilter, HOOK_POSTROUTING)) {
    current = runBridgedHook(sim, bridge, packet, HOOK_POSTROUTING, null);
    if (current === null) return;
  }
  const largest = current.fragmentMaxBytes;
  const mtuBytes = port.device.mtuBytes;
  const limitBytes = largest !== 0 && largest < mtuBytes ? largest : mtuBytes;
  if (current.end - current.network <= limitBytes) {
    leaveBridge(sim, port, current);
    return;
  }
  cut(sim, netns, port, current);
}

/** Sends a packet that is too large for the port as fragments. @source br_nf_ip_fragment() */
function cut(sim: Simulator, netns: NetNamespace, port: BridgePort, packet: Packet): void {
  const { bytes, network } = packet;
  const mtuBytes = port.bridge.mtuBytes;
  const largest = packet.fragmentMaxBytes;
  const hasDf =
    (ipFragmentField(bytes, network) & IP_DF) !== 0 && (packet.flags & PACKET_IGNORE_DF) === 0;
  if (hasDf || largest > mtuBytes) {
    drop(sim, packet, 'mtu-exceeded', port.device);
    return;
  }
  const frame = packet.start;
  cutHeader.targetHi = targetMacHi(bytes, frame);
  cutHeader.targetLo = targetMacLo(bytes, frame);
  cutHeader.sourceHi = sourceMacHi(bytes, frame);
  cutHeader.sourceLo = sourceMacLo(bytes, frame);
  packet.start = network;
  const sizeBytes = largest !== 0 ? largest : mtuBytes;
  fragmentPacket(sim, netns, packet, sizeBytes, sendFragment);
}

/** Gives a fragment its Ethernet header. Owns it. @source br_nf_push_frag_xmit() */
function sendFragment(sim: Simulator, _netns: NetNamespace, fragment: Packet): void {
  const port = fragment.bridgeOutPort === null ? null : bridgePortOf(fragment.bridgeOutPort);
  if (port === null) {
    drop(sim, fragment, 'device-gone', fragment.bridgeOutPort);
    return;
  }
  fragment.start -= ETHERNET_BYTES;
  const { bytes, start } = fragment;
  writeTargetMac(bytes, start, cutHeader.targetHi, cutHeader.targetLo);
  writeSourceMac(bytes, start, cutHeader.sourceHi, cutHeader.sourceLo);
  writeEthertype(bytes, start, ETHERTYPE_IPV4);
  leaveBridge(sim, port, fragment);
}

/** The last step: nothing of the bridge stays on the packet. @source nf_bridge_info_free() */
function leaveBridge(sim: Simulator, port: BridgePort, packet: Packet): void {
  packet.flags &= ~PACKET_BRIDGE_PREROUTED;
  packet.bridgeInPort = null;
  packet.bridgeOutPort = null;
  packet.inDevice = null;
  packet.fragmentMaxBytes = 0;
  sendOutOfPort(sim, port, packet);
}

/** Runs a hook with packet.start at the IP header; gives the frame back. */
function runBridgedHook(
  sim: Simulator,
  bridge: Device,
  packet: Packet,
  hook: number,
  inDevice: Device | null,
): Packet | null {
  const { packetType, device } = packet;
  packet.start = packet.network;
  packet.packetType = PACKET_HOST;
  const passed = runHook(sim, namespaceOf(bridge).netfilter, hook, packet, inDevice, bridge);
  if (passed === null) return null;
  passed.packetType = packetType;
  passed.device = device;
  passed.start = passed.network - ETHERNET_BYTES;
  return passed;
}

/** Checks the IP header, sets the offsets and cuts padding off; false: dropped. @source br_validate_ipv4() */
function validate(sim: Simulator, port: BridgePort, packet: Packet): boolean {
  const { bytes } = packet;
  const ip = packet.start + ETHERNET_BYTES;
  const lengthBytes = packet.end - ip;
  const headerBytes = lengthBytes < IPV4_BYTES ? 0 : ipHeaderBytes(bytes, ip);
  const isSound =
    headerBytes >= IPV4_BYTES &&
    ipVersion(bytes, ip) === 4 &&
    headerBytes <= lengthBytes &&
    ipTotalBytes(bytes, ip) >= headerBytes &&
    ipTotalBytes(bytes, ip) <= lengthBytes;
  if (!isSound) {
    drop(sim, packet, 'ip-header', port.device);
    return false;
  }
  if (!isIpChecksumGood(bytes, ip)) {
    drop(sim, packet, 'ip-checksum', port.device);
    return false;
  }
  packet.network = ip;
  packet.transport = ip + headerBytes;
  packet.end = ip + ipTotalBytes(bytes, ip);
  return true;
}
