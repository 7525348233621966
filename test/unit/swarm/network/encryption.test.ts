import { beforeAll, expect, test } from 'vitest';
import { addTap, type Device, removeTap } from '../../../../src/engine/device.ts';
import type { Packet } from '../../../../src/engine/packet.ts';
import { findDevice } from '../../../../src/stack/link.ts';
import { listXfrmPolicies, listXfrmStates } from '../../../../src/stack/xfrm/control.ts';
import { spiOf } from '../../../../src/swarm/network/encryption.ts';
import { runOnMachine } from '../../../support/run-on-machine.ts';
import { makeSwarmNet, type SwarmNet } from '../../../support/swarm-network.ts';

let net: SwarmNet;
const on = async (node: number, text: string): Promise<string> => {
  const { stdout, stderr } = await runOnMachine(net.nodes[node - 1]!, text);
  return stdout + stderr;
};
const zero = [...new Array<number>(10).fill(0), 255, 255, 0, 0, 0, 0];
const fnv = (bytes: Uint8Array): number => {
  let hash = 2166136261n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 16777619n) % 4294967296n;
  return Number(hash);
};
const key = (tag: number) => ({ tag, key: new Uint8Array(16).fill(tag) });

beforeAll(() => {
  net = makeSwarmNet(2);
  for (const [i, member] of net.members.entries()) {
    net.act(i + 1, () => member.network.setEncryptionKeys([key(1), key(2), key(3)]));
  }
  const secret = net.network('secret', 1, { options: new Map([['encrypted', '']]) });
  net.attach(1, secret, '10.0.1.4');
  net.attach(2, secret, '10.0.1.5');
  const leg = (address: string) => [{ network: secret, address, vip: null }];
  net.task(1, { service: 'a', legs: leg('10.0.1.2') });
  net.task(2, { service: 'b', legs: leg('10.0.1.3') });
  net.pass(1);
});

test('SPIs are those of FNV-1a over both addresses and the tag', () => {
  expect(spiOf(0xc0a8000b | 0, 0xc0a8000c | 0, 2)).not.toBe(
    spiOf(0xc0a8000c | 0, 0xc0a8000b | 0, 2),
  );
  expect(spiOf(0, 0, 0)).toBe(fnv(new Uint8Array([...zero, ...[0, 0, 0, 0], ...zero])));
});

test('each node has a state inwards for every key, one outwards, and a policy', () => {
  const { root } = net.nodes[0]!;
  const [own, other] = [0xc0a8000b | 0, 0xc0a8000c | 0];
  const states = listXfrmStates(root).map(({ source, spi }) => ({ source, spi }));
  expect(states).toHaveLength(4);
  expect(states).toContainEqual({ source: own, spi: spiOf(own, other, 2) });
  for (const tag of [1, 2, 3]) {
    expect(states).toContainEqual({ source: other, spi: spiOf(other, own, tag) });
  }
  const [policy] = listXfrmPolicies(root);
  expect(policy?.templates[0]?.spi).toBe(spiOf(own, other, 2));
  expect(policy?.mark).toEqual({ value: 0xd0c4e3, mask: 0xffffffff });
});

test('its packets are marked, and what comes in clear text is dropped', async () => {
  const match =
    '-m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4097,6 0 0 0,6 0 0 4294967295"';
  const rules = await on(1, 'iptables-save');
  expect(rules).toContain(
    `-A OUTPUT -p udp -m udp --dport 4789 ${match} -j MARK --set-xmark 0xd0c4e3/0xffffffff\n`,
  );
  expect(rules).toContain(
    `-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 ${match} -j DROP\n`,
  );
});

test('what is on the wire is ESP, and the MTU leaves room for it', async () => {
  const eth0 = findDevice(net.nodes[1]!.root, 'eth0');
  const seen: string[] = [];
  const capture = (_device: Device, { bytes, start }: Packet): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset + start);
    const protocol = view.getUint8(23);
    if (view.getUint16(12) === 0x0800) seen.push(`${protocol} ${view.getUint32(34)}`);
  };
  const tap = { capture };
  addTap(eth0, tap);
  expect(await on(1, 'docker exec $(docker ps -q) ping -c 2 -M do -s 1396 10.0.1.3')).toContain(
    '2 received',
  );
  removeTap(eth0, tap);
  const own = 0xc0a8000b | 0;
  const other = 0xc0a8000c | 0;
  const [there, back] = [spiOf(own, other, 2), spiOf(other, own, 2)];
  expect(seen).toEqual([`50 ${there}`, `50 ${back}`, `50 ${there}`, `50 ${back}`]);
  expect(await on(1, 'docker exec $(docker ps -q) ip link show eth0')).toContain(' mtu 1424 ');
});

test('a new key takes the place of the oldest, and the one in between encrypts', async () => {
  for (const [i, member] of net.members.entries()) {
    net.act(i + 1, () => member.network.setEncryptionKeys([key(2), key(3), key(4)]));
  }
  const { root } = net.nodes[0]!;
  const [own, other] = [0xc0a8000b | 0, 0xc0a8000c | 0];
  const states = listXfrmStates(root).map(({ source, spi }) => ({ source, spi }));
  expect(states).toHaveLength(4);
  expect(states).toContainEqual({ source: own, spi: spiOf(own, other, 3) });
  for (const tag of [2, 3, 4]) {
    expect(states).toContainEqual({ source: other, spi: spiOf(other, own, tag) });
  }
  expect(await on(1, 'docker exec $(docker ps -q) ping -c 1 10.0.1.3')).toContain('1 received');
});
