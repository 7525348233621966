// The picture is drawn from events alone; here the events of an overlay are written by hand.
import { describe, expect, test } from 'vitest';
import type { TraceKind } from '../../../src/engine/trace.ts';
import type { FrameView } from '../../../src/observe/frame-view.ts';
import { placeOfText } from '../../../src/observe/packet-place.ts';
import { drawWays, PICTURE_MAX_COLUMNS } from '../../../src/observe/picture.ts';
import type { TraceEvent } from '../../../src/observe/trace.ts';
import { findEchoWays } from '../../../src/observe/way.ts';

const MACHINES: Readonly<Record<string, string>> = {
  c1: 'node1',
  sb1: 'node1',
  h1: 'node1',
  c2: 'node2',
  sb2: 'node2',
  h2: 'node2',
};

function echoFrame(kind: 'request' | 'reply', isWrapped: boolean): FrameView {
  const [source, target] = kind === 'request' ? ['10.0.1.3', '10.0.1.4'] : ['10.0.1.4', '10.0.1.3'];
  const inner: FrameView = {
    sizeBytes: 98,
    sourceMac: '02:42:0a:00:01:03',
    targetMac: '02:42:0a:00:01:04',
    vlanId: null,
    what: `ICMP echo ${kind}, id 1, seq 1`,
    ip: { source, target, ttlHops: 64, totalBytes: 84 },
    isFragment: false,
    echo: { kind, id: 1, sequence: 1 },
    vni: null,
    inner: null,
  };
  if (!isWrapped) return inner;
  const outer =
    kind === 'request' ? ['192.168.0.12', '192.168.0.13'] : ['192.168.0.13', '192.168.0.12'];
  return {
    ...inner,
    sizeBytes: 148,
    what: 'UDP 40000 > 4789 VXLAN VNI 4097',
    ip: { source: outer[0]!, target: outer[1]!, ttlHops: 64, totalBytes: 134 },
    echo: null,
    vni: 4097,
    inner,
  };
}

const THERE = [
  ['transmit', 'c1.eth0'],
  ['receive', 'sb1.veth0'],
  ['transmit', 'sb1.vxlan0'],
  ['transmit', 'h1.eth0'],
  ['receive', 'wire.p1'],
  ['transmit', 'wire.p2'],
  ['receive', 'h2.eth0'],
  ['receive', 'sb2.vxlan0'],
  ['transmit', 'sb2.veth0'],
  ['receive', 'c2.eth0'],
] as const;

const isUnderlay = (where: string): boolean => /^(?:h\d|wire)\./.test(where);

function event(
  number: number,
  kind: TraceKind,
  where: string,
  packet: { id: number; parentId: number; echo: 'request' | 'reply' },
): TraceEvent {
  return {
    number,
    timeNs: number * 1000,
    kind,
    packetId: packet.id,
    parentId: packet.parentId,
    where,
    place: placeOfText(where),
    detail: {},
    frame: echoFrame(packet.echo, isUnderlay(where)),
    reason: kind === 'drop' ? 'vxlan-no-fdb' : null,
  };
}

function overlayEvents(): TraceEvent[] {
  const request = { id: 7, parentId: 0, echo: 'request' } as const;
  const reply = { id: 8, parentId: 7, echo: 'reply' } as const;
  const there = THERE.map(([kind, where], i) => event(i + 1, kind, where, request));
  there.push(event(20, 'deliver', 'c2', request));
  const back = [...THERE].reverse().map(([kind, where], i) => {
    const opposite = kind === 'transmit' ? 'receive' : 'transmit';
    return event(30 + i, opposite, where, reply);
  });
  return [...there, ...back, event(60, 'deliver', 'c1', reply)];
}

const options = {
  machineOf: (name: string) => MACHINES[name] ?? null,
  labelOf: (_namespace: string, device: string) => (device === 'vxlan0' ? 'VNI 4097' : ''),
};

describe('the picture of a way', () => {
  test('shows machines, namespaces and both directions of an overlay ping', async () => {
    const ways = findEchoWays(overlayEvents(), 'c1');
    expect(ways).not.toBeNull();
    const text = drawWays(ways!, options);
    await expect(text).toMatchFileSnapshot('../../golden/picture-overlay.txt');
  });

  test('is never wider than its limit, whatever the names are', () => {
    const long = overlayEvents().map((each) => {
      const where = each.where.replace('.', `${'x'.repeat(80)}.`);
      return { ...each, where, place: placeOfText(where) };
    });
    const ways = findEchoWays(long, `c1${'x'.repeat(80)}`);
    const text = drawWays(ways!, {
      machineOf: () => 'm'.repeat(200),
      labelOf: () => 'l'.repeat(99),
    });
    for (const line of text.split('\n'))
      expect(line.length).toBeLessThanOrEqual(PICTURE_MAX_COLUMNS);
  });

  test('ends where the packet was dropped', () => {
    const request = { id: 7, parentId: 0, echo: 'request' } as const;
    const events = THERE.slice(0, 3).map(([kind, where], i) => event(i + 1, kind, where, request));
    events.push(event(9, 'drop', 'sb1.vxlan0', request));
    const ways = findEchoWays(events, 'c1');
    expect(ways?.back).toBeNull();
    expect(drawWays(ways!, options)).toContain('x dropped: vxlan-no-fdb');
  });
});
