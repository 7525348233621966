/**
 * Decrypts ESP packets that are for this host, and gives what was in them to IP again.
 *
 *     [PREROUTING] -> [INPUT] -> receiveEsp -> transport: [PREROUTING] -> [INPUT] -> protocol
 *                                           -> tunnel: as a new frame of the same device
 *
 * @source net/xfrm/xfrm_input.c xfrm_input(); net/ipv4/xfrm4_input.c; net/ipv4/esp4.c esp_input()
 */

import { netifRx } from '../../engine/device.ts';
import type { DropReason } from '../../engine/drop-reason.ts';
import { PACKET_HOST, type Packet } from '../../engine/packet.ts';
import { drop, type Simulator, timeNs } from '../../engine/simulator.ts';
import { HOOK_PREROUTING, hasHook, runHook } from '../../netfilter/netfilter.ts';
import { writeUint16 } from '../../protocols/bytes.ts';
import { ESP_BYTES, ESP_INTEGRITY, espSequence, espSpi, openEsp } from '../../protocols/esp.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_IPV4,
  writeEthertype,
  writeTargetMac,
} from '../../protocols/ethernet.ts';
import { ICMP_UNREACHABLE, UNREACHABLE_PROTOCOL } from '../../protocols/icmp.ts';
import {
  IPV4_BYTES,
  ipHeaderBytes,
  ipTarget,
  ipTos,
  PROTOCOL_ESP,
  writeIpChecksum,
} from '../../protocols/ipv4.ts';
import { deliverLocally } from '../input.ts';
import type { NetNamespace } from '../namespace.ts';
import { hasExpired } from './lifetime.ts';
import { advanceWindow, isFresh } from './replay.ts';
import { lookupState } from './state-table.ts';
import { PROTOCOL_IPIP } from './xfrm-output.ts';
import type { SecPath, Xfrm, XfrmState } from './xfrm-record.ts';

/** Transformations of one packet at most. @source XFRM_MAX_DEPTH */
const DEPTH_MAX = 6;
/** "No next header": a dummy packet, to be forgotten. */
const PROTOCOL_NONE = 59;
/** Paths that are remembered behind one state; further ones begin anew. */
const LONGER_PATHS_MAX = 64;
const ECN_MASK = 3;
const ECN_CE = 3;

/** The next header of the packet that was opened last. */
let nextProtocol = 0;

/** The handler of IP protocol 50. Owns the packet. */
export function receiveEsp(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  const xfrm = netns.xfrm;
  if (xfrm === null) {
    netns.sendIcmpError(sim, netns, packet, ICMP_UNREACHABLE, UNREACHABLE_PROTOCOL, 0);
    drop(sim, packet, 'no-protocol', packet.inDevice, netns.name);
    return;
  }
  do {
    const state = openOnce(sim, netns, xfrm, packet);
    if (state === null) return;
    if (state.mode === 'tunnel') {
      finishTunnel(sim, netns, xfrm, packet, state);
      return;
    }
    takeHeadersOff(packet, state);
  } while (nextProtocol === PROTOCOL_ESP);
  finishTransport(sim, netns, packet);
}

/**
 * Finds the state of an ESP packet (at packet.transport), verifies and decrypts. Then packet.end is the
 * end of the payload and nextProtocol what it is. @returns null if it was dropped.
 */
function openOnce(
  sim: Simulator,
  netns: NetNamespace,
  xfrm: Xfrm,
  packet: Packet,
): XfrmState | null {
  const { bytes, network, transport: esp, end, mark } = packet;
  const { stats } = xfrm;
  const path = packet.secPath as SecPath | null; // only extendPath sets it
  if (end - esp < ESP_BYTES) {
    stats.XfrmInHdrError++;
    return refuse(sim, netns, packet, 'transport-header');
  }
  if (path !== null && path.count === DEPTH_MAX) {
    stats.XfrmInBufferError++;
    return refuse(sim, netns, packet, 'ipsec-state');
  }
  const state = lookupState(xfrm, ipTarget(bytes, network), espSpi(bytes, esp), PROTOCOL_ESP, mark);
  if (state === null) {
    stats.XfrmInNoStates++;
    return refuse(sim, netns, packet, 'ipsec-no-state');
  }
  const { cipher } = state;
  if (cipher === null) {
    stats.XfrmAcquireError++;
    return refuse(sim, netns, packet, 'ipsec-state');
  }
  const sequence = espSequence(bytes, esp);
  if (!isFresh(state, sequence)) {
    stats.XfrmInStateSeqError++;
    return refuse(sim, netns, packet, 'ipsec-replay');
  }
  if (hasExpired(sim, xfrm, state)) {
    stats.XfrmInStateExpired++;
    return refuse(sim, netns, packet, 'ipsec-state');
  }
  sim.workNs += sim.cost.espPacketNs + (((end - esp) * sim.cost.espKibNs) >> 10);
  const opened = openEsp(cipher, bytes, esp, end);
  if (opened < 0) {
    if (opened === ESP_INTEGRITY) state.integrityFailedCount++;
    stats.XfrmInStateProtoError++;
    return refuse(sim, netns, packet, 'ipsec-integrity');
  }
  nextProtocol = bytes[end - cipher.icvBytes - 1]!;
  if (nextProtocol === PROTOCOL_NONE) {
    stats.XfrmInStateProtoError++;
    return refuse(sim, netns, packet, 'ipsec-integrity');
  }
  advanceWindow(state, sequence);
  packet.end = opened;
  state.use.bytes += opened - esp - ESP_BYTES - cipher.ivBytes;
  state.use.packets++;
  state.lastUsedNs = timeNs(sim);
  packet.secPath = path === null ? state.path : extendPath(path, state);
  if (sim.trace !== null) traceDecrypt(sim, netns, packet, state, sequence);
  return state;
}

function refuse(sim: Simulator, netns: NetNamespace, packet: Packet, reason: DropReason): null {
  drop(sim, packet, reason, packet.inDevice, netns.name);
  return null;
}

/** A path with one state more; each is made once. */
function extendPath(path: SecPath, state: XfrmState): SecPath {
  for (const longer of path.longer) if (longer.state === state) return longer;
  const longer: SecPath = {
    slot: 'sec-path',
    state,
    before: path,
    count: path.count + 1,
    longer: [],
  };
  if (path.longer.length >= LONGER_PATHS_MAX) path.longer.length = 0;
  path.longer.push(longer);
  return longer;
}

/** The IP header moves over the ESP header. @source xfrm4_transport_input() */
function takeHeadersOff(packet: Packet, state: XfrmState): void {
  const { bytes, network } = packet;
  const headerBytes = ipHeaderBytes(bytes, network);
  const moved = network + state.headerBytes;
  bytes.copyWithin(moved, network, network + headerBytes);
  packet.start = moved;
  packet.network = moved;
  packet.transport = moved + headerBytes;
  bytes[moved + 9] = nextProtocol;
  writeUint16(bytes, moved + 2, packet.end - moved);
  writeIpChecksum(bytes, moved);
}

/** What was inside goes through PREROUTING and INPUT. @source xfrm4_transport_finish() */
function finishTransport(sim: Simulator, netns: NetNamespace, packet: Packet): void {
  packet.conntrack = null;
  packet.conntrackInfo = 0;
  let current: Packet | null = packet;
  if (hasHook(netns.netfilter, HOOK_PREROUTING)) {
    current = runHook(sim, netns.netfilter, HOOK_PREROUTING, packet, packet.inDevice, null);
    if (current === null) return;
  }
  deliverLocally(sim, netns, current);
}

/** What was inside comes in by the same device, as a frame of its own. @source xfrm4_remove_tunnel_encap() */
function finishTunnel(
  sim: Simulator,
  netns: NetNamespace,
  xfrm: Xfrm,
  packet: Packet,
  state: XfrmState,
): void {
  const device = packet.inDevice;
  const { bytes, network, transport, end } = packet;
  const inner = transport + ESP_BYTES + state.cipher!.ivBytes;
  if (nextProtocol !== PROTOCOL_IPIP || device === null || end - inner < IPV4_BYTES) {
    xfrm.stats.XfrmInStateModeError++;
    refuse(sim, netns, packet, 'ipsec-state');
    return;
  }
  const isCongested = (ipTos(bytes, network) & ECN_MASK) === ECN_CE;
  if (isCongested && (ipTos(bytes, inner) & ECN_MASK) !== 0) {
    bytes[inner + 1] = ipTos(bytes, inner) | ECN_CE;
    writeIpChecksum(bytes, inner);
  }
  const frame = inner - ETHERNET_BYTES;
  const outerFrame = network - ETHERNET_BYTES;
  bytes.copyWithin(frame, outerFrame, network);
  writeTargetMac(bytes, frame, device.macHi, device.macLo);
  writeEthertype(bytes, frame, ETHERTYPE_IPV4);
  packet.start = frame;
  packet.packetType = PACKET_HOST;
  packet.routeType = 0;
  packet.outDevice = null;
  packet.conntrack = null;
  packet.conntrackInfo = 0;
  netifRx(sim, device, packet);
}

function traceDecrypt(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  state: XfrmState,
  sequence: number,
): void {
  if (sim.trace === null) return;
  sim.trace('decrypt', packet, netns.name, {
    spi: `0x${state.spi.toString(16).padStart(8, '0')}`,
    sequence,
    mode: state.mode,
  });
}
