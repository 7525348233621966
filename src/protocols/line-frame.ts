/** Ethernet and ARP in the words of tcpdump. @source tcpdump 4.99 print-ether.c, print-arp.c */
import { formatMacHalves } from '../base/mac-address.ts';
import { readInt32, readUint16 } from './bytes.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_VLAN,
} from './ethernet.ts';
import { addressText, hex16, type LineContext, need } from './line-context.ts';
import { hexAndAscii } from './line-hex.ts';

const ETHERTYPE_NAMES: Readonly<Record<number, string>> = {
  [ETHERTYPE_IPV4]: 'IPv4',
  [ETHERTYPE_ARP]: 'ARP',
  [ETHERTYPE_IPV6]: 'IPv6',
  [ETHERTYPE_VLAN]: '802.1Q',
  34984: '802.1Q-QinQ',
  35020: 'LLDP',
  35041: 'Unknown',
};
const ARP_OPERATIONS: Readonly<Record<number, string>> = {
  1: 'Request',
  2: 'Reply',
  3: 'Reverse Request',
  4: 'Reverse Reply',
};

/** A frame of `sizeBytes` on the wire, of which bytes[start, context.end) were captured. */
export function frameLine(context: LineContext, start: number, sizeBytes: number): string {
  const { bytes, options } = context;
  if (context.end - start < ETHERNET_BYTES) return '[|ether]';
  const addresses = `${macText(context, start + 6)} > ${macText(context, start)}, `;
  let text = options.showsLink ? addresses : '';
  let type = readUint16(bytes, start + 12);
  let at = start + ETHERNET_BYTES;
  let hasLength = false;
  const lengthText = (): string => {
    const shown = hasLength ? ', ' : `, length ${sizeBytes}: `;
    hasLength = true;
    return shown;
  };
  while (type === ETHERTYPE_VLAN || type === 34984) {
    if (context.end - at < 4) return `${text}[|vlan]`;
    const tag = readUint16(bytes, at);
    const drop = (tag & 0x1000) !== 0 ? ', DEI' : '';
    const vlan = `vlan ${tag & 0xfff}, p ${tag >> 13}${drop}, `;
    if (options.showsLink) text += typeText(context, type) + lengthText() + vlan;
    type = readUint16(bytes, at + 2);
    at += 4;
  }
  const restBytes = sizeBytes - (at - start);
  if (options.showsLink) text += typeText(context, type) + lengthText();
  switch (type) {
    case ETHERTYPE_IPV4:
      return text + context.ipText(context, at, restBytes);
    case ETHERTYPE_ARP:
      return text + arpLine(context, at, restBytes);
    default:
      if (!options.showsLink) text += addresses + typeText(context, type) + lengthText();
      return text + hexAndAscii(bytes, at, context.end);
  }
}

function typeText(context: LineContext, type: number): string {
  const name = ETHERTYPE_NAMES[type];
  if (context.options.isQuick) return name ?? `Unknown Ethertype (${hex16(type)})`;
  return `ethertype ${name ?? 'Unknown'} (${hex16(type)})`;
}

function macText(context: LineContext, offset: number): string {
  const { bytes } = context;
  const hi = readUint16(bytes, offset);
  const lo = readInt32(bytes, offset + 2);
  const text = formatMacHalves(hi, lo);
  if (context.options.isNumeric) return text;
  return hi === 0xffff && lo === -1 ? 'Broadcast' : `${text} (oui Unknown)`;
}

function arpLine(context: LineContext, start: number, sizeBytes: number): string {
  const { bytes, options } = context;
  need(context, start, 28, 'arp');
  const operation = readUint16(bytes, start + 6);
  let text = options.showsLink ? '' : 'ARP, ';
  const isOrdinary =
    readUint16(bytes, start + 2) === ETHERTYPE_IPV4 &&
    bytes[start + 5] === 4 &&
    bytes[start + 4] === 6;
  if (!isOrdinary || options.verbosity > 0) {
    const hardware = readUint16(bytes, start) === 1 ? 'Ethernet' : 'Unknown Hardware';
    const protocol = ETHERTYPE_NAMES[readUint16(bytes, start + 2)] ?? 'Unknown Protocol';
    text += `${hardware} (len ${bytes[start + 4]}), ${protocol} (len ${bytes[start + 5]})`;
    if (options.verbosity === 0) return `${text}, length ${sizeBytes}`;
    text += ', ';
  }
  text += `${ARP_OPERATIONS[operation] ?? `Unknown (${operation})`} `;
  const target = addressText(context, start + 24);
  const sender = addressText(context, start + 14);
  if (operation === 1) {
    const asked = readUint16(bytes, start + 18) | readInt32(bytes, start + 20);
    const mac = asked === 0 ? '' : ` (${macText(context, start + 18)})`;
    text += `who-has ${target}${mac} tell ${sender}`;
  } else if (operation === 2) {
    text += `${sender} is-at ${macText(context, start + 8)}`;
  } else {
    return text + hexAndAscii(bytes, start, Math.min(context.end, start + sizeBytes));
  }
  return `${text}, length ${sizeBytes}`;
}
