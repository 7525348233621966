/**
 * dummy: takes every frame and keeps none.
 * @source drivers/net/dummy.c
 */
import type { Device } from '../engine/device.ts';
import { makeDevice } from '../engine/device.ts';
import type { Packet } from '../engine/packet.ts';
import { releasePacket } from '../engine/packet-pool.ts';
import type { Simulator } from '../engine/simulator.ts';
import type { DeviceKind } from './device-kind.ts';

const ETHERNET_MTU_BYTES = 1500;

export const dummyKind: DeviceKind = {
  name: 'dummy',
  minMtuBytes: 0,
  maxMtuBytes: 0,
  make: (netns, options, mac) => {
    const device = makeDevice({
      name: options.name ?? 'dummy%d',
      kind: 'dummy',
      netns,
      mac,
      mtuBytes: options.mtu ?? ETHERNET_MTU_BYTES,
      state: { kind: 'dummy' },
      transmit: transmitDummy,
    });
    device.hasArp = false;
    return device;
  },
  open: null,
  stop: null,
  destroy: null,
  hasCarrier: null,
  checkMtu: null,
  describe: () => 'dummy',
};

/** The frame has arrived where it was sent: nowhere. @source dummy_xmit() */
function transmitDummy(sim: Simulator, _device: Device, packet: Packet): void {
  releasePacket(sim, packet);
}
