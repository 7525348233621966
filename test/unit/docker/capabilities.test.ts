import { expect, test } from 'vitest';
import { capabilitiesOf, normalizeCapability } from '../../../src/docker/capabilities.ts';

test('a container may ping but not change its network', () => {
  const set = capabilitiesOf([], [], false)!;
  expect(set.has('NET_RAW')).toBe(true);
  expect(set.has('NET_ADMIN')).toBe(false);
});

test('adding and dropping, with and without prefix', () => {
  expect(capabilitiesOf(['cap_net_admin'], ['NET_RAW'], false)!.has('NET_ADMIN')).toBe(true);
  expect(capabilitiesOf([], ['CAP_NET_RAW'], false)!.has('NET_RAW')).toBe(false);
  expect([...capabilitiesOf(['NET_RAW'], ['ALL'], false)!]).toEqual(['NET_RAW']);
  expect(capabilitiesOf(['ALL'], ['NET_RAW'], false)!.has('NET_RAW')).toBe(false);
  expect(capabilitiesOf([], [], true)).toBeNull();
});

test('unknown ones are told', () => {
  expect(normalizeCapability('net_raw')).toBe('NET_RAW');
  expect(normalizeCapability('NET_FOO')).toBeNull();
});
