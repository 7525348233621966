import { describe, expect, test } from 'vitest';
import { transmit } from '../../../src/engine/device.ts';
import { takePacket } from '../../../src/engine/packet-pool.ts';
import { ARP_REPLY, ARP_REQUEST, writeArp } from '../../../src/protocols/arp.ts';
import {
  ETHERTYPE_ARP,
  writeEthertype,
  writeSourceMac,
  writeTargetMac,
} from '../../../src/protocols/ethernet.ts';
import { setLinkDown, setLinkUp } from '../../../src/stack/link.ts';
import {
  addProxyNeighbour,
  listNeighbours,
  neighbourStateName,
} from '../../../src/stack/neighbour.ts';
import { openRawSocket, sendRaw } from '../../../src/stack/raw-socket.ts';
import { writeSysctl } from '../../../src/stack/sysctl.ts';
import {
  address,
  call,
  echo,
  host,
  ip,
  type Lab,
  makeLab,
  pass,
  via,
  watch,
  wire,
} from '../../support/stack-lab.ts';

function pair(lab: Lab) {
  const a = host(lab, 'a');
  const b = host(lab, 'b');
  const [a0, b0] = wire(
    lab,
    { netns: a, name: 'eth0', cidr: '10.0.0.1/24', mac: '02:00:00:00:00:0a' },
    { netns: b, name: 'eth0', cidr: '10.0.0.2/24', mac: '02:00:00:00:00:0b' },
  );
  return { a, b, a0, b0 };
}

/** Puts an ARP frame on the wire at `device`, as if a program had written it. */
function inject(
  lab: Lab,
  device: Parameters<typeof transmit>[1],
  what: { operation: number; sender: string; target: string; isBroadcast: boolean; lo?: number },
): void {
  call(lab, () => {
    const packet = takePacket(lab.sim, 42);
    const { bytes, start } = packet;
    packet.end = start + 42;
    const lo = what.lo ?? 0x0c;
    if (what.isBroadcast) writeTargetMac(bytes, start, 0xffff, -1);
    else writeTargetMac(bytes, start, 0x0200, 0x0b);
    writeSourceMac(bytes, start, 0x0200, lo);
    writeEthertype(bytes, start, ETHERTYPE_ARP);
    const [sender, target] = [ip(what.sender), ip(what.target)];
    writeArp(bytes, start + 14, what.operation, 0x0200, lo, sender, 0, 0, target);
    transmit(lab.sim, device, packet);
  });
}

function states(netns: Parameters<typeof listNeighbours>[0]): string[] {
  return listNeighbours(netns).map(
    (each) => `${each.address & 255} ${neighbourStateName(each.state)} ${each.macLo}`,
  );
}

describe('requests', () => {
  test('are answered for an address of another device of the namespace', () => {
    const lab = makeLab();
    const { a, b, a0 } = pair(lab);
    address(lab, b.loopback, '192.0.2.9/32');
    via(lab, a, '192.0.2.9/32', '10.0.0.2');
    const seen = watch(a0);
    inject(lab, a0, {
      operation: ARP_REQUEST,
      sender: '10.0.0.1',
      target: '192.0.2.9',
      isBroadcast: true,
    });
    expect(seen.lines).toEqual([
      'out arp who-has 192.0.2.9 tell 10.0.0.1 all',
      'in arp is-at 10.0.0.1 tell 192.0.2.9 one',
    ]);
  });

  test.each([
    ['1', '10.0.0.1', '192.0.2.9', 0],
    ['1', '10.0.0.1', '10.0.0.2', 1],
    ['2', '198.51.100.1', '10.0.0.2', 0],
    ['2', '10.0.0.1', '10.0.0.2', 1],
    ['8', '10.0.0.1', '10.0.0.2', 0],
  ])('with arp_ignore %s from %s for %s', (level, sender, target, replies) => {
    const lab = makeLab();
    const { b, a0 } = pair(lab);
    address(lab, b.loopback, '192.0.2.9/32');
    writeSysctl(b, 'net.ipv4.conf.all.arp_ignore', level);
    const seen = watch(a0);
    inject(lab, a0, { operation: ARP_REQUEST, sender, target, isBroadcast: true });
    expect(seen.lines.filter((line) => line.startsWith('in arp is-at'))).toHaveLength(replies);
  });

  test('from an address that is ours are not answered', () => {
    const lab = makeLab();
    const { a0 } = pair(lab);
    const seen = watch(a0);
    inject(lab, a0, {
      operation: ARP_REQUEST,
      sender: '10.0.0.2',
      target: '10.0.0.2',
      isBroadcast: true,
    });
    expect(seen.lines).toHaveLength(1);
    expect(lab.drops).toEqual(['arp-not-for-us']);
  });

  test('without a sender address (duplicate detection) are answered', () => {
    const lab = makeLab();
    const { a0, b } = pair(lab);
    const seen = watch(a0);
    inject(lab, a0, {
      operation: ARP_REQUEST,
      sender: '0.0.0.0',
      target: '10.0.0.2',
      isBroadcast: true,
    });
    expect(seen.lines[1]).toBe('in arp is-at 0.0.0.0 tell 10.0.0.2 one');
    expect(states(b)).toEqual([]);
  });

  test('for a loopback or multicast address are invalid', () => {
    const lab = makeLab();
    const { a0 } = pair(lab);
    for (const target of ['127.0.0.1', '224.0.0.1']) {
      inject(lab, a0, { operation: ARP_REQUEST, sender: '10.0.0.1', target, isBroadcast: true });
    }
    expect(lab.drops).toEqual(['arp-invalid', 'arp-invalid']);
  });
});

describe('learning', () => {
  test('does not come from what is only overheard', () => {
    const lab = makeLab();
    const { a0, b } = pair(lab);
    inject(lab, a0, {
      operation: ARP_REQUEST,
      sender: '10.0.0.3',
      target: '10.0.0.4',
      isBroadcast: true,
    });
    inject(lab, a0, {
      operation: ARP_REPLY,
      sender: '10.0.0.3',
      target: '10.0.0.2',
      isBroadcast: false,
    });
    expect(states(b)).toEqual([]);
    expect(lab.drops).toEqual(['arp-not-for-us', 'arp-unsolicited']);
  });

  test('a gratuitous request changes the MAC address of a known entry at once', () => {
    const lab = makeLab();
    const { a0, b } = pair(lab);
    const ask = { operation: ARP_REQUEST, isBroadcast: true } as const;
    inject(lab, a0, { ...ask, sender: '10.0.0.3', target: '10.0.0.2' });
    expect(states(b)).toEqual(['3 STALE 12']);
    inject(lab, a0, { ...ask, sender: '10.0.0.3', target: '10.0.0.3', lo: 0x0d });
    expect(states(b)).toEqual(['3 STALE 13']);
  });

  test('of two answers in a row the first counts, one second later the next does', () => {
    const lab = makeLab();
    const { a0, b } = pair(lab);
    pass(lab, 1);
    inject(lab, a0, {
      operation: ARP_REQUEST,
      sender: '10.0.0.3',
      target: '10.0.0.2',
      isBroadcast: true,
    });
    const answer = { operation: ARP_REPLY, sender: '10.0.0.3', target: '10.0.0.2' } as const;
    inject(lab, a0, { ...answer, isBroadcast: false, lo: 0x0d });
    expect(states(b)).toEqual(['3 STALE 12']);
    pass(lab, 1.1);
    inject(lab, a0, { ...answer, isBroadcast: false, lo: 0x0d });
    expect(states(b)).toEqual(['3 REACHABLE 13']);
  });

  test('arp_accept takes unsolicited gratuitous ARP', () => {
    const lab = makeLab();
    const { a0, b } = pair(lab);
    writeSysctl(b, 'net.ipv4.conf.eth0.arp_accept', '1');
    inject(lab, a0, {
      operation: ARP_REQUEST,
      sender: '10.0.0.3',
      target: '10.0.0.3',
      isBroadcast: true,
    });
    expect(states(b)).toEqual(['3 STALE 12']);
  });
});

test('arp_announce chooses the sender address of a request', () => {
  const senderAt = (level: string): string => {
    const lab = makeLab();
    const { a, a0 } = pair(lab);
    address(lab, a.loopback, '192.0.2.1/32');
    writeSysctl(a, 'net.ipv4.conf.all.arp_announce', level);
    const seen = watch(a0);
    const socket = openRawSocket(a, 1);
    socket.localAddress = ip('192.0.2.1');
    call(lab, () => sendRaw(socket, echo(1, 1), ip('10.0.0.77')));
    return seen.lines[0]!.split(' ')[5]!;
  };
  expect(['0', '1', '2'].map(senderAt)).toEqual(['192.0.2.1', '10.0.0.1', '10.0.0.1']);
});

test('arp_notify announces addresses when the device comes up, otherwise nothing is sent', () => {
  const lab = makeLab();
  const { a, a0 } = pair(lab);
  const seen = watch(a0);
  call(lab, () => {
    setLinkDown(a0);
    setLinkUp(a0);
  });
  expect(seen.lines).toEqual([]);
  writeSysctl(a, 'net.ipv4.conf.eth0.arp_notify', '1');
  call(lab, () => {
    setLinkDown(a0);
    setLinkUp(a0);
  });
  expect(seen.lines).toEqual(['out arp who-has 10.0.0.1 tell 10.0.0.1 all']);
});

describe('proxy ARP', () => {
  function router(lab: Lab) {
    const { a, b, a0 } = pair(lab);
    const c = host(lab, 'c');
    wire(
      lab,
      { netns: b, name: 'eth1', cidr: '10.0.1.1/24', mac: '02:00:00:00:01:0b' },
      { netns: c, name: 'eth0', cidr: '10.0.1.2/24', mac: '02:00:00:00:01:0c' },
    );
    writeSysctl(b, 'net.ipv4.ip_forward', '1');
    return { a, b, a0 };
  }
  const ask = {
    operation: ARP_REQUEST,
    sender: '10.0.0.1',
    target: '10.0.1.2',
    isBroadcast: true,
  };

  test('answers for what is behind another device, within 0.8 s', () => {
    const lab = makeLab();
    const { a0, b } = router(lab);
    writeSysctl(b, 'net.ipv4.conf.eth0.proxy_arp', '1');
    const seen = watch(a0);
    const startNs = lab.sim.nowNs;
    inject(lab, a0, ask);
    expect(seen.lines).toHaveLength(1);
    pass(lab, 1);
    expect(seen.lines[1]).toBe('in arp is-at 10.0.0.1 tell 10.0.1.2 one');
    expect(seen.timesNs[1]! - startNs).toBeLessThan(0.9e9);
  });

  test('is off by default, and works for single addresses', () => {
    const lab = makeLab();
    const { a0, b } = router(lab);
    const seen = watch(a0);
    inject(lab, a0, ask);
    pass(lab, 1);
    expect(seen.lines).toHaveLength(1);
    writeSysctl(b, 'net.ipv4.neigh.eth0.proxy_delay', '0');
    addProxyNeighbour(b, b.deviceByName.get('eth0')!, ip('10.0.1.2'));
    inject(lab, a0, ask);
    expect(seen.lines[2]).toBe('in arp is-at 10.0.0.1 tell 10.0.1.2 one');
  });
});
