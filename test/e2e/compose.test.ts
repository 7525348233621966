// Compose files as topologies.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { netsim } from '../support/cli.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'netsim-compose-'));
const cwd = join(ROOT, 'Shop');
mkdirSync(join(cwd, 'sub'), { recursive: true });
afterAll(() => rmSync(ROOT, { recursive: true }));

writeFileSync(
  join(cwd, 'compose.yaml'),
  `services:
  web:
    image: nginx
    ports: ["\${PORT:-80}:80"]
    networks: [front, back]
    depends_on: [db]
  db:
    image: postgres
    networks: { back: { ipv4_address: 10.5.0.10, aliases: [data] } }
networks:
  front:
  back: { internal: true, ipam: { config: [ { subnet: 10.5.0.0/24 } ] } }
x-netsim:
  ping: { from: web, to: db }
`,
);
writeFileSync(join(cwd, '.env'), 'PORT=8088\n');
writeFileSync(join(cwd, 'bad.yaml'), 'services:\n  web: { imgae: x }\n');

describe('a Compose file', () => {
  test('is valid, or has its mistakes told', async () => {
    expect(await netsim(['validate'], { cwd })).toEqual({
      exitCode: 0,
      stdout: 'project shop: 2 services, 2 networks, 1 node: valid\n',
      stderr: '',
    });
    const bad = await netsim(['validate', 'bad.yaml'], { cwd });
    expect(bad).toMatchObject({ exitCode: 1, stdout: '' });
    expect(bad.stderr).toMatch(/^bad\.yaml:2:10 services\.web\.imgae: found the unknown name/);
    const ping = await netsim(['ping', 'bad.yaml'], { cwd });
    expect(ping).toMatchObject({ exitCode: 2, stdout: '', stderr: bad.stderr });
  });

  test('is a topology, named or found from a folder in it', async () => {
    const named = await netsim(['ping', 'compose.yaml', 'web', 'db', '-c', '1', '--quiet'], {
      cwd,
    });
    expect(named.stdout).toMatch(/^PING 10\.5\.0\.10 /);
    const found = await netsim(['ping', '-c', '1'], { cwd: join(cwd, 'sub') });
    expect(found.stdout).toMatch(/1 (packets )?received/);
    expect(found.stderr).toBe('');
  });

  test('gives names, aliases, ports and variables', async () => {
    const run = async (place: string, text: string): Promise<string> =>
      (await netsim(['exec', 'compose.yaml', place, '--', 'bash', '-c', text], { cwd })).stdout;
    expect(await run('web', 'dig +short data; dig +short shop-db-1')).toBe(
      '10.5.0.10\n10.5.0.10\n',
    );
    expect(await run('client', 'curl -s http://192.168.0.11:8088/')).toMatch(
      / from 192\.168\.0\.1\n$/,
    );
    expect(await run('node1', 'docker network ls --format "{{.Name}}"')).toBe(
      'bridge\nhost\nnone\nshop_back\nshop_front\n',
    );
    expect(await run('db', 'ping -c 1 192.168.0.1 2>&1')).toContain('Network is unreachable');
  });

  test('takes several files and the environment', async () => {
    writeFileSync(
      join(cwd, 'more.yaml'),
      'services: { cache: { image: redis, networks: [back] } }\n',
    );
    const { stdout } = await netsim(['validate', '-f', 'compose.yaml', '-f', 'more.yaml'], {
      cwd,
      env: { COMPOSE_PROJECT_NAME: 'other' },
    });
    expect(stdout).toBe('project other: 3 services, 2 networks, 1 node: valid\n');
  });
});
