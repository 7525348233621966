/** A new cluster: its record, its first node, the ingress network. @source swarmkit manager/manager.go becomeLeader() */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { NS_PER_SEC } from '../../base/units.ts';
import { timeNs } from '../../engine/simulator.ts';
import type { World } from '../../world/world.ts';
import type { Cluster, ClusterSettings } from '../manager/cluster.ts';
import { makeObjectId } from '../manager/ids.ts';
import { makeStore, updateStore } from '../manager/store.ts';
import { makeCaDigest, makeJoinToken, makeUnlockKey } from './swarm-tokens.ts';

/** What is left out stays as it is. */
export type SettingsChange = Partial<
  Pick<
    ClusterSettings,
    | 'taskHistoryLimit'
    | 'heartbeatPeriodNs'
    | 'snapshotInterval'
    | 'keepOldSnapshots'
    | 'certificateExpiryNs'
    | 'isAutolocked'
  >
>;

export interface ClusterOptions {
  /** 0 for 4789. */
  readonly dataPathPort: number;
  /** Empty for 10.0.0.0/8. */
  readonly addressPools: readonly { readonly address: Ipv4; readonly prefixLength: number }[];
  /** 0 for 24. */
  readonly subnetPrefixLength: number;
  readonly settings: SettingsChange;
}

const DATA_PATH_PORT = 4789;
const SUBNET_PREFIX_LENGTH = 24;
const DEFAULT_POOL = { address: 10 << 24, prefixLength: 8 };
const DAY_NS = 24 * 3600 * NS_PER_SEC;

const DEFAULTS = {
  taskHistoryLimit: 5,
  heartbeatPeriodNs: 5 * NS_PER_SEC,
  snapshotInterval: 10_000,
  keepOldSnapshots: 0,
  certificateExpiryNs: 90 * DAY_NS,
  isAutolocked: false,
} as const;

export function makeCluster(world: World, options: ClusterOptions): Cluster {
  const { sim } = world;
  const caDigest = makeCaDigest(sim);
  const settings = { ...DEFAULTS, ...options.settings };
  const { addressPools, subnetPrefixLength, dataPathPort } = options;
  return {
    world,
    id: makeObjectId(sim),
    createdNs: timeNs(sim),
    store: makeStore(),
    members: new Map(),
    dataPathPort: dataPathPort === 0 ? DATA_PATH_PORT : dataPathPort,
    addressPools: addressPools.length > 0 ? addressPools : [DEFAULT_POOL],
    subnetPrefixLength: subnetPrefixLength === 0 ? SUBNET_PREFIX_LENGTH : subnetPrefixLength,
    settings: {
      ...settings,
      versionIndex: 0,
      updatedNs: timeNs(sim),
      unlockKey: settings.isAutolocked ? makeUnlockKey(sim) : '',
      workerToken: makeJoinToken(sim, caDigest),
      managerToken: makeJoinToken(sim, caDigest),
      caDigest,
    },
  };
}

/** The network that every swarm begins with. */
export function addIngress(cluster: Cluster): void {
  updateStore(cluster, (transaction) =>
    transaction.create('network', {
      name: 'ingress',
      driver: 'overlay',
      labels: new Map(),
      options: new Map(),
      isInternal: false,
      isAttachable: false,
      isIngress: true,
      isIpv6: false,
      configFrom: '',
      ipamDriver: 'default',
      ipam: [],
      vnis: [],
      isSubnetNamed: false,
      isAllocated: false,
    }),
  );
}

/** A change of the settings: a new version. */
export function changeSettings(cluster: Cluster, change: Partial<ClusterSettings>): void {
  const { store, settings, world } = cluster;
  store.index++;
  cluster.settings = {
    ...settings,
    ...change,
    versionIndex: store.index,
    updatedNs: timeNs(world.sim),
  };
}
