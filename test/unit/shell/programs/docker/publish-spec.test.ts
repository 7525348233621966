import { describe, expect, test } from 'vitest';
import { parseIpv4 } from '../../../../../src/base/ipv4-address.ts';
import {
  parseExpose,
  parsePublish,
} from '../../../../../src/shell/programs/docker/publish-spec.ts';

describe('-p', () => {
  test.each([
    ['80', [['tcp', 80, null, null]]],
    ['8080:80', [['tcp', 80, null, [8080, 8080]]]],
    ['127.0.0.1:8080:80', [['tcp', 80, '127.0.0.1', [8080, 8080]]]],
    ['127.0.0.1::80', [['tcp', 80, '127.0.0.1', null]]],
    ['5353:53/udp', [['udp', 53, null, [5353, 5353]]]],
    ['5353:53/UDP', [['udp', 53, null, [5353, 5353]]]],
    [
      '9000-9001:80-81',
      [
        ['tcp', 80, null, [9000, 9000]],
        ['tcp', 81, null, [9001, 9001]],
      ],
    ],
    ['9000-9005:80', [['tcp', 80, null, [9000, 9005]]]],
    [
      '80-81',
      [
        ['tcp', 80, null, null],
        ['tcp', 81, null, null],
      ],
    ],
    ['0:80', [['tcp', 80, null, null]]],
    ['published=8080,target=80,protocol=udp', [['udp', 80, null, [8080, 8080]]]],
    ['target=80', [['tcp', 80, null, null]]],
  ])('%s', (text, expected) => {
    expect(parsePublish(text)).toEqual(
      expected.map(([protocol, containerPort, host, hostPorts]) => ({
        protocol,
        containerPort,
        hostAddress: host === null ? null : parseIpv4(String(host)),
        hostPorts,
      })),
    );
  });

  test.each([
    ['x', 'invalid containerPort: x'],
    ['1:2:3:4', 'invalid IP address: 1:2'],
    ['8080:80/foo', 'invalid proto: foo'],
    ['127.0.0:80:80', 'invalid IP address: 127.0.0'],
    ['99999:80', 'invalid hostPort: 99999'],
    ['80:99999', 'invalid containerPort: 99999'],
    [':', 'no port specified: :<empty>'],
    ['8080:', 'no port specified: 8080:<empty>'],
    ['90-80:80', 'invalid hostPort: 90-80'],
    [
      '8080-8082:80-81',
      'invalid ranges specified for container and host Ports: 80-81 and 8080-8082',
    ],
    [
      'published=80,target=90,foo',
      "invalid publish opts format (should be name=value but got 'foo')",
    ],
  ])('refuses %s', (text, message) => {
    expect(() => parsePublish(text)).toThrow(message);
  });
});

describe('--expose', () => {
  test('reads ports and ranges', () => {
    expect(parseExpose('80')).toEqual({ first: 80, last: 80, protocol: 'tcp' });
    expect(parseExpose('53-55/udp')).toEqual({ first: 53, last: 55, protocol: 'udp' });
  });

  test.each([
    ['1:2', 'invalid port format for --expose: 1:2'],
    [
      'a',
      'invalid range format for --expose: a, error: strconv.ParseUint: parsing "a": invalid syntax',
    ],
  ])('refuses %s', (text, message) => {
    expect(() => parseExpose(text)).toThrow(message);
  });
});
