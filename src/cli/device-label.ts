/** What a picture writes beside an interface: its address, its VNI. */
import { formatIpv4 } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import { inetOf } from '../stack/inet.ts';
import { namespacesOf } from './place.ts';
import type { Session } from './session.ts';

/** The label of `namespaceName`.`deviceName`; empty if there is nothing to say, or no such device. */
export function describeDevice(
  session: Session,
  namespaceName: string,
  deviceName: string,
  namespaceNumber = 0,
): string {
  const device = namespacesOf(session.world)
    .filter(({ name, id }) =>
      namespaceNumber === 0 ? name === namespaceName : id === namespaceNumber,
    )
    .map(({ deviceByName }) => deviceByName.get(deviceName))
    .find((each) => each !== undefined);
  return device === undefined ? '' : labelOf(device);
}

function labelOf(device: Device): string {
  const parts: string[] = [];
  const address = inetOf(device).addresses[0];
  if (address !== undefined) parts.push(`${formatIpv4(address.address)}/${address.prefixLength}`);
  const { state } = device;
  if (state.kind === 'vxlan' && 'id' in state) parts.push(`VNI ${state.id}`);
  if (device.master !== null) parts.push(`[${device.master.name}]`);
  return parts.join(' ');
}
