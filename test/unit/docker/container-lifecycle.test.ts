/** Containers from creation to removal, beside what a real engine did (L1). */
import { beforeEach, expect, test } from 'vitest';
import {
  createContainer,
  findContainer,
  pruneContainers,
  removeContainer,
  renameContainer,
} from '../../../src/docker/container-create.ts';
import { startExec } from '../../../src/docker/container-exec.ts';
import {
  pauseContainer,
  startContainer,
  unpauseContainer,
} from '../../../src/docker/container-start.ts';
import { killContainer, stopContainer } from '../../../src/docker/container-stop.ts';
import { createEngine } from '../../../src/docker/engine.ts';
import type { Container, ContainerSpec, DockerEngine } from '../../../src/docker/engine-record.ts';
import { pullImage } from '../../../src/docker/images.ts';
import { connectNetwork, disconnectNetwork } from '../../../src/docker/network-connect.ts';
import {
  createNetwork,
  findNetwork,
  NETWORK_DEFAULTS,
} from '../../../src/docker/network-create.ts';
import { type Process, spawn } from '../../../src/engine/process.ts';
import { runOn, runUntil } from '../../../src/engine/simulator.ts';
import { setLinkUp } from '../../../src/stack/link.ts';
import { type Lab, makeLab } from '../../support/shell.ts';

const DEFAULTS: ContainerSpec = {
  name: '',
  image: 'ubuntu',
  command: ['sleep', 'infinity'],
  entrypoint: null,
  environment: [],
  hostname: null,
  domainname: '',
  labels: new Map(),
  networkMode: 'default',
  endpoints: new Map(),
  publish: [],
  publishAll: false,
  expose: [],
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  extraHosts: [],
  capAdd: [],
  capDrop: [],
  isPrivileged: false,
  restartPolicy: { name: 'no', maximumRetryCount: 0 },
  autoRemove: false,
  isTty: false,
  isInteractive: false,
  sysctls: new Map(),
  workingDir: '',
  user: '',
};

let lab: Lab;
let engine: DockerEngine;

const kernel = <Result>(act: () => Result): Result => runOn(lab.world.sim, lab.machine.cpu, act);

const run = (spec: Partial<ContainerSpec>): Container =>
  kernel(() => {
    const container = createContainer(engine, { ...DEFAULTS, ...spec });
    startContainer(engine, container);
    return container;
  });

const pass = (seconds: number): void => {
  const { sim } = lab.world;
  runUntil(sim, sim.nowNs + seconds * 1e9);
};

/** Runs a generator such as stopContainer in a process. @returns virtual seconds that it took. */
const during = (main: (process: Process) => Generator<void, void, void>): number => {
  const { sim } = lab.world;
  const startNs = sim.nowNs;
  const process = spawn(sim, lab.machine.cpu, 'docker', function* body(self) {
    yield* main(self);
    endNs = sim.nowNs;
    return 0;
  });
  let endNs = -1;
  pass(100);
  expect(process.exitCode).toBe(0);
  return (endNs - startNs) / 1e9;
};

beforeEach(async () => {
  lab = await makeLab();
  lab.machine.files.writeFile('/etc/resolv.conf', 'nameserver 192.168.0.1\n');
  kernel(() => {
    setLinkUp(lab.machine.root.loopback);
    engine = createEngine(lab.world, lab.machine);
  });
});

const inContainer = async (container: Container, text: string): Promise<string> => {
  lab.machine.namespaces.set('c', container.netns!);
  const { output } = await lab.run(`ip netns exec c ${text}`);
  return output;
};

test('a container gets files, an address and a namespace (023, 024)', async () => {
  const c1 = run({ name: 'c1' });
  const short = c1.id.slice(0, 12);
  const { files } = c1.machine;
  expect(files.readFile('/etc/hosts')).toBe(`127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
172.17.0.2\t${short}
`);
  expect(files.readFile('/etc/hostname')).toBe(`${short}\n`);
  expect(files.readFile('/etc/resolv.conf')).toContain('nameserver 192.168.0.1\n');
  expect(c1.status).toBe('running');
  expect(c1.resolver).toBeNull();
  expect(c1.sandboxKey).toBe(`/var/run/docker/netns/${c1.sandboxId.slice(0, 12)}`);
  expect(await inContainer(c1, 'ip -4 -br addr show dev eth0')).toMatch(/172\.17\.0\.2\/16/);
  expect((await lab.run('ping -c 1 172.17.0.2')).exitCode).toBe(0);
});

test('names are found on a user-defined network, and follow a rename', async () => {
  kernel(() => createNetwork(engine, { ...NETWORK_DEFAULTS, name: 'mynet' }));
  const alpha = run({ name: 'alpha', networkMode: 'mynet' });
  const aliases = { address: null, mac: null, aliases: ['bee'] };
  const beta = run({
    name: 'beta',
    networkMode: 'mynet',
    hostname: 'bhost',
    endpoints: new Map([['mynet', aliases]]),
  });
  expect(beta.endpoints.get('mynet')!.dnsNames).toEqual([
    'beta',
    'bee',
    beta.id.slice(0, 12),
    'bhost',
  ]);
  expect(beta.machine.files.readFile('/etc/hosts')).toContain('172.18.0.3\tbhost\n');
  expect(alpha.machine.files.readFile('/etc/resolv.conf')).toContain('nameserver 127.0.0.11\n');
  expect(await inContainer(alpha, 'dig @127.0.0.11 +short bee')).toBe('172.18.0.3\n');
  kernel(() => renameContainer(engine, beta, 'gamma'));
  expect(await inContainer(alpha, 'dig @127.0.0.11 +short gamma')).toBe('172.18.0.3\n');
  expect(await inContainer(alpha, 'dig @127.0.0.11 +short beta')).toBe('');
});

test('connecting another network starts the embedded DNS (101)', async () => {
  const c1 = run({ name: 'c1' });
  kernel(() => createNetwork(engine, { ...NETWORK_DEFAULTS, name: 'mynet' }));
  const spec = { address: null, mac: null, aliases: [] };
  kernel(() => connectNetwork(engine, findNetwork(engine, 'mynet'), c1, spec));
  expect(c1.resolver).not.toBeNull();
  const { files } = c1.machine;
  expect(files.readFile('/etc/resolv.conf')).toContain('# ExtServers: [192.168.0.1]\n');
  expect(files.readFile('/etc/hosts')).toContain('172.18.0.2\t');
  expect(await inContainer(c1, 'dig @127.0.0.11 +short c1')).toBe('172.18.0.2\n');
  kernel(() => disconnectNetwork(engine, findNetwork(engine, 'mynet'), c1));
  expect(files.readFile('/etc/hosts')).not.toContain('172.18.0.2');
});

test("stop takes ten seconds for a sleep and busybox's server (L3 079, 092), none for a database; addresses are free again", () => {
  const c1 = run({ name: 'c1' });
  kernel(() => pullImage(engine, 'redis'));
  const web = run({ name: 'web', image: 'nginx', command: [] });
  const db = run({ name: 'db', image: 'redis', command: [] });
  expect(during((self) => stopContainer(self, engine, c1, 10))).toBeCloseTo(10, 3);
  expect(c1.exitCode).toBe(137);
  expect(c1.status).toBe('exited');
  expect(c1.netns).toBeNull();
  expect(during((self) => stopContainer(self, engine, web, 10))).toBeCloseTo(10, 3);
  expect(web.exitCode).toBe(137);
  expect(during((self) => stopContainer(self, engine, db, 10))).toBeLessThan(0.1);
  expect(db.exitCode).toBe(0);
  const c2 = run({ name: 'c2' });
  expect(c2.machine.files.readFile('/etc/hosts')).toContain('172.17.0.2\t');
  kernel(() => startContainer(engine, c1));
  expect(c1.machine.files.readFile('/etc/hosts')).toContain('172.17.0.3\t');
});

test('a web image answers who it is and whom it saw', async () => {
  const web = run({ name: 'web', image: 'nginx', command: [] });
  const { output } = await lab.run('curl -s http://172.17.0.2/');
  expect(output).toBe(`${web.id.slice(0, 12)} from 172.17.0.1\n`);
});

test('a paused server takes the connection and does not answer until it goes on', async () => {
  const web = run({ name: 'web', image: 'nginx', command: [] });
  kernel(() => pauseContainer(engine, web));
  expect((await lab.run('ping -c 1 172.17.0.2')).exitCode).toBe(0);
  expect((await lab.run('curl -sS -m 3 http://172.17.0.2/')).exitCode).toBe(28);
  expect(() => pauseContainer(engine, web)).toThrow(`Container ${web.id} is already paused`);
  kernel(() => unpauseContainer(engine, web));
  expect((await lab.run('curl -s -m 3 http://172.17.0.2/')).exitCode).toBe(0);
});

test('host, none and container mode', () => {
  const c1 = run({ name: 'c1' });
  const host = run({ name: 'hh', networkMode: 'host' });
  expect(host.netns).toBe(lab.machine.root);
  expect(host.sandboxKey).toBe('/var/run/docker/netns/default');
  expect(host.machine.files.readFile('/etc/hosts')).toBe('127.0.0.1\tlocalhost\n');
  const none = run({ name: 'nn', networkMode: 'none' });
  expect(none.netns!.devices.map(({ name }) => name)).toEqual(['lo']);
  const shared = run({ name: 'ss', networkMode: 'container:c1' });
  expect(shared.netns).toBe(c1.netns);
  expect(shared.machine.files.readFile('/etc/hostname')).toBe(`${c1.id.slice(0, 12)}\n`);
  kernel(() => killContainer(engine, c1, 'KILL'));
  expect(shared.netns!.isAlive).toBe(true);
  expect(() => run({ name: 'tt', networkMode: 'container:c1' })).toThrow(
    `cannot join network of a non running container: ${c1.id}`,
  );
  kernel(() => removeContainer(engine, host, true));
  expect(lab.machine.root.isAlive).toBe(true);
});

test('what a user may not do', () => {
  const c1 = run({ name: 'c1' });
  expect(() => run({ name: 'c1' })).toThrow(
    `Conflict. The container name "/c1" is already in use by container "${c1.id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
  expect(() => run({ name: 'a b' })).toThrow('Invalid container name (a b), only');
  expect(() => run({ image: 'nosuch' })).toThrow('No such image: nosuch:latest');
  expect(() => run({ networkMode: 'nosuch' })).toThrow('network nosuch not found');
  expect(() => run({ command: ['nosuch'] })).toThrow(
    'exec: "nosuch": executable file not found in $PATH: unknown',
  );
  expect(() => removeContainer(engine, c1, false)).toThrow(
    'cannot remove container "/c1": container is running: stop the container before removing or force remove',
  );
  expect(() => findContainer(engine, 'nosuch')).toThrow('No such container: nosuch');
  expect(() => killContainer(engine, c1, 'FOO')).toThrow('Invalid signal: FOO');
  kernel(() => killContainer(engine, c1, '9'));
  const exec = { argv: ['ls'], environment: [], workingDir: null, user: '', stdin: '' };
  const streams = { isTty: false, write: () => {}, writeError: () => {} };
  expect(() => startExec(engine, c1, { ...exec, ...streams })).toThrow('is not running');
});

test('a failed start gives everything back', () => {
  kernel(() => createNetwork(engine, { ...NETWORK_DEFAULTS, name: 'mynet' }));
  expect(() => run({ name: 'bad', networkMode: 'mynet', command: ['nosuch'] })).toThrow();
  const bad = findContainer(engine, 'bad');
  expect(bad.status).toBe('created');
  expect(bad.exitCode).toBe(127);
  expect(bad.endpoints.size).toBe(0);
  expect(findNetwork(engine, 'mynet').endpoints.size).toBe(0);
  expect(pruneContainers(engine)).toContain(bad.id);
});

test('--rm removes it at the end; a restart policy starts it again', () => {
  const once = run({ name: 'once', command: ['sleep', '2'], autoRemove: true });
  const again = run({
    name: 'again',
    command: ['sleep', '1'],
    restartPolicy: { name: 'always', maximumRetryCount: 0 },
  });
  pass(3);
  expect(engine.containers.has(once.id)).toBe(false);
  expect(again.restartCount).toBe(2);
  during((self) => stopContainer(self, engine, again, 0));
  expect(again.status).toBe('exited');
});

test('docker kill ends a container for good', () => {
  const restartPolicy = { name: 'always', maximumRetryCount: 0 } as const;
  const cache = run({
    name: 'cache',
    networkMode: 'none',
    image: 'nginx',
    command: [],
    restartPolicy,
  });
  kernel(() => killContainer(engine, cache, 'KILL'));
  pass(5);
  expect(cache.status).toBe('exited');
  expect(cache.exitCode).toBe(137);
  expect(() => killContainer(engine, cache, 'KILL')).toThrow('is not running');
});

test('an unknown image listens on what is published', async () => {
  kernel(() => pullImage(engine, 'acme/shop'));
  run({
    name: 'shop',
    image: 'acme/shop',
    command: [],
    publish: [{ protocol: 'tcp', containerPort: 5000, hostAddress: null, hostPorts: [5000, 5000] }],
  });
  expect((await lab.run('curl -s http://172.17.0.2:5000/')).output).toMatch(
    / from 172\.17\.0\.1\n$/,
  );
  expect((await lab.run('curl -s http://172.17.0.2:5001/')).exitCode).toBe(7);
});
