/** The bytes of a request and of its answer, which says which replica gave it. */
import { bytesOf } from '../apps/http-message.ts';
import { NetsimError } from '../base/errors.ts';
import type { LoadSpec } from './load-spec.ts';

/** A datagram begins with the request's number and the replica that answered. */
const NUMBER_BYTES = 4;
const REPLICA_BYTES = 2;
export const DATAGRAM_MIN_BYTES = NUMBER_BYTES + REPLICA_BYTES;
/** What UDP over IPv4 can carry. */
export const DATAGRAM_MAX_BYTES = 65507;

const REPLICA_DIGITS = 4;

/** A conversation over a stream: what is sent, and how the answer tells its replica. */
export interface Exchange {
  readonly request: Uint8Array;
  /** The answer of a replica. */
  readonly replyOf: (replica: number) => Uint8Array;
  readonly replyBytes: number;
  /** Where the digits of the replica stand in the answer. */
  readonly replicaAt: number;
}

export function writeNumber(bytes: Uint8Array, number: number): void {
  for (let i = 0; i < NUMBER_BYTES; i++) bytes[i] = number >>> (8 * i);
}

export function readNumber(bytes: Uint8Array, at: number): number {
  let number = 0;
  for (let i = NUMBER_BYTES - 1; i >= 0; i--) number = number * 256 + bytes[at + i]!;
  return number;
}

export function writeReplica(bytes: Uint8Array, replica: number): void {
  bytes[NUMBER_BYTES] = replica;
  bytes[NUMBER_BYTES + 1] = replica >>> 8;
}

export function readReplica(bytes: Uint8Array, at: number): number {
  return bytes[at + NUMBER_BYTES]! + bytes[at + NUMBER_BYTES + 1]! * 256;
}

/** TCP: as many bytes each way. HTTP: a GET and a page with a body of so many bytes. */
export function makeExchange({
  protocol,
  requestBytes,
  replyBytes,
  isKeptAlive,
}: LoadSpec): Exchange {
  if (protocol === 'http') return httpExchange(replyBytes, isKeptAlive);
  const request = new Uint8Array(requestBytes).fill(0x2e);
  return {
    request,
    replyOf: (replica) => padded(digitsOf(replica), replyBytes),
    replyBytes,
    replicaAt: 0,
  };
}

function httpExchange(bodyBytes: number, isKeptAlive: boolean): Exchange {
  const connection = isKeptAlive ? 'keep-alive' : 'close';
  const request = bytesOf(
    `GET / HTTP/1.1\r\nHost: web\r\nUser-Agent: netsim\r\nAccept: */*\r\nConnection: ${connection}\r\n\r\n`,
  );
  const start = 'HTTP/1.1 200 OK\r\nX-Replica: ';
  const headerOf = (replica: number): string =>
    `${start}${digitsOf(replica)}\r\nContent-Type: text/plain\r\nContent-Length: ${bodyBytes}\r\n` +
    `Connection: ${connection}\r\n\r\n`;
  const replyBytes = headerOf(0).length + bodyBytes;
  return {
    request,
    replyOf: (replica) => padded(headerOf(replica), replyBytes),
    replyBytes,
    replicaAt: start.length,
  };
}

/** The replica that an answer names. @throws NetsimError if it is none of ours. */
export function replicaIn(reply: Uint8Array, { replicaAt }: Exchange): number {
  let number = 0;
  for (let i = 0; i < REPLICA_DIGITS; i++) number = number * 10 + reply[replicaAt + i]! - 48;
  if (Number.isInteger(number)) return number;
  throw new NetsimError('bench-answer', 'an answer names no replica');
}

function digitsOf(replica: number): string {
  return String(replica).padStart(REPLICA_DIGITS, '0');
}

function padded(head: string, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes).fill(0x2e);
  bytes.set(bytesOf(head).subarray(0, sizeBytes));
  return bytes;
}
