import { describe, expect, test } from 'vitest';
import { makeTraffic } from '../../bench/measure.ts';
import { buildShape, SHAPE_NAMES, type ShapeName } from '../../bench/shapes.ts';
import {
  ipHeaderBytes,
  ipSource,
  ipTarget,
  ipTotalBytes,
  isIpChecksumGood,
} from '../../src/protocols/ipv4.ts';
import { isUdpChecksumGood, UDP_BYTES, udpChecksum } from '../../src/protocols/udp.ts';

const HOSTS = 70; // three leaves of leafspine

function traffic(name: ShapeName, sizeBytes: number) {
  return makeTraffic(buildShape(name, HOSTS), sizeBytes);
}

describe.each(SHAPE_NAMES)('the bench shape %s', (name) => {
  test.each([64, 1400])('delivers every packet of %i bytes as it was sent', (sizeBytes) => {
    const run = traffic(name, sizeBytes);
    const payload = Uint8Array.from({ length: sizeBytes }, (_, i) => i * 7);
    run.inspect = ({ bytes, network, transport, end }) => {
      const [source, target] = [ipSource(bytes, network), ipTarget(bytes, network)];
      expect(isIpChecksumGood(bytes, network)).toBe(true);
      expect(network + ipTotalBytes(bytes, network)).toBe(end);
      expect(network + ipHeaderBytes(bytes, network)).toBe(transport);
      expect(udpChecksum(bytes, transport)).not.toBe(0);
      expect(isUdpChecksumGood(bytes, transport, end, source, target)).toBe(true);
      expect(bytes.slice(transport + UDP_BYTES, end)).toEqual(payload);
    };
    run.send(HOSTS * 2);
    expect(run.delivered).toBe(HOSTS * 2);
  });

  test('has the same result in every run, and makes no packets once it is warm', () => {
    const [one, other] = [traffic(name, 64), traffic(name, 64)];
    for (const run of [one, other]) run.send(HOSTS * 3);
    expect(one.checksum).toBe(other.checksum);
    expect(one.sim.eventCount).toBe(other.sim.eventCount);
    const { pool } = one.sim;
    const { made } = pool;
    one.send(HOSTS * 3);
    expect(one.delivered).toBe(HOSTS * 6);
    expect(pool.made).toBe(made);
    expect(pool.outstanding).toBe(0);
  });
});
