/** The swarm's part of `docker info`. @source moby api/types/swarm/swarm.go Info; docker cli command/system/info.go */
import { formatIpv4 } from '../../../base/ipv4-address.ts';
import { makePrng, nextInt32 } from '../../../base/prng.ts';
import type { DockerEngine } from '../../../docker/engine-record.ts';
import { type SwarmInfo, swarmInfo } from '../../../swarm/api/swarm.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import { humanDuration, timestamp } from './duration-text.ts';
import { type GoStruct, goMap, goStruct, NIL_SLICE } from './go-value.ts';
import { majorVersion } from './port-text.ts';

/** The DER text of `CN = swarm-ca`, as every swarm has it. */
export const ISSUER_SUBJECT = 'MBMxETAPBgNVBAMTCHN3YXJtLWNh';

const ELECTION_TICK = 10;
const HEARTBEAT_TICK = 1;
const SLOW_FOLLOWER_ENTRIES = 500;
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Unlike Docker, the certificate is no certificate: a text that changes when the authority does. */
export function trustRootOf({ settings }: Cluster): string {
  const lines = ['MIIB', '', '', '', ''].map(
    (start, at) => start + digits(settings.caDigest, `certificate ${at}`, 64 - start.length),
  );
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

export function issuerKeyOf({ settings }: Cluster): string {
  return `MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE${digits(settings.caDigest, 'key', 86)}==`;
}

function digits(seed: string, what: string, count: number): string {
  const stream = makePrng(0, `swarm/ca/${seed}/${what}`);
  let text = '';
  while (text.length < count) text += BASE64[nextInt32(stream) & 63];
  return text;
}

export function swarmDocument(engine: DockerEngine): GoStruct {
  const info = swarmInfo(engine);
  const { cluster } = info;
  return goStruct('swarm.Info', {
    NodeID: info.nodeId,
    NodeAddr: info.nodeAddress === null ? '' : formatIpv4(info.nodeAddress),
    LocalNodeState: info.state,
    ControlAvailable: info.isManager,
    Error: info.error,
    RemoteManagers:
      info.remoteManagers.length === 0
        ? NIL_SLICE
        : info.remoteManagers.map(({ nodeId, address, port }) =>
            goStruct('swarm.Peer', { NodeID: nodeId, Addr: `${formatIpv4(address)}:${port}` }),
          ),
    ...(cluster === null
      ? {}
      : {
          Nodes: cluster.store.nodes.size,
          Managers: managersIn(cluster),
          Cluster: clusterDocument(engine, cluster),
        }),
  });
}

function managersIn({ store }: Cluster): number {
  return [...store.nodes.values()].filter(({ managerStatus }) => managerStatus !== null).length;
}

function clusterDocument(engine: DockerEngine, cluster: Cluster): GoStruct {
  const { settings } = cluster;
  const { epochS } = engine.world;
  return goStruct('swarm.ClusterInfo', {
    ID: cluster.id,
    Version: goStruct('swarm.Version', { Index: settings.versionIndex }),
    CreatedAt: timestamp(epochS, cluster.createdNs),
    UpdatedAt: timestamp(epochS, settings.updatedNs),
    Spec: clusterSpec(cluster),
    TLSInfo: goStruct('swarm.TLSInfo', {
      TrustRoot: trustRootOf(cluster),
      CertIssuerSubject: ISSUER_SUBJECT,
      CertIssuerPublicKey: issuerKeyOf(cluster),
    }),
    RootRotationInProgress: false,
    DefaultAddrPool: poolTexts(engine, cluster),
    SubnetSize: cluster.subnetPrefixLength,
    DataPathPort: cluster.dataPathPort,
  });
}

function clusterSpec({ settings }: Cluster): GoStruct {
  return goStruct('swarm.Spec', {
    Name: 'default',
    Labels: goMap([]),
    Orchestration: goStruct('swarm.OrchestrationConfig', {
      TaskHistoryRetentionLimit: settings.taskHistoryLimit,
    }),
    Raft: goStruct('swarm.RaftConfig', {
      SnapshotInterval: settings.snapshotInterval,
      KeepOldSnapshots: settings.keepOldSnapshots,
      LogEntriesForSlowFollowers: SLOW_FOLLOWER_ENTRIES,
      ElectionTick: ELECTION_TICK,
      HeartbeatTick: HEARTBEAT_TICK,
    }),
    Dispatcher: goStruct('swarm.DispatcherConfig', {
      HeartbeatPeriod: settings.heartbeatPeriodNs,
    }),
    CAConfig: goStruct('swarm.CAConfig', { NodeCertExpiry: settings.certificateExpiryNs }),
    TaskDefaults: goStruct('swarm.TaskDefaults', {}),
    EncryptionConfig: goStruct('swarm.EncryptionConfig', {
      AutoLockManagers: settings.isAutolocked,
    }),
  });
}

/** Null if the user named none. */
function poolTexts(engine: DockerEngine, { addressPools }: Cluster) {
  const texts = addressPools.map(
    ({ address, prefixLength }) => `${formatIpv4(address)}/${prefixLength}`,
  );
  if (majorVersion(engine) < 23) return texts.length === 0 ? ['10.0.0.0/8'] : texts;
  return texts.length === 0 || texts.join() === '10.0.0.0/8' ? NIL_SLICE : texts;
}

/** ` Swarm: active` and what follows, each line with its newline. */
export function swarmText(engine: DockerEngine): string {
  const info = swarmInfo(engine);
  const lines = [` Swarm: ${info.state}`];
  if (info.state !== 'inactive' && info.state !== 'locked') {
    lines.push(`  NodeID: ${info.nodeId}`);
    if (info.error !== '') lines.push(`  Error: ${info.error}`);
    lines.push(`  Is Manager: ${info.isManager}`);
    if (info.cluster !== null) lines.push(...clusterLines(info.cluster));
    if (info.nodeAddress !== null) lines.push(`  Node Address: ${formatIpv4(info.nodeAddress)}`);
    lines.push(...managerLines(info));
  }
  return `${lines.join('\n')}\n`;
}

function clusterLines(cluster: Cluster): string[] {
  const { settings } = cluster;
  const pools = cluster.addressPools.map(
    ({ address, prefixLength }) => `${formatIpv4(address)}/${prefixLength}`,
  );
  const poolText = pools.length === 0 ? '10.0.0.0/8' : pools.join('  ');
  return [
    `  ClusterID: ${cluster.id}`,
    `  Managers: ${managersIn(cluster)}`,
    `  Nodes: ${cluster.store.nodes.size}`,
    `  Default Address Pool: ${poolText}  `,
    `  SubnetSize: ${cluster.subnetPrefixLength}`,
    `  Data Path Port: ${cluster.dataPathPort}`,
    '  Orchestration:',
    `   Task History Retention Limit: ${settings.taskHistoryLimit}`,
    '  Raft:',
    `   Snapshot Interval: ${settings.snapshotInterval}`,
    `   Number of Old Snapshots to Retain: ${settings.keepOldSnapshots}`,
    `   Heartbeat Tick: ${HEARTBEAT_TICK}`,
    `   Election Tick: ${ELECTION_TICK}`,
    '  Dispatcher:',
    `   Heartbeat Period: ${humanDuration(settings.heartbeatPeriodNs)}`,
    '  CA Configuration:',
    `   Expiry Duration: ${humanDuration(settings.certificateExpiryNs)}`,
    '   Force Rotate: 0',
    `  Autolock Managers: ${settings.isAutolocked}`,
    '  Root Rotation In Progress: false',
  ];
}

function managerLines({ remoteManagers }: SwarmInfo): string[] {
  if (remoteManagers.length === 0) return [];
  const addresses = remoteManagers.map(({ address, port }) => `   ${formatIpv4(address)}:${port}`);
  return ['  Manager Addresses:', ...addresses.sort()];
}
