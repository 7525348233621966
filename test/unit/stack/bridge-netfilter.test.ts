import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { macOf, parseMac } from '../../../src/base/mac-address.ts';
import { bridgePortOf } from '../../../src/devices/bridge.ts';
import type { Device } from '../../../src/engine/device.ts';
import { runIptables } from '../../../src/netfilter/iptables/iptables.ts';
import { sourceMacLo, targetMacLo } from '../../../src/protocols/ethernet.ts';
import {
  createLink,
  setLinkMaster,
  setLinkMtu,
  setLinkUp,
  setPromiscuous,
} from '../../../src/stack/link.ts';
import type { NetNamespace } from '../../../src/stack/namespace.ts';
import { addNeighbour } from '../../../src/stack/neighbour.ts';
import { openRawSocket, type RawSocket, sendRaw } from '../../../src/stack/raw-socket.ts';
import { writeSysctl } from '../../../src/stack/sysctl-tree.ts';
import {
  address,
  call,
  echo,
  host,
  ip,
  type Lab,
  makeLab,
  pass,
  type Seen,
  via,
  watch,
  wire,
} from '../../support/stack-lab.ts';

let lab: Lab;
let router: NetNamespace;
let br0: Device;
let clients: NetNamespace[];
let ends: Device[];
let ports: Device[];
let sockets: RawSocket[];

/** br0 (172.17.0.1, MAC ..:ff) with c1 to c3 (172.17.0.11 to .13, MACs ..:01 to ..:03). */
beforeEach(() => {
  lab = makeLab();
  router = host(lab, 'host');
  clients = [];
  ends = [];
  ports = [];
  br0 = call(lab, () => {
    const device = createLink(router, { kind: 'bridge', name: 'br0', mac: macOf(0x0200, 0xff) });
    setLinkUp(device);
    return device;
  });
  address(lab, br0, '172.17.0.1/16');
  for (let i = 1; i <= 3; i++) {
    const netns = host(lab, `c${i}`);
    const [end, port] = wire(
      lab,
      { netns, name: 'eth0', cidr: `172.17.0.1${i}/16`, mac: `02:00:00:00:00:0${i}` },
      { netns: router, name: `v${i}`, mac: `06:00:00:00:00:0${i}` },
    );
    call(lab, () => setLinkMaster(port, br0));
    via(lab, netns, '0.0.0.0/0', '172.17.0.1');
    clients.push(netns);
    ends.push(end);
    ports.push(port);
  }
  sockets = clients.map((netns) => openRawSocket(netns, 1));
  writeSysctl(router, 'net.ipv4.ip_forward', '1');
  pass(lab, 3); // what the bridge reports of itself is over
  lab.drops.length = 0;
});

afterEach(() => {
  pass(lab, 60);
  for (const socket of sockets) while (socket.receiveQueue.head !== null) drain(socket);
  expect(lab.sim.pool.outstanding).toBe(0);
});

function drain(socket: RawSocket): void {
  const { head } = socket.receiveQueue;
  if (head === null) return;
  socket.receiveQueue.head = head.next;
  lab.sim.pool.outstanding--; // read by nobody: given up here
}

function iptables(...words: string[]): void {
  const result = runIptables(router.netfilter, words.join(' ').split(' '));
  expect(result.exitCode).toBe(0);
}

function ping(from: number, target: string, sizeBytes = 56): void {
  call(lab, () => sendRaw(sockets[from - 1]!, echo(7, 1, sizeBytes), ip(target)));
  pass(lab, 0.1);
}

const icmp = (seen: Seen): string[] => seen.lines.filter((line) => line.includes('icmp'));
const packets = (table: string, chain: string): string =>
  runIptables(router.netfilter, ['-t', table, '-L', chain, '-v', '-n', '-x']).stdout;

describe('bridged packets', () => {
  test('pass FORWARD with the bridge as both devices and the ports as physdevs', () => {
    iptables('-A FORWARD -i br0 -o br0 -m physdev --physdev-in v1 --physdev-out v2 -j DROP');
    const seen = watch(ends[1]!);
    ping(1, '172.17.0.12');
    expect(lab.drops).toContain('rule-drop');
    expect(icmp(seen)).toEqual([]);
    ping(3, '172.17.0.12');
    expect(icmp(seen)).toHaveLength(2);
  });

  test('do not while bridge-nf-call-iptables is 0', () => {
    iptables('-A FORWARD -j DROP');
    writeSysctl(router, 'net.bridge.bridge-nf-call-iptables', '0');
    const seen = watch(ends[1]!);
    ping(1, '172.17.0.12');
    expect(icmp(seen)).toHaveLength(2);
  });

  test('keep MAC addresses and TTL, unseen by the tap of the bridge', () => {
    iptables('-t nat -A POSTROUTING -s 172.17.0.99 -j MASQUERADE');
    ping(1, '172.17.0.12');
    const bridge = watch(br0);
    const seen = watch(ends[1]!);
    ping(1, '172.17.0.12');
    expect(icmp(seen)[0]).toBe('in icmp 8/0 172.17.0.11 > 172.17.0.12 ttl 64');
    expect(bridge.lines).toEqual([]);
  });

  test('are not counted twice in PREROUTING when they go up to the host', () => {
    iptables('-t mangle -A PREROUTING -p icmp -j ACCEPT');
    ping(1, '172.17.0.1');
    const line = packets('mangle', 'PREROUTING').split('\n')[2]!;
    expect(line.trim().split(/\s+/)[0]).toBe('1');
  });

  test('with a bad header end in the bridge', () => {
    const seen = watch(ends[1]!);
    const damage = (change: (bytes: Uint8Array, at: number) => void): void => {
      ends[0]!.queueDiscipline = (sim, device, packet) => {
        if (packet.bytes[packet.start + 12] === 8 && packet.bytes[packet.start + 13] === 0) {
          change(packet.bytes, packet.start + 14);
        }
        device.transmit(sim, device, packet);
      };
      ping(1, '172.17.0.12');
    };
    damage((bytes, at) => {
      bytes[at + 8]! ^= 1;
    });
    damage((bytes, at) => {
      bytes[at] = 0x44;
    });
    expect(lab.drops.filter((reason) => reason.startsWith('ip'))).toEqual([
      'ip-checksum',
      'ip-header',
    ]);
    expect(icmp(seen)).toEqual([]);
  });
});

describe('DNAT in the bridge', () => {
  beforeEach(() => {
    iptables('-t nat -A PREROUTING -d 10.9.9.9 -j DNAT --to-destination 172.17.0.12');
  });

  test('goes to the new target with the sender’s MAC and the whole TTL', () => {
    const macs: number[][] = [];
    ends[1]!.intercept = (_sim, _device, packet) => {
      macs.push([sourceMacLo(packet.bytes, packet.start), targetMacLo(packet.bytes, packet.start)]);
      return false;
    };
    const seen = watch(ends[1]!);
    const back = watch(ends[0]!);
    ping(1, '10.9.9.9'); // asks for the address first
    ping(1, '10.9.9.9'); // knows it
    expect(icmp(seen).filter((line) => line.startsWith('in'))).toEqual([
      'in icmp 8/0 172.17.0.11 > 172.17.0.12 ttl 64',
      'in icmp 8/0 172.17.0.11 > 172.17.0.12 ttl 64',
    ]);
    expect(macs.filter(([source]) => source === 1).slice(-2)).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(icmp(back).at(-1)).toBe('in icmp 0/0 10.9.9.9 > 172.17.0.11 ttl 64');
  });

  test('to the host itself goes up', () => {
    iptables('-t nat -A PREROUTING -d 10.9.9.8 -j DNAT --to-destination 172.17.0.1');
    const bridge = watch(br0);
    const back = watch(ends[0]!);
    ping(1, '10.9.9.8');
    expect(icmp(bridge)[0]).toBe('in icmp 8/0 172.17.0.11 > 172.17.0.1 ttl 64');
    expect(icmp(back).at(-1)).toBe('in icmp 0/0 10.9.9.8 > 172.17.0.11 ttl 64');
  });

  test('to another network is routed', () => {
    const far = host(lab, 'far');
    wire(
      lab,
      { netns: far, name: 'eth0', cidr: '10.1.0.2/24', mac: '02:00:00:00:01:01' },
      { netns: router, name: 'e1', cidr: '10.1.0.1/24', mac: '02:00:00:00:01:02' },
    );
    via(lab, far, '0.0.0.0/0', '10.1.0.1');
    iptables('-t nat -A PREROUTING -d 10.9.9.7 -j DNAT --to-destination 10.1.0.2');
    const back = watch(ends[0]!);
    ping(1, '10.9.9.7');
    expect(icmp(back).at(-1)).toBe('in icmp 0/0 10.9.9.7 > 172.17.0.11 ttl 63');
  });

  test('to nobody is given up by the neighbour layer', () => {
    iptables('-t nat -A PREROUTING -d 10.9.9.6 -j DNAT --to-destination 172.17.0.77');
    ping(1, '10.9.9.6');
    pass(lab, 5);
    expect(lab.drops).toContain('neighbour-failed');
  });

  test('ends when the port has left meanwhile', () => {
    ping(1, '10.9.9.9');
    lab.drops.length = 0;
    iptables('-t nat -A PREROUTING -d 10.9.9.5 -j DNAT --to-destination 172.17.0.50');
    ping(1, '10.9.9.5');
    call(lab, () => {
      setLinkMaster(ports[0]!, null);
      const mac = parseMac('02:00:00:00:00:02')!;
      addNeighbour(router, { device: br0, address: ip('172.17.0.50'), mac }, 'replace');
    });
    expect(lab.drops).toContain('device-gone');
  });
});

describe('fragments', () => {
  test('are put together for the hooks and cut again for the port', () => {
    iptables('-t nat -A POSTROUTING -s 172.17.0.99 -j MASQUERADE');
    const seen = watch(ends[1]!);
    ping(1, '172.17.0.12', 3000);
    const into = seen.lines.filter((line) => line.startsWith('in') && !line.includes('arp'));
    expect(into).toHaveLength(3);
    expect(icmp(watch(ends[0]!))).toEqual([]);
    expect(
      lab.drops.filter((reason) => reason !== 'other-host' && reason !== 'arp-not-for-us'),
    ).toEqual([]);
  });

  test('a port that is too small gets fragments, and nothing with DF', () => {
    call(lab, () => setLinkMtu(ports[1]!, 1300));
    expect(br0.mtuBytes).toBe(1300);
    ping(1, '172.17.0.12');
    const seen = watch(ends[1]!);
    sockets[0]!.pathMtuDiscovery = 'dont';
    ping(1, '172.17.0.12', 1400);
    expect(seen.lines.filter((line) => line.startsWith('in'))).toHaveLength(2);
    sockets[0]!.pathMtuDiscovery = 'do';
    ping(1, '172.17.0.12', 1400);
    expect(lab.drops).toContain('mtu-exceeded');
  });
});

test('a promiscuous bridge sees bridged frames after PREROUTING', () => {
  iptables('-t nat -A PREROUTING -d 10.9.9.9 -j DNAT --to-destination 172.17.0.12');
  ping(1, '10.9.9.9');
  setPromiscuous(br0, true);
  const seen = watch(br0);
  ping(1, '172.17.0.12');
  expect(icmp(seen)).toEqual([
    'in icmp 8/0 172.17.0.11 > 172.17.0.12 ttl 64',
    'in icmp 0/0 172.17.0.12 > 172.17.0.11 ttl 64',
  ]);
  expect(bridgePortOf(ports[0]!)?.isForwarding).toBe(true);
});
