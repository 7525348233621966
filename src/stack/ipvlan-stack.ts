/**
 * What ipvlan devices ask of the stack: whose address it is, and in l3 modes the parent's routing.
 * @source drivers/net/ipvlan/ipvlan_core.c ipvlan_process_v4_outbound()
 */
import type { IpvlanStack } from '../devices/ipvlan.ts';
import { scrubPacket } from '../devices/scrub.ts';
import type { Device } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { drop, type Simulator } from '../engine/simulator.ts';
import { ipHeaderBytes, ipTarget, ipTos } from '../protocols/ipv4.ts';
import { inetOf } from './inet.ts';
import { namespaceOf } from './namespace.ts';
import { localOut } from './output.ts';
import { makeRoute, routeOutput } from './route.ts';

const route = makeRoute();

export const IPVLAN_STACK: IpvlanStack = {
  hasAddress: (device, address) => {
    if (!device.isRegistered) return false;
    return inetOf(device).addresses.some((each) => each.address === address);
  },
  sendFrom,
};

function sendFrom(sim: Simulator, parent: Device, packet: Packet): void {
  const netns = namespaceOf(parent);
  const { bytes, network } = packet;
  const { mark } = packet;
  scrubPacket(packet, false);
  packet.transport = network + ipHeaderBytes(bytes, network);
  const target = ipTarget(bytes, network);
  const tos = ipTos(bytes, network);
  // The source is not the parent's (FLOWI_FLAG_ANYSRC): it is left out of the decision.
  if (routeOutput(netns, target, 0, parent, mark, tos, route) !== null) {
    drop(sim, packet, 'no-route', parent);
    return;
  }
  packet.routeType = route.type;
  packet.outDevice = route.outDevice;
  packet.nextHop = route.nextHop;
  packet.pathMtuBytes = route.pathMtuBytes;
  localOut(sim, netns, packet);
}
