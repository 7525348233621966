/** TCP in the words of tcpdump. @source tcpdump 4.99 print-tcp.c, parsenfsfh.h's neighbours print-http.c */
import { readInt32, readUint16 } from './bytes.ts';
import { addToSum, finishSum, pseudoHeaderSum } from './checksum.ts';
import { ipSource, ipTarget } from './ipv4.ts';
import {
  addressText,
  hex16,
  type LineContext,
  type LinePacket,
  need,
  portText,
  type TcpFlowStart,
} from './line-context.ts';
import { domainLine } from './line-domain.ts';
import { shouldBe } from './line-icmp.ts';
import { textLine } from './line-text.ts';
import {
  TCP_ACK,
  TCP_BYTES,
  TCP_FIN,
  TCP_OPTION_END,
  TCP_OPTION_MSS,
  TCP_OPTION_NOP,
  TCP_OPTION_SACK,
  TCP_OPTION_SACK_PERMITTED,
  TCP_OPTION_TIMESTAMPS,
  TCP_OPTION_WINDOW_SCALE,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
  tcpFlags,
  tcpHeaderBytes,
  tcpSourcePort,
  tcpTargetPort,
  tcpWindow,
} from './tcp.ts';

const FLAG_LETTERS = 'FSRP.UEW';
const OPTION_NAMES: Readonly<Record<number, string>> = {
  [TCP_OPTION_END]: 'eol',
  [TCP_OPTION_NOP]: 'nop',
  [TCP_OPTION_MSS]: 'mss',
  [TCP_OPTION_WINDOW_SCALE]: 'wscale',
  [TCP_OPTION_SACK_PERMITTED]: 'sackOK',
  [TCP_OPTION_SACK]: 'sack',
  [TCP_OPTION_TIMESTAMPS]: 'TS',
  19: 'md5',
  28: 'uto',
  34: 'tfo',
};
/** Conversations whose first sequence numbers are kept. */
const FLOWS_MAX = 65536;

export function tcpLine(context: LineContext, packet: LinePacket): string {
  const { bytes, options } = context;
  const { ip, start } = packet;
  const source = addressText(context, ip + 12);
  const target = addressText(context, ip + 16);
  if (start + 4 > context.end) return `${source} > ${target}: [|tcp]`;
  const sourcePort = tcpSourcePort(bytes, start);
  const targetPort = tcpTargetPort(bytes, start);
  const from = `${source}.${portText(context, sourcePort, 'tcp')}`;
  let text = `${from} > ${target}.${portText(context, targetPort, 'tcp')}: `;
  if (start + TCP_BYTES > context.end) return `${text}[|tcp]`;
  const header = tcpHeaderBytes(bytes, start);
  if (header < TCP_BYTES) {
    return `${text} tcp ${packet.sizeBytes - header} [bad hdr length ${header} - too short, < 20]`;
  }
  if (options.isQuick) return `${text}tcp ${packet.sizeBytes - header}`;
  const flags = tcpFlags(bytes, start);
  const letters = [...FLAG_LETTERS].filter((_, bit) => (flags & (1 << bit)) !== 0).join('');
  text += `Flags [${letters === '' ? 'none' : letters}]`;
  const numbers = sequenceNumbers(context, packet, flags);
  if (header > packet.sizeBytes) {
    return `${text} [bad hdr length ${header} - too long, > ${packet.sizeBytes}]`;
  }
  text += checksumText(context, packet);
  const dataBytes = packet.sizeBytes - header;
  const { sequence, acknowledgment } = numbers;
  if (options.verbosity > 1 || dataBytes > 0 || (flags & (TCP_SYN | TCP_FIN | TCP_RST)) !== 0) {
    text += `, seq ${sequence >>> 0}`;
    if (dataBytes > 0) text += `:${(sequence + dataBytes) >>> 0}`;
  }
  if ((flags & TCP_ACK) !== 0) text += `, ack ${acknowledgment >>> 0}`;
  text += `, win ${tcpWindow(bytes, start)}`;
  if ((flags & TCP_URG) !== 0) text += `, urg ${readUint16(bytes, start + 18)}`;
  if (header > TCP_BYTES) {
    text += `, options [${optionsText(context, start, header, numbers.sackBase)}]`;
  }
  text += `, length ${dataBytes}`;
  if (dataBytes === 0) return text;
  return text + payloadText(context, start + header, dataBytes, sourcePort, targetPort);
}

interface Numbers {
  readonly sequence: number;
  readonly acknowledgment: number;
  /** What SACK edges are counted from. */
  readonly sackBase: number;
}

/** Numbers relative to the conversation's first ones, which are noted when first seen. */
function sequenceNumbers(context: LineContext, packet: LinePacket, flags: number): Numbers {
  const { bytes } = context;
  const { ip, start } = packet;
  const sequence = readInt32(bytes, start + 4);
  const acknowledgment = readInt32(bytes, start + 8);
  if (context.options.isAbsolute || (flags & TCP_ACK) === 0) {
    return { sequence, acknowledgment, sackBase: 0 };
  }
  const source = ipSource(bytes, ip);
  const target = ipTarget(bytes, ip);
  const sourcePort = tcpSourcePort(bytes, start);
  const targetPort = tcpTargetPort(bytes, start);
  const isReverse =
    sourcePort > targetPort || (sourcePort === targetPort && source >>> 0 > target >>> 0);
  const key = isReverse
    ? `${target}.${targetPort}.${source}.${sourcePort}`
    : `${source}.${sourcePort}.${target}.${targetPort}`;
  let flow = context.flows.get(key);
  const isNew = flow === undefined || (flags & TCP_SYN) !== 0;
  if (isNew) {
    flow = firstNumbers(isReverse, sequence, acknowledgment);
    if (context.flows.size >= FLOWS_MAX) context.flows.clear();
    context.flows.set(key, flow);
  }
  const known = flow as TcpFlowStart; // set above if it was undefined
  const sackBase = isReverse ? known.sequence : known.acknowledgment;
  if (isNew) return { sequence, acknowledgment, sackBase };
  const own = isReverse ? known.acknowledgment : known.sequence;
  const other = isReverse ? known.sequence : known.acknowledgment;
  return {
    sequence: (sequence - own) | 0,
    acknowledgment: (acknowledgment - other) | 0,
    sackBase,
  };
}

function firstNumbers(isReverse: boolean, sequence: number, acknowledgment: number): TcpFlowStart {
  return isReverse
    ? { acknowledgment: sequence, sequence: (acknowledgment - 1) | 0 }
    : { sequence, acknowledgment: (acknowledgment - 1) | 0 };
}

function checksumText(context: LineContext, packet: LinePacket): string {
  const { bytes, options } = context;
  const { ip, start, sizeBytes } = packet;
  const isWhole = start + sizeBytes <= context.end;
  if (options.verbosity === 0 || packet.isFragmented || !isWhole) return '';
  const pseudo = pseudoHeaderSum(ipSource(bytes, ip), ipTarget(bytes, ip), 6, sizeBytes);
  const sum = finishSum(addToSum(pseudo, bytes, start, start + sizeBytes));
  const found = readUint16(bytes, start + 16);
  const verdict =
    sum === 0 ? '(correct)' : `(incorrect -> 0x${shouldBe(found, sum).padStart(4, '0')})`;
  return `, cksum ${hex16(found)} ${verdict}`;
}

function optionsText(
  context: LineContext,
  start: number,
  header: number,
  sackBase: number,
): string {
  const { bytes } = context;
  const end = start + header;
  const parts: string[] = [];
  for (let at = start + TCP_BYTES; at < end; ) {
    need(context, at, 1, 'tcp');
    const kind = bytes[at]!;
    const name = OPTION_NAMES[kind] ?? `unknown-${kind}`;
    if (kind === TCP_OPTION_END || kind === TCP_OPTION_NOP) {
      parts.push(name);
      if (kind === TCP_OPTION_END) break;
      at++;
      continue;
    }
    need(context, at, 2, 'tcp');
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end) {
      parts.push('[bad opt]');
      break;
    }
    need(context, at, length, 'tcp');
    parts.push(name + optionValue(bytes, at, kind, length, sackBase));
    at += length;
  }
  return parts.join(',').replace(/,\[bad opt\]$/, '[bad opt]');
}

function optionValue(
  bytes: Uint8Array,
  at: number,
  kind: number,
  length: number,
  sackBase: number,
): string {
  switch (kind) {
    case TCP_OPTION_MSS:
      return ` ${readUint16(bytes, at + 2)}`;
    case TCP_OPTION_WINDOW_SCALE:
      return ` ${bytes[at + 2]}`;
    case TCP_OPTION_SACK_PERMITTED:
      return '';
    case TCP_OPTION_TIMESTAMPS:
      return ` val ${readInt32(bytes, at + 2) >>> 0} ecr ${readInt32(bytes, at + 6) >>> 0}`;
    case TCP_OPTION_SACK: {
      if ((length - 2) % 8 !== 0) return ' invalid sack';
      let text = ` ${(length - 2) / 8} `;
      for (let i = at + 2; i < at + length; i += 8) {
        const left = (readInt32(bytes, i) - sackBase) >>> 0;
        text += `{${left}:${(readInt32(bytes, i + 4) - sackBase) >>> 0}}`;
      }
      return text;
    }
    default: {
      let text = length > 2 ? ' 0x' : '';
      for (let i = at + 2; i < at + length; i++) text += bytes[i]!.toString(16).padStart(2, '0');
      return text;
    }
  }
}

/** What the ports say about the data. */
function payloadText(
  context: LineContext,
  start: number,
  sizeBytes: number,
  sourcePort: number,
  targetPort: number,
): string {
  const isPort = (port: number): boolean => sourcePort === port || targetPort === port;
  if (isPort(80) || isPort(8080)) return `: ${textLine(context, start, sizeBytes, 'HTTP')}`;
  if (isPort(21)) return `: ${textLine(context, start, sizeBytes, 'FTP')}`;
  if (isPort(25)) return `: ${textLine(context, start, sizeBytes, 'SMTP')}`;
  if (isPort(22)) return `: ${textLine(context, start, sizeBytes, 'SSH')}`;
  if (isPort(53) && sizeBytes > 2) {
    return ` ${domainLine(context, start + 2, sizeBytes - 2)}`;
  }
  return '';
}
