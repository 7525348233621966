/** What a container's processes may do. */

/** What a container has without options. @source moby oci/caps DefaultCapabilities() */
const DEFAULT_CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'MKNOD',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SETFCAP',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'KILL',
  'AUDIT_WRITE',
] as const;

/** What only `--cap-add` gives. @source include/uapi/linux/capability.h */
const OTHER_CAPABILITIES = [
  'AUDIT_CONTROL',
  'AUDIT_READ',
  'BLOCK_SUSPEND',
  'BPF',
  'CHECKPOINT_RESTORE',
  'DAC_READ_SEARCH',
  'IPC_LOCK',
  'IPC_OWNER',
  'LEASE',
  'LINUX_IMMUTABLE',
  'MAC_ADMIN',
  'MAC_OVERRIDE',
  'NET_ADMIN',
  'NET_BROADCAST',
  'PERFMON',
  'SYSLOG',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_MODULE',
  'SYS_NICE',
  'SYS_PACCT',
  'SYS_PTRACE',
  'SYS_RAWIO',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'WAKE_ALARM',
] as const;

/** NET_ADMIN of `net_admin`, `CAP_NET_ADMIN`; null if there is no such capability. */
export function normalizeCapability(name: string): string | null {
  const bare = name.toUpperCase().replace(/^CAP_/, '');
  if (bare === 'ALL') return bare;
  const known: readonly string[] = [...DEFAULT_CAPABILITIES, ...OTHER_CAPABILITIES];
  return known.includes(bare) ? bare : null;
}

/** The set that `--cap-add` and `--cap-drop` leave; null (everything) with `--privileged`. */
export function capabilitiesOf(
  added: readonly string[],
  dropped: readonly string[],
  isPrivileged: boolean,
): ReadonlySet<string> | null {
  if (isPrivileged) return null;
  const adds = added.map((each) => normalizeCapability(each));
  const drops = dropped.map((each) => normalizeCapability(each));
  const all = [...DEFAULT_CAPABILITIES, ...OTHER_CAPABILITIES];
  let base: readonly string[] = DEFAULT_CAPABILITIES;
  if (adds.includes('ALL')) base = all;
  else if (drops.includes('ALL')) base = [];
  const set = new Set(base.filter((each) => !drops.includes(each)));
  for (const each of adds) if (each !== null && each !== 'ALL') set.add(each);
  return set;
}
