// The swarm topologies: wired by Docker's own drivers, as the recorded swarm.
import { describe, expect, it } from 'vitest';
import { netsim } from '../support/cli.ts';

describe('the bundled swarms', () => {
  it('overlay: VIP, task and load balancer addresses are those of the recorded swarm', async () => {
    const inspect = ['docker', 'network', 'inspect', '--verbose', 'overnet'];
    const { stdout, exitCode } = await netsim(['exec', 'overlay', 'node2', '--', ...inspect]);
    expect(exitCode).toBe(0);
    const [network] = JSON.parse(stdout);
    expect(network.IPAM.Config).toEqual([{ Subnet: '10.0.1.0/24', Gateway: '10.0.1.1' }]);
    expect(network.Options['com.docker.network.driver.overlay.vxlanid_list']).toBe('4097');
    expect(network.Containers['lb-overnet'].IPv4Address).toBe('10.0.1.5/24');
    const { VIP, Tasks } = network.Services.myservice;
    expect(VIP).toBe('10.0.1.2');
    const addresses = Tasks.map((task: { EndpointIP: string }) => task.EndpointIP);
    expect(addresses.sort()).toEqual(['10.0.1.3', '10.0.1.4']);
  });

  it('overlay: a ping crosses VXLAN between two hosts', async () => {
    const { stdout, exitCode } = await netsim(['ping', 'overlay', '-c', '2']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('2 packets transmitted, 2 received');
    expect(stdout).toMatch(/192\.168\.0\.1\d > 192\.168\.0\.1\d VXLAN VNI 4097/);
    expect(stdout).toMatch(
      /myservice\.1\.eth0 +out +10\.0\.1\.4 > 10\.0\.1\.3|myservice\.1\.eth0 +out +10\.0\.1\.3 > 10\.0\.1\.4/,
    );
    expect(stdout).toContain('+50 bytes, to 192.168.0.1');
    expect(stdout).not.toContain('dropped');
  });

  it('mesh: every node answers, in turn by both tasks, with the ingress address of the node asked', async () => {
    const { stdout, exitCode } = await netsim([
      'curl',
      'mesh',
      'client',
      'http://node2:3000',
      '--repeat',
      '4',
      '-s',
    ]);
    expect(exitCode).toBe(0);
    const answers = stdout.trim().split('\n');
    expect(answers).toHaveLength(4);
    expect(new Set(answers).size).toBe(2);
    expect(answers[0]).toBe(answers[2]);
    for (const answer of answers) expect(answer).toMatch(/^[0-9a-f]{12} from 10\.0\.0\.3$/);
  });

  it('swarm-3: three hosts that are no swarm yet', async () => {
    const { stdout } = await netsim([
      'exec',
      'swarm-3',
      'node3',
      '--',
      'docker',
      'info',
      '-f',
      '{{.Swarm.LocalNodeState}}',
    ]);
    expect(stdout).toBe('inactive\n');
  });
});
