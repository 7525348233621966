/**
 * Encrypts packets on their way out, behind POSTROUTING; what comes out is a new packet of our own,
 * which goes through OUTPUT and POSTROUTING again.
 *
 *     [POSTROUTING] -> encrypt -> localOut -> [OUTPUT] -> [POSTROUTING] -> (encrypt again ->) neighbour
 *
 * @source net/xfrm/xfrm_output.c xfrm_output_one(), xfrm_output_resume(); net/ipv4/esp4.c esp_output()
 */
import { PACKET_IGNORE_DF, PACKET_TRANSFORMED, type Packet } from '../../engine/packet.ts';
import { drop, type Simulator, timeNs } from '../../engine/simulator.ts';
import { writeUint16 } from '../../protocols/bytes.ts';
import { sealEsp } from '../../protocols/esp.ts';
import { ICMP_UNREACHABLE, UNREACHABLE_FRAG_NEEDED } from '../../protocols/icmp.ts';
import {
  IP_DF,
  IPV4_BYTES,
  IPV4_MAX_BYTES,
  ipFragmentField,
  ipHeaderBytes,
  ipProtocol,
  ipTos,
  PROTOCOL_ESP,
  writeIpChecksum,
  writeIpv4,
} from '../../protocols/ipv4.ts';
import { nextIpId } from '../ip-id.ts';
import type { NetNamespace } from '../namespace.ts';
import { hasExpired } from './lifetime.ts';
import { payloadMtuOf } from './transform.ts';
import type { Transform, Xfrm, XfrmState } from './xfrm-record.ts';

/** IP in IP: the next header of what goes through a tunnel. */
export const PROTOCOL_IPIP = 4;
/** Room that has to stay free before a packet, for the headers of the devices. */
const HEADROOM_MIN_BYTES = 64;
/** The last sequence number: a state without extended ones is used up then. */
const SEQUENCE_MAX = 0xffffffff;
/** Congestion experienced, which is not copied outwards. @source INET_ECN_encapsulate() */
const ECN_MASK = 3;
const ECN_CE = 3;
const ECN_ECT_0 = 2;

/**
 * Does the first of the transformations that await a packet (packet.start is its IP header).
 * @returns false if it was dropped; else it is a finished packet of this host, still with its route.
 */
export function encryptPacket(sim: Simulator, netns: NetNamespace, packet: Packet): boolean {
  const transform = packet.transform as Transform; // only prepareTransform sets it
  const { state } = transform;
  const xfrm = netns.xfrm!;
  packet.flags = (packet.flags & PACKET_IGNORE_DF) | PACKET_TRANSFORMED;
  packet.secPath = null;
  packet.fragmentMaxBytes = 0;
  if (state.mode === 'tunnel' && isTooBig(sim, netns, packet, transform)) return false;
  if (!mayBeUsed(sim, netns, xfrm, state, packet)) return false;
  if (!hasRoom(packet, state)) {
    xfrm.stats.XfrmOutError++;
    drop(sim, packet, 'fragmentation-needed', packet.outDevice, netns.name);
    return false;
  }
  const { outputMark } = state;
  if (outputMark !== null) {
    packet.mark = (packet.mark & ~outputMark.mask) | (outputMark.value & outputMark.mask);
  }
  sim.workNs += sim.cost.espPacketNs + (((packet.end - packet.start) * sim.cost.espKibNs) >> 10);
  state.sequenceOut++;
  state.lastUsedNs = timeNs(sim);
  if (state.mode === 'tunnel') sealTunnel(sim, netns, packet, state);
  else sealTransport(packet, state);
  packet.transform = transform.next;
  packet.conntrack = null;
  packet.conntrackInfo = 0;
  if (sim.trace !== null) {
    sim.trace('encrypt', packet, netns.name, {
      spi: `0x${state.spi.toString(16).padStart(8, '0')}`,
      sequence: state.sequenceOut,
      mode: state.mode,
      bytes: packet.end - packet.start,
    });
  }
  return true;
}

/** What does not fit into the tunnel and may not be cut is answered. @source xfrm4_tunnel_check_size() */
function isTooBig(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  transform: Transform,
): boolean {
  const mayBeCut =
    (ipFragmentField(packet.bytes, packet.network) & IP_DF) === 0 ||
    (packet.flags & PACKET_IGNORE_DF) !== 0;
  if (mayBeCut) return false;
  const mtuBytes = payloadMtuOf(transform, packet.pathMtuBytes);
  if (packet.end - packet.start <= mtuBytes) return false;
  if (packet.socket === null) {
    netns.sendIcmpError(sim, netns, packet, ICMP_UNREACHABLE, UNREACHABLE_FRAG_NEEDED, mtuBytes);
  }
  netns.xfrm!.stats.XfrmOutStateModeError++;
  drop(sim, packet, 'fragmentation-needed', packet.outDevice, netns.name);
  return true;
}

function mayBeUsed(
  sim: Simulator,
  netns: NetNamespace,
  xfrm: Xfrm,
  state: XfrmState,
  packet: Packet,
): boolean {
  if (!state.isAlive) xfrm.stats.XfrmOutStateInvalid++;
  else if (hasExpired(sim, xfrm, state)) xfrm.stats.XfrmOutStateExpired++;
  else if (state.sequenceOut === SEQUENCE_MAX) xfrm.stats.XfrmOutStateSeqError++;
  else return true;
  drop(sim, packet, 'ipsec-state', packet.outDevice, netns.name);
  return false;
}

/** Whether header and trailer fit around the packet, in its memory and in an IP packet's length. */
function hasRoom(packet: Packet, state: XfrmState): boolean {
  const { start, end, bytes } = packet;
  const cipher = state.cipher!;
  const trailerBytes = cipher.blockBytes + 2 + cipher.icvBytes;
  if (start - state.headerBytes < HEADROOM_MIN_BYTES) return false;
  if (end + trailerBytes > bytes.length) return false;
  return end - start + state.headerBytes + trailerBytes <= IPV4_MAX_BYTES;
}

/** The IP header moves forward, ESP stands between it and the payload. @source xfrm4_transport_output() */
function sealTransport(packet: Packet, state: XfrmState): void {
  const { bytes, network, end } = packet;
  const headerBytes = ipHeaderBytes(bytes, network);
  const payload = network + headerBytes;
  state.use.bytes += end - payload;
  state.use.packets++;
  const moved = network - state.headerBytes;
  bytes.copyWithin(moved, network, payload);
  const protocol = ipProtocol(bytes, moved);
  const esp = moved + headerBytes;
  packet.end = seal(packet, state, esp, payload, protocol);
  packet.start = moved;
  packet.network = moved;
  packet.transport = esp;
  bytes[moved + 9] = PROTOCOL_ESP;
  writeUint16(bytes, moved + 2, packet.end - moved);
  writeIpChecksum(bytes, moved);
}

/** The whole packet becomes the payload of a new one. @source xfrm4_tunnel_encap_add() */
function sealTunnel(sim: Simulator, netns: NetNamespace, packet: Packet, state: XfrmState): void {
  const { bytes, network, end } = packet;
  state.use.bytes += end - network;
  state.use.packets++;
  const fragmentField = ipFragmentField(bytes, network) & IP_DF;
  const innerTos = ipTos(bytes, network);
  const tos = (innerTos & ECN_MASK) === ECN_CE ? (innerTos & ~ECN_MASK) | ECN_ECT_0 : innerTos;
  const outer = network - state.headerBytes;
  const esp = outer + IPV4_BYTES;
  packet.end = seal(packet, state, esp, network, PROTOCOL_IPIP);
  packet.start = outer;
  packet.network = outer;
  packet.transport = esp;
  const { source, target } = state;
  const hasId = fragmentField === 0 || (packet.flags & PACKET_IGNORE_DF) !== 0;
  const id = hasId ? nextIpId(sim, netns, source, target, PROTOCOL_ESP) : 0;
  const ttlHops = netns.sysctl.ipDefaultTtl;
  const totalBytes = packet.end - outer;
  writeIpv4(
    bytes,
    outer,
    tos,
    totalBytes,
    id,
    fragmentField,
    ttlHops,
    PROTOCOL_ESP,
    source,
    target,
  );
}

function seal(
  packet: Packet,
  state: XfrmState,
  esp: number,
  payload: number,
  nextProtocol: number,
): number {
  return sealEsp(
    state.cipher!,
    packet.bytes,
    esp,
    payload,
    packet.end,
    state.spi,
    state.sequenceOut,
    nextProtocol,
  );
}
