import { expect, test } from 'vitest';
import { refusalOf } from '../../../src/shell/capabilities.ts';
import type { Machine } from '../../../src/world/machine.ts';

const having = (...names: string[]): Machine =>
  ({ capabilities: names[0] === 'everything' ? null : new Set(names) }) as unknown as Machine;

test('without NET_RAW there is no ping', () => {
  expect(refusalOf(having('NET_RAW'), 'ping', ['10.0.0.1'])).toBeNull();
  expect(refusalOf(having(), 'ping', ['10.0.0.1'])).toEqual({
    text: 'bash: /usr/bin/ping: Operation not permitted\n',
    exitCode: 126,
  });
});

test('without NET_ADMIN the network is shown but not changed', () => {
  const machine = having('NET_RAW');
  expect(refusalOf(machine, 'ip', ['-d', 'addr'])).toBeNull();
  expect(refusalOf(machine, 'ip', ['addr', 'show', 'dev', 'eth0'])).toBeNull();
  expect(refusalOf(machine, 'ip', ['route', 'get', '1.1.1.1'])).toBeNull();
  const refusal = { text: 'RTNETLINK answers: Operation not permitted\n', exitCode: 2 };
  expect(refusalOf(machine, 'ip', ['link', 'set', 'eth0', 'down'])).toEqual(refusal);
  expect(refusalOf(machine, 'ip', ['-4', 'addr', 'add', '1.2.3.4/24', 'dev', 'eth0'])).toEqual(
    refusal,
  );
  expect(refusalOf(machine, 'iptables', ['-L'])?.exitCode).toBe(4);
  expect(refusalOf(having('NET_ADMIN'), 'ip', ['link', 'set', 'eth0', 'down'])).toBeNull();
});

test('a machine of its own may do everything', () => {
  expect(refusalOf(having('everything'), 'ip', ['link', 'del', 'eth0'])).toBeNull();
});
