/**
 * The settings of one namespace as typed fields, for the code that obeys them. The names are the
 * kernel's in camel case, the units the kernel's: net.ipv4.tcp_fin_timeout is tcpFinTimeout, in
 * seconds. The text side (reading and writing by key) is sysctl-tree.ts.
 * @source include/net/netns/ipv4.h struct netns_ipv4; defaults: a fresh namespace of Linux 6.18
 */
import {
  type InetConf,
  makeInetConf,
  makeNeighbourParameters,
  type NeighbourParameters,
} from './inet.ts';
import { makeTcpSysctls, type TcpSysctls } from './sysctl-tcp.ts';

export { listSysctls, readSysctl, writeSysctl } from './sysctl-tree.ts';

export interface Sysctls extends TcpSysctls {
  /** net.ipv4.ip_forward; always equal to confAll.forwarding. */
  ipForward: number;
  ipDefaultTtl: number;
  ipNoPmtuDisc: number;
  ipForwardUsePmtu: number;
  ipForwardUpdatePriority: number;
  ipNonlocalBind: number;
  ipDynaddr: number;
  ipEarlyDemux: number;
  ipAutobindReuse: number;
  ipUnprivilegedPortStart: number;
  ipLocalPortRangeLow: number;
  ipLocalPortRangeHigh: number;
  pingGroupRangeLow: number;
  pingGroupRangeHigh: number;
  icmpEchoIgnoreAll: number;
  icmpEchoIgnoreBroadcasts: number;
  icmpIgnoreBogusErrorResponses: number;
  icmpErrorsUseInboundIfaddr: number;
  /** net.ipv4.icmp_ratelimit: milliseconds between two errors to one target. */
  icmpRatelimitMs: number;
  icmpRatemask: number;
  icmpMsgsPerSec: number;
  icmpMsgsBurst: number;
  ipfragHighThresh: number;
  ipfragLowThresh: number;
  /** Seconds. */
  ipfragTime: number;
  ipfragMaxDist: number;
  /** net.ipv4.route.* */
  routeMinPmtu: number;
  /** Seconds. */
  routeMtuExpires: number;
  routeMinAdvMss: number;
  fibMultipathHashPolicy: number;
  fibMultipathUseNeigh: number;
  fwmarkReflect: number;
  udpRmemMin: number;
  udpWmemMin: number;
  /** net.core.* */
  somaxconn: number;
  netdevMaxBacklog: number;
  rmemDefault: number;
  rmemMax: number;
  wmemDefault: number;
  wmemMax: number;
  optmemMax: number;
  /** net.bridge.bridge-nf-* */
  bridgeNfCallIptables: number;
  bridgeNfCallIp6tables: number;
  bridgeNfCallArptables: number;
  bridgeNfFilterVlanTagged: number;
  bridgeNfFilterPppoeTagged: number;
  bridgeNfPassVlanInputDev: number;
  /** net.ipv4.neigh.default.gc_* */
  gcThresh1: number;
  gcThresh2: number;
  gcThresh3: number;
  /** Seconds. */
  gcInterval: number;
  readonly confAll: InetConf;
  readonly confDefault: InetConf;
  readonly neighbourDefault: NeighbourParameters;
  /** Settings that are kept and shown, and that nothing obeys. */
  readonly inert: Map<string, string>;
}

/** What fresh namespaces copy: copying 116 fields costs a hundredth of adding them one by one. */
const FRESH: Sysctls = makeFirst();

/** The settings of a fresh namespace. */
export function makeSysctls(): Sysctls {
  const made = { ...FRESH };
  return Object.assign(made, {
    confAll: makeInetConf(),
    confDefault: makeConfDefault(),
    neighbourDefault: makeNeighbourParameters(),
    inert: new Map(),
  });
}

function makeConfDefault(): InetConf {
  const conf = makeInetConf();
  conf.acceptSourceRoute = 1;
  return conf;
}

function makeFirst(): Sysctls {
  return {
    ...makeTcpSysctls(),
    ipForward: 0,
    ipDefaultTtl: 64,
    ipNoPmtuDisc: 0,
    ipForwardUsePmtu: 0,
    ipForwardUpdatePriority: 1,
    ipNonlocalBind: 0,
    ipDynaddr: 0,
    ipEarlyDemux: 1,
    ipAutobindReuse: 0,
    ipUnprivilegedPortStart: 1024,
    ipLocalPortRangeLow: 32768,
    ipLocalPortRangeHigh: 60999,
    pingGroupRangeLow: 1,
    pingGroupRangeHigh: 0,
    icmpEchoIgnoreAll: 0,
    icmpEchoIgnoreBroadcasts: 1,
    icmpIgnoreBogusErrorResponses: 1,
    icmpErrorsUseInboundIfaddr: 0,
    icmpRatelimitMs: 1000,
    icmpRatemask: 6168,
    icmpMsgsPerSec: 1000,
    icmpMsgsBurst: 50,
    ipfragHighThresh: 4194304,
    ipfragLowThresh: 3145728,
    ipfragTime: 30,
    ipfragMaxDist: 64,
    routeMinPmtu: 552,
    routeMtuExpires: 600,
    routeMinAdvMss: 256,
    fibMultipathHashPolicy: 0,
    fibMultipathUseNeigh: 0,
    fwmarkReflect: 0,
    udpRmemMin: 4096,
    udpWmemMin: 4096,
    somaxconn: 4096,
    netdevMaxBacklog: 1000,
    rmemDefault: 212992,
    rmemMax: 4194304,
    wmemDefault: 212992,
    wmemMax: 4194304,
    optmemMax: 131072,
    bridgeNfCallIptables: 1,
    bridgeNfCallIp6tables: 1,
    bridgeNfCallArptables: 1,
    bridgeNfFilterVlanTagged: 0,
    bridgeNfFilterPppoeTagged: 0,
    bridgeNfPassVlanInputDev: 0,
    gcThresh1: 128,
    gcThresh2: 512,
    gcThresh3: 1024,
    gcInterval: 30,
    confAll: makeInetConf(),
    confDefault: makeConfDefault(),
    neighbourDefault: makeNeighbourParameters(),
    inert: new Map(),
  };
}
