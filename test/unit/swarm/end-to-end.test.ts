// The straight path of a swarm by the commands of a user: one world, step by step.
import { beforeAll, describe, expect, test } from 'vitest';
import { makeSwarmLab, type SwarmLab } from '../../support/swarm-lab.ts';

let lab: SwarmLab;

beforeAll(async () => {
  lab = await makeSwarmLab();
});

/** A task's container on a node: its name begins with that of the service. */
async function containerOf(machine: string, service: string): Promise<string> {
  return (await lab.on(machine, `docker ps -q --filter name=${service}.`)).trim().split('\n')[0]!;
}

/** The node of a running task: the first that is listed. */
async function nodesOf(service: string): Promise<string[]> {
  const format = "--format '{{.Node}}' --filter desired-state=running";
  return (await lab.on('node1', `docker service ps ${service} ${format}`)).trim().split('\n');
}

describe('a service on an overlay network', () => {
  test('a swarm of three', async () => {
    await lab.swarm();
    const nodes = await lab.on('node1', "docker node ls --format '{{.Hostname}} {{.Status}}'");
    expect(nodes).toBe('node1 Ready\nnode2 Ready\nnode3 Ready\n');
  });

  test('the first network has VNI 4097 and is unknown on a worker', async () => {
    await lab.on('node1', 'docker network create -d overlay overnet');
    const format = "-f '{{(index .IPAM.Config 0).Subnet}} {{json .Options}}'";
    expect(await lab.on('node1', `docker network inspect ${format} overnet`)).toBe(
      '10.0.1.0/24 {"com.docker.network.driver.overlay.vxlanid_list":"4097"}\n',
    );
    expect((await lab.try('node2', 'docker network inspect overnet')).exitCode).toBe(1);
  });

  test('a service converges', async () => {
    const text = await lab.on(
      'node1',
      'docker service create --name web --network overnet --replicas 2 nginx',
    );
    expect(text).toContain('overall progress: 2 out of 2 tasks');
    expect(text).toMatch(/verify: Service \w{25} converged\n$/);
    expect(await lab.on('node1', "docker service ls --format '{{.Name}} {{.Replicas}}'")).toBe(
      'web 2/2\n',
    );
  });

  test('tasks reach each other by address, by name and through the VIP', async () => {
    const [first = '', second = ''] = await nodesOf('web');
    expect(new Set([first, second]).size).toBe(2);
    const container = await containerOf(first, 'web');
    const other = await containerOf(second, 'web');
    const inspect = '-f "{{.NetworkSettings.Networks.overnet.IPAddress}}"';
    const address = (await lab.on(second, `docker inspect ${inspect} ${other}`)).trim();
    expect(address).toMatch(/^10\.0\.1\.[34]$/);
    const pinged = await lab.on(first, `docker exec ${container} ping -c 2 ${address}`);
    expect(pinged).toMatch(/2 packets transmitted, 2 (?:packets )?received, 0% packet loss/);
    const named = await lab.on(first, `docker exec ${container} ping -c 1 web`);
    expect(named).toContain('PING web (10.0.1.2)');
    const answers = await lab.on(
      first,
      `docker exec ${container} sh -c 'for i in 1 2 3 4; do curl -s http://web/; done'`,
    );
    const servers = answers
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    expect(new Set(servers).size).toBe(2);
  });
});

describe('a published port', () => {
  test('every node answers, also one without a task', async () => {
    await lab.on('node1', 'docker service create -d --name who -p 3000:3000 --replicas 2 whoami');
    lab.pass(20);
    const nodes = await nodesOf('who');
    const idle = ['node1', 'node2', 'node3'].find((name) => !nodes.includes(name));
    expect(idle).toBeDefined();
    const text = await lab.on(
      'client',
      'for n in 1 2 3; do curl -s -m 5 http://192.168.0.1$n:3000/; done',
    );
    expect(text.trim().split('\n')).toHaveLength(3);
    expect(text).toMatch(/^[0-9a-f]{12} from 10\.0\.0\.2\n[0-9a-f]{12} from 10\.0\.0\.3\n/);
  });

  test('it is gone with the service', async () => {
    await lab.on('node1', 'docker service rm who web');
    lab.pass(20);
    const { exitCode } = await lab.try('client', 'curl -s -m 3 http://192.168.0.11:3000/');
    expect(exitCode).toBe(7);
    expect(await lab.on('node2', 'docker ps -q')).toBe('');
  });
});
