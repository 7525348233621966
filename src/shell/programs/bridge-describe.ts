/** The settings of a bridge's port, as `ip -d link` shows them. */

import { macOf } from '../../base/mac-address.ts';
import type { Bridge, BridgePort } from '../../devices/bridge.ts';
import type { Device } from '../../engine/device.ts';

/** `8000.2:42:0:0:0:1`: the priority and the address without leading zeroes. */
export function bridgeId(bridge: Device): string {
  const mac = macOf(bridge.macHi, bridge.macLo);
  const octets = [40, 32, 24, 16, 8, 0].map((shift) => Math.floor(mac / 2 ** shift) % 256);
  return `8000.${octets.map((octet) => octet.toString(16)).join(':')}`;
}

const onOff = (isOn: boolean): string => (isOn ? 'on' : 'off');

/**
 * What a port shows; `isNew`: as iproute2 6.15 does.
 * @source iproute2 ip/iplink_bridge_slave.c bridge_slave_print_opt()
 */
export function describeBridgePort(port: BridgePort, isNew = false): string {
  const id = bridgeId(port.bridge);
  const portId = port.portNumber | 0x8000;
  const state = port.isForwarding ? 'forwarding' : 'disabled';
  return [
    `bridge_slave state ${state} priority ${port.priority} cost ${port.cost}`,
    `hairpin ${onOff(port.isHairpin)} guard off root_block off fastleave off`,
    `learning ${onOff(port.isLearning)} flood ${onOff(port.floodsUnicast)}`,
    `port_id 0x${portId.toString(16)} port_no 0x${port.portNumber.toString(16)}`,
    `designated_port ${portId} designated_cost 0 designated_bridge ${id} designated_root ${id}`,
    'hold_timer    0.00 message_age_timer    0.00 forward_delay_timer    0.00',
    'topology_change_ack 0 config_pending 0 proxy_arp off proxy_arp_wifi off mcast_router 1',
    `mcast_fast_leave off mcast_flood ${onOff(port.floodsMulticast)}`,
    `bcast_flood ${onOff(port.floodsBroadcast)} mcast_to_unicast off neigh_suppress off${isNew ? ' neigh_vlan_suppress off' : ''}`,
    `group_fwd_mask ${port.groupForwardMask} group_fwd_mask_str 0x${port.groupForwardMask.toString(16)}`,
    `vlan_tunnel off isolated ${onOff(port.isIsolated)} locked off${isNew ? ' mab off' : ''}`,
  ].join(' ');
}

/** A bridge's own settings as iproute2 6.1 shows them, with what 6.15 added. */
export function withNewBridgeWords(text: string, learnedCount: number): string {
  return text
    .replace(
      / (vlan_default_pvid|group_fwd_mask)/,
      ` fdb_n_learned ${learnedCount} fdb_max_learned 0 $1`,
    )
    .replace(' mcast_router', ' mst_enabled 0 mcast_router');
}

/**
 * What a kernel with CONFIG_BRIDGE_VLAN_FILTERING adds: the one that the recorded swarms ran on has it, that
 * of the recorded single host has not.
 */
export function withVlanWords(text: string, { defaultPvid }: Bridge): string {
  return text
    .replace('vlan_filtering 0', 'vlan_filtering 0 vlan_protocol 802.1Q')
    .replace(
      ' group_fwd_mask',
      ` vlan_default_pvid ${defaultPvid} vlan_stats_enabled 0 vlan_stats_per_port 0 group_fwd_mask`,
    );
}

/** A VXLAN device's settings as iproute2 6.1 shows them, in the order of 6.15, which leaves out defaults. */
export function withNewVxlanWords(text: string): string {
  const switches = text.match(/ (nolearning|proxy|rsc|l2miss|l3miss|noudpcsum)\b/g) ?? [];
  const rest = text.replace(
    / (nolearning|proxy|rsc|l2miss|l3miss|noudpcsum|udpcsum|noudp6zerocsum[rt]x)\b/g,
    '',
  );
  return rest + switches.join('');
}

/** The settings in a line of `bridge -d link`. */
export function describePortFlags(port: BridgePort): string {
  return [
    `hairpin ${onOff(port.isHairpin)} guard off root_block off fastleave off`,
    `learning ${onOff(port.isLearning)} flood ${onOff(port.floodsUnicast)}`,
    `mcast_flood ${onOff(port.floodsMulticast)} bcast_flood ${onOff(port.floodsBroadcast)}`,
    'mcast_router 1 mcast_to_unicast off neigh_suppress off vlan_tunnel off',
    `isolated ${onOff(port.isIsolated)} locked off`,
  ].join(' ');
}
