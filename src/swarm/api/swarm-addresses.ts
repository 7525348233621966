/**
 * Which addresses a node listens on and advertises: `--listen-addr`, `--advertise-addr`,
 * `--data-path-addr`, or what the machine has.
 * @source moby daemon/cluster/listen_addr.go
 */
import { formatIpv4, type Ipv4, maskOf, parseIpv4 } from '../../base/ipv4-address.ts';
import { type DockerEngine, DockerError } from '../../docker/engine-record.ts';
import type { Device } from '../../engine/device.ts';
import { listAddresses } from '../../stack/address.ts';
import { MANAGER_PORT } from '../wire/wire-state.ts';

export interface SocketAddress {
  readonly address: Ipv4;
  readonly port: number;
}

const BAD_LISTEN =
  'listen address must be an IP address or network interface (with optional port number)';
const BAD_ADVERTISE =
  'advertise address must be a non-zero IP address or network interface (with optional port number)';
const BAD_DATA_PATH =
  'data path address must be a non-zero IP address or network interface (without a port number)';
const HINT = ' - specify one with --advertise-addr';

/** `--listen-addr`; 0.0.0.0:2377 if it is ''. @throws DockerError 400. */
export function resolveListen(engine: DockerEngine, text: string): SocketAddress {
  const { host, port } = splitHostPort(text === '' ? '0.0.0.0' : text);
  return { address: resolveHost(engine, host, true, BAD_LISTEN), port: port ?? MANAGER_PORT };
}

/** `--advertise-addr`, or the only address of the machine. @throws DockerError 400. */
export function resolveAdvertise(
  engine: DockerEngine,
  text: string,
  listenPort: number,
): SocketAddress {
  if (text === '') return { address: systemAddress(engine), port: listenPort };
  const { host, port } = splitHostPort(text);
  return { address: resolveHost(engine, host, false, BAD_ADVERTISE), port: port ?? listenPort };
}

/** `--data-path-addr`; null if it is ''. @throws DockerError 400. */
export function resolveDataPath(engine: DockerEngine, text: string): Ipv4 | null {
  return text === '' ? null : resolveHost(engine, text, false, BAD_DATA_PATH);
}

/** Whether one of the machine's devices has the address. */
export function isOwnAddress(engine: DockerEngine, address: Ipv4): boolean {
  return engine.machine.root.devices.some((device) =>
    listAddresses(device).some((each) => each.address === address),
  );
}

/** HOST:PORT as typed; the port is 2377 if there is none. Null if the host is no address. */
export function parseRemote(text: string): SocketAddress | null {
  const { host, port } = splitHostPort(text);
  const address = parseIpv4(host);
  return address === null ? null : { address, port: port ?? MANAGER_PORT };
}

function splitHostPort(text: string): { readonly host: string; readonly port: number | null } {
  const match = /^(.*):(\d{1,5})$/.exec(text.replace(/^tcp:\/\//, ''));
  const port = match === null ? 0 : Number(match[2]);
  if (match === null || port > 65_535) return { host: text, port: null };
  return { host: match[1]!, port };
}

/** An interface's only address, or an address. */
function resolveHost(engine: DockerEngine, host: string, mayBeZero: boolean, text: string): Ipv4 {
  const device = engine.machine.root.devices.find(({ name }) => name === host);
  if (device !== undefined) return addressOf(device);
  const address = parseIpv4(host);
  if (address === null || (address === 0 && !mayBeZero)) throw new DockerError(400, text);
  return address;
}

function addressOf(device: Device): Ipv4 {
  const [first, second] = listAddresses(device);
  if (first === undefined) {
    throw new DockerError(400, `interface ${device.name} has no usable IPv4 or IPv6 address`);
  }
  if (second === undefined) return first.address;
  const both = `${formatIpv4(first.address)} and ${formatIpv4(second.address)}`;
  throw new DockerError(400, `interface ${device.name} has more than one IPv4 address (${both})`);
}

/** The machine's only address that no network of Docker's has. */
function systemAddress(engine: DockerEngine): Ipv4 {
  let found: { readonly address: Ipv4; readonly name: string } | null = null;
  for (const device of engine.machine.root.devices) {
    if (!device.isUp || device.isLoopback) continue;
    for (const { address } of listAddresses(device)) {
      if (!isGlobal(address)) continue;
      if (isOfDocker(engine, address)) break;
      if (found !== null) throw severalAddresses(found, { address, name: device.name });
      found = { address, name: device.name };
    }
  }
  if (found === null) {
    throw new DockerError(400, `could not find the system's IP address${HINT}`);
  }
  return found.address;
}

/** Neither loopback nor link-local. */
function isGlobal(address: Ipv4): boolean {
  return address >>> 24 !== 127 && address >>> 16 !== 0xa9fe && address !== 0;
}

function isOfDocker(engine: DockerEngine, address: Ipv4): boolean {
  for (const { ipam } of engine.networks.values()) {
    for (const { subnet, prefixLength } of ipam) {
      const mask = maskOf(prefixLength);
      if ((address & mask) === (subnet & mask)) return true;
    }
  }
  return false;
}

interface Found {
  readonly address: Ipv4;
  readonly name: string;
}

function severalAddresses(one: Found, two: Found): DockerError {
  const [first, second] = [formatIpv4(one.address), formatIpv4(two.address)];
  const where =
    one.name === two.name
      ? `on interface ${one.name} (${first} and ${second})`
      : `on different interfaces (${first} on ${one.name} and ${second} on ${two.name})`;
  return new DockerError(
    400,
    `could not choose an IP address to advertise since this system has multiple addresses ${where}${HINT}`,
  );
}
