import { afterEach, beforeEach, expect, test } from 'vitest';
import { macOf } from '../../../src/base/mac-address.ts';
import type { Device } from '../../../src/engine/device.ts';
import { runUntil } from '../../../src/engine/simulator.ts';
import { checksumOf } from '../../../src/protocols/checksum.ts';
import { ipSource, ipTarget, ipTos, ipTtl, isIpChecksumGood } from '../../../src/protocols/ipv4.ts';
import { createLink, setLinkDown, setLinkMaster, setLinkUp } from '../../../src/stack/link.ts';
import { address, call, host, ip, type Lab, makeLab, wire } from '../../support/stack-lab.ts';

let lab: Lab;
let bridge: Device;
let end: Device;
let times: number[];

beforeEach(() => {
  lab = makeLab();
  times = [];
  const netns = host(lab, 'host');
  const c1 = host(lab, 'c1');
  bridge = call(lab, () =>
    createLink(netns, { kind: 'bridge', name: 'br0', mac: macOf(0x0200, 1) }),
  );
  const [outer, port] = wire(
    lab,
    { netns: c1, name: 'eth0', mac: '02:00:00:00:00:02' },
    { netns, name: 'v1', mac: '02:00:00:00:00:03' },
  );
  call(lab, () => setLinkMaster(port, bridge));
  end = outer;
});

afterEach(() => {
  runUntil(lab.sim, lab.sim.nowNs + 60e9);
  expect(lab.sim.pool.outstanding).toBe(0);
});

test('a bridge that goes up reports twice that it is a snooper', () => {
  address(lab, bridge, '172.17.0.1/16');
  end.intercept = (sim, _device, packet) => {
    const { bytes, start } = packet;
    const at = start + 14;
    times.push(sim.nowNs);
    expect(packet.end - start).toBe(54);
    expect([...bytes.subarray(start, start + 6)]).toEqual([1, 0, 0x5e, 0, 0, 0x16]);
    expect([ipSource(bytes, at), ipTarget(bytes, at)]).toEqual([
      ip('172.17.0.1'),
      ip('224.0.0.22'),
    ]);
    expect([ipTtl(bytes, at), ipTos(bytes, at), isIpChecksumGood(bytes, at)]).toEqual([
      1,
      0xc0,
      true,
    ]);
    expect([...bytes.subarray(at + 20, at + 24)]).toEqual([0x94, 4, 0, 0]);
    expect(checksumOf(bytes, at + 24, packet.end)).toBe(0);
    expect([...bytes.subarray(at + 32)].slice(0, 8)).toEqual([4, 0, 0, 0, 224, 0, 0, 106]);
    return false;
  };
  call(lab, () => setLinkUp(bridge));
  runUntil(lab.sim, 3e9);
  expect(times).toHaveLength(2);
  expect(times[0]!).toBeLessThan(20e6);
  expect(lab.drops).toEqual(['multicast-not-joined', 'multicast-not-joined']);
});

test('it has no source address before it was given one', () => {
  let source = -1;
  end.intercept = (_sim, _device, packet) => {
    source = ipSource(packet.bytes, packet.start + 14);
    return false;
  };
  call(lab, () => setLinkUp(bridge));
  runUntil(lab.sim, 3e9);
  expect(source).toBe(0);
});

test('it says nothing more once it is down', () => {
  end.intercept = (sim) => {
    times.push(sim.nowNs);
    return false;
  };
  call(lab, () => setLinkUp(bridge));
  call(lab, () => setLinkDown(bridge));
  runUntil(lab.sim, 3e9);
  expect(times).toEqual([]);
  call(lab, () => setLinkDown(bridge));
});
