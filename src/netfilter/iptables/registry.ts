/**
 * The matches and targets that netsim emulates, and the names of those that it only knows of.
 */
import type { MatchExtension, TargetExtension } from './extension.ts';
import { limitMatch, statisticMatch } from './matches/chance.ts';
import { addrtypeMatch, physdevMatch } from './matches/devices.ts';
import { connmarkMatch, conntrackMatch, stateMatch } from './matches/flows.ts';
import {
  commentMatch,
  dscpMatch,
  iprangeMatch,
  lengthMatch,
  macMatch,
  markMatch,
  pkttypeMatch,
  tcpmssMatch,
  tosMatch,
  ttlMatch,
} from './matches/headers.ts';
import { icmpMatch } from './matches/icmp.ts';
import { ipvsMatch } from './matches/ipvs.ts';
import { policyMatch } from './matches/policy.ts';
import { multiportMatch, tcpMatch, udpMatch } from './matches/ports.ts';
import { bpfMatch, u32Match } from './matches/programs.ts';
import { logTarget, nflogTarget, rejectTarget, traceTarget } from './targets/answers.ts';
import {
  checksumTarget,
  classifyTarget,
  connmarkTarget,
  ctTarget,
  dscpTarget,
  markTarget,
  notrackTarget,
  tcpmssTarget,
  tosTarget,
  ttlTarget,
} from './targets/mangle.ts';
import {
  dnatTarget,
  masqueradeTarget,
  netmapTarget,
  redirectTarget,
  snatTarget,
} from './targets/nat.ts';

const MATCHES: readonly MatchExtension[] = [
  addrtypeMatch,
  bpfMatch,
  commentMatch,
  connmarkMatch,
  conntrackMatch,
  dscpMatch,
  icmpMatch,
  iprangeMatch,
  ipvsMatch,
  lengthMatch,
  limitMatch,
  macMatch,
  markMatch,
  multiportMatch,
  physdevMatch,
  pkttypeMatch,
  policyMatch,
  stateMatch,
  statisticMatch,
  tcpMatch,
  tcpmssMatch,
  tosMatch,
  ttlMatch,
  u32Match,
  udpMatch,
];

const TARGETS: readonly TargetExtension[] = [
  checksumTarget,
  classifyTarget,
  connmarkTarget,
  ctTarget,
  dnatTarget,
  dscpTarget,
  logTarget,
  markTarget,
  masqueradeTarget,
  netmapTarget,
  nflogTarget,
  notrackTarget,
  redirectTarget,
  rejectTarget,
  snatTarget,
  tcpmssTarget,
  tosTarget,
  traceTarget,
  ttlTarget,
];

/** Matches that iptables 1.8.9 has and netsim does not. */
const OTHER_MATCHES = new Set(
  `ah bpf cgroup cluster connbytes connlabel connlimit cpu dccp devgroup dst ecn esp eui64 frag hashlimit
  hbh helper hl icmp6 ipcomp ipv6header mh nfacct osf owner quota rateest realm recent rpfilter rt sctp
  set socket srh string time`.split(/\s+/),
);

/** Targets that iptables 1.8.9 has and netsim does not. */
const OTHER_TARGETS = new Set(
  `AUDIT CLUSTERIP CONNSECMARK DNPT ECN HL HMARK IDLETIMER LED NFQUEUE QUEUE RATEEST SECMARK SET SNPT
  SYNPROXY TEE TPROXY ULOG`.split(/\s+/),
);

const matchByName = new Map(MATCHES.map((match) => [match.name, match]));
const targetByName = new Map(TARGETS.map((target) => [target.name, target]));

export const findMatch = (name: string): MatchExtension | undefined => matchByName.get(name);
export const findTarget = (name: string): TargetExtension | undefined => targetByName.get(name);
export const isKnownMatch = (name: string): boolean => OTHER_MATCHES.has(name);
export const isKnownTarget = (name: string): boolean => OTHER_TARGETS.has(name);

/** The match that `-p PROTOCOL` brings with it when one of its options is used. */
export function protocolMatch(protocol: number): MatchExtension | undefined {
  if (protocol === 1) return icmpMatch;
  if (protocol === 6) return tcpMatch;
  return protocol === 17 ? udpMatch : undefined;
}
