/**
 * Attributes of devices that only `ip link` sets and shows: they change nothing in how frames go.
 */
import type { Device } from '../../engine/device.ts';

export interface LinkAttributes {
  alias: string | null;
  group: number;
  /** Set by `promisc on`: shown as a flag, unlike the promiscuity that a bridge adds. */
  isPromiscuous: boolean;
  isAllMulticast: boolean;
  /** Was up at least once: from then on the queueing discipline is noqueue instead of noop. */
  wasUp: boolean;
  /** The name of the queueing discipline that tc put there; null for none. */
  queueDiscipline: string | null;
}

const attributesOf = new WeakMap<Device, LinkAttributes>();

/** The attributes of a device, to read or to change. */
export function linkAttributes(device: Device): LinkAttributes {
  let attributes = attributesOf.get(device);
  if (attributes === undefined) {
    attributes = {
      alias: null,
      group: 0,
      isPromiscuous: false,
      isAllMulticast: false,
      wasUp: false,
      queueDiscipline: null,
    };
    attributesOf.set(device, attributes);
  }
  attributes.wasUp ||= device.isUp;
  return attributes;
}
