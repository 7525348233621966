/**
 * HTTP/1.1 messages as bytes: finding the end of a header, its fields, and the body's length.
 * @source RFC 9112
 */

const decoder = new TextDecoder('latin1');
const encoder = new TextEncoder();

/** Bytes that a header may have in all before it is given up. */
export const HTTP_HEADER_MAX_BYTES = 102_400;

export interface HttpHeader {
  /** `GET /path HTTP/1.1` or `HTTP/1.1 200 OK`. */
  readonly startLine: string;
  /** All of it as it came, with the empty line. */
  readonly text: string;
  /** By lower-case name; the last value of a name counts. */
  readonly fields: ReadonlyMap<string, string>;
  readonly sizeBytes: number;
}

/** The header at the front of `bytes`; null while its end has not come. */
export function parseHttpHeader(bytes: Uint8Array): HttpHeader | null {
  const end = headerEnd(bytes);
  if (end < 0) return null;
  const text = decoder.decode(bytes.subarray(0, end));
  const [startLine = '', ...lines] = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0)
      fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return { startLine, text, fields, sizeBytes: end };
}

/** One past the empty line, or -1. */
function headerEnd(bytes: Uint8Array): number {
  for (let i = 0; i + 1 < bytes.length; i++) {
    if (bytes[i] !== 10) continue;
    if (bytes[i + 1] === 10) return i + 2;
    if (bytes[i + 1] === 13 && bytes[i + 2] === 10) return i + 3;
  }
  return -1;
}

/** How the end of a body is found. */
export type BodyLength =
  | { readonly kind: 'known'; readonly sizeBytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

/** What the fields of a reply say of its body. @source RFC 9112 section 6.3 */
export function bodyLengthOf(status: number, method: string, header: HttpHeader): BodyLength {
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) {
    return { kind: 'known', sizeBytes: 0 };
  }
  if (/\bchunked\b/i.test(header.fields.get('transfer-encoding') ?? '')) return { kind: 'chunked' };
  const length = header.fields.get('content-length');
  if (length !== undefined && /^\d+$/.test(length)) {
    return { kind: 'known', sizeBytes: Number(length) };
  }
  return { kind: 'until-close' };
}

/** A chunked body so far: its data, and whether the last chunk has come; null if it is malformed. */
export function decodeChunks(bytes: Uint8Array): { data: Uint8Array; isWhole: boolean } | null {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf(10, at);
    if (lineEnd < 0) return { data: concat(parts), isWhole: false };
    const size = /^[0-9a-fA-F]+/.exec(decoder.decode(bytes.subarray(at, lineEnd)))?.[0];
    if (size === undefined) return null;
    const length = Number.parseInt(size, 16);
    const start = lineEnd + 1;
    if (length === 0) {
      const isWhole = bytes.length >= start + 2;
      return { data: concat(parts), isWhole };
    }
    parts.push(bytes.subarray(start, Math.min(start + length, bytes.length)));
    if (start + length + 2 > bytes.length) return { data: concat(parts), isWhole: false };
    at = start + length + 2;
  }
}

/** All parts in one array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Text as UTF-8 bytes. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}
