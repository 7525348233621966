// Load on a swarm: what is known of meshes, tunnels and queues must come out of the packets' ways.
import { beforeAll, describe, expect, test } from 'vitest';
import { formatIpv4 } from '../../../src/base/ipv4-address.ts';
import { addTap } from '../../../src/engine/device.ts';
import { runOn, runUntil } from '../../../src/engine/simulator.ts';
import { buildSwarm } from '../../../src/load/build-swarm.ts';
import { LOAD_DEFAULTS, type LoadSpec } from '../../../src/load/load-spec.ts';
import { type LoadResult, runLoad } from '../../../src/load/run-load.ts';
import { ipSource } from '../../../src/protocols/ipv4.ts';
import { takeReceived } from '../../../src/stack/socket.ts';
import { bindUdp, openUdp, sendUdp } from '../../../src/stack/udp-socket.ts';

const SMALL: LoadSpec = {
  ...LOAD_DEFAULTS,
  nodes: 2,
  replicas: 2,
  ratePerSec: 10_000,
  flows: 32,
  warmupNs: 10e6,
  durationNs: 20e6,
  timeoutNs: 100e6,
};
const run = (changes: Partial<LoadSpec>): LoadResult => runLoad({ ...SMALL, ...changes });

let ingress: LoadResult;
let host: LoadResult;
let vip: LoadResult;

beforeAll(() => {
  ingress = run({});
  host = run({ variant: 'host' });
  vip = run({ variant: 'vip' });
});

describe('an unloaded service', () => {
  test('answers every request, at the rate at which they come', () => {
    for (const { offered, answered, losses, lossRate } of [ingress, host, vip]) {
      expect(answered).toBe(offered);
      expect(losses).toEqual([]);
      expect(lossRate).toBe(0);
      // 200 arrivals of a Poisson process: within four deviations.
      expect(Math.abs(offered - 200)).toBeLessThan(57);
    }
  });

  test('the mesh costs more than a host port, in latency and in CPU', () => {
    expect(ingress.latency.p50Ns).toBeGreaterThan(1.5 * host.latency.p50Ns);
    const work = ({ hosts }: LoadResult): number =>
      hosts.reduce((sum, { cpuShare }) => sum + cpuShare, 0);
    expect(work(ingress)).toBeGreaterThan(1.5 * work(host));
  });

  test('round robin shares connections out evenly', () => {
    const shares = ingress.replicas.map(({ share }) => share);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(0.08);
  });

  test('percentiles are in order, and the mean is between them', () => {
    const { p50Ns, p90Ns, p99Ns, p999Ns, maxNs, meanNs } = ingress.latency;
    const order = [p50Ns, p90Ns, p99Ns, p999Ns, maxNs];
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(meanNs).toBeLessThan(maxNs);
    expect(p50Ns).toBeGreaterThan(4 * SMALL.linkDelayNs);
  });
});

test('one hot flow stays with one replica', () => {
  const { replicas, answered } = run({ flows: 1 });
  expect(replicas.map(({ answers }) => answers).sort((a, b) => a - b)).toEqual([0, answered]);
});

test('a task sees the address of the load balancer of the node that the request came in by', () => {
  const swarm = buildSwarm({ ...SMALL, nodes: 1, replicas: 1 });
  const { world, replicas, clientNetns, targets, port } = swarm;
  const { netns } = replicas[0]!;
  const server = openUdp(netns);
  expect(bindUdp(server, 0, port)).toBeNull();
  runOn(world.sim, clientNetns.cpu, () =>
    sendUdp(openUdp(clientNetns), new Uint8Array(8), targets[0]!, port),
  );
  runUntil(world.sim, world.sim.nowNs + 10e6);
  const packet = takeReceived(server)!;
  // The service has no address of its own on ingress's first free one: .2 is the node's balancer.
  expect(formatIpv4(ipSource(packet.bytes, packet.network))).toBe('10.0.0.2');
});

test('encryption costs time, CPU and bytes on the wire', () => {
  const encrypted = run({ variant: 'encrypted' });
  expect(encrypted.answered).toBe(encrypted.offered);
  expect(encrypted.latency.p50Ns).toBeGreaterThan(vip.latency.p50Ns);
  expect(encrypted.hosts[0]!.cpuShare).toBeGreaterThan(vip.hosts[0]!.cpuShare);
  expect(encrypted.hosts[0]!.sendShare).toBeGreaterThan(vip.hosts[0]!.sendShare);
});

test('an overlay cuts its datagrams at an MTU of 1450', () => {
  const frames = (variant: LoadSpec['variant'], requestBytes: number): number => {
    const swarm = buildSwarm({ ...SMALL, nodes: 1, replicas: 1, variant });
    let count = 0;
    const eth0 = swarm.nodes[0]!.root.deviceByName.get('eth0')!;
    const { sim } = swarm.world;
    const socket = openUdp(swarm.clientNetns);
    const send = (): void => {
      runOn(sim, swarm.clientNetns.cpu, () =>
        sendUdp(socket, new Uint8Array(requestBytes), swarm.targets[0]!, swarm.port),
      );
      runUntil(sim, sim.nowNs + 10e6);
    };
    send(); // ARP
    addTap(eth0, {
      capture: (_device, packet, direction) => {
        if (direction === 'in' && packet.end - packet.start > 80) count++;
      },
    });
    send();
    return count;
  };
  // 1,422 bytes of data and 28 of headers are 1,450; the port of a host has 1,500.
  expect([frames('vip', 1422), frames('vip', 1424)]).toEqual([1, 2]);
  expect(frames('host', 1424)).toBe(1);
});

describe('saturation', () => {
  test('of the CPU shows as work that waits, latency and loss', () => {
    const full = run({ replicas: 1, nodes: 1, ratePerSec: 150_000, serviceNs: 20_000 });
    expect(full.hosts[0]!.cpuShare).toBeGreaterThan(0.95);
    expect(full.hosts[0]!.cpuBehindMaxNs).toBeGreaterThan(1e6);
    expect(full.latency.p50Ns).toBeGreaterThan(10 * ingress.latency.p50Ns);
    expect(full.lossRate).toBeGreaterThan(0.2);
    expect(full.drops.map(({ name }) => name.split(' ')[0])).toContain('socket-buffer-full');
    const lost = full.losses.reduce((sum, { count }) => sum + count, 0);
    expect(full.answered + lost).toBe(full.offered);
  });

  test('of a link shows as a queue in front of it, latency and loss', () => {
    const full = run({
      variant: 'host',
      cost: 'ideal',
      linkBitPerSec: 20_000_000,
      queueFrames: 50,
      requestBytes: 64,
      replyBytes: 1000,
    });
    const [first] = full.hosts;
    expect(first!.sendShare).toBeGreaterThan(0.95);
    expect(first!.sendQueueMaxFrames).toBeGreaterThan(40);
    expect(full.drops[0]!.name).toMatch(/^queue-full at node/);
    expect(full.lossRate).toBeGreaterThan(0.2);
    expect(full.latency.p50Ns).toBeGreaterThan(10e6);
  });

  test('a closed loop cannot overload: nothing is lost, and answers wait', () => {
    const closed = run({ loop: 'closed', clients: 64 });
    expect(closed.losses).toEqual([]);
    expect(closed.hosts[0]!.cpuShare).toBeGreaterThan(0.9);
    // Little's law: clients are rate times time in the system.
    const inSystem = closed.answeredPerSec * (closed.latency.meanNs / 1e9);
    expect(inSystem).toBeGreaterThan(60);
    expect(inSystem).toBeLessThan(68);
  });
});

describe('HTTP', () => {
  test('a connection for each request costs more than one for many', () => {
    const web = { protocol: 'http', loop: 'closed', clients: 4 } as const;
    const fresh = run(web);
    const kept = run({ ...web, isKeptAlive: true });
    expect(fresh.answered).toBeGreaterThan(20);
    expect([...fresh.losses, ...kept.losses]).toEqual([]);
    expect(kept.answeredPerSec).toBeGreaterThan(1.5 * fresh.answeredPerSec);
    expect(fresh.replicas.every(({ share }) => share > 0.4)).toBe(true);
  });

  test('at a rate, from inside the swarm', () => {
    const inside = run({ protocol: 'http', variant: 'vip', ratePerSec: 2000, requestBytes: 64 });
    expect(inside.answered).toBe(inside.offered);
    expect(inside.offered).toBeGreaterThan(10);
  });
});

describe('runs', () => {
  test('are equal for equal seeds, and differ for others', () => {
    const again = run({});
    expect(again.hash).toBe(ingress.hash);
    expect(JSON.stringify(again)).toBe(JSON.stringify(ingress));
    expect(run({ seed: 2 }).hash).not.toBe(ingress.hash);
  });

  test('constant arrivals are exactly as many as the rate says', () => {
    const { offered } = run({ variant: 'host', arrivals: 'constant' });
    expect(Math.abs(offered - 200)).toBeLessThanOrEqual(1);
  });
});
