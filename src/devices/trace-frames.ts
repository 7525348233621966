/** What bridges and vxlan devices decided, told to an observer. Called only while there is one. */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { formatMacHalves } from '../base/mac-address.ts';
import { type Device, placeOf } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import { targetMacHi, targetMacLo } from '../protocols/ethernet.ts';

function targetOf({ bytes, start }: Packet): string {
  return formatMacHalves(targetMacHi(bytes, start), targetMacLo(bytes, start));
}

/** The table of the bridge names the port. */
export function traceForward(sim: Simulator, bridge: Device, port: Device, packet: Packet): void {
  sim.trace?.('forward', packet, placeOf(bridge), { mac: targetOf(packet), port: port.name });
}

/** A broadcast, or an address that the table does not know. */
export function traceFlood(sim: Simulator, bridge: Device, packet: Packet): void {
  sim.trace?.('flood', packet, placeOf(bridge), { mac: targetOf(packet) });
}

/** A new entry, or one that moved: the address is behind `place` (a port, a host). */
export function traceLearn(
  sim: Simulator,
  device: Device,
  hi: number,
  lo: number,
  place: string,
  packet: Packet,
): void {
  sim.trace?.('learn', packet, placeOf(device), { mac: formatMacHalves(hi, lo), behind: place });
}

export function traceEncapsulate(
  sim: Simulator,
  device: Device,
  packet: Packet,
  vni: number,
  remote: Ipv4,
  sourcePort: number,
): void {
  sim.trace?.('encapsulate', packet, placeOf(device), {
    vni,
    to: formatIpv4(remote),
    sourcePort,
  });
}

export function traceDecapsulate(
  sim: Simulator,
  device: Device,
  packet: Packet,
  vni: number,
  source: Ipv4,
): void {
  sim.trace?.('decapsulate', packet, placeOf(device), { vni, from: formatIpv4(source) });
}
