/**
 * The registry of device kinds: a new kind is one file and one line here. The contract suite
 * (test/unit/devices/contract.test.ts) runs over all of them.
 */
import { bridgeKind } from './bridge-control.ts';
import { cableKind } from './cable.ts';
import type { DeviceKind } from './device-kind.ts';
import { dummyKind } from './dummy.ts';
import { ipvlanKind } from './ipvlan.ts';
import { macvlanKind } from './macvlan.ts';
import { vethKind } from './veth.ts';
import { vlanKind } from './vlan.ts';
import { vxlanKind } from './vxlan-control.ts';

/** The kinds that `ip link add type KIND` knows. */
export const DEVICE_KINDS: readonly DeviceKind[] = [
  vethKind,
  bridgeKind,
  vxlanKind,
  macvlanKind,
  ipvlanKind,
  vlanKind,
  dummyKind,
];

/** The kind of a device by its name; null for lo and for unknown names. */
export function deviceKindOf(name: string): DeviceKind | null {
  if (name === 'cable') return cableKind;
  return DEVICE_KINDS.find((kind) => kind.name === name) ?? null;
}
