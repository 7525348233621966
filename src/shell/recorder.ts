/**
 * What the recorder of the twin scripts does to a network, so that a script shows the same here:
 * settings of each new namespace, and what happens at the line `#@record`.
 */
import { setLinkUp } from '../stack/link.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { writeSysctl } from '../stack/sysctl.ts';
import type { Machine } from '../world/machine.ts';

/** Stands alone on the line between set-up and traffic. */
export const RECORD_LINE = '#@record';
/** Anywhere in the script: leaves the probes of used stale neighbours on. */
export const ARP_PROBES_LINE = '#@arp-probes';

/** How long the network runs before the captures open, before the traffic, and after it. */
export const SETTLE_NS = 300_000_000;
export const OPEN_NS = 300_000_000;
export const CLOSE_NS = 400_000_000;

const SETTINGS: ReadonlyArray<readonly [string, string]> = [
  ['net.ipv4.tcp_rmem', '4096 131072 6291456'],
  ['net.ipv4.tcp_wmem', '4096 16384 4194304'],
  ['net.ipv4.conf.all.rp_filter', '0'],
  ['net.ipv4.conf.default.rp_filter', '0'],
  ['net.ipv4.conf.all.accept_redirects', '1'],
  ['net.ipv4.conf.default.accept_redirects', '1'],
];

/** After `ip netns add`: lo up and the settings above. */
export function prepareNamespace(netns: NetNamespace): void {
  for (const [key, value] of SETTINGS) writeSysctl(netns, key, value);
  setLinkUp(netns.loopback);
}

/** Puts the first probe of a used stale neighbour off, on every device but lo. */
export function putProbesOff(machine: Machine): void {
  for (const netns of machine.namespaces.values()) {
    for (const device of netns.devices) {
      if (device.isLoopback) continue;
      writeSysctl(
        netns,
        `net.ipv4.neigh.${device.name.replaceAll('.', '/')}.delay_first_probe_time`,
        '600',
      );
    }
  }
}
