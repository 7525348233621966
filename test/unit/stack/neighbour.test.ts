import { expect, test } from 'vitest';
import { KernelError } from '../../../src/base/errors.ts';
import { parseMac } from '../../../src/base/mac-address.ts';
import { setLinkDown, setLinkUp } from '../../../src/stack/link.ts';
import {
  addNeighbour,
  deleteNeighbour,
  findNeighbour,
  flushNeighbours,
  listNeighbours,
  NUD_NONE,
  NUD_REACHABLE,
  NUD_STALE,
  neighbourStateName,
} from '../../../src/stack/neighbour.ts';
import { openRawSocket, sendRaw } from '../../../src/stack/raw-socket.ts';
import { takeReceived } from '../../../src/stack/socket.ts';
import {
  call,
  echo,
  host,
  ip,
  type Lab,
  makeLab,
  pass,
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

function stateOf(netns: Parameters<typeof listNeighbours>[0], address: string): string {
  const found = listNeighbours(netns).find((each) => each.address === ip(address));
  return found === undefined ? 'absent' : neighbourStateName(found.state);
}

test('the first packet asks, waits and goes; the asked side learns without asking back', () => {
  const lab = makeLab();
  const { a, b, a0 } = pair(lab);
  const seen = watch(a0);
  const socket = openRawSocket(a, 1);
  expect(call(lab, () => sendRaw(socket, echo(7, 1), ip('10.0.0.2')))).toBeNull();
  pass(lab, 0.1);
  expect(seen.lines).toEqual([
    'out arp who-has 10.0.0.2 tell 10.0.0.1 all',
    'in arp is-at 10.0.0.1 tell 10.0.0.2 one',
    'out icmp 8/0 10.0.0.1 > 10.0.0.2 ttl 64',
    'in icmp 0/0 10.0.0.2 > 10.0.0.1 ttl 64',
  ]);
  expect(stateOf(a, '10.0.0.2')).toBe('REACHABLE');
  expect(stateOf(b, '10.0.0.1')).toBe('DELAY');
});

test('a stale entry that was used is probed by unicast about five seconds later', () => {
  const lab = makeLab();
  const { a, b, a0 } = pair(lab);
  const seen = watch(a0);
  const socket = openRawSocket(a, 1);
  call(lab, () => sendRaw(socket, echo(7, 1), ip('10.0.0.2')));
  const startNs = lab.sim.nowNs;
  pass(lab, 6);
  expect(seen.lines.slice(4)).toEqual([
    'in arp who-has 10.0.0.1 tell 10.0.0.2 one',
    'out arp is-at 10.0.0.2 tell 10.0.0.1 one',
  ]);
  const afterSeconds = (seen.timesNs[4]! - startNs) / 1e9;
  expect(afterSeconds).toBeGreaterThan(5);
  expect(afterSeconds).toBeLessThan(5.26);
  expect(stateOf(b, '10.0.0.1')).toBe('REACHABLE');
});

test('asks three times, a little over a second apart, then tells the local sender', () => {
  const lab = makeLab();
  const { a, a0 } = pair(lab);
  const seen = watch(a0);
  const socket = openRawSocket(a, 1);
  socket.receiveErrors = true;
  pass(lab, 0.3);
  const startNs = lab.sim.nowNs;
  call(lab, () => sendRaw(socket, echo(7, 1), ip('10.0.0.99')));
  pass(lab, 4);
  const ask = 'out arp who-has 10.0.0.99 tell 10.0.0.1 all';
  expect(seen.lines).toEqual([ask, ask, ask]);
  const times = seen.timesNs.map((timeNs) => (timeNs - startNs) / 1e9);
  expect(times[1]).toBeGreaterThan(1);
  expect(times[1]).toBeLessThan(1.04);
  expect(times[2]).toBeGreaterThan(2.01);
  expect(times[2]).toBeLessThan(2.08);
  expect(stateOf(a, '10.0.0.99')).toBe('FAILED');
  expect(lab.drops).toContain('neighbour-failed');
  expect(socket.errorQueue.map(({ errno, from }) => [errno, from])).toEqual([
    ['EHOSTUNREACH', ip('10.0.0.1')],
  ]);
});

test('a failed entry is asked for anew by the next packet', () => {
  const lab = makeLab();
  const { a, a0 } = pair(lab);
  const socket = openRawSocket(a, 1);
  call(lab, () => sendRaw(socket, echo(7, 1), ip('10.0.0.99')));
  pass(lab, 4);
  socket.error = null;
  const seen = watch(a0);
  call(lab, () => sendRaw(socket, echo(7, 2), ip('10.0.0.99')));
  expect(seen.lines).toHaveLength(1);
  expect(stateOf(a, '10.0.0.99')).toBe('INCOMPLETE');
});

test('the queue of waiting packets is bounded in bytes and loses the oldest', () => {
  const lab = makeLab();
  const { a, a0 } = pair(lab);
  const socket = openRawSocket(a, 1);
  for (let i = 1; i <= 400; i++) call(lab, () => sendRaw(socket, echo(7, i), ip('10.0.0.99')));
  expect(lab.drops.filter((reason) => reason === 'neighbour-queue-full').length).toBeGreaterThan(
    50,
  );
  const entry = findNeighbour(a, a0, ip('10.0.0.99'))!;
  expect(entry.queueBytes).toBeLessThanOrEqual(212992);
  pass(lab, 4);
  expect(entry.queueBytes).toBe(0);
  expect(lab.sim.pool.outstanding).toBe(socket.receiveQueue.count);
});

test('a device that goes down forgets its neighbours and what waited for them', () => {
  const lab = makeLab();
  const { a, a0 } = pair(lab);
  const socket = openRawSocket(a, 1);
  call(lab, () => sendRaw(socket, echo(7, 1), ip('10.0.0.99')));
  call(lab, () =>
    addNeighbour(a, { device: a0, address: ip('10.0.0.50'), mac: parseMac('02:00:00:00:00:50')! }),
  );
  call(lab, () => setLinkDown(a0));
  expect(listNeighbours(a)).toEqual([]);
  expect(lab.drops).toEqual(['arp-not-for-us', 'device-down']);
  call(lab, () => setLinkUp(a0));
  expect(lab.sim.pool.outstanding).toBe(0);
});

test('a peer that goes down takes learnt entries with the carrier, not permanent ones', () => {
  const lab = makeLab();
  const { a, a0, b0 } = pair(lab);
  const mac = parseMac('02:00:00:00:00:50')!;
  call(lab, () => {
    addNeighbour(a, { device: a0, address: ip('10.0.0.50'), mac });
    addNeighbour(a, { device: a0, address: ip('10.0.0.51'), mac, state: NUD_REACHABLE });
    setLinkDown(b0);
  });
  expect(listNeighbours(a).map((each) => each.address)).toEqual([ip('10.0.0.50')]);
});

test('ip neigh add, replace and del answer as the kernel does', () => {
  const lab = makeLab();
  const { a, a0 } = pair(lab);
  const mac = parseMac('02:00:00:00:00:50')!;
  const one = { device: a0, address: ip('10.0.0.50'), mac };
  const errnoOf = (act: () => void): string => {
    try {
      call(lab, act);
      return 'none';
    } catch (error) {
      return error instanceof KernelError ? error.errno : 'other';
    }
  };
  expect(errnoOf(() => addNeighbour(a, one))).toBe('none');
  expect(errnoOf(() => addNeighbour(a, one))).toBe('EEXIST');
  expect(errnoOf(() => addNeighbour(a, { ...one, state: NUD_STALE }, 'replace'))).toBe('none');
  expect(stateOf(a, '10.0.0.50')).toBe('STALE');
  expect(errnoOf(() => addNeighbour(a, { device: a0, address: ip('10.0.0.51') }, 'change'))).toBe(
    'ENOENT',
  );
  expect(errnoOf(() => addNeighbour(a, { device: a0, address: ip('10.0.0.52') }))).toBe('EINVAL');
  expect(findNeighbour(a, a0, ip('10.0.0.52'))?.state).toBe(NUD_NONE);
  expect(errnoOf(() => deleteNeighbour(a, a0, ip('10.0.0.77')))).toBe('ENOENT');
  expect(errnoOf(() => deleteNeighbour(a, a0, ip('10.0.0.50')))).toBe('none');
});

test('flush leaves permanent entries', () => {
  const lab = makeLab();
  const { a, a0 } = pair(lab);
  const mac = parseMac('02:00:00:00:00:50')!;
  call(lab, () => {
    addNeighbour(a, { device: a0, address: ip('10.0.0.50'), mac });
    addNeighbour(a, { device: a0, address: ip('10.0.0.51'), mac, state: NUD_REACHABLE });
  });
  expect(call(lab, () => flushNeighbours(a))).toBe(1);
  expect(listNeighbours(a).map((each) => each.address)).toEqual([ip('10.0.0.50')]);
});

test('a reachable entry turns stale when nobody uses it', () => {
  const lab = makeLab();
  const { a } = pair(lab);
  const socket = openRawSocket(a, 1);
  call(lab, () => sendRaw(socket, echo(7, 1), ip('10.0.0.2')));
  pass(lab, 50);
  expect(stateOf(a, '10.0.0.2')).toBe('STALE');
  const reply = takeReceived(socket);
  expect(reply).not.toBeNull();
});

test('a full table refuses new entries', () => {
  const lab = makeLab();
  const { a } = pair(lab);
  a.sysctl.gcThresh2 = 4;
  a.sysctl.gcThresh3 = 8;
  const socket = openRawSocket(a, 1);
  for (let i = 10; i < 30; i++) {
    call(lab, () => sendRaw(socket, echo(7, i), ip(`10.0.0.${i}`)));
  }
  expect(lab.drops.filter((reason) => reason === 'neighbour-table-full')).toHaveLength(12);
  expect(listNeighbours(a)).toHaveLength(8);
});
