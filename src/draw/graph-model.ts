/**
 * A snapshot as a graph: machines, namespaces, interfaces and networks are nodes, what joins them are
 * edges. For other programs, and for asking for paths.
 */
import { MultiUndirectedGraph } from 'graphology';
import type { Snapshot } from './snapshot.ts';

export type NodeKind = 'machine' | 'namespace' | 'interface' | 'network';
export type EdgeKind = 'contains' | 'link' | 'port' | 'parent' | 'tunnel' | 'member';

export interface GraphNode {
  readonly label: string;
  readonly kind: NodeKind;
  /** Finer: veth, bridge; container, sandbox ... */
  readonly type: string;
  readonly parent: string;
  readonly addresses: string;
  readonly mac: string;
  readonly mtu: number;
  readonly network: string;
}

export interface GraphEdge {
  readonly kind: EdgeKind;
  readonly network: string;
}

export type NetworkGraph = MultiUndirectedGraph<GraphNode, GraphEdge>;

const NOTHING = { type: '', parent: '', addresses: '', mac: '', mtu: 0, network: '' } as const;

export function makeGraph(snapshot: Snapshot): NetworkGraph {
  const graph: NetworkGraph = new MultiUndirectedGraph<GraphNode, GraphEdge>();
  const { machines, namespaces, devices, networks } = snapshot;
  for (const { id, name, kind } of machines) {
    graph.addNode(id, { ...NOTHING, label: name, kind: 'machine', type: kind });
  }
  for (const { id, label, kind, machineId } of namespaces) {
    const node = { ...NOTHING, label, kind: 'namespace', type: kind, parent: machineId } as const;
    graph.addNode(id, node);
  }
  for (const { id, name, driver, subnets } of networks) {
    const addresses = subnets.join(' ');
    graph.addNode(id, { ...NOTHING, label: name, kind: 'network', type: driver, addresses });
  }
  for (const device of devices) {
    graph.addNode(device.id, {
      label: device.name,
      kind: 'interface',
      type: device.isLoopback ? 'loopback' : device.kind,
      parent: device.namespaceId,
      addresses: device.addresses
        .map(({ address, prefixLength }) => `${address}/${prefixLength}`)
        .join(' '),
      mac: device.mac,
      mtu: device.mtuBytes,
      network: device.networkId ?? '',
    });
  }
  addEdges(graph, snapshot);
  return graph;
}

function addEdges(graph: NetworkGraph, { namespaces, devices }: Snapshot): void {
  const add = (kind: EdgeKind, from: string, to: string | null, network: string): void => {
    if (to === null || !graph.hasNode(from) || !graph.hasNode(to)) return;
    const key = `${kind} ${from} ${to}`;
    if (!graph.hasEdge(key)) graph.addEdgeWithKey(key, from, to, { kind, network });
  };
  for (const { id, machineId } of namespaces) add('contains', machineId, id, '');
  for (const device of devices) {
    const { id, namespaceId, peerId, masterId, parentId, networkId, underlayNamespaceId } = device;
    const network = networkId ?? '';
    add('contains', namespaceId, id, '');
    // A pair is one edge: the end with the smaller id has it.
    if (peerId !== null && id < peerId) add('link', id, peerId, network);
    add('port', id, masterId, network);
    add('parent', id, parentId, network);
    add('tunnel', id, underlayNamespaceId, network);
    if (device.addresses.length > 0) add('member', id, networkId, network);
  }
}
