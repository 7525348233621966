/**
 * What a kind of device is: how it is made, what happens when it goes up and down, how it ends, and
 * what `ip -d link` says of it. The registry of all kinds is index.ts.
 * @source include/net/rtnetlink.h struct rtnl_link_ops; include/linux/netdevice.h struct net_device_ops
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Mac } from '../base/mac-address.ts';
import type { Device, Netns } from '../engine/device.ts';
import type { Simulator } from '../engine/simulator.ts';

/** The other end of a veth pair, as far as it was named. */
export interface PeerOptions {
  readonly name?: string;
  readonly mac?: Mac;
  readonly mtu?: number;
  readonly netns?: Netns;
}

export interface BridgeOptions {
  /** 0 for never: every frame is flooded. */
  readonly ageingTimeSec?: number;
  readonly groupForwardMask?: number;
  readonly callIptables?: boolean;
}

export type VxlanTtl = number | 'inherit';
export type VxlanDf = 'unset' | 'set' | 'inherit';

export interface VxlanOptions {
  readonly id: number;
  /** Linux's own default is 8472; everybody says 4789. */
  readonly port?: number;
  readonly local?: Ipv4;
  readonly remote?: Ipv4;
  /** The underlay device (`dev`), in the namespace in which the vxlan device is made. */
  readonly lower?: Device;
  /** 0 for the namespace's default. */
  readonly ttl?: VxlanTtl;
  /** 1 for the inner packet's. */
  readonly tos?: number;
  readonly df?: VxlanDf;
  readonly isLearning?: boolean;
  readonly isProxy?: boolean;
  readonly isL2Miss?: boolean;
  readonly isL3Miss?: boolean;
  readonly isRouteShortCircuit?: boolean;
  readonly hasUdpChecksum?: boolean;
  readonly ageingSec?: number;
  readonly maxEntries?: number;
  /** 0, 0 for net.ipv4.ip_local_port_range; the high end itself is not used. */
  readonly sourcePortLow?: number;
  readonly sourcePortHigh?: number;
}

export const MACVLAN_MODES = ['private', 'vepa', 'bridge', 'passthru'] as const;
export type MacvlanMode = (typeof MACVLAN_MODES)[number];
export const IPVLAN_MODES = ['l2', 'l3', 'l3s'] as const;
export type IpvlanMode = (typeof IPVLAN_MODES)[number];
export const IPVLAN_FLAGS = ['bridge', 'private', 'vepa'] as const;
export type IpvlanFlag = (typeof IPVLAN_FLAGS)[number];

/** What `ip link add` asks for. */
export interface LinkOptions {
  readonly kind: string;
  /** May hold one `%d`; the kind's own pattern (`veth%d`) if it is left out. */
  readonly name?: string;
  readonly mac?: Mac;
  readonly mtu?: number;
  /** The device below, for macvlan, ipvlan and vlan (`link DEV`). */
  readonly link?: Device;
  readonly peer?: PeerOptions;
  readonly bridge?: BridgeOptions;
  readonly vxlan?: VxlanOptions;
  readonly macvlan?: { readonly mode?: MacvlanMode };
  readonly ipvlan?: { readonly mode?: IpvlanMode; readonly flag?: IpvlanFlag };
  readonly vlan?: { readonly id: number };
}

export interface DeviceKind {
  /** As after `ip link add type`. */
  readonly name: string;
  /** MTU limits, as `ip -d link` shows them; a maximum of 0 stands for none. */
  readonly minMtuBytes: number;
  readonly maxMtuBytes: number;
  /**
   * Makes a device, not yet registered (a veth's peer with it). `mac` is drawn or given already.
   * @throws KernelError when the options cannot be.
   */
  readonly make: (netns: Netns, options: LinkOptions, mac: Mac) => Device;
  /** Before it goes up (ndo_open). @throws KernelError when it may not. */
  readonly open: ((sim: Simulator, device: Device) => void) | null;
  /** After it went down (ndo_stop). */
  readonly stop: ((sim: Simulator, device: Device) => void) | null;
  /** Gives up what the device holds: queued packets, its place on other devices, its FDB. */
  readonly destroy: ((sim: Simulator, device: Device) => void) | null;
  /** Whether there is carrier; null: always. */
  readonly hasCarrier: ((device: Device) => boolean) | null;
  /** Refuses an MTU beyond the general limits. @throws KernelError */
  readonly checkMtu: ((device: Device, mtuBytes: number) => void) | null;
  /** The kind's part of `ip -d link show`: `vxlan id 42 ...`, without a leading blank. */
  readonly describe: (device: Device) => string;
}
