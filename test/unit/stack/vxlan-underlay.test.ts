import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { macOf } from '../../../src/base/mac-address.ts';
import { addVxlanFdb, listVxlanFdb } from '../../../src/devices/vxlan-control.ts';
import { addTap, type Device } from '../../../src/engine/device.ts';
import { releasePacket } from '../../../src/engine/packet-pool.ts';
import { ETHERNET_BYTES } from '../../../src/protocols/ethernet.ts';
import {
  IPV4_BYTES,
  ipProtocol,
  ipSource,
  ipTarget,
  PROTOCOL_UDP,
} from '../../../src/protocols/ipv4.ts';
import { isUdpChecksumGood, udpChecksum } from '../../../src/protocols/udp.ts';
import { deleteNamespace } from '../../../src/stack/create-namespace.ts';
import {
  createLink,
  moveLink,
  setLinkDown,
  setLinkMaster,
  setLinkMtu,
  setLinkUp,
} from '../../../src/stack/link.ts';
import type { NetNamespace } from '../../../src/stack/namespace.ts';
import { addNeighbour } from '../../../src/stack/neighbour.ts';
import { pathMtuOf } from '../../../src/stack/path-mtu.ts';
import { openRawSocket, type RawSocket, sendRaw } from '../../../src/stack/raw-socket.ts';
import { takeReceived } from '../../../src/stack/socket.ts';
import { bindUdp, closeUdp, openUdp, sendUdp } from '../../../src/stack/udp-socket.ts';
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
  watch,
  wire,
} from '../../support/stack-lab.ts';

let lab: Lab;
let hosts: NetNamespace[];
let underlays: Device[];
let tunnels: Device[];
let sockets: RawSocket[];

/** Two hosts, 192.168.0.1 and .2, each with a vxlan device (VNI 42, 10.0.0.1 and .2) on it. */
beforeEach(() => {
  lab = makeLab();
  hosts = [host(lab, 'h1'), host(lab, 'h2')];
  underlays = wire(
    lab,
    { netns: hosts[0]!, name: 'eth0', cidr: '192.168.0.1/24', mac: '02:00:00:00:00:01' },
    { netns: hosts[1]!, name: 'eth0', cidr: '192.168.0.2/24', mac: '02:00:00:00:00:02' },
  );
  tunnels = hosts.map((netns, index) =>
    call(lab, () => {
      const device = createLink(netns, {
        kind: 'vxlan',
        name: 'vx0',
        mac: macOf(0x0200, 0x11 + index),
        mtu: 1450,
        vxlan: { id: 42, port: 4789, remote: ip(`192.168.0.${2 - index}`) },
      });
      setLinkUp(device);
      return device;
    }),
  );
  tunnels.forEach((device, index) => {
    address(lab, device, `10.0.0.${index + 1}/24`);
  });
  sockets = hosts.map((netns) => openRawSocket(netns, 1));
});

afterEach(() => {
  pass(lab, 60);
  for (const socket of sockets) {
    for (let packet = takeReceived(socket); packet !== null; packet = takeReceived(socket)) {
      releasePacket(lab.sim, packet);
    }
  }
  expect(lab.sim.pool.outstanding).toBe(0);
});

function ping(target: string, sizeBytes = 56): void {
  call(lab, () => sendRaw(sockets[0]!, echo(7, 1, sizeBytes), ip(target)));
  pass(lab, 0.1);
}

const udp = (seen: Seen): string[] => seen.lines.filter((line) => line.includes('udp'));

describe('a tunnel', () => {
  test('carries ARP and IPv4 as UDP to port 4789, TTL 64, learning the other side', () => {
    const wireSeen = watch(underlays[0]!);
    const inner = watch(tunnels[1]!);
    ping('10.0.0.2');
    expect(inner.lines).toEqual([
      'in arp who-has 10.0.0.2 tell 10.0.0.1 all',
      'out arp is-at 10.0.0.1 tell 10.0.0.2 one',
      'in icmp 8/0 10.0.0.1 > 10.0.0.2 ttl 64',
      'out icmp 0/0 10.0.0.2 > 10.0.0.1 ttl 64',
    ]);
    expect(udp(wireSeen)).toHaveLength(4);
    for (const line of udp(wireSeen)) expect(line).toMatch(/>4789 ttl 64$/);
    const entries = listVxlanFdb(lab.sim, tunnels[0]!);
    expect(entries.map((entry) => [entry.lo, entry.state])).toContainEqual([0x12, 'dynamic']);
    expect([tunnels[0]!.txPackets, tunnels[0]!.rxPackets]).toEqual([2, 2]);
  });

  test('has a right outer checksum, whether or not that of the inner datagram is known', () => {
    const seen: boolean[] = [];
    addTap(underlays[0]!, {
      capture(_device, { bytes, start, end }) {
        const at = start + ETHERNET_BYTES;
        if (ipProtocol(bytes, at) !== PROTOCOL_UDP) return;
        expect(udpChecksum(bytes, at + IPV4_BYTES)).not.toBe(0);
        const [source, target] = [ipSource(bytes, at), ipTarget(bytes, at)];
        seen.push(isUdpChecksumGood(bytes, at + IPV4_BYTES, end, source, target));
      },
    });
    ping('10.0.0.2');
    const client = openUdp(hosts[0]!);
    for (const size of [0, 1, 64, 777, 1400]) {
      const payload = Uint8Array.from({ length: size }, (_, i) => i * size);
      call(lab, () => sendUdp(client, payload, ip('10.0.0.2'), 9));
      pass(lab, 2); // each is answered by "port unreachable"
    }
    expect(seen.length).toBeGreaterThanOrEqual(4 + 10);
    expect(seen.every((isGood) => isGood)).toBe(true);
  });

  test('uses one source port for both directions of a ping', () => {
    ping('10.0.0.2');
    const seen = watch(underlays[0]!);
    ping('10.0.0.2');
    const portsSeen = udp(seen).map((line) => /(\d+)>4789/.exec(line)?.[1]);
    expect(new Set(portsSeen).size).toBe(1);
  });

  test('cuts what is too large for the underlay, and its route learns the MTU', () => {
    ping('10.0.0.2');
    call(lab, () => setLinkMtu(underlays[0]!, 1400));
    call(lab, () => setLinkMtu(underlays[1]!, 1400));
    const inner = watch(tunnels[1]!);
    sockets[0]!.pathMtuDiscovery = 'dont';
    ping('10.0.0.2', 1400);
    expect(inner.lines[0]).toBe('in icmp 8/0 10.0.0.1 > 10.0.0.2 ttl 64');
    expect(pathMtuOf(hosts[0]!, ip('10.0.0.2'))).toBe(1350);
  });

  test('stays with the namespace in which it was made when it moves', () => {
    const sandbox = host(lab, 'sandbox');
    call(lab, () => moveLink(tunnels[0]!, sandbox));
    call(lab, () => setLinkUp(tunnels[0]!));
    address(lab, tunnels[0]!, '10.0.0.1/24');
    closeSocket();
    sockets[0] = openRawSocket(sandbox, 1);
    const seen = watch(underlays[0]!);
    ping('10.0.0.2');
    expect(udp(seen).length).toBeGreaterThan(2);
    call(lab, () => deleteNamespace(lab.sim, hosts[0]!));
    expect(tunnels[0]!.isRegistered).toBe(false);
  });

  test('answers ARP for its neighbours as a proxy on a bridge', () => {
    const netns = hosts[0]!;
    const c1 = host(lab, 'c1');
    const [, port] = wire(
      lab,
      { netns: c1, name: 'eth0', cidr: '10.1.0.1/24', mac: '02:00:00:00:02:01' },
      { netns, name: 'v1', mac: '02:00:00:00:02:02' },
    );
    const vxlan = call(lab, () => {
      const br0 = createLink(netns, { kind: 'bridge', name: 'br0' });
      setLinkUp(br0);
      const device = createLink(netns, {
        kind: 'vxlan',
        name: 'vx1',
        vxlan: { id: 43, port: 4789, isProxy: true, isL2Miss: true, isL3Miss: true },
      });
      setLinkMaster(device, br0);
      setLinkMaster(port, br0);
      setLinkUp(device);
      const mac = macOf(0x0200, 0x99);
      addNeighbour(netns, { device, address: ip('10.1.0.9'), mac });
      addVxlanFdb(lab.sim, device, {
        mac,
        remote: ip('192.168.0.2'),
        state: 'permanent',
        how: 'add',
      });
      return device;
    });
    pass(lab, 2);
    const seen = watch(vxlan);
    const socket = openRawSocket(c1, 1);
    call(lab, () => sendRaw(socket, echo(1, 1), ip('10.1.0.9')));
    expect(seen.lines).toEqual([
      'out arp who-has 10.1.0.9 tell 10.1.0.1 all',
      'in arp is-at 10.1.0.1 tell 10.1.0.9 one',
      'out icmp 8/0 10.1.0.1 > 10.1.0.9 ttl 64',
    ]);
    expect(lab.drops).toContain('vxlan-unknown-vni'); // the other host has no VNI 43
  });
});

describe('the UDP port', () => {
  test('is open while a device is up, shared by devices', () => {
    const taken = (): string | null => {
      const socket = openUdp(hosts[0]!);
      const failure = bindUdp(socket, 0, 4789);
      closeUdp(socket);
      return failure;
    };
    expect(taken()).toBe('EADDRINUSE');
    const second = call(lab, () => {
      const device = createLink(hosts[0]!, {
        kind: 'vxlan',
        name: 'vx1',
        vxlan: { id: 43, port: 4789 },
      });
      setLinkUp(device);
      setLinkDown(tunnels[0]!);
      return device;
    });
    expect(taken()).toBe('EADDRINUSE');
    call(lab, () => setLinkDown(second));
    expect(taken()).toBeNull();
  });

  test('keeps a device down when a program has it', () => {
    const socket = openUdp(hosts[0]!);
    expect(bindUdp(socket, 0, 8472)).toBeNull();
    const device = call(lab, () =>
      createLink(hosts[0]!, { kind: 'vxlan', name: 'vx1', vxlan: { id: 43 } }),
    );
    expect(() => call(lab, () => setLinkUp(device))).toThrow('Address already in use');
    expect(device.isUp).toBe(false);
    closeUdp(socket);
    call(lab, () => setLinkUp(device));
  });
});

test('without a route to the remote the frame is dropped', () => {
  call(lab, () => setLinkDown(underlays[0]!));
  ping('10.0.0.2');
  expect(lab.drops).toContain('vxlan-underlay-down');
});

function closeSocket(): void {
  const socket = sockets[0]!;
  for (let packet = takeReceived(socket); packet !== null; packet = takeReceived(socket)) {
    releasePacket(lab.sim, packet);
  }
}
