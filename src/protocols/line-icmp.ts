/** ICMP in the words of tcpdump. @source tcpdump 4.99 print-icmp.c */
import { readInt32 } from './bytes.ts';
import { checksumOf } from './checksum.ts';
import {
  ICMP_BYTES,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  isIcmpError,
  UNREACHABLE_FRAG_NEEDED,
  UNREACHABLE_HOST,
  UNREACHABLE_NET,
  UNREACHABLE_PORT,
  UNREACHABLE_PROTOCOL,
} from './icmp.ts';
import { ipHeaderBytes, ipTotalBytes, PROTOCOL_TCP, PROTOCOL_UDP } from './ipv4.ts';
import {
  addressText,
  type LineContext,
  type LinePacket,
  need,
  portText,
  wordAt,
} from './line-context.ts';

/** Words after the address, by code of "unreachable"; `net` and `host` go before it. */
const UNREACHABLE_WORDS: Readonly<Record<number, readonly [before: string, after: string]>> = {
  5: ['', ' - source route failed'],
  6: ['net ', ' - unknown'],
  7: ['host ', ' - unknown'],
  8: ['', ' - source host isolated'],
  9: ['net ', ' - admin prohibited'],
  10: ['host ', ' - admin prohibited'],
  11: ['net ', ' - tos prohibited'],
  12: ['host ', ' - tos prohibited'],
  13: ['host ', ' - admin prohibited filter'],
  14: ['host ', ' - host precedence violation'],
  15: ['host ', ' - precedence cutoff'],
};

const OTHER_TYPES: Readonly<Record<number, string>> = {
  4: 'source quench',
  9: 'router advertisement',
  10: 'router solicitation',
  13: 'time stamp query',
  14: 'time stamp reply',
  15: 'information request',
  16: 'information reply',
  17: 'address mask request',
  18: 'address mask reply',
};

export function icmpLine(context: LineContext, packet: LinePacket): string {
  const { bytes, options } = context;
  const { start, sizeBytes } = packet;
  need(context, start, 2, 'icmp');
  const type = bytes[start]!;
  let text = `ICMP ${describe(context, start)}, length ${sizeBytes}`;
  if (options.verbosity > 0 && !packet.isFragmented && start + sizeBytes <= context.end) {
    const sum = checksumOf(bytes, start, start + sizeBytes);
    if (sum !== 0) {
      const found = wordAt(context, start + 2, 'icmp');
      text += ` (wrong icmp cksum ${found.toString(16)} (->${shouldBe(found, sum)})!)`;
    }
  }
  if (options.verbosity > 0 && isIcmpError(type)) {
    const quoted = start + ICMP_BYTES;
    need(context, quoted, 20, 'icmp');
    const quotedBytes = ipTotalBytes(bytes, quoted);
    const { end } = context;
    context.end = Math.min(end, quoted + quotedBytes);
    text += `\n\t${context.ipText(context, quoted, quotedBytes)}`;
    context.end = end;
  }
  return text;
}

/** The checksum that would make the sum right. */
export function shouldBe(found: number, sum: number): string {
  let right = found + sum;
  right = (right & 0xffff) + (right >> 16);
  return right.toString(16);
}

function describe(context: LineContext, start: number): string {
  const { bytes } = context;
  const type = bytes[start]!;
  const code = bytes[start + 1]!;
  switch (type) {
    case ICMP_ECHO:
    case ICMP_ECHO_REPLY: {
      const what = type === ICMP_ECHO ? 'request' : 'reply';
      const id = wordAt(context, start + 4, 'icmp');
      return `echo ${what}, id ${id}, seq ${wordAt(context, start + 6, 'icmp')}`;
    }
    case ICMP_UNREACHABLE:
      return describeUnreachable(context, start, code);
    case ICMP_REDIRECT: {
      need(context, start, 28, 'icmp');
      const kinds = ['redirect % to net', 'redirect % to host', 'redirect-tos % to net'];
      const kind = [...kinds, 'redirect-tos % to host'][code] ?? `redirect-#${code} % to`;
      return `${kind.replace('%', addressText(context, start + 24))} ${addressText(context, start + 4)}`;
    }
    case ICMP_TIME_EXCEEDED:
      need(context, start, 28, 'icmp');
      if (code === 0) return 'time exceeded in-transit';
      return code === 1 ? 'ip reassembly time exceeded' : `time exceeded-#${code}`;
    case ICMP_PARAMETER_PROBLEM:
      if (code !== 0) return `parameter problem - code ${code}`;
      need(context, start, 5, 'icmp');
      return `parameter problem - octet ${bytes[start + 4]}`;
    default:
      return OTHER_TYPES[type] ?? `type-#${type}`;
  }
}

function describeUnreachable(context: LineContext, start: number, code: number): string {
  const { bytes } = context;
  const quoted = start + ICMP_BYTES;
  need(context, quoted, 20, 'icmp');
  const target = addressText(context, quoted + 16);
  switch (code) {
    case UNREACHABLE_NET:
      return `net ${target} unreachable`;
    case UNREACHABLE_HOST:
      return `host ${target} unreachable`;
    case UNREACHABLE_PROTOCOL:
      return `${target} protocol ${bytes[quoted + 9]} unreachable`;
    case UNREACHABLE_PORT: {
      const protocol = bytes[quoted + 9]!;
      const port = wordAt(context, quoted + ipHeaderBytes(bytes, quoted) + 2, 'icmp');
      if (protocol === PROTOCOL_TCP) {
        return `${target} tcp port ${portText(context, port, 'tcp')} unreachable`;
      }
      if (protocol === PROTOCOL_UDP) {
        return `${target} udp port ${portText(context, port, 'udp')} unreachable`;
      }
      return `${target} protocol ${protocol} port ${port} unreachable`;
    }
    case UNREACHABLE_FRAG_NEEDED: {
      const mtu = readInt32(bytes, start + 4) & 0xffff;
      return `${target} unreachable - need to frag${mtu === 0 ? '' : ` (mtu ${mtu})`}`;
    }
    default: {
      const words = UNREACHABLE_WORDS[code];
      if (words === undefined) return `${target} unreachable - #${code}`;
      return `${words[0]}${target} unreachable${words[1]}`;
    }
  }
}
