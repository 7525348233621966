/**
 * The subnets of a cluster's networks: `--default-addr-pool` cut into pieces, one after the other.
 * @source libnetwork/ipam/allocator.go getPredefinedPool(), libnetwork/ipamutils
 */
import type { Ipv4 } from '../../../base/ipv4-address.ts';
import type { Range } from './address-space.ts';

export interface SubnetPools {
  readonly pools: readonly Range[];
  readonly pieceLength: number;
  readonly taken: Range[];
  /** The piece that is tried next, counted over all pools. */
  cursor: number;
}

export function makeSubnetPools(pools: readonly Range[], pieceLength: number): SubnetPools {
  return { pools, pieceLength, taken: [], cursor: 0 };
}

/** The next piece that overlaps nothing; null if there is none. */
export function takeNextSubnet(pools: SubnetPools): Range | null {
  const total = pools.pools.reduce((sum, pool) => sum + piecesOf(pools, pool), 0);
  for (let i = 0; i < total; i++) {
    const piece = pieceAt(pools, pools.cursor);
    pools.cursor = (pools.cursor + 1) % total;
    if (takeSubnet(pools, piece)) return piece;
  }
  return null;
}

/** Takes this very subnet; false if it overlaps another. */
export function takeSubnet(pools: SubnetPools, subnet: Range): boolean {
  if (pools.taken.some((other) => overlap(other, subnet))) return false;
  pools.taken.push(subnet);
  return true;
}

export function releaseSubnet(pools: SubnetPools, subnet: Range): void {
  const at = pools.taken.findIndex(
    ({ address, prefixLength }) =>
      address === subnet.address && prefixLength === subnet.prefixLength,
  );
  if (at >= 0) pools.taken.splice(at, 1);
}

function piecesOf({ pieceLength }: SubnetPools, pool: Range): number {
  return 2 ** Math.max(0, pieceLength - pool.prefixLength);
}

function pieceAt(pools: SubnetPools, index: number): Range {
  let rest = index;
  for (const pool of pools.pools) {
    const pieces = piecesOf(pools, pool);
    if (rest < pieces) {
      const prefixLength = Math.max(pools.pieceLength, pool.prefixLength);
      const address: Ipv4 = ((pool.address >>> 0) + rest * 2 ** (32 - prefixLength)) | 0;
      return { address, prefixLength };
    }
    rest -= pieces;
  }
  return pools.pools[0]!; // the cursor stays below the number of pieces
}

function overlap(one: Range, other: Range): boolean {
  const oneEnd = (one.address >>> 0) + 2 ** (32 - one.prefixLength);
  const otherEnd = (other.address >>> 0) + 2 ** (32 - other.prefixLength);
  return one.address >>> 0 < otherEnd && other.address >>> 0 < oneEnd;
}
