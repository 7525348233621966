/**
 * The ports that services publish through the mesh.
 * @source swarmkit manager/allocator/portallocator.go
 */
import type { PortConfig, PortProtocol } from '../../objects.ts';
import { makeNumberSpace, type NumberSpace, takeNextNumber } from './number-space.ts';

const DYNAMIC_FIRST = 30_000;
const DYNAMIC_LAST = 32_767;

/** One a protocol; its cursor goes over the dynamic range, its set holds all that are taken. */
export type PortSpaces = ReadonlyMap<PortProtocol, NumberSpace>;

export function makePortSpaces(): PortSpaces {
  const protocols: readonly PortProtocol[] = ['tcp', 'udp', 'sctp'];
  return new Map(
    protocols.map((protocol) => [protocol, makeNumberSpace(DYNAMIC_FIRST, DYNAMIC_LAST)]),
  );
}

/**
 * The ports of a spec as published: those that the user named, and for the others what they had before
 * or the next of the dynamic range. What the service had is given back.
 * @returns null, and nothing is changed, if one is taken.
 */
export function takePorts(
  spaces: PortSpaces,
  wanted: readonly PortConfig[],
  before: readonly PortConfig[],
): PortConfig[] | null {
  releasePorts(spaces, before);
  const taken: PortConfig[] = [];
  for (const port of inOrder(wanted, before)) {
    const given = takePort(spaces, port);
    if (given === null) {
      releasePorts(spaces, taken);
      for (const each of before) takePort(spaces, each);
      return null;
    }
    taken.push(given);
  }
  return taken;
}

export function releasePorts(spaces: PortSpaces, ports: readonly PortConfig[]): void {
  for (const { publishMode, protocol, publishedPort } of ports) {
    if (publishMode === 'ingress') spaces.get(protocol)?.used.delete(publishedPort);
  }
}

/** First what needs no choice, then what may be chosen, as published before if it was. */
function inOrder(wanted: readonly PortConfig[], before: readonly PortConfig[]): PortConfig[] {
  if (wanted.length !== before.length) return [...wanted];
  const rest = before.filter(({ publishMode }) => publishMode === 'ingress');
  const takeBefore = (port: PortConfig): PortConfig | undefined => {
    const at = rest.findIndex(
      (each) =>
        each.name === port.name &&
        each.protocol === port.protocol &&
        each.targetPort === port.targetPort &&
        (port.publishedPort === 0 || port.publishedPort === each.publishedPort),
    );
    return at < 0 ? undefined : rest.splice(at, 1)[0];
  };
  const isFixed = (port: PortConfig): boolean =>
    port.publishMode === 'host' || port.publishedPort !== 0;
  const fixed = wanted.filter(isFixed);
  for (const port of fixed) if (port.publishMode === 'ingress') takeBefore(port);
  const chosen = wanted.filter((port) => !isFixed(port)).map((port) => takeBefore(port) ?? port);
  return [...fixed, ...chosen];
}

function takePort(spaces: PortSpaces, port: PortConfig): PortConfig | null {
  if (port.publishMode === 'host') return port;
  const space = spaces.get(port.protocol)!; // made for each protocol
  if (port.publishedPort === 0) {
    const publishedPort = takeNextNumber(space);
    return publishedPort === null ? null : { ...port, publishedPort };
  }
  if (space.used.has(port.publishedPort)) return null;
  space.used.add(port.publishedPort);
  return port;
}
