/**
 * What netfilter asks of the stack: fills netfilter.ts NetfilterSlots for a namespace.
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import type { NetfilterSlots, RejectAnswer, RouteChoice } from '../netfilter/netfilter.ts';
import { HOOK_NAMES } from '../netfilter/netfilter.ts';
import { ICMP_UNREACHABLE } from '../protocols/icmp.ts';
import { ipSource, ipTarget, ipTos } from '../protocols/ipv4.ts';
import { primaryAddressOf } from './address.ts';
import { sendIcmpError } from './icmp-error.ts';
import { nextIpId } from './ip-id.ts';
import type { NetNamespace } from './namespace.ts';
import { localOut, sendIpv4 } from './output.ts';
import { REASSEMBLE_CONNTRACK, reassemble } from './reassembly.ts';
import {
  addressTypeOf,
  makeRoute,
  type Route,
  RTN_LOCAL,
  RTN_UNICAST,
  RTN_UNSPEC,
  routeInput,
  routeOutputFrom,
} from './route.ts';
import { routeOutputAgain } from './route-again.ts';
import { sendReset } from './tcp/tcp-input.ts';
import { prepareTransformAgain } from './xfrm/transform.ts';

/** @source include/uapi/linux/in.h IPPROTO_IPIP */
const PROTOCOL_IPIP = 4;
const route = makeRoute();
/** The way that routeTo() found; an ICMP error on the way would overwrite `route`. */
const onward = makeRoute();

/**
 * The slots of a namespace.
 * @param namespace gives the namespace: it does not exist yet when its netfilter is made.
 */
export function makeNetfilterSlots(namespace: () => NetNamespace): NetfilterSlots {
  return {
    addressTypeOf: (address, device) => addressTypeOf(namespace(), address, device),
    primaryAddressOf: (device: Device, target: Ipv4) => primaryAddressOf(device, target),
    reroute: (sim, packet) => reroute(sim, namespace(), packet),
    reject: (sim, packet, hook, answer) => reject(sim, namespace(), packet, hook, answer),
    reassemble: (sim, packet) => reassemble(sim, namespace(), packet, REASSEMBLE_CONNTRACK),
    routeTo: (target) =>
      routeOutputAgain(namespace(), target, 0, null, 0, 0, onward) === null ? onward : null,
    sendLocal: (sim, packet) => localOut(sim, namespace(), packet),
    sendInTunnel: (sim, packet, way, target, ttlHops, tos, fragmentField) =>
      sendInTunnel(sim, namespace(), packet, way, target, ttlHops, tos, fragmentField),
    sendError: (sim, packet, type, code, rest) =>
      sendIcmpError(sim, namespace(), packet, type, code, rest),
  };
}

/** @source net/ipv4/netfilter.c ip_route_me_harder() */
function reroute(sim: Simulator, netns: NetNamespace, packet: Packet): boolean {
  const { bytes, network } = packet;
  const source = ipSource(bytes, network);
  const sourceType = addressTypeOf(netns, source, null);
  const from = sourceType === RTN_LOCAL || sourceType === RTN_UNICAST ? source : 0;
  const target = ipTarget(bytes, network);
  const tos = ipTos(bytes, network);
  const failure = routeOutputFrom(netns, target, from, null, packet.mark, tos, route);
  if (failure !== null) {
    drop(sim, packet, 'no-route', null, netns.name);
    return false;
  }
  packet.routeType = route.type;
  packet.outDevice = route.outDevice;
  packet.nextHop = route.nextHop;
  packet.pathMtuBytes = route.pathMtuBytes;
  return netns.xfrm === null || prepareTransformAgain(sim, netns, packet);
}

/** @source net/netfilter/ipvs/ip_vs_xmit.c ip_vs_tunnel_xmit() */
function sendInTunnel(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  way: RouteChoice,
  target: Ipv4,
  ttlHops: number,
  tos: number,
  fragmentField: number,
): void {
  packet.start = packet.network;
  const id = nextIpId(sim, netns, way.source, target, PROTOCOL_IPIP);
  // What routeTo() gives is a whole route.
  const outer = way as Route;
  const { source } = way;
  sendIpv4(
    sim,
    netns,
    packet,
    outer,
    PROTOCOL_IPIP,
    source,
    target,
    ttlHops,
    tos,
    fragmentField,
    id,
  );
}

/** @source net/ipv4/netfilter/nf_reject_ipv4.c nf_send_unreach(), nf_send_reset() */
function reject(
  sim: Simulator,
  netns: NetNamespace,
  packet: Packet,
  hook: number,
  answer: RejectAnswer,
): void {
  // In PREROUTING there is no routing decision yet, and an error's source address needs one.
  if (packet.routeType === RTN_UNSPEC && HOOK_NAMES[hook] === 'PREROUTING') {
    if (!routeInput(sim, netns, packet)) return;
  }
  if (answer === 'tcp-reset') sendReset(sim, netns, packet);
  else sendIcmpError(sim, netns, packet, ICMP_UNREACHABLE, answer, 0);
}
