import { describe, expect, test } from 'vitest';
import { normaliseJson, normaliseOutput } from '../../../src/scenario/normalise-output.ts';

describe('normaliseOutput', () => {
  test.each([
    ['id', `${'a1'.repeat(32)} x`, '<id> x'],
    ['short id', 'b1946ac92492   nginx     Up 3 seconds', '<id>  nginx  Up <duration>'],
    ['swarm id', 'hwrrdrilhav8 web.1.hwrrdrilhav8vdo3jni6sm74w', '<id> web.1.<id>'],
    ['namespace', 'lb_dj4w1kfw1 1-dj4w1kfw1y', 'lb_<id> 1-<id>'],
    ['join token', `--token SWMTKN-1-${'a'.repeat(50)}-${'b'.repeat(25)} x`, '--token <token> x'],
    ['interface', 'master br-65ba5d1c3356 veth3190111@if5', 'master br-<id> veth<id>@if5'],
    ['random MAC', 'link/ether 5a:f3:00:01:02:03 brd', 'link/ether <mac> brd'],
    ['round trip', 'icmp_seq=1 ttl=64 time=0.045 ms', 'icmp_seq=1 ttl=64 time=<t> ms'],
    ['statistics', 'rtt min/avg/max/mdev = 1.0/2.0/3.0/0.1 ms', 'rtt min/avg/max/mdev = <t> ms'],
    ['age', 'About a minute ago', '<duration> ago'],
    ['date', '"Created": "2026-11-21T01:30:12.5Z",', '"Created": "<date>",'],
    ['policy', ':INPUT ACCEPT [12:3400]', ':INPUT ACCEPT [<n>:<n>]'],
    ['other protocol', 'a\n    inet6 ::1/128 scope host\n       valid_lft forever\nb', 'a\nb'],
  ])('takes away: %s', (_what, text, result) => {
    expect(normaliseOutput(text)).toBe(result);
  });

  test.each([
    'link/ether 02:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff',
    'inet 172.17.0.1/16 brd 172.17.255.255 scope global docker0',
    '0.0.0.0:8080->80/tcp',
    '2 packets transmitted, 0 received, 100% packet loss',
  ])('keeps %s', (text) => {
    expect(normaliseOutput(text)).toBe(text);
  });

  test('sorts members that are named by ids', () => {
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
    const first = JSON.stringify({ [a]: { Name: 'x' }, [b]: { Name: 'y' } });
    const second = JSON.stringify({ [a]: { Name: 'y' }, [b]: { Name: 'x' } });
    expect(normaliseJson(first)).toBe(normaliseJson(second));
    expect(normaliseJson('no document')).toBeNull();
  });
});
