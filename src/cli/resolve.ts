/** Names of places as addresses, for commands that take an address. */
import { formatIpv4, type Ipv4, maskOf, parseIpv4 } from '../base/ipv4-address.ts';
import { type InterfaceAddress, inetOf } from '../stack/inet.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { type Place, placeOfName } from './place.ts';
import type { Session } from './session.ts';

/**
 * The address of the place `name` that is best for `from`: one in a network they share, else
 * the first one. Null if there is no such place, or it has no address.
 */
export function addressOfName(session: Session, from: Place, name: string): string | null {
  if (parseIpv4(name) !== null) return name;
  const place = placeOfName(session, name);
  if (place === null) return null;
  const targets = addressesOf(place.netns);
  const own = addressesOf(from.netns);
  const isShared = (target: Ipv4): boolean =>
    own.some(({ address, prefixLength }) => {
      const mask = maskOf(prefixLength);
      return (address & mask) === (target & mask);
    });
  const best = targets.find(({ address }) => isShared(address)) ?? targets[0];
  return best === undefined ? null : formatIpv4(best.address);
}

/** Addresses of a namespace's devices but loopback, in order. */
export function addressesOf(netns: NetNamespace): InterfaceAddress[] {
  return netns.devices
    .filter((device) => !device.isLoopback)
    .flatMap((device) => [...inetOf(device).addresses]);
}
