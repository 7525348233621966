/**
 * Addresses that a device takes in for others (macvlan children) beside its own. A device that cannot
 * filter them becomes promiscuous, without the flag that `ip link` shows.
 * @source net/core/dev_addr_lists.c dev_uc_add(), dev_uc_sync(); net/core/dev.c __dev_set_rx_mode()
 */
import type { Mac } from '../base/mac-address.ts';
import type { Device } from '../engine/device.ts';

const filters = new WeakMap<Device, Mac[]>();

/** The addresses, in the order in which they came. */
export function unicastAddressesOf(device: Device): readonly Mac[] {
  return filters.get(device) ?? [];
}

/** Lets frames to `mac` in, here and on the devices below. */
export function addUnicastAddress(device: Device, mac: Mac): void {
  const addresses = filters.get(device) ?? [];
  filters.set(device, addresses);
  addresses.push(mac);
  if (device.lower !== null && filtersUnicast(device)) addUnicastAddress(device.lower, mac);
  else if (addresses.length === 1) device.promiscuousCount++;
}

/** Takes an address back that was let in. */
export function deleteUnicastAddress(device: Device, mac: Mac): void {
  const addresses = filters.get(device) ?? [];
  const at = addresses.indexOf(mac);
  if (at < 0) return;
  addresses.splice(at, 1);
  if (device.lower !== null && filtersUnicast(device)) deleteUnicastAddress(device.lower, mac);
  else if (addresses.length === 0) device.promiscuousCount--;
}

/** Kinds with IFF_UNICAST_FLT hand the list on to what is below them. */
function filtersUnicast(device: Device): boolean {
  return device.kind === 'vlan' || device.kind === 'macvlan';
}
