import { expect, test } from 'vitest';
import type { IpvlanMode } from '../../../src/devices/device-kind.ts';
import { addRoute } from '../../../src/stack/fib.ts';
import { createLink, moveLink, setLinkUp } from '../../../src/stack/link.ts';
import { openRawSocket, sendRaw } from '../../../src/stack/raw-socket.ts';
import {
  address,
  call,
  echo,
  host,
  ip,
  makeLab,
  pass,
  watch,
  wire,
} from '../../support/stack-lab.ts';

/** ext (10.0.0.9) -- eth0 of the host, with ipvlan children c1 (10.0.0.1) and c2 (10.0.0.2). */
function build(mode: IpvlanMode) {
  const lab = makeLab();
  const parent = host(lab, 'host');
  const ext = host(lab, 'ext');
  const [eth0, outer] = wire(
    lab,
    { netns: parent, name: 'eth0', cidr: '10.0.0.100/24', mac: '02:00:00:00:00:01' },
    { netns: ext, name: 'eth0', cidr: '10.0.0.9/24', mac: '02:00:00:00:00:02' },
  );
  const children = [1, 2].map((number) => {
    const netns = host(lab, `c${number}`);
    const device = call(lab, () => {
      const made = createLink(parent, {
        kind: 'ipvlan',
        name: `i${number}`,
        link: eth0,
        ipvlan: { mode },
      });
      moveLink(made, netns, 'eth0');
      setLinkUp(made);
      return made;
    });
    address(lab, device, `10.0.0.${number}/24`);
    return { netns, device };
  });
  return { lab, ext, eth0, outer, c1: children[0]!, c2: children[1]! };
}

test('l2: children reach each other and the wire with ARP of their own', () => {
  const { lab, c1, c2, outer } = build('l2');
  const socket = openRawSocket(c1.netns, 1);
  const sibling = watch(c2.device);
  const wireSeen = watch(outer);
  call(lab, () => sendRaw(socket, echo(1, 1), ip('10.0.0.2')));
  pass(lab, 1);
  expect(sibling.lines).toContain('in icmp 8/0 10.0.0.1 > 10.0.0.2 ttl 64');
  call(lab, () => sendRaw(socket, echo(1, 2), ip('10.0.0.9')));
  pass(lab, 1);
  expect(wireSeen.lines).toContain('in icmp 8/0 10.0.0.1 > 10.0.0.9 ttl 64');
  expect(wireSeen.lines).toContain('out icmp 0/0 10.0.0.9 > 10.0.0.1 ttl 64');
  expect(socket.receiveQueue.count).toBe(2);
});

test("l3: the parent's namespace routes for them, without ARP of their own", () => {
  const { lab, c1, ext, outer, eth0 } = build('l3');
  call(lab, () =>
    addRoute(ext, { prefix: ip('10.0.0.1'), prefixLength: 32, gateway: ip('10.0.0.100') }),
  );
  const socket = openRawSocket(c1.netns, 1);
  const seen = watch(c1.device);
  const wireSeen = watch(outer);
  call(lab, () => sendRaw(socket, echo(1, 1), ip('10.0.0.9')));
  pass(lab, 1);
  expect(seen.lines.filter((line) => line.includes('arp'))).toEqual([]);
  expect(wireSeen.lines[0]).toBe('in arp who-has 10.0.0.9 tell 10.0.0.100 all');
  expect(seen.lines).toContain('in icmp 0/0 10.0.0.9 > 10.0.0.1 ttl 64');
  expect(eth0.uppers).toHaveLength(2);
});
