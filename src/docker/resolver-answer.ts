/**
 * The embedded DNS's own answers.
 * @source moby libnetwork/resolver.go handleIPQuery(), handlePTRQuery(), handleMXQuery()
 */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { nextBelow, type Prng } from '../base/prng.ts';
import {
  addressOfReverseName,
  DNS_FLAG_RECURSION_AVAILABLE,
  DNS_FLAG_RECURSION_DESIRED,
  DNS_FLAG_RESPONSE,
  DNS_FLAG_TRUNCATED,
  DNS_TYPES,
  DNS_UDP_MAX_BYTES,
  type DnsMessage,
  type DnsRecord,
  writeDns,
} from '../protocols/dns.ts';
import type { Container } from './engine-record.ts';
import { addressesOfName, nameOfAddress } from './resolver-names.ts';

const TTL_SEC = 600;
const RCODE_SERVFAIL = 2;
const CLASS_IN = 1;

/** An answer from what the engine knows; null: somebody else is to be asked. */
export function answerLocally(
  container: Container,
  query: DnsMessage,
  isNdotsSet: boolean,
  stream: Prng,
): DnsMessage | null {
  const question = query.questions[0];
  if ((query.flags & DNS_FLAG_RESPONSE) !== 0 || question === undefined) return failureOf(query);
  const { name, type } = question;
  if (type === DNS_TYPES.PTR) {
    const address = addressOfReverseName(name);
    const found = address === null ? null : nameOfAddress(container, address);
    return found === null ? null : answerOf(query, [recordOf(name, type, found)]);
  }
  if (type !== DNS_TYPES.A && type !== DNS_TYPES.AAAA && type !== DNS_TYPES.MX) return null;
  const addresses = addressesOfName(container, name);
  if (addresses.length > 0) {
    // It has no IPv6 address and no mail server, but it is known: an empty answer.
    if (type !== DNS_TYPES.A) return answerOf(query, []);
    const records = shuffled(addresses, stream).map((each) =>
      recordOf(name, type, formatIpv4(each)),
    );
    return answerOf(query, records);
  }
  // A bare name that the search list is to complete.
  const isBare = !name.includes('.') && type !== DNS_TYPES.MX;
  return isBare && isNdotsSet ? answerOf(query, []) : null;
}

/** SERVFAIL: nobody knew, or nobody could be asked. */
export function failureOf(query: DnsMessage): DnsMessage {
  const flags = DNS_FLAG_RESPONSE | (query.flags & DNS_FLAG_RECURSION_DESIRED) | RCODE_SERVFAIL;
  return { ...answerOf(query, []), flags };
}

/** Bytes that the asker can take in a datagram. */
export function sizeLimitOf(query: DnsMessage): number {
  const edns = query.additionals.find(({ type }) => type === DNS_TYPES.OPT);
  return Math.max(DNS_UDP_MAX_BYTES, edns?.class ?? 0);
}

/** The bytes of an answer, with fewer records and marked so if they are too many. */
export function truncated(answer: DnsMessage, limitBytes: number): Uint8Array {
  let bytes = writeDns(answer, false);
  if (bytes.length <= limitBytes) return bytes;
  const answers = [...answer.answers];
  const flags = answer.flags | DNS_FLAG_TRUNCATED;
  while (bytes.length > limitBytes && answers.length > 0) {
    answers.pop();
    bytes = writeDns({ ...answer, flags, answers });
  }
  return bytes;
}

function answerOf(query: DnsMessage, answers: readonly DnsRecord[]): DnsMessage {
  const flags =
    DNS_FLAG_RESPONSE | (query.flags & DNS_FLAG_RECURSION_DESIRED) | DNS_FLAG_RECURSION_AVAILABLE;
  const { id, questions } = query;
  return { id, flags, questions, answers, authorities: [], additionals: [] };
}

function recordOf(name: string, type: number, value: string): DnsRecord {
  const data =
    type === DNS_TYPES.A
      ? ({ kind: 'address', address: value } as const)
      : ({ kind: 'name', name: value } as const);
  return { name, type, class: CLASS_IN, ttlSec: TTL_SEC, data };
}

/** Fisher-Yates; draws nothing for a single address. */
function shuffled(addresses: readonly Ipv4[], stream: Prng): Ipv4[] {
  const all = [...addresses];
  for (let i = all.length - 1; i > 0; i--) {
    const other = nextBelow(stream, i + 1);
    [all[i], all[other]] = [all[other]!, all[i]!];
  }
  return all;
}
