/**
 * When an endpoint takes part in its service: its row in endpoint_table, its names, its place behind
 * the load balancers. A row of this node counts here at once, elsewhere when the gossip brings it.
 * @source libnetwork/agent.go addServiceInfoToCluster(), handleEpTableEvent(); libnetwork/service_common.go
 */
import type { Container, DockerEndpoint } from '../../docker/engine-record.ts';
import type { EndpointRecord, SwarmMember } from '../member.ts';
import type { PortConfig } from '../objects.ts';
import { balancedAddressOf, ingressPortsOf } from './attachment.ts';
import { defer, settle } from './deferral.ts';
import { addBackend, disableBackend, removeBackend, removeBalancer } from './load-balancer.ts';
import {
  addName,
  addReverseName,
  type NameTable,
  removeName,
  removeReverseName,
} from './name-table.ts';
import {
  type BalancedService,
  type Balancer,
  type Change,
  type NodeNetworking,
  networkingOf,
  type Overlay,
  overlayOf,
} from './overlay-record.ts';

/** The container runs (and is healthy): others may find it and be balanced to it. */
export function bindTask(member: SwarmMember, container: Container): void {
  const node = networkingOf(member.engine);
  if (node === null) return;
  for (const endpoint of container.endpoints.values()) {
    const overlay = overlayOf(member.engine, endpoint.network)?.overlay;
    if (overlay !== undefined) bindContainer(node, overlay, endpoint);
  }
}

/** It is about to stop: weight 0 and no names anywhere; its rows go with its endpoints. */
export function unbindTask(member: SwarmMember, container: Container): void {
  const node = networkingOf(member.engine);
  if (node === null) return;
  for (const { id, network } of container.endpoints.values()) {
    const overlay = overlayOf(member.engine, network)?.overlay;
    const row = overlay?.rows.get(id);
    if (overlay === undefined || row === undefined || row.isServiceDisabled) continue;
    const disabled: EndpointRecord = { ...row, isServiceDisabled: true };
    member.gossip.updateEntry('endpoint_table', network.id, id, disabled);
    disableRow(overlay, node, id, disabled);
  }
}

/** Makes an endpoint's row. */
export function bindContainer(
  node: NodeNetworking,
  overlay: Overlay,
  endpoint: DockerEndpoint,
): void {
  const { id, container, address, dnsNames } = endpoint;
  const [name, ...taskAliases] = dnsNames;
  if (address === null || name === undefined || overlay.rows.has(id)) return;
  const task = node.tasks.get(container) ?? null;
  const leg = task?.attachments.find(({ network }) => network.id === overlay.object.id);
  const row: EndpointRecord = {
    kind: 'endpoint',
    name,
    serviceName: task?.serviceName ?? '',
    serviceId: task?.serviceId ?? '',
    virtualAddress: balancedAddressOf(node, container, overlay.object.id),
    endpointAddress: address,
    ingressPorts: overlay.object.isIngress ? ingressPortsOf(node, container) : [],
    aliases: leg?.aliases ?? [],
    taskAliases,
    isServiceDisabled: false,
  };
  node.member.gossip.createEntry('endpoint_table', overlay.object.id, id, row);
  addRow(node, overlay, id, row);
}

/** An endpoint of this node leaves its network. */
export function releaseEndpointRow(
  node: NodeNetworking,
  overlay: Overlay,
  endpointId: string,
): void {
  if (!overlay.rows.has(endpointId)) return;
  node.member.gossip.deleteEntry('endpoint_table', overlay.object.id, endpointId);
  removeRow(node, overlay, endpointId);
}

/**
 * A row is there. What it changes beside the first one of a service may wait until somebody looks.
 * @source addServiceBinding(), addContainerNameResolution()
 */
export function addRow(
  node: NodeNetworking,
  overlay: Overlay,
  key: string,
  value: EndpointRecord,
): void {
  if (value.isServiceDisabled || overlay.rows.has(key)) return;
  overlay.rows.set(key, value);
  const change: Change = { kind: 'create', key, value };
  if (value.serviceId === '') {
    defer(node, overlay, change);
    return;
  }
  const { balancers } = serviceOf(node, value);
  const balancer = balancers.get(overlay.object.id);
  if (balancer !== undefined) {
    balancer.rowCount++;
    defer(node, overlay, change);
    return;
  }
  const { virtualAddress } = value;
  const mark = node.nextMark++;
  const made = { address: virtualAddress ?? 0, mark, rowCount: 1, backends: new Map() };
  balancers.set(overlay.object.id, made);
  applyRow(node, overlay, key, value);
}

/** A row says that its task is about to go. */
export function disableRow(
  overlay: Overlay,
  node: NodeNetworking,
  key: string,
  value: EndpointRecord,
): void {
  const known = overlay.rows.get(key);
  if (known === undefined || known.isServiceDisabled) return;
  overlay.rows.set(key, value);
  defer(node, overlay, { kind: 'update', key, value });
}

/** A row is gone. With the last one its service goes. */
export function removeRow(node: NodeNetworking, overlay: Overlay, key: string): void {
  const value = overlay.rows.get(key);
  if (value === undefined) return;
  overlay.rows.delete(key);
  defer(node, overlay, { kind: 'delete', key, value });
  const balancer = balancerOf(node, overlay, value)?.balancer;
  if (balancer === undefined) return;
  balancer.rowCount--;
  if (balancer.rowCount === 0) settle(node, overlay);
}

/** The node leaves: the services that it knew of are gone from its host too. @source cleanupServiceBindings() */
export function removeAllRows(node: NodeNetworking, overlay: Overlay): void {
  for (const key of [...overlay.rows.keys()]) removeRow(node, overlay, key);
  settle(node, overlay);
}

/** The effect of a row: names, and a place behind the load balancer. */
export function applyRow(
  node: NodeNetworking,
  overlay: Overlay,
  endpointId: string,
  row: EndpointRecord,
): void {
  if (!overlay.object.isIngress) addTaskNames(overlay.names, endpointId, row);
  const found = balancerOf(node, overlay, row);
  if (found === null) return;
  const { service, balancer } = found;
  const isFirst = balancer.backends.size === 0;
  balancer.backends.set(endpointId, { address: row.endpointAddress, isDisabled: false });
  hold(service, row, endpointId);
  addBackend(node, overlay, service, balancer, row.endpointAddress);
  if (!overlay.object.isIngress) addServiceNames(overlay.names, row, isFirst);
}

/** The effect of a row that says its task is about to go. */
export function applyDisabled(
  node: NodeNetworking,
  overlay: Overlay,
  endpointId: string,
  row: EndpointRecord,
): void {
  const found = balancerOf(node, overlay, row);
  const backend = found?.balancer.backends.get(endpointId);
  if (found === null || backend === undefined) {
    removeTaskNames(overlay, endpointId, row);
    return;
  }
  backend.isDisabled = true;
  if (release(found.service, row, endpointId)) {
    disableBackend(overlay, found.balancer, row.endpointAddress);
  }
  removeNames(overlay, endpointId, row, false);
}

/** The effect of a row's end. @source rmServiceBinding() */
export function applyRemoved(
  node: NodeNetworking,
  overlay: Overlay,
  endpointId: string,
  row: EndpointRecord,
): void {
  const found = balancerOf(node, overlay, row);
  if (found === null || !found.balancer.backends.delete(endpointId)) {
    removeTaskNames(overlay, endpointId, row);
    return;
  }
  const { service, balancer } = found;
  const isLast = balancer.backends.size === 0;
  if (isLast) service.balancers.delete(overlay.object.id);
  if (release(service, row, endpointId)) removeBackend(overlay, balancer, row.endpointAddress);
  if (isLast) removeBalancer(node, overlay, service, balancer);
  if (service.balancers.size === 0) node.services.delete(service.key);
  removeNames(overlay, endpointId, row, isLast);
}

/** What this node knows the service by, made now if it is new. */
function serviceOf(node: NodeNetworking, row: EndpointRecord): BalancedService {
  const key = keyOf(row);
  let service = node.services.get(key);
  if (service === undefined) {
    service = { key, ports: row.ingressPorts, balancers: new Map(), holders: new Map() };
    node.services.set(key, service);
  }
  return service;
}

function balancerOf(
  node: NodeNetworking,
  overlay: Overlay,
  row: EndpointRecord,
): { readonly service: BalancedService; readonly balancer: Balancer } | null {
  if (row.serviceId === '') return null;
  const service = node.services.get(keyOf(row));
  const balancer = service?.balancers.get(overlay.object.id);
  return service === undefined || balancer === undefined ? null : { service, balancer };
}

/** The mark that the service of a row has here; 0 if it has none. */
export function markOf(node: NodeNetworking, overlay: Overlay, row: EndpointRecord): number {
  return balancerOf(node, overlay, row)?.balancer.mark ?? 0;
}

/** A service that publishes other ports counts as another one. @source service.go serviceKey */
function keyOf({ serviceId, ingressPorts }: EndpointRecord): string {
  if (ingressPorts.length === 0) return serviceId;
  return [serviceId, ...ingressPorts.map(portText)].join(' ');
}

function portText({ name, protocol, targetPort, publishedPort }: PortConfig): string {
  return `${name}:${protocol}:${targetPort}:${publishedPort}`;
}

/** An address may be announced by an old endpoint and a new one at a time. */
function hold(service: BalancedService, row: EndpointRecord, endpointId: string): void {
  const holders = service.holders.get(row.endpointAddress) ?? new Set();
  holders.add(endpointId);
  service.holders.set(row.endpointAddress, holders);
}

/** @returns whether nobody has the address any more. */
function release(service: BalancedService, row: EndpointRecord, endpointId: string): boolean {
  const holders = service.holders.get(row.endpointAddress);
  holders?.delete(endpointId);
  if (holders !== undefined && holders.size > 0) return false;
  service.holders.delete(row.endpointAddress);
  return true;
}

function addTaskNames(names: NameTable, endpointId: string, row: EndpointRecord): void {
  addName(names, row.name, row.endpointAddress, endpointId);
  addReverseName(names, row.endpointAddress, row.name, endpointId);
  for (const alias of row.taskAliases) addName(names, alias, row.endpointAddress, endpointId);
}

function removeTaskNames({ names }: Overlay, endpointId: string, row: EndpointRecord): void {
  removeName(names, row.name, row.endpointAddress, endpointId);
  removeReverseName(names, row.endpointAddress, endpointId);
  for (const alias of row.taskAliases) removeName(names, alias, row.endpointAddress, endpointId);
}

/** `tasks.NAME` for each task; NAME for the virtual address, or without one for each task. */
function addServiceNames(names: NameTable, row: EndpointRecord, isFirst: boolean): void {
  const { endpointAddress, virtualAddress, serviceId } = row;
  for (const name of [row.serviceName, ...row.aliases]) {
    addName(names, `tasks.${name}`, endpointAddress, serviceId);
    if (virtualAddress === null) addName(names, name, endpointAddress, serviceId);
    else if (isFirst) addName(names, name, virtualAddress, serviceId);
  }
}

function removeNames(
  overlay: Overlay,
  endpointId: string,
  row: EndpointRecord,
  isLast: boolean,
): void {
  if (overlay.object.isIngress) return;
  const { names } = overlay;
  removeTaskNames(overlay, endpointId, row);
  const { endpointAddress, virtualAddress, serviceId } = row;
  for (const name of [row.serviceName, ...row.aliases]) {
    removeName(names, `tasks.${name}`, endpointAddress, serviceId);
    if (virtualAddress === null) removeName(names, name, endpointAddress, serviceId);
    else if (isLast) removeName(names, name, virtualAddress, serviceId);
  }
}
