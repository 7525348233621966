/**
 * What ping finds out before it sends: the source address that a connected datagram socket would get.
 * @source iputils 20221126 ping/ping.c ping4_run()
 */
import { ERRNO } from '../base/errors.ts';
import type { Ipv4 } from '../base/ipv4-address.ts';
import { PROTOCOL_UDP } from '../protocols/ipv4.ts';
import { isLocalAddress, listAddresses } from '../stack/address.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { makeRoute, RTN_BROADCAST, routeOutput } from '../stack/route.ts';
import { limitRoute } from '../stack/xfrm/transform.ts';
import type { PingOptions } from './ping-state.ts';
import type { ProgramOutput } from './program-output.ts';

/** The port that the connected socket asks for. */
const PROBE_PORT = 1025;

/** @returns the source address, or the text of the error that ends ping with exit code 2. */
export function checkPingTarget(
  netns: NetNamespace,
  options: PingOptions,
  output: ProgramOutput,
): Ipv4 | string {
  if (options.source !== null) {
    if (!isLocalAddress(netns, options.source)) return `bind: ${ERRNO.EADDRNOTAVAIL}`;
    return options.source;
  }
  const route = makeRoute();
  const { target, device, mark, tos } = options;
  const errno = routeOutput(netns, target, 0, device, mark, tos, route);
  if (errno !== null) return `connect: ${ERRNO[errno]}`;
  const refused = limitRoute(netns, route, PROTOCOL_UDP, 0, PROBE_PORT, mark);
  if (refused !== null) return `connect: ${ERRNO[refused]}`;
  if (route.type === RTN_BROADCAST) {
    if (!options.isBroadcast) {
      return 'Do you want to ping broadcast? Then -b. If not, check your local firewall rules';
    }
    output.writeError('WARNING: pinging broadcast address\n');
  }
  if (device !== null && !listAddresses(device).some(({ address }) => address === route.source)) {
    output.writeError(
      `ping: Warning: source address might be selected on device other than: ${device.name}\n`,
    );
  }
  return route.source;
}
