/**
 * The table of settings: key, field, bounds. Keys that nothing obeys have a value all the same, so that
 * scripts may read and write them.
 * @source net/ipv4/sysctl_net_ipv4.c; net/core/sysctl_net_core.c; net/bridge/br_netfilter_hooks.c
 */
import type { Sysctls } from './sysctl.ts';

/** The names of the fields that hold one number. */
export type NumberField = {
  [Name in keyof Sysctls]: Sysctls[Name] extends number ? Name : never;
}[keyof Sysctls];

export interface SysctlRow {
  readonly key: string;
  /** One field, or those of a vector in order. */
  readonly fields: readonly NumberField[];
  readonly least: number;
  readonly most: number;
}

const INT_MAX = 0x7fffffff;
const INT_MIN = -0x80000000;

function row(key: string, field: NumberField, least = INT_MIN, most = INT_MAX): SysctlRow {
  return { key, fields: [field], least, most };
}

/** u8 settings, most of them switches. */
function byte(key: string, field: NumberField, most = 255): SysctlRow {
  return row(key, field, 0, most);
}

const IP_ROWS: readonly SysctlRow[] = [
  row('net.ipv4.ip_default_ttl', 'ipDefaultTtl', 1, 255),
  byte('net.ipv4.ip_no_pmtu_disc', 'ipNoPmtuDisc'),
  byte('net.ipv4.ip_forward_use_pmtu', 'ipForwardUsePmtu'),
  byte('net.ipv4.ip_forward_update_priority', 'ipForwardUpdatePriority', 1),
  byte('net.ipv4.ip_nonlocal_bind', 'ipNonlocalBind'),
  byte('net.ipv4.ip_dynaddr', 'ipDynaddr'),
  byte('net.ipv4.ip_early_demux', 'ipEarlyDemux'),
  byte('net.ipv4.ip_autobind_reuse', 'ipAutobindReuse', 1),
  row('net.ipv4.ip_unprivileged_port_start', 'ipUnprivilegedPortStart', 0, 65535),
  {
    key: 'net.ipv4.ip_local_port_range',
    fields: ['ipLocalPortRangeLow', 'ipLocalPortRangeHigh'],
    least: 1,
    most: 65535,
  },
  {
    key: 'net.ipv4.ping_group_range',
    fields: ['pingGroupRangeLow', 'pingGroupRangeHigh'],
    least: 0,
    most: INT_MAX,
  },
  byte('net.ipv4.icmp_echo_ignore_all', 'icmpEchoIgnoreAll', 1),
  byte('net.ipv4.icmp_echo_ignore_broadcasts', 'icmpEchoIgnoreBroadcasts', 1),
  byte('net.ipv4.icmp_ignore_bogus_error_responses', 'icmpIgnoreBogusErrorResponses', 1),
  byte('net.ipv4.icmp_errors_use_inbound_ifaddr', 'icmpErrorsUseInboundIfaddr', 1),
  row('net.ipv4.icmp_ratelimit', 'icmpRatelimitMs', 0),
  row('net.ipv4.icmp_ratemask', 'icmpRatemask'),
  row('net.ipv4.icmp_msgs_per_sec', 'icmpMsgsPerSec', 0),
  row('net.ipv4.icmp_msgs_burst', 'icmpMsgsBurst', 0),
  row('net.ipv4.ipfrag_high_thresh', 'ipfragHighThresh', 0),
  row('net.ipv4.ipfrag_low_thresh', 'ipfragLowThresh', 0),
  row('net.ipv4.ipfrag_time', 'ipfragTime', 0),
  row('net.ipv4.ipfrag_max_dist', 'ipfragMaxDist', 0),
  row('net.ipv4.route.min_pmtu', 'routeMinPmtu', 68),
  row('net.ipv4.route.mtu_expires', 'routeMtuExpires', 0),
  row('net.ipv4.route.min_adv_mss', 'routeMinAdvMss'),
  byte('net.ipv4.fib_multipath_hash_policy', 'fibMultipathHashPolicy', 3),
  byte('net.ipv4.fib_multipath_use_neigh', 'fibMultipathUseNeigh', 1),
  byte('net.ipv4.fwmark_reflect', 'fwmarkReflect'),
  row('net.ipv4.udp_rmem_min', 'udpRmemMin', 1),
  row('net.ipv4.udp_wmem_min', 'udpWmemMin', 1),
  row('net.ipv4.neigh.default.gc_thresh1', 'gcThresh1', 0),
  row('net.ipv4.neigh.default.gc_thresh2', 'gcThresh2', 0),
  row('net.ipv4.neigh.default.gc_thresh3', 'gcThresh3', 0),
  row('net.ipv4.neigh.default.gc_interval', 'gcInterval', 0),
];

const CORE_ROWS: readonly SysctlRow[] = [
  row('net.core.somaxconn', 'somaxconn', 0),
  row('net.core.netdev_max_backlog', 'netdevMaxBacklog'),
  row('net.core.rmem_default', 'rmemDefault', 2304),
  row('net.core.rmem_max', 'rmemMax', 2304),
  row('net.core.wmem_default', 'wmemDefault', 4608),
  row('net.core.wmem_max', 'wmemMax', 4608),
  row('net.core.optmem_max', 'optmemMax', 0),
  row('net.bridge.bridge-nf-call-iptables', 'bridgeNfCallIptables'),
  row('net.bridge.bridge-nf-call-ip6tables', 'bridgeNfCallIp6tables'),
  row('net.bridge.bridge-nf-call-arptables', 'bridgeNfCallArptables'),
  row('net.bridge.bridge-nf-filter-vlan-tagged', 'bridgeNfFilterVlanTagged'),
  row('net.bridge.bridge-nf-filter-pppoe-tagged', 'bridgeNfFilterPppoeTagged'),
  row('net.bridge.bridge-nf-pass-vlan-input-dev', 'bridgeNfPassVlanInputDev'),
];

const TCP_ROWS: readonly SysctlRow[] = [
  {
    key: 'net.ipv4.tcp_rmem',
    fields: ['tcpRmemMin', 'tcpRmemDefault', 'tcpRmemMax'],
    least: 1,
    most: INT_MAX,
  },
  {
    key: 'net.ipv4.tcp_wmem',
    fields: ['tcpWmemMin', 'tcpWmemDefault', 'tcpWmemMax'],
    least: 1,
    most: INT_MAX,
  },
  byte('net.ipv4.tcp_abort_on_overflow', 'tcpAbortOnOverflow'),
  row('net.ipv4.tcp_adv_win_scale', 'tcpAdvWinScale', -31, 31),
  byte('net.ipv4.tcp_autocorking', 'tcpAutocorking', 1),
  row('net.ipv4.tcp_base_mss', 'tcpBaseMss'),
  row('net.ipv4.tcp_challenge_ack_limit', 'tcpChallengeAckLimit'),
  row('net.ipv4.tcp_comp_sack_delay_ns', 'tcpCompSackDelayNs', 0),
  byte('net.ipv4.tcp_comp_sack_nr', 'tcpCompSackNr'),
  row('net.ipv4.tcp_comp_sack_slack_ns', 'tcpCompSackSlackNs', 0),
  byte('net.ipv4.tcp_dsack', 'tcpDsack'),
  byte('net.ipv4.tcp_early_retrans', 'tcpEarlyRetrans', 4),
  byte('net.ipv4.tcp_ecn', 'tcpEcn', 5),
  byte('net.ipv4.tcp_ecn_fallback', 'tcpEcnFallback', 1),
  row('net.ipv4.tcp_fastopen', 'tcpFastopen'),
  row('net.ipv4.tcp_fin_timeout', 'tcpFinTimeout', 0),
  byte('net.ipv4.tcp_frto', 'tcpFrto'),
  row('net.ipv4.tcp_invalid_ratelimit', 'tcpInvalidRatelimit', 0),
  row('net.ipv4.tcp_keepalive_intvl', 'tcpKeepaliveIntvl', 0),
  byte('net.ipv4.tcp_keepalive_probes', 'tcpKeepaliveProbes'),
  row('net.ipv4.tcp_keepalive_time', 'tcpKeepaliveTime', 0),
  row('net.ipv4.tcp_limit_output_bytes', 'tcpLimitOutputBytes'),
  row('net.ipv4.tcp_max_reordering', 'tcpMaxReordering'),
  row('net.ipv4.tcp_max_syn_backlog', 'tcpMaxSynBacklog'),
  row('net.ipv4.tcp_max_tw_buckets', 'tcpMaxTwBuckets'),
  row('net.ipv4.tcp_min_rtt_wlen', 'tcpMinRttWlen', 0, 86400),
  row('net.ipv4.tcp_min_snd_mss', 'tcpMinSndMss', 48, 65535),
  byte('net.ipv4.tcp_moderate_rcvbuf', 'tcpModerateRcvbuf'),
  byte('net.ipv4.tcp_mtu_probing', 'tcpMtuProbing'),
  byte('net.ipv4.tcp_no_metrics_save', 'tcpNoMetricsSave'),
  row('net.ipv4.tcp_notsent_lowat', 'tcpNotsentLowat', 0, 0xffffffff),
  byte('net.ipv4.tcp_orphan_retries', 'tcpOrphanRetries'),
  row('net.ipv4.tcp_pingpong_thresh', 'tcpPingpongThresh', 1, 255),
  byte('net.ipv4.tcp_recovery', 'tcpRecovery'),
  byte('net.ipv4.tcp_reflect_tos', 'tcpReflectTos', 1),
  row('net.ipv4.tcp_reordering', 'tcpReordering'),
  byte('net.ipv4.tcp_retrans_collapse', 'tcpRetransCollapse'),
  byte('net.ipv4.tcp_retries1', 'tcpRetries1'),
  byte('net.ipv4.tcp_retries2', 'tcpRetries2'),
  byte('net.ipv4.tcp_rfc1337', 'tcpRfc1337'),
  row('net.ipv4.tcp_rto_max_ms', 'tcpRtoMaxMs', 1000, 120000),
  row('net.ipv4.tcp_rto_min_us', 'tcpRtoMinUs', 1),
  byte('net.ipv4.tcp_sack', 'tcpSack'),
  byte('net.ipv4.tcp_shrink_window', 'tcpShrinkWindow', 1),
  byte('net.ipv4.tcp_slow_start_after_idle', 'tcpSlowStartAfterIdle'),
  byte('net.ipv4.tcp_stdurg', 'tcpStdurg'),
  row('net.ipv4.tcp_syn_linear_timeouts', 'tcpSynLinearTimeouts', 0, 127),
  row('net.ipv4.tcp_syn_retries', 'tcpSynRetries', 1, 127),
  byte('net.ipv4.tcp_synack_retries', 'tcpSynackRetries'),
  byte('net.ipv4.tcp_syncookies', 'tcpSyncookies'),
  byte('net.ipv4.tcp_thin_linear_timeouts', 'tcpThinLinearTimeouts'),
  byte('net.ipv4.tcp_timestamps', 'tcpTimestamps'),
  byte('net.ipv4.tcp_tw_reuse', 'tcpTwReuse', 2),
  row('net.ipv4.tcp_tw_reuse_delay', 'tcpTwReuseDelay', 1),
  byte('net.ipv4.tcp_window_scaling', 'tcpWindowScaling'),
  byte('net.ipv4.tcp_workaround_signed_windows', 'tcpWorkaroundSignedWindows'),
];

/** By key. */
export const SYSCTL_ROWS: ReadonlyMap<string, SysctlRow> = new Map(
  [...IP_ROWS, ...CORE_ROWS, ...TCP_ROWS].map((each) => [each.key, each]),
);

/** Settings that are kept and shown, with Linux's defaults, and that nothing in netsim obeys. */
export const INERT_DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['net.core.bpf_jit_enable', '1'],
  ['net.core.busy_poll', '0'],
  ['net.core.busy_read', '0'],
  ['net.core.default_qdisc', 'pfifo_fast'],
  ['net.core.dev_weight', '64'],
  ['net.core.netdev_budget', '300'],
  ['net.core.netdev_budget_usecs', '8000'],
  ['net.core.rps_sock_flow_entries', '0'],
  ['net.core.txrehash', '1'],
  ['net.core.xfrm_acq_expires', '30'],
  ['net.ipv4.fib_multipath_hash_fields', '7'],
  ['net.ipv4.fib_notify_on_flag_change', '0'],
  ['net.ipv4.icmp_echo_enable_probe', '0'],
  ['net.ipv4.igmp_link_local_mcast_reports', '1'],
  ['net.ipv4.igmp_max_memberships', '20'],
  ['net.ipv4.igmp_max_msf', '10'],
  ['net.ipv4.igmp_qrv', '2'],
  ['net.ipv4.ip_local_reserved_ports', ''],
  ['net.ipv4.nexthop_compat_mode', '1'],
  ['net.ipv4.raw_l3mdev_accept', '1'],
  ['net.ipv4.tcp_app_win', '31'],
  ['net.ipv4.tcp_early_demux', '1'],
  ['net.ipv4.tcp_fack', '0'],
  ['net.ipv4.tcp_fwmark_accept', '0'],
  ['net.ipv4.tcp_l3mdev_accept', '0'],
  ['net.ipv4.tcp_mem', '47178\t62907\t94356'],
  ['net.ipv4.tcp_min_tso_segs', '2'],
  ['net.ipv4.tcp_mtu_probe_floor', '48'],
  ['net.ipv4.tcp_no_ssthresh_metrics_save', '1'],
  ['net.ipv4.tcp_pacing_ca_ratio', '120'],
  ['net.ipv4.tcp_pacing_ss_ratio', '200'],
  ['net.ipv4.tcp_probe_interval', '600'],
  ['net.ipv4.tcp_probe_threshold', '8'],
  ['net.ipv4.tcp_tso_win_divisor', '3'],
  ['net.ipv4.udp_early_demux', '1'],
  ['net.ipv4.udp_l3mdev_accept', '0'],
  ['net.ipv4.udp_mem', '94356\t125811\t188712'],
  ['net.ipv4.xfrm4_gc_thresh', '32768'],
  ['net.ipv6.bindv6only', '0'],
  ['net.netfilter.nf_hooks_lwtunnel', '0'],
]);

/** net.ipv6.conf.{all,default,DEV}: scripts switch IPv6 off, which netsim does not have. */
export const IPV6_CONF_DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['accept_ra', '1'],
  ['accept_redirects', '1'],
  ['autoconf', '1'],
  ['disable_ipv6', '1'],
  ['forwarding', '0'],
  ['use_tempaddr', '0'],
]);
