/** `--publish` of services: `8080:80`, ranges, `mode=host,target=80,published=8080`. @source docker cli opts/swarmopts/port.go */
import type { PortConfig } from '../../../swarm/objects.ts';
import { PortSpecError, parsePublish } from './publish-spec.ts';

/** For FlagSpec.check. */
export function checkPortFlag(text: string): string | null {
  try {
    portConfigsOf(text);
    return null;
  } catch (error) {
    if (!(error instanceof PortSpecError)) throw error;
    return error.message;
  }
}

/** Reads one `--publish`. @throws PortSpecError. */
export function portConfigsOf(text: string): PortConfig[] {
  if (text.includes('=')) return [longForm(text)];
  const published = parsePublish(text);
  return published.map(({ protocol, containerPort, hostPorts, hostAddress }) => {
    if (hostAddress !== null) throw new PortSpecError('hostip is not supported');
    return {
      name: '',
      protocol,
      targetPort: containerPort,
      publishedPort: hostPorts?.[0] ?? 0,
      publishMode: 'ingress',
    };
  });
}

function longForm(text: string): PortConfig {
  let port: PortConfig = {
    name: '',
    protocol: 'tcp',
    targetPort: 0,
    publishedPort: 0,
    publishMode: 'ingress',
  };
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    if (equals < 0) throw new PortSpecError(`invalid field: ${field}`);
    const key = field.slice(0, equals).toLowerCase();
    const value = field.slice(equals + 1).toLowerCase();
    if (key === 'protocol') {
      if (value !== 'tcp' && value !== 'udp' && value !== 'sctp') {
        throw new PortSpecError(`invalid protocol value '${value}'`);
      }
      port = { ...port, protocol: value };
    } else if (key === 'mode') {
      if (value !== 'ingress' && value !== 'host') {
        throw new PortSpecError(
          `invalid publish mode value (${value}): must be either '"ingress" or "host"'`,
        );
      }
      port = { ...port, publishMode: value };
    } else if (key === 'target') port = { ...port, targetPort: numberOf('target', value) };
    else if (key === 'published') port = { ...port, publishedPort: numberOf('published', value) };
    else throw new PortSpecError(`invalid field key: ${key}`);
  }
  if (port.targetPort === 0) throw new PortSpecError('missing mandatory field "target"');
  return port;
}

function numberOf(which: string, value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number <= 65_535) return number;
  const why = /^\d+$/.test(value) ? 'value out of range' : 'invalid syntax';
  throw new PortSpecError(
    `invalid ${which} port (${value}): value must be an integer: strconv.ParseUint: parsing "${value}": ${why}`,
  );
}
