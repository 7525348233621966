import { expect, test } from 'vitest';
import { openRawSocket, sendRaw } from '../../../src/stack/raw-socket.ts';
import { call, echo, host, ip, makeLab, wire } from '../../support/stack-lab.ts';

// Recorded on Linux 6.18: ping -I lo to an address of eth0 hears nothing, ping -I eth0 does.
test.each([
  ['eth0', 2],
  ['lo', 0],
  [null, 2],
])('a ping to ourselves bound to %s', (name, heard) => {
  const lab = makeLab();
  const a = host(lab, 'a');
  wire(
    lab,
    { netns: a, name: 'eth0', cidr: '10.0.0.1/24', mac: '02:00:00:00:00:0a' },
    { netns: host(lab, 'b'), name: 'eth0', mac: '02:00:00:00:00:0b' },
  );
  const socket = openRawSocket(a, 1);
  socket.boundDevice = name === null ? null : a.deviceByName.get(name)!;
  expect(call(lab, () => sendRaw(socket, echo(1, 1), ip('10.0.0.1')))).toBeNull();
  expect(socket.receiveQueue.count).toBe(heard);
  expect(lab.drops).toEqual([]);
});
