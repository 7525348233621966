/**
 * The registry of device kinds: a new kind is one file and one line here. The contract suite
 * (test/unit/devices/contract.test.ts) runs over all of them.
 */
import { bridgeKind } from './bridge-control.ts';
import type { DeviceKind } from './device-kind.ts';
import { dummyKind } from './dummy.ts';
import { vethKind } from './veth.ts';
import { vxlanKind } from './vxlan-control.ts';

/** All kinds that `ip link add type KIND` knows. */
export const DEVICE_KINDS: readonly DeviceKind[] = [vethKind, bridgeKind, vxlanKind, dummyKind];

/** The kind of this name, null for devices that are made otherwise (lo, cable) or unknown ones. */
export function deviceKindOf(name: string): DeviceKind | null {
  return DEVICE_KINDS.find((kind) => kind.name === name) ?? null;
}
