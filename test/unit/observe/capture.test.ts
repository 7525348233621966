import { describe, expect, test } from 'vitest';
import { type Device, makeDevice } from '../../../src/engine/device.ts';
import type { Packet } from '../../../src/engine/packet.ts';
import { releasePacket, takePacket } from '../../../src/engine/packet-pool.ts';
import { drop, makeSimulator, type Simulator } from '../../../src/engine/simulator.ts';
import {
  type Capture,
  captureDevices,
  captureDirections,
  captureFiles,
  captureNote,
  closeCapture,
  fileNameOf,
  makeCapture,
  noteDrop,
} from '../../../src/observe/capture.ts';
import { readPcap } from '../../../src/observe/pcap.ts';
import { readPcapng } from '../../../src/observe/pcapng.ts';
import { observeDrops } from '../../../src/observe/trace.ts';

function makeTestDevice(sim: Simulator, namespaceName: string, name: string): Device {
  const device = makeDevice({
    name,
    kind: 'dummy',
    netns: { id: 1, name: namespaceName, sim, cpu: sim.cpu },
    mac: 0x020000000001,
    mtuBytes: 1500,
    state: { kind: 'dummy' },
    transmit: (_sim, _device, packet) => releasePacket(sim, packet),
  });
  device.isRegistered = true;
  return device;
}

function frameOf(sim: Simulator, sizeBytes: number): Packet {
  const packet = takePacket(sim, sizeBytes);
  packet.end = packet.start + sizeBytes;
  packet.bytes.fill(sizeBytes, packet.start, packet.end);
  return packet;
}

/** Shows a frame to the taps of a device as if it went out, without sending it. */
function show(device: Device, packet: Packet, timeNs: number): void {
  for (const tap of device.taps ?? []) tap.capture(device, packet, 'out', timeNs);
}

function captureOf(device: Device, options = {}): Capture {
  const capture = makeCapture(options);
  captureDevices(capture, [device]);
  return capture;
}

describe('a capture', () => {
  test('keeps copies of the frames with their times and directions', () => {
    const sim = makeSimulator();
    const device = makeTestDevice(sim, 'c1', 'eth0');
    const capture = captureOf(device);
    const packet = frameOf(sim, 60);
    show(device, packet, 7);
    packet.bytes.fill(0);
    releasePacket(sim, packet);
    closeCapture(capture);
    const [file] = captureFiles(capture);
    expect(file?.name).toBe('c1.eth0.pcap');
    const { frames } = readPcap(file!.bytes);
    expect(frames).toEqual([{ timeNs: 7, originalBytes: 60, bytes: new Uint8Array(60).fill(60) }]);
    expect(captureDirections(capture)).toEqual({ 'c1.eth0.pcap': 'o' });
    expect(device.taps).toBeNull();
  });

  test('says in pcapng why a packet was dropped, on the last frame that shows it', () => {
    const sim = makeSimulator();
    const device = makeTestDevice(sim, 'c1', 'eth0');
    const capture = captureOf(device);
    observeDrops(sim, (packet, reason, where) => noteDrop(capture, packet, reason, where));
    const packet = frameOf(sim, 60);
    show(device, packet, 1);
    show(device, packet, 2);
    drop(sim, packet, 'device-down', device);
    const [file] = captureFiles(capture, { format: 'pcapng' });
    const { frames, interfaces } = readPcapng(file!.bytes);
    expect(interfaces).toEqual([{ name: 'c1.eth0' }]);
    expect(frames.map(({ comment }) => comment)).toEqual([
      undefined,
      'dropped at c1.eth0: device-down: The interface is down.',
    ]);
  });

  test('stops at its bound and says how much is missing', () => {
    const sim = makeSimulator();
    const device = makeTestDevice(sim, 'c1', 'eth0');
    const capture = captureOf(device, { maxBytes: 100 });
    for (let i = 0; i < 5; i++) {
      const packet = frameOf(sim, 60);
      show(device, packet, i);
      releasePacket(sim, packet);
    }
    expect(captureFiles(capture)[0]?.frameCount).toBe(1);
    expect(captureNote(capture)).toContain('4 later frames');
    expect(captureNote(makeCapture())).toBeNull();
  });

  test('leaves loopback out, and writes a file for a silent interface', () => {
    const sim = makeSimulator();
    const loopback = makeTestDevice(sim, 'c1', 'lo');
    loopback.isLoopback = true;
    const capture = makeCapture();
    captureDevices(capture, [loopback, makeTestDevice(sim, 'c1', 'eth0')]);
    expect(captureFiles(capture).map(({ name, frameCount }) => [name, frameCount])).toEqual([
      ['c1.eth0.pcap', 0],
    ]);
  });
});

describe('the name of a capture file', () => {
  test('is that of the interface if it is harmless', () => {
    expect(fileNameOf('c1', 'eth0.10')).toBe('c1.eth0.10');
    expect(fileNameOf('br-0', 'veth_1@2')).toBe('br-0.veth_1@2');
  });

  test('never names another folder, a hidden file or nothing', () => {
    for (const name of ['..', '../../etc/passwd', '/etc', '.', 'a\\b', 'C:x', 'a\0b', 'a\nb', '']) {
      for (const file of [fileNameOf(name, 'eth0'), fileNameOf('c1', name)]) {
        expect(file).toMatch(/^[A-Za-z0-9_@+=%-][A-Za-z0-9_@+=%.-]*$/);
        expect(file.length).toBeLessThan(250);
      }
    }
    expect(fileNameOf('x'.repeat(5000), 'y'.repeat(5000)).length).toBeLessThan(250);
  });

  test('is different for every interface, also where case does not count', () => {
    const sim = makeSimulator();
    const capture = makeCapture();
    const names = ['eth0', 'ETH0', 'eth0'];
    captureDevices(
      capture,
      names.map((name) => makeTestDevice(sim, 'c1', name)),
    );
    const files = captureFiles(capture).map(({ name }) => name.toLowerCase());
    expect(new Set(files).size).toBe(3);
  });
});
