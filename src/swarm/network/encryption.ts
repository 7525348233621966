/** Encrypted networks (`-o encrypted`). */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { NodeNetworking } from './overlay-record.ts';

/** A key of the data plane, as the managers hand it out. */
export interface DataKey {
  readonly tag: number;
  readonly key: Uint8Array;
}

export interface Encryption {
  /** The first one encrypts, all decrypt. */
  keys: readonly DataKey[];
}

export function makeEncryption(): Encryption {
  return { keys: [] };
}

export function encryptTowards(_node: NodeNetworking, _vni: number, _remote: Ipv4): void {}
export function leaveInClear(_node: NodeNetworking, _remote: Ipv4): void {}
export function setKeys(node: NodeNetworking, keys: readonly DataKey[]): void {
  node.encryption.keys = keys;
}

/** SPI, sequence number, IV, padding length, next header, ICV; and room for padding. @source maxMTU() */
export function encryptedMtu(mtuBytes: number): number {
  const left = mtuBytes - 26;
  return left - (left % 4);
}
