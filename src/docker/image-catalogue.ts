/**
 * The images that netsim knows. An image is what its main process does on the network, with the
 * configuration that `docker inspect` shows; there are no layers.
 */
import type { ImageBehaviour } from './images.ts';

export interface CatalogueRow {
  readonly repository: string;
  readonly tag: string;
  readonly sizeBytes: number;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** `80/tcp`. */
  readonly exposed: readonly string[];
  readonly environment: readonly string[];
  readonly stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGWINCH';
  readonly behaviour: ImageBehaviour;
  /** An engine has it from the beginning; the others are pulled. */
  readonly isLocal: boolean;
  /** Its small programs are busybox's. */
  readonly hasBusybox: boolean;
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MB = 1_000_000;

interface RowExtras {
  readonly tag?: string;
  readonly entrypoint?: readonly string[];
  readonly environment?: readonly string[];
  readonly stopSignal?: CatalogueRow['stopSignal'];
  readonly isLocal?: boolean;
  readonly hasBusybox?: boolean;
}

function row(
  repository: string,
  megabytes: number,
  command: string,
  behaviour: ImageBehaviour,
  extras: RowExtras = {},
): CatalogueRow {
  const ports =
    behaviour.kind === 'web'
      ? [behaviour.port]
      : behaviour.kind === 'listen'
        ? behaviour.ports
        : [];
  return {
    repository,
    tag: extras.tag ?? 'latest',
    sizeBytes: Math.round(megabytes * MB),
    entrypoint: extras.entrypoint ?? [],
    command: command === '' ? [] : command.split(' '),
    exposed: ports.map((port) => `${port}/tcp`),
    environment: [PATH, ...(extras.environment ?? [])],
    stopSignal: extras.stopSignal ?? 'SIGTERM',
    behaviour,
    isLocal: extras.isLocal ?? false,
    hasBusybox: extras.hasBusybox ?? command.startsWith('httpd '),
  };
}

const SHELL = { kind: 'shell' } as const;
const LOCAL = { isLocal: true } as const;
const BUSYBOX = { hasBusybox: true } as const;

function web(port: number): ImageBehaviour {
  return { kind: 'web', port };
}

function listen(...ports: number[]): ImageBehaviour {
  return { kind: 'listen', ports };
}

/** The web images are as small as those of the labs: busybox httpd with one page that tells who asks whom. */
function httpd(port: number): string {
  return `httpd -f -p 0.0.0.0:${port} -h /www`;
}

const START = { entrypoint: ['docker-entrypoint.sh'] } as const;

export const CATALOGUE: readonly CatalogueRow[] = [
  row('alpine', 7.8, '/bin/sh', SHELL, { ...LOCAL, ...BUSYBOX }),
  row('busybox', 4.26, 'sh', SHELL, { ...LOCAL, ...BUSYBOX }),
  row('ubuntu', 78.1, '/bin/bash', SHELL, LOCAL),
  row('debian', 117, 'bash', SHELL),
  row('fedora', 222, '/bin/bash', SHELL),
  row('centos', 231, '/bin/bash', SHELL),
  row('nicolaka/netshoot', 471, 'zsh', SHELL, LOCAL),
  row('praqma/network-multitool', 38.5, '/bin/bash', SHELL),
  row('wbitt/network-multitool', 72, '/bin/bash', SHELL),
  row('curlimages/curl', 21.9, 'curl', SHELL, { ...BUSYBOX, entrypoint: ['/entrypoint.sh'] }),
  row('appropriate/curl', 5.6, 'curl', SHELL, BUSYBOX),
  row('hello-world', 0.0133, '/hello', { kind: 'hello' }),
  row('nginx', 4.26, httpd(80), web(80), { ...LOCAL, stopSignal: 'SIGQUIT' }),
  row('httpd', 4.26, httpd(80), web(80), { ...LOCAL, stopSignal: 'SIGWINCH' }),
  row('whoami', 4.26, httpd(3000), web(3000), LOCAL),
  row('traefik/whoami', 6.4, '', web(80), { entrypoint: ['/whoami'] }),
  row('containous/whoami', 6.4, '', web(80), { entrypoint: ['/whoami'] }),
  row('jwilder/whoami', 10.1, '/app/http', web(8000)),
  row('nginxdemos/hello', 43.2, httpd(80), web(80)),
  row('caddy', 48.5, httpd(80), web(80)),
  row('traefik', 172, '', web(80), { entrypoint: ['/entrypoint.sh'] }),
  row('wordpress', 685, 'apache2-foreground', web(80), START),
  row('adminer', 118, 'php -S [::]:8080 -t /var/www/html', web(8080), {
    entrypoint: ['entrypoint.sh'],
  }),
  row('phpmyadmin', 565, 'apache2-foreground', web(80), START),
  row('dockersamples/visualizer', 185, 'npm start', web(8080)),
  row('dockersamples/examplevotingapp_vote', 143, 'gunicorn app:app -b 0.0.0.0:80', web(80)),
  row('dockersamples/examplevotingapp_result', 244, 'node server.js', web(80)),
  row('redis', 117, 'redis-server', listen(6379), START),
  row('memcached', 85, 'memcached', listen(11211), START),
  row('postgres', 438, 'postgres', listen(5432), { ...START, stopSignal: 'SIGINT' }),
  row('mysql', 586, 'mysqld', listen(3306, 33060), START),
  row('mariadb', 407, 'mariadbd', listen(3306), START),
  row('mongo', 855, 'mongod', listen(27017), START),
  row('rabbitmq', 221, 'rabbitmq-server', listen(5672), START),
];

/** Where an image of the catalogue stands; null if netsim does not know it. */
export function findInCatalogue(repository: string): CatalogueRow | null {
  const bare = repository.replace(/^(docker\.io\/)?(library\/)?/, '');
  return CATALOGUE.find((each) => each.repository === bare) ?? null;
}
