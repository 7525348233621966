/** The environment of a container's processes. */
import type { Container, DockerEngine } from './engine-record.ts';
import { hostnameOf } from './sandbox-files.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** PATH, HOSTNAME, the image's, the container's, then `extra` (NAME=VALUE); a bare NAME unsets nothing. */
export function environmentOf(
  engine: DockerEngine,
  container: Container,
  extra: readonly string[],
): Map<string, string> {
  const all = new Map([
    ['PATH', PATH],
    ['HOSTNAME', hostnameOf(engine, container)],
  ]);
  if (container.spec.isTty) all.set('TERM', 'xterm');
  const { config } = container.image;
  for (const each of [...config.environment, ...container.spec.environment, ...extra]) {
    const at = each.indexOf('=');
    if (at > 0) all.set(each.slice(0, at), each.slice(at + 1));
  }
  if (!all.has('HOME')) all.set('HOME', '/root');
  return all;
}
