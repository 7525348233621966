import { describe, expect, it } from 'vitest';
import { formatIpv4, parseIpv4 } from '../../../src/base/ipv4-address.ts';
import { killContainer } from '../../../src/docker/container-stop.ts';
import { connectNetwork } from '../../../src/docker/network-connect.ts';
import { releasePacket } from '../../../src/engine/packet-pool.ts';
import { spawn, waitFor } from '../../../src/engine/process.ts';
import { ipSource } from '../../../src/protocols/ipv4.ts';
import { udpSourcePort } from '../../../src/protocols/udp.ts';
import { takeReceived } from '../../../src/stack/socket.ts';
import { bindUdp, openUdp, sendUdp } from '../../../src/stack/udp-socket.ts';
import { makeDockerLab, NO_ENDPOINT } from '../../support/docker-lab.ts';
import { runOnMachine } from '../../support/run-on-machine.ts';

const HTTP = {
  protocol: 'tcp',
  containerPort: 80,
  hostAddress: null,
  hostPorts: [8080, 8080],
} as const;

function makeWebLab(options = {}) {
  const lab = makeDockerLab(options);
  const c1 = lab.run('c1');
  const web1 = lab.run('web1', { image: 'nginx', command: [], publish: [HTTP] });
  const [node1] = lab.nodes;
  lab.pass(1);
  return { ...lab, c1, web1, node1: node1! };
}

async function sourceSeen(
  machine: Parameters<typeof runOnMachine>[0],
  address: string,
): Promise<string> {
  const { stdout, stderr } = await runOnMachine(machine, `curl -sS -m 5 http://${address}:8080/`);
  return /from (\S+)/.exec(stdout)?.[1] ?? stderr;
}

describe('a published port', () => {
  it('shows the server who asks, or the gateway for what the proxy relays', async () => {
    const { node1, client, c1, web1 } = makeWebLab();
    expect(await sourceSeen(node1, '127.0.0.1')).toBe('172.17.0.1');
    expect(await sourceSeen(node1, '192.168.0.11')).toBe('192.168.0.11');
    expect(await sourceSeen(client, '192.168.0.11')).toBe('192.168.0.1');
    expect(await sourceSeen(c1.machine, '192.168.0.11')).toBe('172.17.0.1');
    expect(await sourceSeen(web1.machine, '192.168.0.11')).toBe('172.17.0.1');
  });

  it('is reached by hairpin without the userland proxy', async () => {
    const { node1, client, c1, web1, rules } = makeWebLab({ userlandProxy: false });
    expect(rules()).toContain(
      '-A POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE',
    );
    expect(rules()).not.toContain('-j RETURN\n-A DOCKER -p');
    expect(await sourceSeen(node1, '127.0.0.1')).toBe('172.17.0.1');
    expect(await sourceSeen(client, '192.168.0.11')).toBe('192.168.0.1');
    expect(await sourceSeen(c1.machine, '192.168.0.11')).toBe('172.17.0.2');
    expect(await sourceSeen(web1.machine, '192.168.0.11')).toBe('172.17.0.1');
  });

  it('has a process that listens on it', async () => {
    const { node1, act, engine, web1, pass } = makeWebLab();
    const { stdout } = await runOnMachine(node1, 'ss -ltnpH');
    expect(stdout).toMatch(/0\.0\.0\.0:8080 +0\.0\.0\.0:\* +users:\(\("docker-proxy"/);
    expect(stdout).toMatch(/\[::\]:8080 +\[::\]:\* +users:\(\("docker-proxy"/);
    expect(node1.daemons.map(({ command }) => command)).toContain(
      '/usr/sbin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.3 -container-port 80',
    );
    act(() => killContainer(engine, web1, 'SIGKILL'));
    pass(1);
    expect((await runOnMachine(node1, 'ss -ltnpH')).stdout).toBe('');
  });

  it('relays UDP and brings the answers back', () => {
    const lab = makeDockerLab();
    const dns = { ...HTTP, protocol: 'udp', containerPort: 5000, hostPorts: [5353, 5353] } as const;
    const u1 = lab.run('u1', { publish: [dns] });
    const { machine } = lab.engine;
    const { sim, cpu } = { sim: lab.world.sim, cpu: machine.cpu };
    const server = openUdp(u1.netns!);
    const client = openUdp(machine.root);
    const seen: string[] = [];
    spawn(sim, cpu, 'server', function* echo(process) {
      bindUdp(server, 0, 5000);
      yield* waitFor(process, [server.waiters], () => server.receiveQueue.count > 0);
      const packet = takeReceived(server)!;
      const from = ipSource(packet.bytes, packet.network);
      seen.push(formatIpv4(from));
      sendUdp(server, Uint8Array.of(2), from, udpSourcePort(packet.bytes, packet.transport));
      releasePacket(sim, packet);
      return 0;
    });
    spawn(sim, cpu, 'client', function* ask(process) {
      sendUdp(client, Uint8Array.of(1), parseIpv4('127.0.0.1')!, 5353);
      yield* waitFor(process, [client.waiters], () => client.receiveQueue.count > 0);
      const packet = takeReceived(client)!;
      seen.push(`answer ${packet.bytes[packet.end - 1]}`);
      releasePacket(sim, packet);
      return 0;
    });
    lab.pass(1);
    expect(seen).toEqual(['172.17.0.1', 'answer 2']);
  });

  it('moves with the default gateway', () => {
    const { act, engine, web1, network, rules } = makeWebLab();
    const net = network('aaa');
    act(() => connectNetwork(engine, net, web1, NO_ENDPOINT));
    expect(rules()).toContain('--dport 8080 -j DNAT --to-destination 172.18.0.2:80');
    expect(rules()).not.toContain('172.17.0.3:80');
  });

  it('is bound to one address if one is named', async () => {
    const lab = makeDockerLab();
    const hostAddress = parseIpv4('127.0.0.1');
    lab.run('web3', { image: 'nginx', command: [], publish: [{ ...HTTP, hostAddress }] });
    lab.pass(1);
    const answer = await runOnMachine(lab.client, 'curl -sS -m 3 http://192.168.0.11:8080/');
    expect(answer.stderr).toMatch(/Connection refused|Could not connect|Failed to connect/);
    expect(await sourceSeen(lab.nodes[0]!, '127.0.0.1')).toBe('172.17.0.1');
  });
});
