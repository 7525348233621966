/**
 * IPv6 addresses as `ip addr` lists them where a namespace has IPv6 switched on: ::1 and the link-local
 * addresses that the kernel makes of MACs.
 * Unlike Linux, they are shown and nothing more: no IPv6 packet is sent or received.
 * @source net/ipv6/addrconf.c addrconf_add_linklocal(), init_loopback()
 */
import type { Device } from '../../engine/device.ts';
import { namespaceOf } from '../../stack/namespace.ts';
import { readSysctl } from '../../stack/sysctl-tree.ts';
import type { Release } from '../../world/machine.ts';

export interface Ipv6Address {
  readonly text: string;
  readonly scope: 'host' | 'link';
  /** What `proto` says since iproute2 6.3. */
  readonly protocol: 'kernel_lo' | 'kernel_ll';
}

/** The addresses of a device; a bridge's appears with its first carrier, and stays when that is lost. */
export function ipv6AddressesOf(device: Device): Ipv6Address[] {
  if (!device.isUp || !hasIpv6(device)) return [];
  if (device.isLoopback) return [{ text: '::1/128', scope: 'host', protocol: 'kernel_lo' }];
  if (!device.hasCarrier && !device.hasHadCarrier) return [];
  return [{ text: `${linkLocal(device)}/64`, scope: 'link', protocol: 'kernel_ll' }];
}

/** Whether the device takes part in IPv6. */
export function hasIpv6(device: Device): boolean {
  const name = device.name.replaceAll('.', '/');
  return readSysctl(namespaceOf(device), `net.ipv6.conf.${name}.disable_ipv6`) === '0';
}

/** Two lines of `ip addr`. */
export function ipv6AddressLines(address: Ipv6Address, release: Release): string[] {
  const protocol = release === 'debian-13' ? ` proto ${address.protocol}` : '';
  return [
    `    inet6 ${address.text} scope ${address.scope}${protocol} `,
    '       valid_lft forever preferred_lft forever',
  ];
}

/** fe80:: and the EUI-64 of the MAC. */
function linkLocal({ macHi, macLo }: Device): string {
  const groups = [
    macHi ^ 0x0200,
    ((macLo >>> 16) & 0xff00) | 0xff,
    0xfe00 | ((macLo >>> 16) & 0xff),
    macLo & 0xffff,
  ];
  const texts = groups.map((group) => group.toString(16));
  return groups[0] === 0 ? `fe80::${texts.slice(1).join(':')}` : `fe80::${texts.join(':')}`;
}
