/**
 * lo: what goes out comes in again, with its route and connection.
 * @source drivers/net/loopback.c
 */
import { MAC_ZERO } from '../base/mac-address.ts';
import { type Device, makeDevice, type Netns, netifRx, receive } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import type { Simulator } from '../engine/simulator.ts';
import { ETHERNET_BYTES } from '../protocols/ethernet.ts';

export const LOOPBACK_MTU_BYTES = 65536;

/** The loopback device of a namespace; down, and not yet registered. */
export function createLoopback(netns: Netns): Device {
  const device = makeDevice({
    name: 'lo',
    kind: 'loopback',
    netns,
    mac: MAC_ZERO,
    mtuBytes: LOOPBACK_MTU_BYTES,
    state: { kind: 'loopback' },
    transmit: transmitLoopback,
  });
  device.receive = receiveLoopback;
  device.isLoopback = true;
  device.hasArp = false;
  return device;
}

/** @source loopback_xmit() */
function transmitLoopback(sim: Simulator, device: Device, packet: Packet): void {
  packet.socket = null;
  device.txBytes -= ETHERNET_BYTES; // lo counts without the header
  netifRx(sim, device, packet);
}

function receiveLoopback(sim: Simulator, device: Device, packet: Packet): void {
  if (device.isUp) device.rxBytes -= ETHERNET_BYTES;
  receive(sim, device, packet);
}
