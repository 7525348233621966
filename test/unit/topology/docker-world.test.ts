import { describe, expect, test } from 'vitest';
import { buildDockerWorld, type DockerWorld } from '../../../src/topology/docker-world.ts';
import { runOnMachine } from '../../support/run-on-machine.ts';

const run = (built: DockerWorld, text: string) => runOnMachine(built.nodes[0]!, text);

describe('a Docker world', () => {
  test('has the addresses of the recorded labs', async () => {
    const built = buildDockerWorld({ nodes: 2, internet: false, engine: null });
    expect([...built.world.machines.keys()]).toEqual(['node1', 'node2', 'client']);
    expect((await run(built, 'ip addr show eth0; ip route')).stdout).toBe(
      [
        '2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000',
        '    link/ether 52:54:00:00:00:11 brd ff:ff:ff:ff:ff:ff link-netnsid 0',
        '    inet 192.168.0.11/24 scope global eth0',
        '       valid_lft forever preferred_lft forever',
        '    inet6 fe80::5054:ff:fe00:11/64 scope link proto kernel_ll ',
        '       valid_lft forever preferred_lft forever',
        'default via 192.168.0.1 dev eth0 ',
        '192.168.0.0/24 dev eth0 proto kernel scope link src 192.168.0.11 ',
        '',
      ].join('\n'),
    );
  });

  test('joins the nodes on one LAN; without an internet nobody answers names', async () => {
    const built = buildDockerWorld({ nodes: 2, internet: false, engine: null });
    const { stdout, stderr } = await run(
      built,
      'ping -c 1 192.168.0.12; ping -c 1 192.168.0.1; ping -c 1 www.google.com',
    );
    expect(stdout.match(/1 received/g)).toHaveLength(2);
    expect(stderr).toBe('ping: www.google.com: Temporary failure in name resolution\n');
  });

  test('has an internet with names that answers ping, DNS and HTTP', async () => {
    const built = buildDockerWorld({ engine: null });
    const { stdout } = await run(
      built,
      [
        'ping -c 1 www.google.com | tail -n 2 | head -n 1',
        'dig +short -x 8.8.8.8',
        'dig +short @8.8.8.8 example.com',
        'dig nosuch.example | grep -o "status: [A-Z]*"',
        'curl -s -o /dev/null -w "%{http_code}" http://www.example.com/',
      ].join('\n'),
    );
    expect(stdout).toBe(
      [
        '1 packets transmitted, 1 received, 0% packet loss, time 0ms',
        'dns.google.',
        '93.184.215.15',
        'status: NXDOMAIN',
        '200',
      ].join('\n'),
    );
  });
});
