// Every header of every frame that a real kernel sent: read with the codecs, written again from the
// fields, and compared byte by byte. Checksums must be right as they stand.
import { describe, expect, test } from 'vitest';
import {
  arpOperation,
  arpSenderIp,
  arpSenderMacHi,
  arpSenderMacLo,
  arpTargetIp,
  arpTargetMacHi,
  arpTargetMacLo,
  isArpForIpv4,
  writeArp,
} from '../../../src/protocols/arp.ts';
import { readInt32 } from '../../../src/protocols/bytes.ts';
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ethertypeOf,
  sourceMacHi,
  sourceMacLo,
  targetMacHi,
  targetMacLo,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../../../src/protocols/ethernet.ts';
import { icmpCode, icmpType, writeIcmp } from '../../../src/protocols/icmp.ts';
import {
  ipFragmentField,
  ipHeaderBytes,
  ipId,
  ipIsFragment,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTos,
  ipTotalBytes,
  ipTtl,
  isIpChecksumGood,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  writeIpv4,
} from '../../../src/protocols/ipv4.ts';
import { isTcpChecksumGood, tcpHeaderBytes, writeTcpChecksum } from '../../../src/protocols/tcp.ts';
import {
  isUdpChecksumGood,
  udpLengthBytes,
  udpSourcePort,
  udpTargetPort,
  writeUdp,
} from '../../../src/protocols/udp.ts';
import { VXLAN_BYTES, VXLAN_PORT, vxlanVni, writeVxlan } from '../../../src/protocols/vxlan.ts';
import { recordedFrames } from '../../support/recorded.ts';

/** How many headers of each kind were seen: a test that sees nothing proves nothing. */
const seen = new Map<string, number>();
function count(kind: string): void {
  seen.set(kind, (seen.get(kind) ?? 0) + 1);
}

/** Makes sure that what is compared in the end was written. */
function blank(copy: Uint8Array, from: number, sizeBytes: number): void {
  copy.fill(0xee, from, from + sizeBytes);
}

/** Writes all headers of the frame bytes[frame, end) into `copy` and checks what can be checked. */
function rewrite(bytes: Uint8Array, copy: Uint8Array, frame: number, end: number): void {
  count('ethernet');
  blank(copy, frame, ETHERNET_BYTES);
  writeTargetMac(copy, frame, targetMacHi(bytes, frame), targetMacLo(bytes, frame));
  writeSourceMac(copy, frame, sourceMacHi(bytes, frame), sourceMacLo(bytes, frame));
  writeEthertype(copy, frame, ethertypeOf(bytes, frame));
  const payload = frame + ETHERNET_BYTES;
  if (ethertypeOf(bytes, frame) === ETHERTYPE_ARP) rewriteArp(bytes, copy, payload);
  if (ethertypeOf(bytes, frame) === ETHERTYPE_IPV4) rewriteIp(bytes, copy, payload, end);
}

function rewriteArp(bytes: Uint8Array, copy: Uint8Array, arp: number): void {
  count('arp');
  expect(isArpForIpv4(bytes, arp)).toBe(true);
  blank(copy, arp, 28);
  writeArp(
    copy,
    arp,
    arpOperation(bytes, arp),
    arpSenderMacHi(bytes, arp),
    arpSenderMacLo(bytes, arp),
    arpSenderIp(bytes, arp),
    arpTargetMacHi(bytes, arp),
    arpTargetMacLo(bytes, arp),
    arpTargetIp(bytes, arp),
  );
}

function rewriteIp(bytes: Uint8Array, copy: Uint8Array, ip: number, frameEnd: number): void {
  count('ipv4');
  const end = ip + ipTotalBytes(bytes, ip);
  expect(end).toBeLessThanOrEqual(frameEnd);
  expect(isIpChecksumGood(bytes, ip)).toBe(true);
  blank(copy, ip, 20);
  writeIpv4(
    copy,
    ip,
    ipTos(bytes, ip),
    ipTotalBytes(bytes, ip),
    ipId(bytes, ip),
    ipFragmentField(bytes, ip),
    ipTtl(bytes, ip),
    ipProtocol(bytes, ip),
    ipSource(bytes, ip),
    ipTarget(bytes, ip),
  );
  const transport = ip + ipHeaderBytes(bytes, ip);
  if (ipIsFragment(bytes, ip)) {
    count('fragment');
    return;
  }
  if (ipProtocol(bytes, ip) === PROTOCOL_ICMP) {
    count('icmp');
    blank(copy, transport, 8);
    const rest = readInt32(bytes, transport + 4);
    writeIcmp(copy, transport, end, icmpType(bytes, transport), icmpCode(bytes, transport), rest);
  }
  if (ipProtocol(bytes, ip) === PROTOCOL_UDP) rewriteUdp(bytes, copy, ip, transport, end);
  if (ipProtocol(bytes, ip) === PROTOCOL_TCP) {
    count('tcp');
    expect(tcpHeaderBytes(bytes, transport)).toBeGreaterThanOrEqual(20);
    const [source, target] = [ipSource(bytes, ip), ipTarget(bytes, ip)];
    expect(isTcpChecksumGood(bytes, transport, end, source, target)).toBe(true);
    blank(copy, transport + 16, 2);
    writeTcpChecksum(copy, transport, end, source, target);
  }
}

function rewriteUdp(
  bytes: Uint8Array,
  copy: Uint8Array,
  ip: number,
  udp: number,
  end: number,
): void {
  count('udp');
  const [source, target] = [ipSource(bytes, ip), ipTarget(bytes, ip)];
  expect(udp + udpLengthBytes(bytes, udp)).toBe(end);
  expect(isUdpChecksumGood(bytes, udp, end, source, target)).toBe(true);
  if (udpTargetPort(bytes, udp) === VXLAN_PORT) {
    count('vxlan');
    const vxlan = udp + 8;
    blank(copy, vxlan, VXLAN_BYTES);
    writeVxlan(copy, vxlan, vxlanVni(bytes, vxlan));
    rewrite(bytes, copy, vxlan + VXLAN_BYTES, end);
  }
  const ports = [udpSourcePort(bytes, udp), udpTargetPort(bytes, udp)] as const;
  blank(copy, udp, 8);
  writeUdp(copy, udp, end, ...ports, source, target);
}

describe('the codecs on the frames of a real kernel', () => {
  test('write what they read, with good checksums', async () => {
    const frames = await recordedFrames();
    expect(frames.length).toBeGreaterThan(1000);
    for (const { name, bytes } of frames) {
      const copy = bytes.slice();
      rewrite(bytes, copy, 0, bytes.length);
      expect(Buffer.compare(copy, bytes), name).toBe(0);
    }
    for (const kind of ['ethernet', 'arp', 'ipv4', 'icmp', 'udp', 'tcp', 'vxlan', 'fragment']) {
      expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(10);
    }
  });
});
