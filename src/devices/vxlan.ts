/**
 * vxlan: Ethernet frames in UDP datagrams between hosts.
 *
 *     transmit -> ARP and proxy: answered here
 *              -> FDB: remote hosts -> source port -> VXLAN and UDP headers -> underlay.send
 *     underlay -> receiveVxlan -> learn sender -> backlog -> receive
 *
 * The underlay is the stack of the namespace in which the device was made: it stays there when the
 * device moves. It is a slot, filled by stack/vxlan-underlay.ts.
 * @source drivers/net/vxlan/vxlan_core.c
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import { type Device, type Netns, netifRx, receive } from '../engine/device.ts';
import type { DropReason } from '../engine/drop-reason.ts';
import type { Packet } from '../engine/packet.ts';
import { copyPacket, releasePacket } from '../engine/packet-pool.ts';
import { drop, type Simulator, timeNs } from '../engine/simulator.ts';
import { readInt32 } from '../protocols/bytes.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ethertypeOf,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
} from '../protocols/ethernet.ts';
import {
  IP_DF,
  IPV4_BYTES,
  ipFragmentField,
  ipTarget,
  ipTos,
  ipTtl,
  writeIpChecksum,
} from '../protocols/ipv4.ts';
import {
  VXLAN_BYTES,
  VXLAN_FLAG_VNI,
  VXLAN_OVERHEAD_BYTES,
  vxlanFlags,
  vxlanVni,
  writeVxlan,
} from '../protocols/vxlan.ts';
import { flowHashOf, flowSourcePort } from './flow-hash.ts';
import { insertMac } from './mac-table.ts';
import { scrubPacket } from './scrub.ts';
import { traceDecapsulate, traceEncapsulate } from './trace-frames.ts';
import { makeVxlanFdbEntry, makeVxlanRemote, type VxlanRemote } from './vxlan-fdb.ts';
import { answerArp, shortCut } from './vxlan-proxy.ts';
import { findVxlan, lookUpVxlanFdb, type Vxlan } from './vxlan-record.ts';
import { buildTooBigReply } from './vxlan-too-big.ts';

/** Room that an encapsulation takes in front of a frame, Ethernet header included. */
const HEADROOM_NEEDED_BYTES = VXLAN_OVERHEAD_BYTES + 4;

/** @source vxlan_xmit() */
export function transmitVxlan(sim: Simulator, device: Device, packet: Packet): void {
  const vxlan = device.state as Vxlan; // only vxlans have this transmit
  if (packet.id === sim.sentId) sim.sentId = 0; // what becomes of it is not told to the sender
  device.txPackets--; // counted when it really goes, once for each remote
  device.txBytes -= packet.end - packet.start;
  const { bytes, start } = packet;
  const ethertype = ethertypeOf(bytes, start);
  if (vxlan.isProxy && ethertype === ETHERTYPE_ARP) {
    answerArp(sim, device, vxlan, packet);
    return;
  }
  const now = timeNs(sim);
  let entry = lookUpVxlanFdb(vxlan, targetMacHi(bytes, start), targetMacLo(bytes, start), now);
  let isShortCut = false;
  if (entry?.isRouter && vxlan.isRouteShortCircuit && ethertype === ETHERTYPE_IPV4) {
    isShortCut = shortCut(device, vxlan, packet);
    if (isShortCut) {
      entry = lookUpVxlanFdb(vxlan, targetMacHi(bytes, start), targetMacLo(bytes, start), now);
    }
  }
  if (entry === null) entry = lookUpVxlanFdb(vxlan, 0, 0, now);
  if (entry === null || entry.remotes.length === 0) {
    refuse(sim, device, packet, 'vxlan-no-fdb');
    return;
  }
  const { remotes } = entry;
  for (let i = 1; i < remotes.length; i++) {
    encapsulate(sim, device, copyPacket(sim, packet), remotes[i]!, isShortCut);
  }
  encapsulate(sim, device, packet, remotes[0]!, isShortCut);
}

/**
 * A datagram came to a VXLAN port of `birth`: bytes[start, end) is its UDP payload. Owns the packet.
 * @param source the sender in the outer header. @param outerTos the outer TOS.
 * @source vxlan_rcv(), vxlan_set_mac()
 */
export function receiveVxlan(
  sim: Simulator,
  birth: Netns,
  port: number,
  packet: Packet,
  source: Ipv4,
  outerTos: number,
): void {
  const { bytes, start, device: outerDevice } = packet;
  if (packet.end - start < VXLAN_BYTES || (vxlanFlags(bytes, start) & VXLAN_FLAG_VNI) === 0) {
    drop(sim, packet, 'vxlan-bad-header', outerDevice);
    return;
  }
  const device = findVxlan(birth, port, vxlanVni(bytes, start));
  if (device === null) {
    drop(sim, packet, 'vxlan-unknown-vni', outerDevice);
    return;
  }
  const vxlan = device.state as Vxlan; // findVxlan finds nothing else
  sim.workNs += sim.cost.vxlanDecapsulateNs;
  const isReservedClear =
    readInt32(bytes, start) === VXLAN_FLAG_VNI << 24 && bytes[start + 7] === 0;
  const frame = start + VXLAN_BYTES;
  if (!isReservedClear || packet.end - frame < ETHERNET_BYTES) {
    drop(sim, packet, 'vxlan-bad-header', device);
    return;
  }
  const hi = sourceMacHi(bytes, frame);
  const lo = sourceMacLo(bytes, frame);
  if (hi === device.macHi && lo === device.macLo) {
    drop(sim, packet, 'vxlan-own-address', device);
    return;
  }
  if (vxlan.isLearning && !learn(vxlan, hi, lo, source, timeNs(sim))) {
    drop(sim, packet, 'vxlan-bad-source', device);
    return;
  }
  packet.start = frame;
  if ((outerTos & 3) === 3 && !markCongestion(packet)) {
    drop(sim, packet, 'vxlan-bad-header', device);
    return;
  }
  if (sim.trace !== null) {
    traceDecapsulate(sim, device, packet, vxlanVni(bytes, start), source);
  }
  scrubPacket(packet, vxlan.birth !== device.netns);
  packet.hash = 0;
  netifRx(sim, device, packet);
}

/** Device.receive of a vxlan: it counts without the Ethernet header. */
export function receiveOnVxlan(sim: Simulator, device: Device, packet: Packet): void {
  if (device.isUp) device.rxBytes -= ETHERNET_BYTES;
  receive(sim, device, packet);
}

/** @source vxlan_xmit_one() */
function encapsulate(
  sim: Simulator,
  device: Device,
  packet: Packet,
  remote: VxlanRemote,
  isShortCut: boolean,
): void {
  const vxlan = device.state as Vxlan; // only vxlans come here
  if (remote.address === 0) {
    if (isShortCut) bypass(sim, device, device, packet, true);
    else refuse(sim, device, packet, 'vxlan-no-fdb');
    return;
  }
  const { underlay, way } = vxlan;
  const { bytes, start } = packet;
  const isIp = ethertypeOf(bytes, start) === ETHERTYPE_IPV4;
  const ip = start + ETHERNET_BYTES;
  const innerTos = isIp ? ipTos(bytes, ip) : 0;
  const tos = vxlan.tos === 1 ? innerTos : vxlan.tos;
  if (underlay === null || !vxlan.isOpen || !underlay.findWay(sim, device, remote, tos)) {
    refuse(sim, device, packet, 'vxlan-underlay-down');
    return;
  }
  if (way.isCircular) {
    refuse(sim, device, packet, 'dead-loop');
    return;
  }
  const vni = remote.vni < 0 ? vxlan.id : remote.vni;
  const port = remote.port === 0 ? vxlan.port : remote.port;
  if (way.isLocal) {
    const other = findVxlan(vxlan.birth, port, vni);
    if (other === null) refuse(sim, device, packet, 'vxlan-unknown-vni');
    else bypass(sim, device, other, packet, true);
    return;
  }
  const roomBytes = way.mtuBytes - VXLAN_OVERHEAD_BYTES;
  if (packet.end - ip > roomBytes && isIp) {
    if (packet.outDevice !== null) {
      underlay.learnPathMtu(sim, device, ipTarget(bytes, ip), roomBytes);
    }
    if (device.master !== null && buildTooBigReply(packet, roomBytes)) {
      bypass(sim, device, device, packet, false);
      return;
    }
  }
  const inherited = isIp ? ipTtl(bytes, ip) : 0;
  const ttlHops = vxlan.ttl === 'inherit' ? inherited : vxlan.ttl;
  const isDfInner = isIp && (ipFragmentField(bytes, ip) & IP_DF) !== 0;
  const hasDf = vxlan.df === 'set' || (vxlan.df === 'inherit' && isDfInner);
  const ecn = (innerTos & 3) === 3 ? 2 : innerTos & 3;
  const low = vxlan.sourcePortLow === 0 ? underlay.portRangeLow(device) : vxlan.sourcePortLow;
  const high = vxlan.sourcePortHigh === 0 ? underlay.portRangeHigh(device) : vxlan.sourcePortHigh;
  const sourcePort = flowSourcePort(flowHashOf(packet, vxlan.flowKey), low, high);
  sim.workNs += sim.cost.vxlanEncapsulateNs;
  device.txPackets++;
  device.txBytes += packet.end - ip;
  if (sim.trace !== null) {
    traceEncapsulate(sim, device, packet, vni, remote.address, sourcePort);
  }
  const outer = withHeadroom(sim, packet);
  outer.start -= VXLAN_BYTES;
  writeVxlan(outer.bytes, outer.start, vni);
  scrubPacket(outer, vxlan.birth !== device.netns);
  outer.hash = 0;
  underlay.send(
    sim,
    device,
    outer,
    remote,
    sourcePort,
    ttlHops,
    (tos & ~3) | ecn,
    hasDf ? IP_DF : 0,
  );
}

/** The same packet, or a copy of it if there is too little room in front. @source skb_cow_head() */
function withHeadroom(sim: Simulator, packet: Packet): Packet {
  if (packet.start >= HEADROOM_NEEDED_BYTES) return packet;
  const copy = copyPacket(sim, packet);
  releasePacket(sim, packet);
  return copy;
}

/**
 * The frame comes in at `target` at once, without a datagram: the remote is this host.
 * @source vxlan_encap_bypass()
 */
function bypass(
  sim: Simulator,
  device: Device,
  target: Device,
  packet: Packet,
  isLearning: boolean,
): void {
  const { bytes, start } = packet;
  if (!target.isUp) {
    refuse(sim, device, packet, 'device-down');
    return;
  }
  const vxlan = target.state as Vxlan; // only vxlans come here
  if (isLearning && vxlan.isLearning) {
    learn(vxlan, sourceMacHi(bytes, start), sourceMacLo(bytes, start), 0x7f000001, timeNs(sim));
  }
  device.txPackets++;
  device.txBytes += packet.end - start;
  scrubPacket(packet, device.netns !== target.netns);
  netifRx(sim, target, packet);
}

/**
 * Notes behind which host an address lives; false: the frame may not come from there.
 * @source vxlan_snoop()
 */
function learn(vxlan: Vxlan, hi: number, lo: number, source: Ipv4, nowNs: number): boolean {
  if ((hi & 0x0100) !== 0 || (hi === 0 && lo === 0)) return false;
  const entry = lookUpVxlanFdb(vxlan, hi, lo, nowNs);
  if (entry === null) {
    if (vxlan.fdb.count < vxlan.maxEntries) {
      insertMac(vxlan.fdb, makeVxlanFdbEntry(hi, lo, makeVxlanRemote(source), 'dynamic', nowNs));
    }
    return true;
  }
  const remote = entry.remotes[0]!;
  if (remote.address === source && remote.device === null) return true;
  if (entry.state !== 'dynamic') return false; // what was set by hand does not move
  remote.address = source;
  remote.route = null;
  entry.updatedNs = nowNs;
  return true;
}

/** The outer header met congestion: so has the inner packet; false if that does not know ECN. */
function markCongestion(packet: Packet): boolean {
  const { bytes, start } = packet;
  if (ethertypeOf(bytes, start) !== ETHERTYPE_IPV4) return true;
  const ip = start + ETHERNET_BYTES;
  if (packet.end - ip < IPV4_BYTES) return true;
  const tos = ipTos(bytes, ip);
  if ((tos & 3) === 0) return false;
  bytes[ip + 1] = tos | 3;
  writeIpChecksum(bytes, ip);
  return true;
}

function refuse(sim: Simulator, device: Device, packet: Packet, reason: DropReason): void {
  device.txDropped++;
  drop(sim, packet, reason, device);
}
