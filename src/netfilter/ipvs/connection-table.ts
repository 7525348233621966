/**
 * The table of connections of one namespace: hash chains by client, a pool of records, and what
 * begins and ends with a connection (its destination's counters, its template, its conntrack flow).
 * @source net/netfilter/ipvs/ip_vs_conn.c
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Netns } from '../../engine/device.ts';
import { findEnd, killFlow, nowTicks, TICKS_PER_SEC } from '../conntrack-table.ts';
import { makeTuple, mix } from '../conntrack-tuple.ts';
import type { Netfilter } from '../netfilter.ts';
import {
  CONNECTION_FORWARD_MASK,
  CONNECTION_INACTIVE,
  CONNECTION_NO_OUTPUT,
  CONNECTION_ONE_PACKET,
  CONNECTION_TEMPLATE,
  CONNECTION_TRACKED,
  type IpvsConnection,
  makeIpvsConnection,
  TEMPLATE_INVALID_PORT,
} from './connection.ts';
import {
  type ConnectionWheel,
  makeConnectionWheel,
  stopWheel,
  touchConnection,
  unlinkFromWheel,
} from './connection-wheel.ts';
import { FORWARD_MASQ, type IpvsDestination } from './service.ts';

const FIRST_BUCKETS = 64;
/** How long a connection lives before its protocol has set its state. */
const FIRST_TIMEOUT_TICKS = 3 * TICKS_PER_SEC;
/** How long a template is put off that still has connections. */
const PUT_OFF_TICKS = 60 * TICKS_PER_SEC;

export interface ConnectionTable {
  readonly netfilter: Netfilter;
  readonly wheel: ConnectionWheel;
  /** Empty until there is a connection. */
  buckets: Array<IpvsConnection | null>;
  count: number;
  /** Records of connections that ended, linked by `next`. */
  pool: IpvsConnection | null;
}

export function makeConnectionTable(netfilter: Netfilter, netns: Netns): ConnectionTable {
  const table: ConnectionTable = {
    netfilter,
    wheel: makeConnectionWheel(netns, (connection) => expireConnection(table, connection)),
    buckets: [],
    count: 0,
    pool: null,
  };
  return table;
}

function hashOf(protocol: number, client: Ipv4, clientPort: number): number {
  return mix(mix(0x1b873593, client), (clientPort << 8) | protocol);
}

/** The connection of a packet from a client to a virtual address. @source ip_vs_conn_in_get() */
export function findByRequest(
  table: ConnectionTable,
  protocol: number,
  client: Ipv4,
  clientPort: number,
  virtual: Ipv4,
  virtualPort: number,
): IpvsConnection | null {
  const { buckets } = table;
  if (table.count === 0) return null;
  const hash = hashOf(protocol, client, clientPort);
  let at = buckets[hash & (buckets.length - 1)]!;
  for (; at !== null; at = at.next!) {
    if (
      at.clientPort === clientPort &&
      at.client === client &&
      at.virtualPort === virtualPort &&
      at.virtual === virtual &&
      at.protocol === protocol &&
      (at.flags & CONNECTION_TEMPLATE) === 0
    ) {
      return at;
    }
  }
  return null;
}

/** The template of a client. @source ip_vs_ct_in_get() */
export function findTemplate(
  table: ConnectionTable,
  protocol: number,
  client: Ipv4,
  virtual: Ipv4,
  virtualPort: number,
): IpvsConnection | null {
  const { buckets } = table;
  if (table.count === 0) return null;
  let at = buckets[hashOf(protocol, client, 0) & (buckets.length - 1)]!;
  for (; at !== null; at = at.next!) {
    if (
      (at.flags & CONNECTION_TEMPLATE) !== 0 &&
      at.client === client &&
      at.virtual === virtual &&
      at.virtualPort === virtualPort &&
      at.protocol === protocol &&
      at.targetPort !== TEMPLATE_INVALID_PORT
    ) {
      return at;
    }
  }
  return null;
}

/**
 * The connection of a packet back to a client: from the destination, or (Route, Tunnel) from the
 * virtual address. @source ip_vs_conn_out_get()
 */
export function findByReply(
  table: ConnectionTable,
  protocol: number,
  server: Ipv4,
  serverPort: number,
  client: Ipv4,
  clientPort: number,
): IpvsConnection | null {
  const { buckets } = table;
  if (table.count === 0) return null;
  let at = buckets[hashOf(protocol, client, clientPort) & (buckets.length - 1)]!;
  for (; at !== null; at = at.next!) {
    if (at.clientPort !== clientPort || at.client !== client || at.protocol !== protocol) continue;
    const isMasq = (at.flags & CONNECTION_FORWARD_MASK) === FORWARD_MASQ;
    const address = isMasq ? at.target : at.virtual;
    const port = isMasq ? at.targetPort : at.virtualPort;
    if (address === server && port === serverPort) return at;
  }
  return null;
}

/** The connections that there are, in the order of their hashes. */
export function listConnections(table: ConnectionTable): IpvsConnection[] {
  const connections: IpvsConnection[] = [];
  for (const first of table.buckets) {
    for (let at = first; at !== null; at = at.next) connections.push(at);
  }
  return connections;
}

/**
 * Begins a connection. Its caller fills in what is missing (control, fwmark), and starts its time by
 * touchConnection(). @source ip_vs_conn_new()
 */
export function beginConnection(
  table: ConnectionTable,
  protocol: number,
  client: Ipv4,
  clientPort: number,
  virtual: Ipv4,
  virtualPort: number,
  targetPort: number,
  flags: number,
  destination: IpvsDestination,
  isTracked: boolean,
): IpvsConnection {
  const connection = table.pool ?? makeIpvsConnection();
  if (table.pool !== null) table.pool = connection.next;
  connection.protocol = protocol;
  connection.client = client;
  connection.clientPort = clientPort;
  connection.virtual = virtual;
  connection.virtualPort = virtualPort;
  connection.target = destination.address;
  connection.targetPort = targetPort;
  connection.flags = flags | (isTracked ? CONNECTION_TRACKED : 0);
  connection.state = 0;
  connection.fwmark = 0;
  connection.control = null;
  connection.controlled = 0;
  connection.inPackets = 0;
  connection.timeoutTicks = FIRST_TIMEOUT_TICKS;
  bindDestination(connection, destination);
  table.count++;
  if ((flags & CONNECTION_ONE_PACKET) === 0) enter(table, connection);
  return connection;
}

function enter(table: ConnectionTable, connection: IpvsConnection): void {
  if (table.count > table.buckets.length) grow(table);
  const { buckets } = table;
  const hash = hashOf(connection.protocol, connection.client, connection.clientPort);
  const place = hash & (buckets.length - 1);
  connection.hash = hash;
  connection.next = buckets[place]!;
  buckets[place] = connection;
}

function grow(table: ConnectionTable): void {
  const old = table.buckets;
  const size = old.length === 0 ? FIRST_BUCKETS : old.length * 4;
  const buckets = new Array<IpvsConnection | null>(size).fill(null);
  for (const first of old) {
    for (let at = first; at !== null; ) {
      const next: IpvsConnection | null = at.next;
      const place = at.hash & (size - 1);
      at.next = buckets[place]!;
      buckets[place] = at;
      at = next;
    }
  }
  table.buckets = buckets;
}

function leave(table: ConnectionTable, connection: IpvsConnection): void {
  const { buckets } = table;
  const place = connection.hash & (buckets.length - 1);
  let at = buckets[place]!;
  if (at === connection) {
    buckets[place] = connection.next;
    return;
  }
  while (at.next !== connection) at = at.next!;
  at.next = connection.next;
}

/** The template counts what it has made. @source ip_vs_control_add() */
export function setControl(connection: IpvsConnection, template: IpvsConnection): void {
  connection.control = template;
  template.controlled++;
}

/** The time of a connection is over. @source ip_vs_conn_expire() */
function expireConnection(table: ConnectionTable, connection: IpvsConnection): void {
  if (connection.controlled === 0) {
    endConnection(table, connection);
    return;
  }
  connection.timeoutTicks = PUT_OFF_TICKS;
  touchConnection(table.wheel, connection, nowTicks(table.wheel.netns.sim));
}

/** Ends a connection now; it must control no other. */
export function endConnection(table: ConnectionTable, connection: IpvsConnection): void {
  const isOnePacket = (connection.flags & CONNECTION_ONE_PACKET) !== 0;
  if (!isOnePacket) leave(table, connection);
  unlinkFromWheel(table.wheel, connection);
  if (connection.control !== null) connection.control.controlled--;
  connection.control = null;
  if ((connection.flags & CONNECTION_TRACKED) !== 0 && !isOnePacket) dropFlow(table, connection);
  unbindDestination(connection);
  table.count--;
  connection.next = table.pool;
  table.pool = connection;
}

/**
 * Ends what still goes to deleted destinations, and templates that then control nothing. Unlike Linux,
 * at once and not a tick later. @source ip_vs_expire_nodest_conn_flush()
 */
export function endWithoutDestination(table: ConnectionTable): void {
  for (const connection of listConnections(table)) {
    const { destination, control, controlled } = connection;
    if (destination === null || destination.isAvailable || controlled > 0) continue;
    endConnection(table, connection);
    if (control !== null && control.controlled === 0) endConnection(table, control);
  }
}

const tuple = makeTuple();

/** The conntrack flow of a connection ends with it. @source ip_vs_conn_drop_conntrack() */
function dropFlow(table: ConnectionTable, connection: IpvsConnection): void {
  if (connection.clientPort === 0) return;
  const { conntrack } = table.netfilter;
  tuple.protocol = connection.protocol;
  tuple.source = connection.client;
  tuple.sourcePort = connection.clientPort;
  tuple.target = connection.virtual;
  tuple.targetPort = connection.virtualPort;
  const end = findEnd(conntrack, tuple, nowTicks(conntrack.netns.sim));
  if (end !== null) killFlow(conntrack, end.flow);
}

/** @source ip_vs_bind_dest() */
function bindDestination(connection: IpvsConnection, destination: IpvsDestination): void {
  const { forwarding } = destination;
  connection.destination = destination;
  connection.flags |= forwarding | CONNECTION_INACTIVE;
  if (forwarding !== FORWARD_MASQ) connection.flags |= CONNECTION_NO_OUTPUT;
  if ((connection.flags & CONNECTION_TEMPLATE) !== 0) destination.persistentConnections++;
  else destination.inactiveConnections++;
  const { upperThreshold } = destination;
  if (upperThreshold !== 0 && connectionsOf(destination) >= upperThreshold) {
    destination.isOverloaded = true;
  }
}

/** @source ip_vs_unbind_dest() */
function unbindDestination(connection: IpvsConnection): void {
  const { destination, flags } = connection;
  connection.destination = null;
  if (destination === null) return;
  if ((flags & CONNECTION_TEMPLATE) !== 0) destination.persistentConnections--;
  else if ((flags & CONNECTION_INACTIVE) !== 0) destination.inactiveConnections--;
  else destination.activeConnections--;
  if (destination.isOverloaded) destination.isOverloaded = isStillOverloaded(destination);
}

function isStillOverloaded(destination: IpvsDestination): boolean {
  const { lowerThreshold, upperThreshold } = destination;
  const total = connectionsOf(destination);
  if (lowerThreshold !== 0) return total >= lowerThreshold;
  return upperThreshold !== 0 && total * 4 >= upperThreshold * 3;
}

function connectionsOf(destination: IpvsDestination): number {
  return destination.activeConnections + destination.inactiveConnections;
}

/** Forgets all connections: the namespace goes away. */
export function forgetConnections(table: ConnectionTable): void {
  stopWheel(table.wheel);
  table.buckets = [];
  table.count = 0;
  table.pool = null;
}
