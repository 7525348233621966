/**
 * What a namespace holds at this instant, as rows of text: interfaces, forwarding databases,
 * neighbours, routes, rules with their counters, tracked flows. Reading changes nothing.
 */
import { formatIpv4 } from '../base/ipv4-address.ts';
import { formatMacHalves } from '../base/mac-address.ts';
import { bridgePortOf } from '../devices/bridge.ts';
import { listBridgeFdb } from '../devices/bridge-control.ts';
import { listVxlanFdb } from '../devices/vxlan-control.ts';
import type { Device } from '../engine/device.ts';
import type { Simulator } from '../engine/simulator.ts';
import { listFlows } from '../netfilter/conntrack-table.ts';
import { flowText } from '../netfilter/conntrack-text.ts';
import { ruleText } from '../netfilter/iptables/rule-text.ts';
import { listIpvsServices } from '../netfilter/ipvs/control.ts';
import { chainsOf, TABLE_NAMES } from '../netfilter/tables.ts';
import { listAddresses } from '../stack/address.ts';
import { type FibRoute, listRoutes } from '../stack/fib.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { listNeighbours } from '../stack/neighbour.ts';
import { NUD_VALID, neighbourStateName } from '../stack/neighbour-table.ts';
import { RTN_UNICAST } from '../stack/route-type.ts';
import { settleNamespace } from '../swarm/network/deferral.ts';

export interface NamespaceTable {
  readonly name: 'interfaces' | 'fdb' | 'neighbours' | 'routes' | 'rules' | 'flows' | 'ipvs';
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Rows of one table that are read; a table of a thousand containers stays a table. */
const ROWS_MAX = 500;

/** The tables of a namespace; those that are empty are left out. */
export function tablesOf(netns: NetNamespace): NamespaceTable[] {
  settleNamespace(netns);
  const tables: NamespaceTable[] = [
    interfaceTable(netns),
    fdbTable(netns),
    neighbourTable(netns),
    routeTable(netns),
    ruleTable(netns),
    flowTable(netns),
    ipvsTable(netns),
  ];
  return tables
    .filter(({ rows }) => rows.length > 0)
    .map((table) => ({ ...table, rows: table.rows.slice(0, ROWS_MAX) }));
}

function interfaceTable(netns: NetNamespace): NamespaceTable {
  const rows = netns.devices.map((device) => [
    device.name,
    device.kind,
    device.isUp && device.hasCarrier ? 'up' : 'down',
    macOf(device),
    listAddresses(device)
      .map(({ address, prefixLength }) => `${formatIpv4(address)}/${prefixLength}`)
      .join(' '),
    String(device.mtuBytes),
    String(device.rxPackets),
    String(device.txPackets),
  ]);
  const columns = ['interface', 'kind', 'state', 'MAC', 'addresses', 'MTU', 'received', 'sent'];
  return { name: 'interfaces', columns, rows };
}

function macOf(device: Device): string {
  return formatMacHalves(device.macHi, device.macLo);
}

function fdbTable(netns: NetNamespace): NamespaceTable {
  const rows: string[][] = [];
  for (const device of netns.devices) {
    if (device.kind === 'bridge') rows.push(...bridgeRows(netns.sim, device));
    if (device.kind === 'vxlan') rows.push(...vxlanRows(netns.sim, device));
  }
  return { name: 'fdb', columns: ['device', 'MAC', 'where', 'how'], rows };
}

function bridgeRows(sim: Simulator, bridge: Device): string[][] {
  return listBridgeFdb(sim, bridge)
    .filter(({ isLocal, port }) => !isLocal && port !== null)
    .map(({ hi, lo, port, isStatic }) => [
      bridge.name,
      formatMacHalves(hi, lo),
      port === null ? '' : `port ${portName(bridge, port)}`,
      isStatic ? 'static' : 'learned',
    ]);
}

/** A port is known by the device that is plugged in. */
function portName(bridge: Device, port: ReturnType<typeof bridgePortOf>): string {
  const { devices } = bridge.netns as NetNamespace; // each device's namespace is a whole one
  return devices.find((device) => bridgePortOf(device) === port)?.name ?? '?';
}

function vxlanRows(sim: Simulator, device: Device): string[][] {
  return listVxlanFdb(sim, device).flatMap(({ hi, lo, remotes, state }) =>
    remotes.map(({ address }) => [
      device.name,
      formatMacHalves(hi, lo),
      `host ${formatIpv4(address)}`,
      state === 'dynamic' ? 'learned' : state,
    ]),
  );
}

function neighbourTable(netns: NetNamespace): NamespaceTable {
  const rows = listNeighbours(netns)
    .filter(({ device }) => !device.isLoopback)
    .map(({ address, device, state, macHi, macLo }) => [
      formatIpv4(address),
      device.name,
      (state & NUD_VALID) === 0 ? '' : formatMacHalves(macHi, macLo),
      neighbourStateName(state),
    ]);
  return { name: 'neighbours', columns: ['address', 'interface', 'MAC', 'state'], rows };
}

function routeTable(netns: NetNamespace): NamespaceTable {
  const rows = listRoutes(netns).map((route) => [
    route.prefixLength === 0 ? 'default' : `${formatIpv4(route.prefix)}/${route.prefixLength}`,
    route.type === RTN_UNICAST ? hopsOf(route) : 'refused',
    route.preferredSource === 0 ? '' : formatIpv4(route.preferredSource),
  ]);
  return { name: 'routes', columns: ['to', 'by', 'source'], rows };
}

function hopsOf(route: FibRoute): string {
  return route.nextHops
    .map(({ gateway, device }) => {
      const by = gateway === 0 ? '' : `via ${formatIpv4(gateway)} `;
      return `${by}dev ${device?.name ?? '?'}`;
    })
    .join(', ');
}

function ruleTable(netns: NetNamespace): NamespaceTable {
  const rows: string[][] = [];
  for (const name of TABLE_NAMES) {
    for (const chain of chainsOf(netns.netfilter.tables[name])) {
      for (const rule of chain.rules) {
        rows.push([name, chain.name, ruleText(rule), String(rule.packets), String(rule.bytes)]);
      }
    }
  }
  return { name: 'rules', columns: ['table', 'chain', 'rule', 'packets', 'bytes'], rows };
}

/** Without the seconds left: they run down all the time. */
function flowTable(netns: NetNamespace): NamespaceTable {
  const options = { seconds: 0, showsCounters: false, showsFamily: false, tail: '' };
  const rows = listFlows(netns.netfilter.conntrack).map((flow) => {
    const text = flowText(flow, options);
    const [, protocol = '', rest = ''] = /^(\S+) +\d+ 0 (.*)$/.exec(text) ?? [];
    return [protocol, rest];
  });
  return { name: 'flows', columns: ['protocol', 'flow'], rows };
}

/** One row a destination: whom a virtual service gives its connections to. */
function ipvsTable(netns: NetNamespace): NamespaceTable {
  const rows = listIpvsServices(netns).flatMap((service) => {
    const { fwmark, address, port, scheduler, destinations } = service;
    const name = fwmark === 0 ? `${formatIpv4(address)}:${port}` : `mark ${fwmark}`;
    return destinations.map((each) => [
      name,
      scheduler.name,
      `${formatIpv4(each.address)}:${each.port}`,
      String(each.weight),
      String(each.activeConnections),
      String(each.inactiveConnections),
    ]);
  });
  const columns = ['service', 'scheduler', 'server', 'weight', 'active', 'inactive'];
  return { name: 'ipvs', columns, rows };
}
