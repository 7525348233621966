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

// A tutorial's: built images with entry points of their own, health checks, volumes, commands as text.
writeFileSync(
  join(cwd, 'voting.yaml'),
  `version: "3.9"
services:
  vote:
    build: { context: ./vote, target: dev }
    depends_on: { redis: { condition: service_healthy } }
    healthcheck: { test: ["CMD", "curl", "-f", "http://localhost"], interval: 15s, retries: 3 }
    volumes: [ "./vote:/usr/local/app" ]
    ports: [ "8080:80" ]
    networks: [ front-tier, back-tier ]
  result:
    build: ./result
    entrypoint: nodemon --inspect=0.0.0.0 server.js
    depends_on: [ db ]
    ports: [ "8081:80", "127.0.0.1:9229:9229" ]
    networks: [ front-tier, back-tier ]
  worker:
    build: { context: ./worker }
    command: python worker.py
    networks: [ back-tier ]
  redis:
    image: redis:alpine
    healthcheck: { test: /healthchecks/redis.sh, interval: "5s" }
    networks: [ back-tier ]
  db:
    image: postgres:15-alpine
    environment: { POSTGRES_PASSWORD: "postgres" }
    volumes: [ "db-data:/var/lib/postgresql/data" ]
    networks: [ back-tier ]
  seed:
    build: ./seed-data
    profiles: [ seed ]
    networks: [ front-tier ]
    restart: "no"
volumes:
  db-data:
networks:
  front-tier:
  back-tier: { internal: true }
`,
);

describe('a Compose file', () => {
  test('of a tutorial runs as it is', async () => {
    const valid = await netsim(['validate', 'voting.yaml'], { cwd });
    expect(valid).toMatchObject({ exitCode: 0 });
    expect(valid.stdout).toBe('project shop: 5 services, 2 networks, 1 node: valid\n');
    const text = [
      'docker ps --format "{{.Names}} {{.Ports}}" | sort',
      'curl -s localhost:8081 | cut -c13-',
      'docker exec shop-worker-1 ping -c 1 -q redis | grep received',
      'docker exec shop-worker-1 ping -c 1 -q 8.8.8.8 2>&1 | tail -1',
      'docker network ls --format "{{.Name}} {{.Internal}}" --filter name=shop',
    ].join('; ');
    const { stdout } = await netsim(['exec', 'voting.yaml', 'node1', '--', 'bash', '-c', text], {
      cwd,
    });
    expect(stdout.split('\n')).toEqual([
      'shop-db-1 ',
      'shop-redis-1 ',
      'shop-result-1 127.0.0.1:9229->9229/tcp, 0.0.0.0:8081->80/tcp, :::8081->80/tcp',
      'shop-vote-1 0.0.0.0:8080->80/tcp, :::8080->80/tcp',
      'shop-worker-1 ',
      ' from 172.18.0.1',
      expect.stringMatching(/^1 packets transmitted, 1 (packets )?received/),
      expect.stringContaining('Network is unreachable'),
      'shop_back-tier true',
      'shop_front-tier false',
      '',
    ]);
  });

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
