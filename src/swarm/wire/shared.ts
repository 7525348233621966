/**
 * What the wire keeps once for a whole cluster: Raft's configuration and the keys, as the managers have
 * agreed on them.
 * @source swarmkit manager/state/raft/membership; manager/keymanager
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { nextBelow, nextInt32 } from '../../base/prng.ts';
import { streamOf } from '../../engine/simulator.ts';
import type { Cluster } from '../manager/cluster.ts';
import type { NodeRole, ObjectId } from '../objects.ts';

/** A key of the data plane; the tag is its Lamport time. */
export interface NetworkKey {
  readonly tag: number;
  readonly key: Uint8Array;
}

export interface RaftMember {
  readonly nodeId: ObjectId;
  readonly raftId: number;
  readonly address: Ipv4;
  readonly port: number;
}

export interface SharedWire {
  /** In order of joining. */
  readonly raftMembers: Map<ObjectId, RaftMember>;
  /** What each node is now, as its certificate says (its spec says what it is to be). */
  readonly roles: Map<ObjectId, NodeRole>;
  /** [old, current, next] */
  keys: readonly NetworkKey[];
}

/** Bytes of a key: AES-128. */
const KEY_BYTES = 16;
const KEYRING_SIZE = 3;
/** Lamport times begin somewhere below this. @source keymanager.go genSkew() */
const SKEW_MAX = 65_536;

const shared = new WeakMap<Cluster, SharedWire>();

/** The cluster's record, made at the first call. */
export function sharedOf(cluster: Cluster): SharedWire {
  let record = shared.get(cluster);
  if (record === undefined) {
    record = { raftMembers: new Map(), roles: new Map(), keys: firstKeys(cluster) };
    shared.set(cluster, record);
  }
  return record;
}

function firstKeys(cluster: Cluster): NetworkKey[] {
  // The gossip's three keys come first.
  const skew = nextBelow(streamOf(cluster.world.sim, 'swarm/keys'), SKEW_MAX) + KEYRING_SIZE;
  const keys: NetworkKey[] = [];
  for (let i = 1; i <= KEYRING_SIZE; i++) keys.push(makeKey(cluster, skew + i));
  return keys;
}

function makeKey(cluster: Cluster, tag: number): NetworkKey {
  const stream = streamOf(cluster.world.sim, 'swarm/keys');
  const key = new Uint8Array(KEY_BYTES);
  for (let i = 0; i < KEY_BYTES; i++) key[i] = nextInt32(stream) & 0xff;
  return { tag, key };
}

/** The oldest key goes, a new one comes (every 12 hours). @source keymanager.go rotateKey() */
export function rotateKeys(cluster: Cluster): void {
  const record = sharedOf(cluster);
  const { keys } = record;
  const newest = keys[keys.length - 1]!.tag;
  // Gossip's new key takes the number in between.
  record.keys = [...keys.slice(1), makeKey(cluster, newest + 2)];
}
