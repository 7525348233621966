/**
 * Puts a network namespace together: tables, protocol handlers, netfilter, and lo (down).
 * @source net/core/net_namespace.c setup_net()
 */

import { createLoopback } from '../devices/loopback.ts';
import type { Cpu } from '../engine/cpu.ts';
import type { Device } from '../engine/device.ts';
import type { Simulator } from '../engine/simulator.ts';
import { deleteIpvs } from '../netfilter/ipvs/ipvs.ts';
import { makeNetfilter } from '../netfilter/netfilter.ts';
import { PROTOCOL_ESP, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../protocols/ipv4.ts';
import { followDevice } from './device-events.ts';
import { makeFib } from './fib.ts';
import { receiveIcmp } from './icmp.ts';
import { sendIcmpError } from './icmp-error.ts';
import { makeIcmpLimits } from './icmp-limit.ts';
import { ipIdsOf } from './ip-id.ts';
import { deleteLink, registerDevice } from './link.ts';
import type { ErrorHandler, NetNamespace, ProtocolHandler } from './namespace.ts';
import { makeNeighbourTable } from './neighbour.ts';
import { makeNetfilterSlots } from './netfilter-slots.ts';
import { makePathMtuCache } from './path-mtu.ts';
import { dropFragments, makeFragments } from './reassembly.ts';
import { makeSysctls } from './sysctl.ts';
import { receiveTcp, tcpError } from './tcp/tcp-input.ts';
import { makeTcpTable } from './tcp/tcp-table.ts';
import { makeUdpTable, receiveUdp, udpError } from './udp-socket.ts';
import { receiveEsp } from './xfrm/xfrm-input.ts';

/** The protocols' entries, by number: the same in every namespace. @source inet_protos[] */
const PROTOCOLS: Array<ProtocolHandler | null> = new Array(256).fill(null);
PROTOCOLS[PROTOCOL_ICMP] = receiveIcmp;
PROTOCOLS[PROTOCOL_UDP] = receiveUdp;
PROTOCOLS[PROTOCOL_TCP] = receiveTcp;
PROTOCOLS[PROTOCOL_ESP] = receiveEsp;
const ERROR_HANDLERS: Array<ErrorHandler | null> = new Array(256).fill(null);
ERROR_HANDLERS[PROTOCOL_UDP] = udpError;
ERROR_HANDLERS[PROTOCOL_TCP] = tcpError;

/** Namespaces that were made by a simulator so far: their ids are unique in a run. */
const counts = new WeakMap<Simulator, number>();

/** A namespace named `name` whose work is done by `cpu`; it has lo, which is down. */
export function createNamespace(sim: Simulator, name: string, cpu: Cpu = sim.cpu): NetNamespace {
  const id = (counts.get(sim) ?? 0) + 1;
  counts.set(sim, id);
  const identity = { id, name, sim, cpu };
  const slots = makeNetfilterSlots(() => netns);
  // The order is that of the fields in memory: what every packet looks at stands together.
  const netns: NetNamespace = {
    sim,
    cpu,
    fib: makeFib(),
    netfilter: makeNetfilter(identity, slots),
    loopback: null as unknown as Device, // set below: lo needs its namespace
    protocols: PROTOCOLS,
    rawSockets: [],
    udp: makeUdpTable(),
    tcp: makeTcpTable(),
    xfrm: null,
    sysctl: makeSysctls(),
    ipIds: ipIdsOf(sim),
    id,
    name,
    devices: [],
    deviceByName: new Map(),
    nextIndex: 1,
    neighbours: makeNeighbourTable(),
    pathMtu: makePathMtuCache(),
    fragments: makeFragments(),
    icmpLimits: makeIcmpLimits(),
    errorHandlers: ERROR_HANDLERS,
    sendIcmpError,
    deviceWatchers: [(device, change) => followDevice(netns, device, change)],
    isAlive: true,
  };
  const loopback = createLoopback(netns);
  (netns as { loopback: Device }).loopback = loopback;
  registerDevice(netns, loopback);
  return netns;
}

/** Deletes all devices of a namespace and what waits in it; nothing can be sent or received in it again. */
export function deleteNamespace(sim: Simulator, netns: NetNamespace): void {
  netns.isAlive = false;
  for (const device of [...netns.devices].reverse()) deleteLink(device);
  dropFragments(sim, netns);
  deleteIpvs(netns.netfilter);
}
