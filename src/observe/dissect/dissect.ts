/**
 * A frame taken apart field by field, each with the bytes it stands in, as a protocol analyser shows
 * it: for the page and for reports. Reads nothing outside bytes[start, end), whatever the bytes say.
 */
import { readUint16 } from '../../protocols/bytes.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_VLAN,
} from '../../protocols/ethernet.ts';
import { VLAN_TAG_BYTES } from '../../protocols/vlan.ts';
import { dissectIpv4 } from './internet.ts';
import {
  addData,
  addField,
  addressText,
  addTruncated,
  beginLayer,
  type Dissection,
  endLayer,
  hex,
  type Layer,
  macText,
} from './layer.ts';

export type { Field, Layer } from './layer.ts';

/** Ethertypes by name. @source IEEE 802 numbers */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  [ETHERTYPE_IPV4]: 'IPv4',
  [ETHERTYPE_ARP]: 'ARP',
  [ETHERTYPE_VLAN]: '802.1Q',
  34525: 'IPv6',
};

/** The layers of the Ethernet frame bytes[start, end), outermost first. */
export function dissectFrame(bytes: Uint8Array, start = 0, end: number = bytes.length): Layer[] {
  const dissection: Dissection = { bytes, origin: start, layers: [] };
  dissectEthernet(dissection, start, end);
  return dissection.layers;
}

/** The layers of the IPv4 packet bytes[start, end) without a frame around it. */
export function dissectDatagram(bytes: Uint8Array, start = 0, end = bytes.length): Layer[] {
  const dissection: Dissection = { bytes, origin: start, layers: [] };
  dissectIpv4(dissection, start, end, dissectEthernet);
  return dissection.layers;
}

function dissectEthernet(dissection: Dissection, start: number, end: number): void {
  const { bytes } = dissection;
  if (end - start < ETHERNET_BYTES) {
    addTruncated(dissection, 'eth', start, end);
    return;
  }
  const draft = beginLayer(dissection, 'eth', start);
  const target = macText(bytes, start);
  const source = macText(bytes, start + 6);
  const type = readUint16(bytes, start + 12);
  addField(draft, ['eth.dst', 'Destination'], 0, 6, target);
  addField(draft, ['eth.src', 'Source'], 6, 6, source);
  addField(draft, ['eth.type', 'Type'], 12, 2, typeText(type));
  endLayer(draft, start + ETHERNET_BYTES, `Ethernet, ${source} to ${target}`);
  dissectType(dissection, type, start + ETHERNET_BYTES, end);
}

function dissectType(dissection: Dissection, type: number, start: number, end: number): void {
  if (type === ETHERTYPE_IPV4) dissectIpv4(dissection, start, end, dissectEthernet);
  else if (type === ETHERTYPE_ARP) dissectArp(dissection, start, end);
  else if (type === ETHERTYPE_VLAN) dissectVlan(dissection, start, end);
  else addData(dissection, start, end);
}

function dissectVlan(dissection: Dissection, start: number, end: number): void {
  if (end - start < VLAN_TAG_BYTES) {
    addTruncated(dissection, 'vlan', start, end);
    return;
  }
  const { bytes } = dissection;
  const draft = beginLayer(dissection, 'vlan', start);
  const tag = readUint16(bytes, start);
  const id = tag & 0xfff;
  const type = readUint16(bytes, start + 2);
  addField(draft, ['vlan.priority', 'Priority'], 0, 1, String(tag >> 13));
  addField(draft, ['vlan.dei', 'Drop eligible'], 0, 1, String((tag >> 12) & 1));
  addField(draft, ['vlan.id', 'VLAN'], 0, 2, String(id));
  addField(draft, ['vlan.etype', 'Type'], 2, 2, typeText(type));
  endLayer(draft, start + VLAN_TAG_BYTES, `802.1Q VLAN ${id}`);
  dissectType(dissection, type, start + VLAN_TAG_BYTES, end);
}

const ARP_BYTES = 28;
const ARP_NAMES: Readonly<Record<number, string>> = { 1: 'request', 2: 'reply' };

function dissectArp(dissection: Dissection, start: number, end: number): void {
  if (end - start < ARP_BYTES) {
    addTruncated(dissection, 'arp', start, end);
    return;
  }
  const { bytes } = dissection;
  const draft = beginLayer(dissection, 'arp', start);
  const operation = readUint16(bytes, start + 6);
  const name = ARP_NAMES[operation] ?? 'unknown operation';
  const sender = addressText(bytes, start + 14);
  const target = addressText(bytes, start + 24);
  addField(draft, ['arp.hw.type', 'Hardware type'], 0, 2, String(readUint16(bytes, start)));
  addField(draft, ['arp.proto.type', 'Protocol type'], 2, 2, hex(readUint16(bytes, start + 2), 4));
  addField(draft, ['arp.hw.size', 'Hardware size'], 4, 1, String(bytes[start + 4]));
  addField(draft, ['arp.proto.size', 'Protocol size'], 5, 1, String(bytes[start + 5]));
  addField(draft, ['arp.opcode', 'Operation'], 6, 2, `${operation} (${name})`);
  addField(draft, ['arp.src.hw_mac', 'Sender MAC'], 8, 6, macText(bytes, start + 8));
  addField(draft, ['arp.src.proto_ipv4', 'Sender address'], 14, 4, sender);
  addField(draft, ['arp.dst.hw_mac', 'Target MAC'], 18, 6, macText(bytes, start + 18));
  addField(draft, ['arp.dst.proto_ipv4', 'Target address'], 24, 4, target);
  const title =
    operation === 1
      ? `ARP, who has ${target}? Tell ${sender}`
      : `ARP ${name}, ${sender} is at ${macText(bytes, start + 8)}`;
  endLayer(draft, start + ARP_BYTES, title);
  // What follows is padding to the smallest frame.
  if (end > start + ARP_BYTES) addPadding(dissection, start + ARP_BYTES, end);
}

function addPadding(dissection: Dissection, start: number, end: number): void {
  const draft = beginLayer(dissection, 'padding', start);
  addField(draft, ['eth.padding', 'Padding'], 0, end - start, `${end - start} bytes`);
  endLayer(draft, end, `Padding, ${end - start} bytes`);
}

function typeText(type: number): string {
  const name = TYPE_NAMES[type];
  return name === undefined ? hex(type, 4) : `${hex(type, 4)} (${name})`;
}
