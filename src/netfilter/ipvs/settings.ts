/**
 * The settings of IPVS in one namespace: net.ipv4.vs.* and the timeouts of `ipvsadm --set`.
 *
 * Unlike Linux, what concerns load (drop_entry, drop_packet, secure_tcp, am_droprate, amemthresh), the
 * sync daemon (sync_*) and estimation (est_*, run_estimation) can be set but does nothing, and so do
 * cache_bypass, ignore_tunneled and sloppy_sctp.
 * @source Documentation/networking/ipvs-sysctl.rst; net/netfilter/ipvs/ip_vs_ctl.c vs_vars[]
 */

/** Settings that the data path looks at. */
export interface IpvsSettings {
  backupOnly: number;
  connReuseMode: number;
  conntrack: number;
  expireNodestConn: number;
  expireQuiescentTemplate: number;
  natIcmpSend: number;
  pmtuDisc: number;
  scheduleIcmp: number;
  sloppyTcp: number;
  snatReroute: number;
  /** The rest, as it was written. */
  readonly inert: Map<string, string>;
}

export function makeIpvsSettings(): IpvsSettings {
  return {
    backupOnly: 0,
    connReuseMode: 1,
    conntrack: 0,
    expireNodestConn: 0,
    expireQuiescentTemplate: 0,
    natIcmpSend: 0,
    pmtuDisc: 1,
    scheduleIcmp: 0,
    sloppyTcp: 0,
    snatReroute: 1,
    inert: new Map(),
  };
}

type NumberField = Exclude<keyof IpvsSettings, 'inert'>;

const FIELDS: Readonly<Record<string, NumberField>> = {
  backup_only: 'backupOnly',
  conn_reuse_mode: 'connReuseMode',
  conntrack: 'conntrack',
  expire_nodest_conn: 'expireNodestConn',
  expire_quiescent_template: 'expireQuiescentTemplate',
  nat_icmp_send: 'natIcmpSend',
  pmtu_disc: 'pmtuDisc',
  schedule_icmp: 'scheduleIcmp',
  sloppy_tcp: 'sloppyTcp',
  snat_reroute: 'snatReroute',
};

const INERT: Readonly<Record<string, string>> = {
  am_droprate: '10',
  amemthresh: '1024',
  cache_bypass: '0',
  drop_entry: '0',
  drop_packet: '0',
  est_cpulist: '',
  est_nice: '0',
  ignore_tunneled: '0',
  run_estimation: '1',
  secure_tcp: '0',
  sloppy_sctp: '0',
  sync_persist_mode: '0',
  sync_ports: '1',
  sync_qlen_max: '124412',
  sync_refresh_period: '0',
  sync_retries: '0',
  sync_sock_size: '0',
  sync_threshold: '3\t50',
  sync_version: '1',
};

const PREFIX = 'net.ipv4.vs.';
const DEFAULTS = makeIpvsSettings();

/** All keys, in alphabetical order as `sysctl -a` shows them. */
export function ipvsSysctlKeys(): string[] {
  return [...Object.keys(FIELDS), ...Object.keys(INERT)].map((name) => PREFIX + name).sort();
}

/** The value of `net.ipv4.vs...` (null settings: the defaults), null if there is no such key. */
export function readIpvsSysctl(settings: IpvsSettings | null, key: string): string | null {
  if (!key.startsWith(PREFIX)) return null;
  const name = key.slice(PREFIX.length);
  if (Object.hasOwn(FIELDS, name)) return String((settings ?? DEFAULTS)[FIELDS[name]!]);
  if (!Object.hasOwn(INERT, name)) return null;
  return settings?.inert.get(name) ?? INERT[name]!;
}

/** Sets a value. False: no such key, or not a number that it may have. */
export function writeIpvsSysctl(settings: IpvsSettings, key: string, text: string): boolean {
  const name = key.slice(PREFIX.length);
  const trimmed = text.trim();
  if (Object.hasOwn(INERT, name)) {
    if (!/^[\d\s,-]{0,64}$/.test(trimmed)) return false;
    settings.inert.set(name, trimmed.replaceAll(/\s+/g, '\t'));
    return true;
  }
  if (!Object.hasOwn(FIELDS, name) || !/^-?\d{1,9}$/.test(trimmed)) return false;
  settings[FIELDS[name]!] = Number(trimmed);
  return true;
}
