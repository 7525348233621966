/**
 * Where an event happened: events name their place in one text, `namespace` or `namespace.device`, and
 * both kinds of names may have dots. The devices that the packet knows tell the two apart.
 */
import type { Packet } from '../engine/packet.ts';
import type { NetNamespace } from '../stack/namespace.ts';

export interface PacketPlace {
  readonly namespaceName: string;
  /** Of the namespace in the world: two hosts may have namespaces of one name. 0 if it is not known. */
  readonly namespaceNumber: number;
  /** Empty if it happened to the namespace as a whole. */
  readonly deviceName: string;
}

/** The place that `where` names, with the packet as it is then. */
export function placeOfPacket(packet: Packet, where: string): PacketPlace {
  for (const device of [packet.device, packet.outDevice]) {
    if (device === null) continue;
    const netns = device.netns as NetNamespace; // each device's namespace is a whole one
    const { name: namespaceName, id: namespaceNumber } = netns;
    if (where === namespaceName) return { namespaceName, namespaceNumber, deviceName: '' };
    if (!where.startsWith(`${namespaceName}.`)) continue;
    const deviceName = where.slice(namespaceName.length + 1);
    if (deviceName === device.name || netns.deviceByName.has(deviceName)) {
      return { namespaceName, namespaceNumber, deviceName };
    }
  }
  return placeOfText(where);
}

/** The text alone, split at its first dot. */
export function placeOfText(where: string): PacketPlace {
  const dot = where.indexOf('.');
  if (dot < 0) return { namespaceName: where, namespaceNumber: 0, deviceName: '' };
  return {
    namespaceName: where.slice(0, dot),
    namespaceNumber: 0,
    deviceName: where.slice(dot + 1),
  };
}

/** A namespace's name for people: a swarm's task without the 25 characters of its id. */
export function shortNamespaceName(name: string): string {
  return name.replace(/^([\w.-]+\.(?:\d+|[0-9a-z]{25}))\.[0-9a-z]{25}$/, '$1');
}
