/** What `docker node inspect` shows. @source moby api/types/swarm/node.go; docker cli command/node/formatter.go */
import { formatIpv4 } from '../../../base/ipv4-address.ts';
import type { DockerEngine } from '../../../docker/engine-record.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import type { NodeObject } from '../../../swarm/objects.ts';
import { binarySize, goTime, timestamp } from './duration-text.ts';
import { type GoStruct, type GoValue, goMap, goStruct } from './go-value.ts';
import { ISSUER_SUBJECT, issuerKeyOf, trustRootOf } from './swarm-info.ts';
import { capitalised } from './swarm-request.ts';

const PLUGINS: ReadonlyArray<readonly [string, readonly string[]]> = [
  [
    'Log',
    ['awslogs', 'fluentd', 'gcplogs', 'gelf', 'journald', 'json-file', 'local', 'splunk', 'syslog'],
  ],
  ['Network', ['bridge', 'host', 'ipvlan', 'macvlan', 'null', 'overlay']],
  ['Volume', ['local']],
];

export function nodeDocument(engine: DockerEngine, cluster: Cluster, node: NodeObject): GoStruct {
  const { spec, description, status, managerStatus } = node;
  const { epochS } = engine.world;
  return goStruct('swarm.Node', {
    ID: node.id,
    Version: goStruct('swarm.Version', { Index: node.versionIndex }),
    CreatedAt: timestamp(epochS, node.createdNs),
    UpdatedAt: timestamp(epochS, node.updatedNs),
    Spec: goStruct('swarm.NodeSpec', {
      Labels: goMap(spec.labels),
      Role: spec.role,
      Availability: spec.availability,
    }),
    Description: goStruct('swarm.NodeDescription', {
      Hostname: description.hostname,
      Platform: goStruct('swarm.Platform', {
        Architecture: description.architecture,
        OS: description.os,
      }),
      Resources: goStruct('swarm.Resources', {
        NanoCPUs: description.nanoCpus,
        MemoryBytes: description.memoryBytes,
      }),
      Engine: goStruct('swarm.EngineDescription', {
        EngineVersion: description.engineVersion,
        Labels: description.engineLabels.size === 0 ? undefined : goMap(description.engineLabels),
        Plugins: PLUGINS.flatMap(([type, names]) =>
          names.map((name) => goStruct('swarm.PluginDescription', { Type: type, Name: name })),
        ),
      }),
      TLSInfo: tlsDocument(cluster),
    }),
    Status: goStruct('swarm.NodeStatus', {
      State: status.state,
      Message: status.message === '' ? undefined : status.message,
      Addr: formatIpv4(status.address),
    }),
    ...(managerStatus === null
      ? {}
      : {
          ManagerStatus: goStruct('swarm.ManagerStatus', {
            Leader: managerStatus.isLeader ? true : undefined,
            Reachability: managerStatus.reachability,
            Addr: `${formatIpv4(managerStatus.address)}:${managerStatus.port}`,
          }),
        }),
  });
}

export function tlsDocument(cluster: Cluster): GoValue {
  return goStruct('swarm.TLSInfo', {
    TrustRoot: trustRootOf(cluster),
    CertIssuerSubject: ISSUER_SUBJECT,
    CertIssuerPublicKey: issuerKeyOf(cluster),
  });
}

/** `docker node inspect --pretty`. */
export function nodePretty(engine: DockerEngine, cluster: Cluster, node: NodeObject): string {
  const { description, status, spec } = node;
  const joined = goTime(engine.world.epochS, node.createdNs, true).replace('UTC', 'utc');
  return `${[
    `ID:\t\t\t${node.id}`,
    ...labelLines('Labels:', spec.labels),
    `Hostname:              \t${description.hostname}`,
    `Joined at:             \t${joined}`,
    'Status:',
    ` State:\t\t\t${capitalised(status.state)}`,
    ...(status.message === '' ? [] : [` Message:              \t${capitalised(status.message)}`]),
    ` Availability:         \t${capitalised(spec.availability)}`,
    ` Address:\t\t${formatIpv4(status.address)}`,
    ...managerLines(node),
    'Platform:',
    ` Operating System:\t${description.os}`,
    ` Architecture:\t\t${description.architecture}`,
    'Resources:',
    ` CPUs:\t\t\t${Math.floor(description.nanoCpus / 1e9)}`,
    ` Memory:\t\t${binarySize(description.memoryBytes)}`,
    'Plugins:',
    ...PLUGINS.map(([type, names]) => ` ${type}:\t\t${names.join(', ')}`),
    `Engine Version:\t\t${description.engineVersion}`,
    ...labelLines('Engine Labels:', description.engineLabels),
    'TLS Info:',
    ` TrustRoot:\n${trustRootOf(cluster)}`,
    ` Issuer Subject:\t${ISSUER_SUBJECT}`,
    ` Issuer Public Key:\t${issuerKeyOf(cluster)}`,
  ].join('\n')}\n`;
}

function managerLines({ managerStatus }: NodeObject): string[] {
  if (managerStatus === null) return [];
  return [
    'Manager Status:',
    ` Address:\t\t${formatIpv4(managerStatus.address)}:${managerStatus.port}`,
    ` Raft Status:\t\t${capitalised(managerStatus.reachability)}`,
    ` Leader:\t\t${managerStatus.isLeader ? 'Yes' : 'No'}`,
  ];
}

function labelLines(head: string, labels: ReadonlyMap<string, string>): string[] {
  if (labels.size === 0) return [];
  const keys = [...labels.keys()].sort();
  const lineOf = (key: string): string => {
    const value = labels.get(key);
    return value === '' ? ` - ${key}` : ` - ${key}=${value}`;
  };
  return [head, ...keys.map(lineOf)];
}
