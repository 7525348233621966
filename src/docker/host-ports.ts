/**
 * The host's ports that containers have: who asks for none gets the next of the ephemeral range.
 * @source libnetwork/portallocator/portallocator.go
 */
import { formatIpv4, type Ipv4 } from '../base/ipv4-address.ts';
import { DockerError } from './engine-record.ts';

/** @source portallocator_linux.go: /proc/sys/net/ipv4/ip_local_port_range */
interface PortRange {
  readonly first: number;
  readonly last: number;
  /** The port given out last. */
  cursor: number;
}

interface PortMap {
  readonly used: Set<number>;
  readonly ranges: Map<string, PortRange>;
}

export interface HostPorts {
  /** By host address and protocol. */
  readonly maps: Map<string, PortMap>;
  readonly first: number;
  readonly last: number;
}

export function makeHostPorts(first: number, last: number): HostPorts {
  return { maps: new Map(), first, last };
}

/**
 * Takes a port of the range (null: the ephemeral one).
 * @throws DockerError 500 when it is taken.
 */
export function takeHostPort(
  ports: HostPorts,
  address: Ipv4,
  protocol: string,
  wanted: readonly [number, number] | null,
): number {
  const map = mapOf(ports, address, protocol);
  if (wanted !== null && wanted[0] === wanted[1]) {
    const [port] = wanted;
    if (map.used.has(port)) {
      const text = `Bind for ${formatIpv4(address)}:${port} failed: port is already allocated`;
      throw new DockerError(500, text);
    }
    map.used.add(port);
    return port;
  }
  const range = rangeOf(map, wanted ?? [ports.first, ports.last]);
  for (let i = range.first; i <= range.last; i++) {
    range.cursor = range.cursor >= range.last ? range.first : range.cursor + 1;
    if (map.used.has(range.cursor)) continue;
    map.used.add(range.cursor);
    return range.cursor;
  }
  throw new DockerError(500, 'all ports are allocated');
}

export function releaseHostPort(
  ports: HostPorts,
  address: Ipv4,
  protocol: string,
  port: number,
): void {
  mapOf(ports, address, protocol).used.delete(port);
}

function mapOf(ports: HostPorts, address: Ipv4, protocol: string): PortMap {
  const key = `${address}/${protocol}`;
  let map = ports.maps.get(key);
  if (map === undefined) {
    map = { used: new Set(), ranges: new Map() };
    ports.maps.set(key, map);
  }
  return map;
}

function rangeOf(map: PortMap, [first, last]: readonly [number, number]): PortRange {
  const key = `${first}-${last}`;
  let range = map.ranges.get(key);
  if (range === undefined) {
    range = { first, last, cursor: last };
    map.ranges.set(key, range);
  }
  return range;
}
