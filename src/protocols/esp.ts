/**
 * ESP, the encapsulating security payload.
 *
 *     0    4    8      8+iv                             end-icv
 *     |spi |seq | iv ..|payload..|1 2 3 ..|padlen|next  |icv ..|
 *
 * The payload with its trailer is encrypted; header, IV and ciphertext are authenticated.
 * @source RFC 4303, RFC 4106; net/ipv4/esp4.c
 */
import { cryptGcm, type GcmKey, gcmKeyOf, tagGcm } from './aes-gcm.ts';
import { readInt32, writeInt32 } from './bytes.ts';

/** SPI and sequence number. */
export const ESP_BYTES = 8;

/** The SPI, unsigned. */
export const espSpi = (bytes: Uint8Array, esp: number): number => readInt32(bytes, esp) >>> 0;
/** The sequence number, unsigned. */
export const espSequence = (bytes: Uint8Array, esp: number): number =>
  readInt32(bytes, esp + 4) >>> 0;

/** What does the work of one security association. */
export interface EspCipher {
  readonly ivBytes: number;
  /** Payload and trailer fill whole blocks of this. */
  readonly blockBytes: number;
  readonly icvBytes: number;
  /** Writes the IV of a packet with this sequence number at bytes[iv, iv + ivBytes). */
  writeIv(bytes: Uint8Array, iv: number, sequence: number): void;
  /** Encrypts bytes[start, end) in place and writes the ICV behind it; `esp` is the header's offset. */
  seal(bytes: Uint8Array, esp: number, start: number, end: number): void;
  /** Verifies the ICV at `end` and decrypts bytes[start, end) in place; false, and nothing done, if it is wrong. */
  open(bytes: Uint8Array, esp: number, start: number, end: number): boolean;
}

const tag = new Int32Array(4);

/**
 * rfc4106(gcm(aes)).
 * @param keyAndSalt the AES key (16, 24 or 32 bytes) and four bytes of salt.
 * @param ivHigh ivLow what the IV counter is mixed with. @source crypto/seqiv.c
 */
export function makeGcmCipher(
  keyAndSalt: Uint8Array,
  icvBytes: number,
  ivHigh: number,
  ivLow: number,
): EspCipher {
  const key = gcmKeyOf(keyAndSalt.subarray(0, keyAndSalt.length - 4));
  const salt = readInt32(keyAndSalt, keyAndSalt.length - 4);
  return {
    ivBytes: 8,
    blockBytes: 4,
    icvBytes,
    writeIv: (bytes, iv, sequence) => {
      writeInt32(bytes, iv, ivHigh);
      writeInt32(bytes, iv + 4, ivLow ^ sequence);
    },
    seal: (bytes, esp, start, end) => {
      const high = readInt32(bytes, esp + ESP_BYTES);
      const low = readInt32(bytes, esp + ESP_BYTES + 4);
      cryptGcm(key, salt, high, low, bytes, start, end);
      tagOf(key, salt, bytes, esp, start, end);
      for (let i = 0; i < icvBytes; i++) bytes[end + i] = tag[i >> 2]! >>> (24 - ((i & 3) << 3));
    },
    open: (bytes, esp, start, end) => {
      tagOf(key, salt, bytes, esp, start, end);
      for (let i = 0; i < icvBytes; i++) {
        if (bytes[end + i] !== ((tag[i >> 2]! >>> (24 - ((i & 3) << 3))) & 255)) return false;
      }
      const high = readInt32(bytes, esp + ESP_BYTES);
      const low = readInt32(bytes, esp + ESP_BYTES + 4);
      cryptGcm(key, salt, high, low, bytes, start, end);
      return true;
    },
  };
}

function tagOf(
  key: GcmKey,
  salt: number,
  bytes: Uint8Array,
  esp: number,
  start: number,
  end: number,
): void {
  const high = readInt32(bytes, esp + ESP_BYTES);
  const low = readInt32(bytes, esp + ESP_BYTES + 4);
  tagGcm(key, salt, high, low, bytes, esp, esp + ESP_BYTES, start, end, tag);
}

/** Length of an ESP packet's trailer (padding, its length, next header) behind `payloadBytes`. */
export function espTrailerBytes(cipher: EspCipher, payloadBytes: number): number {
  const { blockBytes } = cipher;
  return Math.ceil((payloadBytes + 2) / blockBytes) * blockBytes - payloadBytes;
}

/**
 * Writes header, IV and trailer around the payload bytes[start, end), encrypts and authenticates. The
 * header begins at `esp`, which is ESP_BYTES and the IV before start.
 * @returns the end of the packet.
 */
export function sealEsp(
  cipher: EspCipher,
  bytes: Uint8Array,
  esp: number,
  start: number,
  end: number,
  spi: number,
  sequence: number,
  nextProtocol: number,
): number {
  writeInt32(bytes, esp, spi);
  writeInt32(bytes, esp + 4, sequence);
  cipher.writeIv(bytes, esp + ESP_BYTES, sequence);
  const trailerBytes = espTrailerBytes(cipher, end - start);
  const sealed = end + trailerBytes;
  for (let i = 0; i < trailerBytes - 2; i++) bytes[end + i] = i + 1;
  bytes[sealed - 2] = trailerBytes - 2;
  bytes[sealed - 1] = nextProtocol;
  cipher.seal(bytes, esp, start, sealed);
  return sealed + cipher.icvBytes;
}

/** What openEsp says of a packet that it cannot give back. */
export const ESP_GARBAGE = -1;
export const ESP_INTEGRITY = -2;

/**
 * Verifies and decrypts the ESP packet bytes[esp, end).
 * @returns the end of its payload, which begins at esp + ESP_BYTES + ivBytes, or why there is none. The
 *   next header stands at end - icvBytes - 1.
 * @source esp_input(), esp_remove_trailer()
 */
export function openEsp(cipher: EspCipher, bytes: Uint8Array, esp: number, end: number): number {
  const start = esp + ESP_BYTES + cipher.ivBytes;
  const sealed = end - cipher.icvBytes;
  if (sealed - start < 2) return ESP_GARBAGE;
  if (!cipher.open(bytes, esp, start, sealed)) return ESP_INTEGRITY;
  const paddingBytes = bytes[sealed - 2]!;
  if (paddingBytes + 2 >= sealed - start) return ESP_GARBAGE;
  return sealed - 2 - paddingBytes;
}
