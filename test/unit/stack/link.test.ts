import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { macOf } from '../../../src/base/mac-address.ts';
import { NS_PER_SEC } from '../../../src/base/units.ts';
import { bridgeOf } from '../../../src/devices/bridge.ts';
import { createCable } from '../../../src/devices/cable.ts';
import type { LinkOptions } from '../../../src/devices/device-kind.ts';
import { setNetem } from '../../../src/devices/netem.ts';
import { vethPeerOf } from '../../../src/devices/veth.ts';
import { vxlanOf } from '../../../src/devices/vxlan-record.ts';
import type { Device } from '../../../src/engine/device.ts';
import { transmit } from '../../../src/engine/device.ts';
import { takePacket } from '../../../src/engine/packet-pool.ts';
import { addCpu, runUntil } from '../../../src/engine/simulator.ts';
import { addAddress } from '../../../src/stack/address.ts';
import { createNamespace, deleteNamespace } from '../../../src/stack/create-namespace.ts';
import { listRoutes } from '../../../src/stack/fib.ts';
import {
  createLink,
  DEVICES_MAX,
  deleteLink,
  deviceOperState,
  findDevice,
  isDeviceName,
  moveLink,
  registerDevice,
  renameLink,
  setLinkDown,
  setLinkMac,
  setLinkMaster,
  setLinkMtu,
  setLinkUp,
  setPromiscuous,
} from '../../../src/stack/link.ts';
import type { NetNamespace } from '../../../src/stack/namespace.ts';
import { call, ip, type Lab, makeLab } from '../../support/stack-lab.ts';

let lab: Lab;
let netns: NetNamespace;
let other: NetNamespace;

beforeEach(() => {
  lab = makeLab();
  netns = createNamespace(lab.sim, 'a');
  other = createNamespace(lab.sim, 'b');
});

afterEach(() => {
  runUntil(lab.sim, lab.sim.nowNs + 1000 * NS_PER_SEC);
  expect(lab.sim.pool.outstanding).toBe(0);
});

const add = (options: LinkOptions, where = netns): Device =>
  call(lab, () => createLink(where, options));
const names = (where = netns): string[] =>
  where.devices.map((device) => `${device.index} ${device.name}`);
const pair = (name = 'v0', peer = 'v1'): [Device, Device] => {
  const device = add({ kind: 'veth', name, peer: { name: peer } });
  return [device, vethPeerOf(device)!];
};

describe('making devices', () => {
  test('lo is 1 and down, a veth comes after its peer', () => {
    pair();
    expect(names()).toEqual(['1 lo', '2 v1', '3 v0']);
    expect(netns.loopback.isUp).toBe(false);
  });

  test('a peer may be in another namespace, with address and MTU of its own', () => {
    const device = add({
      kind: 'veth',
      name: 'eth0',
      mac: macOf(0x0200, 1),
      mtu: 1400,
      peer: { name: 'v0', netns: other, mac: macOf(0x0200, 2), mtu: 1450 },
    });
    const peer = findDevice(other, 'v0');
    expect(vethPeerOf(device)).toBe(peer);
    expect([device.mtuBytes, peer.mtuBytes, device.macLo, peer.macLo]).toEqual([1400, 1450, 1, 2]);
    expect([names(), names(other)]).toEqual([
      ['1 lo', '2 eth0'],
      ['1 lo', '2 v0'],
    ]);
  });

  test('fills in names, the lowest number that is free', () => {
    add({ kind: 'veth' });
    add({ kind: 'dummy', name: 'd%d' });
    add({ kind: 'bridge' });
    expect(names().map((line) => line.split(' ')[1])).toEqual([
      'lo',
      'veth0',
      'veth1',
      'd0',
      'bridge0',
    ]);
  });

  test('draws local unicast addresses, the same ones for the same seed', () => {
    const [device, peer] = pair();
    expect(device.macHi & 0x0300).toBe(0x0200);
    expect(device.macLo).not.toBe(peer.macLo);
    const again = makeLab();
    const twin = createLink(createNamespace(again.sim, 'a'), { kind: 'veth', name: 'v0' });
    expect([twin.macHi, twin.macLo]).toEqual([device.macHi, device.macLo]);
  });

  test('refuses what the kernel refuses, and leaves nothing behind', () => {
    pair();
    const before = names();
    expect(() => add({ kind: 'foo', name: 'x' })).toThrow('Operation not supported');
    expect(() => add({ kind: 'loopback', name: 'x' })).toThrow('Operation not supported');
    expect(() => add({ kind: 'veth', name: 'v0', peer: { name: 'z' } })).toThrow('File exists');
    expect(() => add({ kind: 'veth', name: 'z', peer: { name: 'z' } })).toThrow('File exists');
    expect(() => add({ kind: 'veth', name: 'z', peer: { name: 'v1' } })).toThrow('File exists');
    expect(() => add({ kind: 'dummy', name: 'a/b' })).toThrow('Invalid argument');
    expect(() => add({ kind: 'veth', name: 'z', mtu: 20 })).toThrow('Invalid argument');
    expect(() => add({ kind: 'veth', name: 'z', mac: macOf(0x0100, 1) })).toThrow('Cannot assign');
    expect(names()).toEqual(before);
    expect(() => findDevice(netns, 'z')).toThrow('No such device');
  });

  test('names are at most 15 characters without slash, colon and blank', () => {
    expect(['eth0', 'a'.repeat(15), 'br-1.2_3'].map(isDeviceName)).toEqual([true, true, true]);
    for (const bad of ['', '.', '..', 'a/b', 'a b', 'a:b', 'a'.repeat(16), 'a\tb']) {
      expect(isDeviceName(bad)).toBe(false);
    }
  });

  test('are bounded in number', () => {
    for (let i = netns.devices.length; i < DEVICES_MAX; i++) add({ kind: 'dummy', name: `d${i}` });
    expect(() => add({ kind: 'dummy' })).toThrow('No space left');
  });
});

describe('up, down and carrier', () => {
  test('a veth has carrier when both ends are up', () => {
    const [device, peer] = pair();
    expect([deviceOperState(device), deviceOperState(peer)]).toEqual(['DOWN', 'DOWN']);
    call(lab, () => setLinkUp(device));
    expect(device.hasCarrier).toBe(false);
    expect(deviceOperState(device)).toBe('LOWERLAYERDOWN');
    call(lab, () => setLinkUp(peer));
    expect([deviceOperState(device), deviceOperState(peer)]).toEqual(['UP', 'UP']);
    call(lab, () => setLinkDown(peer));
    expect(deviceOperState(device)).toBe('LOWERLAYERDOWN');
  });

  test('a veth with its peer elsewhere says DOWN when that index is free or its own here', () => {
    const device = add({ kind: 'veth', name: 'eth0', peer: { name: 'v0', netns: other } });
    call(lab, () => setLinkUp(device));
    expect(deviceOperState(device)).toBe('DOWN');
  });

  test('tells the watchers', () => {
    const seen: string[] = [];
    const [device, peer] = pair();
    netns.deviceWatchers.push((each, change) => seen.push(`${each.name} ${change}`));
    call(lab, () => setLinkUp(device));
    call(lab, () => setLinkUp(device));
    expect(seen).toEqual(['v0 up']);
    call(lab, () => setLinkUp(peer));
    expect([...seen].sort()).toEqual(['v0 carrier', 'v0 up', 'v1 carrier', 'v1 up']);
    seen.length = 0;
    call(lab, () => setLinkDown(device));
    expect([...seen].sort()).toEqual(['v0 carrier', 'v0 down', 'v1 carrier']);
  });

  test('a bridge has carrier before it had ports, then with a port that forwards', () => {
    const bridge = add({ kind: 'bridge', name: 'br0' });
    call(lab, () => setLinkUp(bridge));
    expect([bridge.hasCarrier, deviceOperState(bridge)]).toEqual([true, 'UNKNOWN']);
    const [device, peer] = pair();
    call(lab, () => setLinkMaster(device, bridge));
    expect([bridge.hasCarrier, deviceOperState(bridge)]).toEqual([false, 'DOWN']);
    call(lab, () => setLinkUp(device));
    call(lab, () => setLinkUp(peer));
    expect([bridge.hasCarrier, deviceOperState(bridge)]).toEqual([true, 'UP']);
    call(lab, () => setLinkMaster(device, null));
    expect([bridge.hasCarrier, deviceOperState(bridge), bridge.macLo]).toEqual([false, 'DOWN', 0]);
  });

  test('a bridge that was given an address has none before its first live port', () => {
    const bridge = add({ kind: 'bridge', name: 'br0', mac: macOf(0x0200, 1) });
    call(lab, () => setLinkUp(bridge));
    expect([bridge.hasCarrier, deviceOperState(bridge)]).toEqual([false, 'DOWN']);
  });

  test('lo, dummy and vxlan are UNKNOWN', () => {
    const dummy = add({ kind: 'dummy', name: 'd0' });
    const vxlan = add({ kind: 'vxlan', name: 'vx0', vxlan: { id: 1, port: 4789 } });
    for (const device of [netns.loopback, dummy, vxlan]) {
      call(lab, () => setLinkUp(device));
      expect(deviceOperState(device)).toBe('UNKNOWN');
    }
  });

  test('VLAN interfaces follow the device below up and down', () => {
    const [device, peer] = pair();
    const vlan = add({ kind: 'vlan', name: 'v0.7', link: device, vlan: { id: 7 } });
    expect(() => call(lab, () => setLinkUp(vlan))).toThrow('Network is down');
    call(lab, () => setLinkUp(device));
    expect([vlan.isUp, vlan.hasCarrier]).toEqual([true, false]);
    call(lab, () => setLinkUp(peer));
    expect([vlan.hasCarrier, deviceOperState(vlan)]).toEqual([true, 'UP']);
    call(lab, () => setLinkDown(device));
    expect(vlan.isUp).toBe(false);
  });

  test('macvlan children share the carrier of their parent', () => {
    const [device, peer] = pair();
    const child = add({ kind: 'macvlan', name: 'm0', link: device });
    call(lab, () => setLinkUp(child));
    expect(deviceOperState(child)).toBe('LOWERLAYERDOWN');
    call(lab, () => setLinkUp(device));
    call(lab, () => setLinkUp(peer));
    expect(deviceOperState(child)).toBe('UP');
  });

  test('a cable has carrier when both cards are up', () => {
    const far = createNamespace(lab.sim, 'far', addCpu(lab.sim, 'far'));
    const [one, two] = createCable(netns, 'eth0', far, 'eth0');
    registerDevice(netns, one);
    registerDevice(far, two);
    call(lab, () => setLinkUp(one));
    expect(deviceOperState(one)).toBe('DOWN');
    call(lab, () => setLinkUp(two));
    expect([deviceOperState(one), deviceOperState(two)]).toEqual(['UP', 'UP']);
    call(lab, () => deleteLink(two));
    expect(one.hasCarrier).toBe(false);
  });

  test('what waits in a queueing discipline is dropped when the device goes down', () => {
    const [device, peer] = pair();
    call(lab, () => setLinkUp(device));
    call(lab, () => setLinkUp(peer));
    setNetem(lab.sim, device, { delayNs: 1e9 });
    call(lab, () => {
      const packet = takePacket(lab.sim, 60);
      packet.end = packet.start + 60;
      transmit(lab.sim, device, packet);
    });
    call(lab, () => setLinkDown(device));
    expect(lab.drops).toEqual(['device-down']);
  });
});

describe('ports of a bridge', () => {
  test('the kernel refuses what cannot be one', () => {
    const bridge = add({ kind: 'bridge', name: 'br0' });
    const another = add({ kind: 'bridge', name: 'br1' });
    const [device, peer] = pair();
    const enslave = (port: Device, master: Device) => () =>
      call(lab, () => setLinkMaster(port, master));
    expect(enslave(device, peer)).toThrow('Operation not supported');
    expect(enslave(netns.loopback, bridge)).toThrow('Invalid argument');
    expect(enslave(another, bridge)).toThrow('Too many levels');
    add({ kind: 'macvlan', name: 'm0', link: peer });
    expect(enslave(peer, bridge)).toThrow('Device or resource busy');
    enslave(device, bridge)();
    enslave(device, bridge)();
    expect(() => add({ kind: 'macvlan', name: 'm1', link: device })).toThrow('resource busy');
    enslave(device, another)();
    expect([bridgeOf(bridge).ports.length, bridgeOf(another).ports.length]).toEqual([0, 1]);
  });

  test('the MTU of a bridge follows its ports until the user sets it', () => {
    const bridge = add({ kind: 'bridge', name: 'br0' });
    const [device] = pair();
    call(lab, () => setLinkMaster(device, bridge));
    call(lab, () => setLinkMtu(device, 1400));
    expect(bridge.mtuBytes).toBe(1400);
    call(lab, () => setLinkMtu(bridge, 1400));
    call(lab, () => setLinkMtu(device, 1300));
    expect(bridge.mtuBytes).toBe(1300); // 1400 was what it had already: no choice of the user
    call(lab, () => setLinkMtu(bridge, 1450));
    call(lab, () => setLinkMtu(device, 1200));
    expect(bridge.mtuBytes).toBe(1450);
  });

  test('the address of a bridge follows a port that changes its own', () => {
    const bridge = add({ kind: 'bridge', name: 'br0' });
    const [device] = pair();
    call(lab, () => setLinkMaster(device, bridge));
    call(lab, () => setLinkMac(device, macOf(0x0200, 5)));
    expect([bridge.macHi, bridge.macLo]).toEqual([0x0200, 5]);
    call(lab, () => setLinkMac(bridge, macOf(0x0200, 6)));
    call(lab, () => setLinkMac(device, macOf(0x0200, 4)));
    expect(bridge.macLo).toBe(6);
  });
});

describe('addresses and MTU', () => {
  test('are checked', () => {
    const [device] = pair();
    const mtu = (value: number) => () => call(lab, () => setLinkMtu(device, value));
    expect(mtu(67)).toThrow('Invalid argument');
    expect(mtu(65536)).toThrow('Invalid argument');
    expect(() => setLinkMac(device, macOf(0x0100, 1))).toThrow('Cannot assign requested address');
    expect(() => setLinkMac(netns.loopback, macOf(0x0200, 1))).toThrow('not supported');
    setLinkMtu(netns.loopback, 100000);
  });

  test('devices above follow the one below', () => {
    const [device] = pair();
    const vlan = add({ kind: 'vlan', name: 'v0.7', link: device, vlan: { id: 7 } });
    const odd = add({
      kind: 'vlan',
      name: 'v0.8',
      mac: macOf(0x0200, 8),
      link: device,
      vlan: { id: 8 },
    });
    call(lab, () => setLinkMtu(device, 1400));
    call(lab, () => setLinkMac(device, macOf(0x0200, 5)));
    expect([vlan.mtuBytes, vlan.macLo, odd.macLo]).toEqual([1400, 5, 8]);
    expect(() => setLinkMtu(vlan, 1401)).toThrow('out of range');
  });

  test('promiscuity counts', () => {
    const [device] = pair();
    setPromiscuous(device, true);
    setPromiscuous(device, true);
    setPromiscuous(device, false);
    expect(device.promiscuousCount).toBe(1);
    setPromiscuous(device, false);
    setPromiscuous(device, false);
    expect(device.promiscuousCount).toBe(0);
  });
});

describe('moving and renaming', () => {
  test('a device keeps its index if that is free; it goes down and loses address and master', () => {
    const bridge = add({ kind: 'bridge', name: 'br0' });
    const [device, peer] = pair();
    call(lab, () => {
      setLinkUp(device);
      addAddress(netns, device, { address: ip('10.0.0.1'), prefixLength: 24 });
      setLinkMaster(device, bridge);
      moveLink(device, other, 'eth0');
    });
    expect(names(other)).toEqual(['1 lo', '4 eth0']);
    expect(names()).toEqual(['1 lo', '2 br0', '3 v1']);
    expect([device.isUp, device.master, device.isRegistered]).toEqual([false, null, true]);
    expect(listRoutes(netns)).toEqual([]);
    expect(vethPeerOf(device)).toBe(peer);
    expect(add({ kind: 'dummy' }, other).index).toBe(2); // its own count has not moved
    call(lab, () => moveLink(peer, other));
    expect(peer.index).toBe(3);
  });

  test('an index that is taken there is replaced by the next one', () => {
    const [device] = pair();
    add({ kind: 'dummy' }, other);
    add({ kind: 'dummy' }, other);
    call(lab, () => moveLink(device, other));
    expect(device.index).toBe(4);
  });

  test('lo and bridges stay, names must be free', () => {
    const bridge = add({ kind: 'bridge', name: 'br0' });
    const [device] = pair();
    add({ kind: 'dummy', name: 'v0' }, other);
    expect(() => moveLink(bridge, other)).toThrow('Invalid argument');
    expect(() => moveLink(netns.loopback, other)).toThrow('Invalid argument');
    expect(() => moveLink(device, other)).toThrow('File exists');
    call(lab, () => moveLink(device, netns, 'v7'));
    expect(findDevice(netns, 'v7')).toBe(device);
    expect(() => renameLink(device, 'v1')).toThrow('File exists');
    expect(() => renameLink(device, 'a/b')).toThrow('Invalid argument');
    renameLink(device, 'v7');
    renameLink(device, 'w%d');
    expect(device.name).toBe('w0');
  });
});

describe('deleting', () => {
  test('takes a veth with its peer, wherever that is', () => {
    const device = add({ kind: 'veth', name: 'eth0', peer: { name: 'v0', netns: other } });
    call(lab, () => deleteLink(device));
    expect([names(), names(other)]).toEqual([['1 lo'], ['1 lo']]);
    call(lab, () => deleteLink(device));
  });

  test('takes what stands on the device, and frees the ports of a bridge', () => {
    const bridge = add({ kind: 'bridge', name: 'br0' });
    const [device, peer] = pair();
    const child = add({ kind: 'macvlan', name: 'm0', link: peer });
    call(lab, () => moveLink(child, other));
    const vxlan = add({ kind: 'vxlan', name: 'vx0', vxlan: { id: 1, port: 4789, lower: device } });
    call(lab, () => setLinkMaster(device, bridge));
    call(lab, () => deleteLink(bridge));
    expect(device.master).toBeNull();
    call(lab, () => deleteLink(device));
    expect([names(), names(other)]).toEqual([['1 lo'], ['1 lo']]);
    expect(vxlan.isRegistered).toBe(false);
    expect(() => deleteLink(netns.loopback)).toThrow('Operation not supported');
  });

  test('a namespace takes its devices along, and vxlan devices that were made in it', () => {
    const vxlan = add({ kind: 'vxlan', name: 'vx0', vxlan: { id: 1, port: 4789 } });
    call(lab, () => moveLink(vxlan, other));
    expect(vxlanOf(vxlan).birth).toBe(netns);
    add({ kind: 'veth', name: 'eth0', peer: { name: 'v0', netns: other } });
    call(lab, () => deleteNamespace(lab.sim, netns));
    expect(netns.devices).toEqual([]);
    expect(names(other)).toEqual(['1 lo']);
  });
});
