/**
 * The numbers by which a namespace knows others (`link-netnsid 0`), and their names.
 * @source net/core/net_namespace.c peernet2id_alloc()
 */
import { vxlanOf } from '../../devices/vxlan-record.ts';
import type { Device } from '../../engine/device.ts';
import { type NetNamespace, namespaceOf } from '../../stack/namespace.ts';
import { knownNetnsId, netnsId } from '../../stack/netns-ids.ts';
import type { Machine } from '../../world/machine.ts';

export { knownNetnsId, netnsId };

/** What IFLA_LINK names: the peer of a veth, the device below, and where it is. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly netns: NetNamespace;
  readonly isUp: boolean;
}

/**
 * The link of a device; null if it has none. A vxlan that was moved names itself in the namespace
 * of its birth.
 * @source net/core/rtnetlink.c rtnl_fill_link_netnsid(), nla_put_iflink()
 */
export function linkOf(device: Device): Link | null {
  if (device.kind === 'vxlan') {
    const birth = vxlanOf(device).birth as NetNamespace; // every Netns is one: see namespaceOf
    if (birth === device.netns) return null;
    return { index: device.index, name: device.name, netns: birth, isUp: true };
  }
  const { lower } = device;
  if (lower === null) return null;
  return { index: lower.index, name: lower.name, netns: namespaceOf(lower), isUp: lower.isUp };
}

/** The namespace of the device's link if it is another one; null otherwise. */
export function foreignNetns(device: Device): NetNamespace | null {
  const link = linkOf(device);
  return link === null || link.netns === device.netns ? null : link.netns;
}

/** After a link was made or moved: both sides get to know each other, as the kernel's messages do. */
export function introduceNetns(device: Device): void {
  const other = foreignNetns(device);
  if (other === null) return;
  const own = namespaceOf(device);
  netnsId(other, own);
  netnsId(own, other);
}

/** The name that `ip netns` has for a namespace; null for the root and unnamed ones. */
export function netnsName(machine: Machine, netns: NetNamespace): string | null {
  for (const [name, each] of machine.namespaces) if (each === netns) return name;
  return null;
}
