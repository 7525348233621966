/**
 * Most nodes never talk to most endpoints of their networks. What the gossip says of them is kept as it
 * came, and goes into tables (neighbours, FDB, IPVS, names) when somebody is about to use or to look at
 * them: a packet leaves by the tunnel or comes to the load balancer, a name is asked for, a namespace
 * is entered. So nobody sees a difference, and a hundred nodes with a thousand tasks stay small.
 */
import { legsOf } from '../../docker/endpoint.ts';
import type { Device } from '../../engine/device.ts';
import type { Packet } from '../../engine/packet.ts';
import type { Simulator } from '../../engine/simulator.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import type { Change, NodeNetworking, Overlay } from './overlay-record.ts';

/** What applies a change: filled by networking.ts, as it stands above the files that call defer(). */
type Applier = (node: NodeNetworking, overlay: Overlay, change: Change) => void;
let apply: Applier = () => {};

export function setApplier(applier: Applier): void {
  apply = applier;
}

/** Namespaces for which something waits. */
const waiting = new WeakMap<NetNamespace, () => void>();

/** Whoever looks into a namespace from outside calls this first. */
export function settleNamespace(netns: NetNamespace): void {
  waiting.get(netns)?.();
}

/** Keeps a change until it is needed; of an encrypted network the host itself shows it (states). */
export function defer(node: NodeNetworking, overlay: Overlay, change: Change): void {
  if (overlay.isSecure) {
    apply(node, overlay, change);
    return;
  }
  overlay.pending.push(change);
  if (overlay.disarm === null) arm(node, overlay);
}

/** Applies what waits, in order. */
export function settle(node: NodeNetworking, overlay: Overlay): void {
  const { pending } = overlay;
  if (pending.length === 0) return;
  forgetPending(overlay);
  for (const change of pending) apply(node, overlay, change);
}

/** The network goes: so does what was to be known of it. */
export function forgetPending(overlay: Overlay): void {
  overlay.pending = [];
  overlay.disarm?.();
  overlay.disarm = null;
}

/** From now on whoever needs the tables makes them complete first. */
function arm(node: NodeNetworking, overlay: Overlay): void {
  const undo: Array<() => void> = [];
  const complete = (): void => settle(node, overlay);
  for (const { vxlan } of overlay.subnets) if (vxlan !== null) undo.push(before(vxlan, complete));
  const { balancer, sandbox } = overlay;
  for (const { containerDevice } of balancer === null ? [] : legsOf(balancer.container)) {
    if (containerDevice !== null) undo.push(before(containerDevice, complete));
  }
  for (const netns of [sandbox, balancer?.container.netns ?? null]) {
    if (netns === null) continue;
    waiting.set(netns, complete);
    undo.push(() => waiting.delete(netns));
  }
  overlay.disarm = () => {
    for (const each of undo) each();
  };
}

/** Has something done before the next packet leaves by a device or is delivered by it. @returns what undoes it. */
function before(device: Device, complete: () => void): () => void {
  const { transmit, deliver } = device;
  device.transmit = (sim: Simulator, self: Device, packet: Packet): void => {
    complete();
    transmit(sim, self, packet);
  };
  device.deliver = (sim: Simulator, self: Device, packet: Packet): void => {
    complete();
    deliver(sim, self, packet);
  };
  return () => {
    device.transmit = transmit;
    device.deliver = deliver;
  };
}
