// Stack files as topologies.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { netsim } from '../support/cli.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'netsim-stack-'));
const cwd = join(ROOT, 'voting');
mkdirSync(cwd);
afterAll(() => rmSync(ROOT, { recursive: true }));

writeFileSync(
  join(cwd, 'docker-stack.yml'),
  `version: "3.8"
services:
  redis:
    image: redis:alpine
    networks: [frontend]
  db:
    image: postgres:15-alpine
    networks: [backend]
    deploy: { placement: { constraints: [node.role == manager] } }
  vote:
    image: dockersamples/examplevotingapp_vote
    ports: ["\${PORT:-5000}:80"]
    networks: [frontend]
    deploy: { replicas: 2, update_config: { parallelism: 2 } }
  worker:
    image: dockersamples/examplevotingapp_worker
    networks: [frontend, backend]
networks:
  frontend:
  backend:
`,
);

describe('a stack file', () => {
  test('is deployed on a swarm, and its services are places', async () => {
    const args = ['docker-stack.yml', '--nodes', '3', 'vote', 'redis', '-c', '1', '--quiet'];
    const { exitCode, stdout } = await netsim(['ping', ...args], { cwd });
    expect(stdout).toContain('1 packets transmitted, 1 received');
    expect(exitCode).toBe(0);
  });

  test('is found in the current folder; constraints and variables count', async () => {
    const command =
      'docker stack services --format "{{.Name}} {{.Replicas}} {{.Ports}}" docker-stack; docker ps --format "{{.Names}}"';
    const { exitCode, stdout } = await netsim(['exec', 'node1', '--', 'bash', '-c', command], {
      cwd,
      env: { PORT: '5050' },
    });
    expect(stdout).toContain('docker-stack_vote 2/2 *:5050->80/tcp');
    expect(stdout).toMatch(/^docker-stack_db\.1\./m);
    expect(exitCode).toBe(0);
  });

  test('names apart what is on other networks', async () => {
    const args = ['exec', 'vote.2', '--', 'ping', '-c', '1', 'db'];
    const { exitCode, stderr } = await netsim(args, { cwd });
    expect(stderr).toContain('db');
    expect(exitCode).not.toBe(0);
  });

  test('a number of nodes that is none is refused', async () => {
    const { exitCode, stderr } = await netsim(['ping', 'docker-stack.yml', '--nodes', '0'], {
      cwd,
    });
    expect(stderr).toContain('--nodes: found "0"');
    expect(exitCode).toBe(2);
  });
});
