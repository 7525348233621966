/**
 * `-p` and `--expose`: `[[ADDRESS:][PORTS]:]PORTS[/PROTOCOL]`, ranges, and the long form.
 * @source docker/go-connections nat/nat.go, nat/parse.go; docker cli opts/port.go, command/container/opts.go
 */
import { type Ipv4, parseIpv4 } from '../../../base/ipv4-address.ts';
import type { PublishSpec } from '../../../docker/engine-record.ts';

/** A specification that the CLI refuses; the text is the CLI's. */
export class PortSpecError extends Error {
  override name = 'PortSpecError';
}

type Protocol = PublishSpec['protocol'];

export interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly protocol: Protocol;
}

/** Reads one `-p`. @throws PortSpecError. */
export function parsePublish(text: string): PublishSpec[] {
  const raw = text.includes('=') ? standardNotation(text) : text;
  const { host, hostPort, rest } = splitParts(raw);
  const { protocol, port: containerPort } = splitProtocol(rest);
  const hostAddress = host === '' ? null : readAddress(host);
  if (containerPort === '') throw new PortSpecError(`no port specified: ${raw}<empty>`);
  const inside = parseRange(containerPort);
  if (inside === null) throw new PortSpecError(`invalid containerPort: ${containerPort}`);
  const outside = hostPort === '' ? null : parseRange(hostPort);
  if (hostPort !== '' && outside === null) throw new PortSpecError(`invalid hostPort: ${hostPort}`);
  const count = inside[1] - inside[0];
  if (outside !== null && outside[1] - outside[0] !== count && count !== 0) {
    throw new PortSpecError(
      `invalid ranges specified for container and host Ports: ${containerPort} and ${hostPort}`,
    );
  }
  const checked = checkProtocol(protocol);
  return Array.from({ length: count + 1 }, (_, index) => ({
    protocol: checked,
    containerPort: inside[0] + index,
    hostAddress,
    hostPorts: hostPortsAt(outside, count, index),
  }));
}

function hostPortsAt(
  outside: readonly [number, number] | null,
  count: number,
  index: number,
): readonly [number, number] | null {
  if (outside === null) return null;
  // Any free port of a range for a single one of the container; port 0 means none in particular.
  const ports: readonly [number, number] =
    count === 0 ? outside : [outside[0] + index, outside[0] + index];
  return ports[0] === 0 && ports[1] === 0 ? null : ports;
}

/** Reads one `--expose`. @throws PortSpecError. */
export function parseExpose(text: string): PortRange {
  if (text.includes(':')) throw new PortSpecError(`invalid port format for --expose: ${text}`);
  const { protocol, port } = splitProtocol(text);
  const range = parseRange(port);
  if (range === null) {
    throw new PortSpecError(
      `invalid range format for --expose: ${text}, error: ${rangeProblem(port)}`,
    );
  }
  return { first: range[0], last: range[1], protocol: checkProtocol(protocol) };
}

/** `published=8080,target=80,protocol=udp` as `8080:80/udp`. */
function standardNotation(text: string): string {
  const parameters = new Map<string, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals <= 0) {
      throw new PortSpecError(
        `invalid publish opts format (should be name=value but got '${part}')`,
      );
    }
    parameters.set(part.slice(0, equals), part.slice(equals + 1));
  }
  const of = (name: string): string => parameters.get(name) ?? '';
  return `${of('published')}:${of('target')}/${parameters.get('protocol') ?? 'tcp'}`;
}

function splitParts(raw: string): { host: string; hostPort: string; rest: string } {
  const parts = raw.split(':');
  const rest = parts.at(-1)!;
  if (parts.length === 1) return { host: '', hostPort: '', rest };
  return { host: parts.slice(0, -2).join(':'), hostPort: parts.at(-2)!, rest };
}

function splitProtocol(text: string): { protocol: string; port: string } {
  const [port = '', protocol = ''] = text.split('/');
  if (port === '') return { protocol: '', port: '' };
  return { port, protocol: protocol === '' ? 'tcp' : protocol };
}

function readAddress(host: string): Ipv4 {
  const plain = host.startsWith('[') ? host.slice(1, -1) : host;
  const address = parseIpv4(plain);
  if (address === null) throw new PortSpecError(`invalid IP address: ${plain}`);
  return address;
}

function checkProtocol(protocol: string): Protocol {
  const lower = protocol.toLowerCase();
  if (lower === 'tcp' || lower === 'udp' || lower === 'sctp') return lower;
  throw new PortSpecError(`invalid proto: ${protocol}`);
}

function parseRange(text: string): readonly [number, number] | null {
  return rangeProblem(text) === null ? boundsOf(text) : null;
}

function boundsOf(text: string): readonly [number, number] {
  const [first = '', last = first] = text.split('-');
  return [Number(first), Number(last)];
}

/** What `nat.ParsePortRange` says of a text; null: it is a range. */
function rangeProblem(text: string): string | null {
  if (text === '') return 'empty string specified for ports.';
  const parts = text.split('-');
  for (const part of parts.slice(0, 2)) {
    if (!/^\d+$/.test(part)) return `strconv.ParseUint: parsing "${part}": invalid syntax`;
    if (Number(part) > 65_535) return `strconv.ParseUint: parsing "${part}": value out of range`;
  }
  const [first, last] = boundsOf(text);
  return last < first ? `invalid range specified for port: ${text}` : null;
}
