/**
 * What follows for addresses, routes and neighbours when a device changes.
 * @source net/ipv4/devinet.c inetdev_event(); net/ipv4/fib_frontend.c fib_netdev_event();
 *   net/ipv4/arp.c arp_netdev_event()
 */
import { IPV4_LOOPBACK } from '../base/ipv4-address.ts';
import type { Device } from '../engine/device.ts';
import { endMasquerade } from '../netfilter/nat.ts';
import { addAddress, addRoutesOfDevice, deleteAllAddresses } from './address.ts';
import { announceAddresses } from './arp.ts';
import { downDeviceRoutes, upDeviceRoutes } from './fib.ts';
import { inetOf } from './inet.ts';
import type { DeviceChange, NetNamespace } from './namespace.ts';
import { flushDeviceNeighbours } from './neighbour.ts';
import { SCOPE_HOST } from './route-type.ts';

/** Every namespace's first device watcher. */
export function followDevice(netns: NetNamespace, device: Device, change: DeviceChange): void {
  if (device.inet === null) return;
  netns.fib.generation++;
  if (change === 'down' || change === 'removed' || change === 'address') {
    endMasquerade(netns.netfilter, device, change !== 'address');
  }
  switch (change) {
    case 'up':
      if (device.isLoopback) giveLoopbackAddress(netns, device);
      upDeviceRoutes(netns, device);
      addRoutesOfDevice(netns, device);
      if (notifiesByArp(netns, device)) announceAddresses(netns, device);
      return;
    case 'down':
      downDeviceRoutes(netns, device, false);
      flushDeviceNeighbours(netns, device, 'all');
      return;
    case 'removed':
      deleteAllAddresses(netns, device);
      downDeviceRoutes(netns, device, true);
      flushDeviceNeighbours(netns, device, 'all');
      return;
    case 'carrier':
      if (!device.hasCarrier && inetOf(device).conf.arpEvictNocarrier !== 0) {
        flushDeviceNeighbours(netns, device, 'learnt');
      }
      return;
    case 'mac':
      flushDeviceNeighbours(netns, device, 'all');
      if (device.isUp && notifiesByArp(netns, device)) announceAddresses(netns, device);
      return;
    case 'address':
      if (inetOf(device).addresses.length > 0) return;
      // Without an address IPv4 is off on the device. @source fib_disable_ip()
      downDeviceRoutes(netns, device, true);
      flushDeviceNeighbours(netns, device, 'all');
      return;
    case 'renamed':
      for (const each of inetOf(device).addresses) {
        const alias = each.label.indexOf(':');
        each.label = alias < 0 ? device.name : device.name + each.label.slice(alias);
      }
      return;
    default:
  }
}

/** lo has 127.0.0.1/8 as soon as it is up, unless it has other addresses. */
function giveLoopbackAddress(netns: NetNamespace, device: Device): void {
  if (inetOf(device).addresses.length > 0) return;
  addAddress(netns, device, {
    address: IPV4_LOOPBACK,
    prefixLength: 8,
    scope: SCOPE_HOST,
  });
}

function notifiesByArp(netns: NetNamespace, device: Device): boolean {
  return (inetOf(device).conf.arpNotify | netns.sysctl.confAll.arpNotify) !== 0;
}
