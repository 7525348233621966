/**
 * Settings by their keys in text: what sysctl(8) and /proc/sys show and take.
 * @source net/ipv4/sysctl_net_ipv4.c, net/ipv4/devinet.c, net/core/sysctl_net_core.c
 */
import type { NetNamespace } from './namespace.ts';

/** The value of a setting, without a line end; null if there is no such key. */
export function readSysctl(_netns: NetNamespace, _key: string): string | null {
  return null;
}

/**
 * Sets a setting.
 * @throws KernelError ENOENT: no such key; EINVAL: not a value for it; EACCES: read only.
 */
export function writeSysctl(_netns: NetNamespace, _key: string, _value: string): void {}

/** All keys in the order of sysctl -a. */
export function listSysctls(_netns: NetNamespace): readonly string[] {
  return [];
}
