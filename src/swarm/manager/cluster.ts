/**
 * What the members of one swarm share.
 * @source swarmkit api/objects.proto Cluster; manager/state/store
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { World } from '../../world/world.ts';
import type { SwarmMember } from '../member.ts';
import type { ObjectId } from '../objects.ts';
import type { Store } from './store.ts';

export interface Cluster {
  readonly world: World;
  readonly id: ObjectId;
  readonly createdNs: number;
  /** The objects, as a quorum of managers has agreed on them: the same on each, so kept once. */
  readonly store: Store;
  /** By node id: who takes part, reachable or not. */
  readonly members: Map<ObjectId, SwarmMember>;
  /** `--data-path-port`. */
  readonly dataPathPort: number;
  /** `--default-addr-pool` and its mask length: 10.0.0.0/8 cut into /24. */
  readonly addressPools: readonly { readonly address: Ipv4; readonly prefixLength: number }[];
  readonly subnetPrefixLength: number;
  settings: ClusterSettings;
}

/** What `docker swarm update` changes. */
export interface ClusterSettings {
  readonly versionIndex: number;
  readonly updatedNs: number;
  readonly taskHistoryLimit: number;
  readonly heartbeatPeriodNs: number;
  readonly snapshotInterval: number;
  readonly keepOldSnapshots: number;
  readonly certificateExpiryNs: number;
  readonly isAutolocked: boolean;
  readonly unlockKey: string;
  readonly workerToken: string;
  readonly managerToken: string;
  /** Of the stand-in certificate authority: the digest part of the tokens. */
  readonly caDigest: string;
}
