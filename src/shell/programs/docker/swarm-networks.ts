/** Networks of a swarm beside the engine's own: what a manager lists, and what a node knows of those in use. */
import { formatIpv4, type Ipv4 } from '../../../base/ipv4-address.ts';
import type { DockerEngine, DockerNetwork } from '../../../docker/engine-record.ts';
import { DockerError } from '../../../docker/engine-record.ts';
import { findNetwork } from '../../../docker/network-create.ts';
import { type EndpointRecord, memberOf } from '../../../swarm/member.ts';
import { settle } from '../../../swarm/network/deferral.ts';
import {
  type NodeNetworking,
  networkingOf,
  type Overlay,
} from '../../../swarm/network/overlay-record.ts';
import { markOf } from '../../../swarm/network/service-binding.ts';
import type { NetworkObject } from '../../../swarm/objects.ts';
import { requireLeader } from '../../../swarm/wire/leader.ts';
import type { ProgramContext } from '../../program.ts';
import { engineFor } from './daemon.ts';
import { timestamp } from './duration-text.ts';
import { type GoStruct, type GoValue, goMap, goStruct, NIL_MAP, NIL_SLICE } from './go-value.ts';
import { networkDocument } from './network-document.ts';
import { majorVersion } from './port-text.ts';
import { inProcess } from './swarm-request.ts';

export const VNI_OPTION = 'com.docker.network.driver.overlay.vxlanid_list';
/** Networks of every node that managers know by name only. */
const NODE_NETWORKS = ['bridge', 'host', 'none'];

/** A network as the commands see it: the engine's, or only the managers'. */
export type AnyNetwork =
  | { readonly kind: 'local'; readonly network: DockerNetwork }
  | { readonly kind: 'swarm'; readonly network: NetworkObject };

/** The managers' networks if this node is a manager that can ask; else none. */
export async function swarmNetworks(context: ProgramContext): Promise<readonly NetworkObject[]> {
  const member = memberOf(engineFor(context));
  if (member === null || member.role !== 'manager') return [];
  try {
    const { store } = await inProcess(context, (process) => requireLeader(member, process));
    return [...store.networks.values()].filter(({ name }) => !NODE_NETWORKS.includes(name));
  } catch (error) {
    if (error instanceof DockerError) return [];
    throw error;
  }
}

/** All networks, each once: in use here, they are the engine's. */
export async function allNetworks(context: ProgramContext): Promise<AnyNetwork[]> {
  const engine = engineFor(context);
  const own = [...engine.networks.values()];
  const others = (await swarmNetworks(context)).filter(({ id }) => !engine.networks.has(id));
  return [
    ...own.map((network) => ({ kind: 'local' as const, network })),
    ...others.map((network) => ({ kind: 'swarm' as const, network })),
  ];
}

/** By id, name or the beginning of an id. @throws DockerError 404, 400 ambiguous. */
export function findAnyNetwork(
  engine: DockerEngine,
  others: readonly NetworkObject[],
  reference: string,
): AnyNetwork {
  const notHere = others.filter(({ id }) => !engine.networks.has(id));
  const named = notHere.filter(({ id, name }) => id === reference || name === reference);
  const isNamedHere = [...engine.networks.values()].some(({ name }) => name === reference);
  if (named.length > 0 && isNamedHere) {
    const how = `${named.length + 1} matches found on name`;
    throw new DockerError(400, `network ${reference} is ambiguous (${how})`);
  }
  if (named[0] !== undefined) return { kind: 'swarm', network: named[0] };
  try {
    return { kind: 'local', network: findNetwork(engine, reference) };
  } catch (error) {
    if (!(error instanceof DockerError) || error.status !== 404) throw error;
    const begun = reference === '' ? [] : notHere.filter(({ id }) => id.startsWith(reference));
    if (begun.length === 1) return { kind: 'swarm', network: begun[0]! };
    if (begun.length === 0) throw error;
    const how = `${begun.length} matches found based on ID prefix`;
    throw new DockerError(400, `network ${reference} is ambiguous (${how})`);
  }
}

/** Whether the managers have given it all that it needs. */
export function isAllocated({ vnis, ipam, driver }: NetworkObject): boolean {
  return vnis.length > 0 || (driver !== 'overlay' && ipam.length > 0);
}

/** What the managers say of a network that is not in use here. @source moby daemon/cluster/convert/network.go */
export function swarmNetworkDocument(engine: DockerEngine, network: NetworkObject): GoStruct {
  const isDone = isAllocated(network);
  const options = new Map([...network.options, [VNI_OPTION, network.vnis.join(',')]]);
  const sorted = isDone ? goMap(options as Map<string, string>) : NIL_MAP; // pairs of texts
  const labels = network.labels.size === 0 ? NIL_MAP : goMap(network.labels);
  const isNew = majorVersion(engine) >= 29;
  return goStruct('types.NetworkResource', {
    Name: network.name,
    Id: network.id,
    Created: timestamp(engine.world.epochS, network.createdNs),
    Scope: 'swarm',
    Driver: isDone ? network.driver : '',
    ...(majorVersion(engine) >= 28 ? { EnableIPv4: true } : {}),
    EnableIPv6: network.isIpv6,
    IPAM: goStruct('network.IPAM', {
      Driver: isDone ? network.ipamDriver || 'default' : '',
      Options: NIL_MAP,
      Config: isDone ? network.ipam.map(ipamDocument) : NIL_SLICE,
    }),
    Internal: network.isInternal,
    Attachable: network.isAttachable,
    Ingress: network.isIngress,
    ConfigFrom: goStruct('network.ConfigReference', { Network: network.configFrom }),
    ConfigOnly: false,
    ...(isNew
      ? { Options: sorted, Labels: labels, Containers: NIL_MAP }
      : { Containers: NIL_MAP, Options: sorted, Labels: labels }),
  });
}

function ipamDocument({
  subnet,
  prefixLength,
  gateway,
  range,
}: NetworkObject['ipam'][number]): GoValue {
  return goStruct('network.IPAMConfig', {
    Subnet: `${formatIpv4(subnet)}/${prefixLength}`,
    IPRange: range === null ? undefined : `${formatIpv4(range.address)}/${range.prefixLength}`,
    Gateway: formatIpv4(gateway),
  });
}

/** A network in use here: with its peers, and (`--verbose`) its services. */
export function anyNetworkDocument(
  engine: DockerEngine,
  any: AnyNetwork,
  isVerbose: boolean,
): GoStruct {
  if (any.kind === 'swarm') return swarmNetworkDocument(engine, any.network);
  const document = networkDocument(engine, any.network);
  const node = networkingOf(engine);
  const overlay = node?.overlays.get(any.network.id);
  if (node === null || overlay === undefined) return document;
  const peers = node.member.gossip.peersOf(overlay.object.id);
  return goStruct('types.NetworkResource', {
    ...document.fields,
    ...(peers.length === 0
      ? {}
      : {
          Peers: peers.map(({ name, address }) =>
            goStruct('network.PeerInfo', { Name: name, IP: formatIpv4(address) }),
          ),
        }),
    ...(isVerbose && overlay.rows.size > 0 ? { Services: servicesDocument(node, overlay) } : {}),
  });
}

/** @source libnetwork/agent.go Network.Services() */
function servicesDocument(node: NodeNetworking, overlay: Overlay): GoValue {
  settle(node, overlay);
  const byService = new Map<string, { row: EndpointRecord; tasks: GoStruct[] }>();
  for (const [endpointId, row] of overlay.rows) {
    const entry = byService.get(row.serviceName) ?? { row, tasks: [] };
    byService.set(row.serviceName, entry);
    entry.tasks.push(
      goStruct('network.Task', {
        Name: row.name,
        EndpointID: endpointId,
        EndpointIP: formatIpv4(row.endpointAddress),
        Info: goMap([['Host IP', formatIpv4(hostOf(node, overlay, endpointId, row))]]),
      }),
    );
  }
  return goMap(
    [...byService].map(([name, { row, tasks }]) => [
      name,
      goStruct('network.ServiceInfo', {
        VIP: row.virtualAddress === null ? '<nil>' : formatIpv4(row.virtualAddress),
        Ports: row.ingressPorts.map(
          ({ targetPort, publishedPort }) => `Target: ${targetPort}, Publish: ${publishedPort}`,
        ),
        LocalLBIndex: row.serviceId === '' ? 0 : markOf(node, overlay, row),
        Tasks: tasks,
      }),
    ]),
  );
}

/** Where an endpoint runs: its tunnel's end. */
function hostOf(
  { member }: NodeNetworking,
  overlay: Overlay,
  endpointId: string,
  row: EndpointRecord,
): Ipv4 {
  const peers = overlay.peers.get(row.endpointAddress) ?? [];
  const peer = peers.find((each) => each.endpointId === endpointId) ?? peers[0];
  return peer?.record.tunnelEndpoint ?? member.dataPathAddress;
}
