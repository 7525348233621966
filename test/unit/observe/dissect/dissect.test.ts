import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dissectDatagram, dissectFrame } from '../../../../src/observe/dissect/dissect.ts';

const FROM_HEX = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const ARP = FROM_HEX(
  'ffffffffffff02420a0001030806' +
    '0001080006040001' +
    '02420a0001030a000103' +
    '0000000000000a000104',
);

describe('dissectFrame', () => {
  it('tells an ARP request', () => {
    const layers = dissectFrame(ARP);
    expect(layers.map(({ title }) => title)).toEqual([
      'Ethernet, 02:42:0a:00:01:03 to ff:ff:ff:ff:ff:ff',
      'ARP, who has 10.0.1.4? Tell 10.0.1.3',
    ]);
    const sender = layers[1]?.fields.find(({ name }) => name === 'arp.src.proto_ipv4');
    expect(sender).toEqual({
      name: 'arp.src.proto_ipv4',
      label: 'Sender address',
      text: '10.0.1.3',
      start: 28,
      end: 32,
    });
  });

  it('counts places from the frame, wherever it lies', () => {
    const padded = new Uint8Array(ARP.length + 100);
    padded.set(ARP, 60);
    expect(dissectFrame(padded, 60, 60 + ARP.length)).toEqual(dissectFrame(ARP));
  });

  it('says what is cut short', () => {
    expect(dissectFrame(ARP.subarray(0, 20)).at(-1)?.title).toBe('arp: cut short');
    expect(dissectFrame(ARP.subarray(0, 5))[0]?.title).toBe('eth: cut short');
    expect(dissectDatagram(new Uint8Array(3))[0]?.title).toBe('ip: cut short');
  });

  it('stays within the bytes, whatever they say', () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 200 });
    const lead = fc.constantFrom('', '0800', '0806', '8100', '08004500', '080045000064');
    fc.assert(
      fc.property(bytes, lead, (rest, text) => {
        const head = text === '' ? new Uint8Array(0) : FROM_HEX(`${'00'.repeat(12)}${text}`);
        const frame = Uint8Array.from([...head, ...rest]);
        for (const layer of dissectFrame(frame)) {
          expect(layer.start).toBeGreaterThanOrEqual(0);
          expect(layer.end).toBeLessThanOrEqual(frame.length);
          for (const { start, end } of layer.fields) {
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeLessThanOrEqual(frame.length);
            expect(end).toBeGreaterThanOrEqual(start);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('does not follow wrapped frames for ever', () => {
    const ip = '4500ffff00000000401100000a0000010a000002';
    const udp = '000012b5ffff0000';
    const wrap = `${'00'.repeat(12)}0800${ip}${udp}0800000000100100`;
    expect(dissectFrame(FROM_HEX(wrap.repeat(40))).length).toBeLessThanOrEqual(32);
  });
});
