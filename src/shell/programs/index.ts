/**
 * The programs of the emulated shell. One line each, sorted by name; a program of this list comes
 * before the shell's own of the same name.
 */
import type { ProgramDefinition } from '../program.ts';
import { arping } from './arping.ts';
import { brctl } from './brctl.ts';
import { bridge } from './bridge.ts';
import { busybox } from './busybox.ts';
import { busyboxHttpd } from './busybox-httpd.ts';
import { conntrack } from './conntrack.ts';
import { curl } from './curl.ts';
import { dig } from './dig.ts';
import { docker } from './docker/index.ts';
import { env, printenv } from './env.ts';
import { ethtool } from './ethtool.ts';
import { host } from './host.ts';
import { hostname } from './hostname.ts';
import { ip } from './ip.ts';
import { iptablesPrograms } from './iptables.ts';
import { ipvsadm, ipvsadmRestore, ipvsadmSave } from './ipvsadm.ts';
import { ls } from './ls.ts';
import { nc, netcat } from './nc.ts';
import { arp, ifconfig, route } from './net-tools.ts';
import { netstat } from './netstat.ts';
import { nslookup } from './nslookup.ts';
import { packageManagers } from './package-manager.ts';
import { ping } from './ping.ts';
import { sleep } from './sleep.ts';
import { ss } from './ss.ts';
import { sysctl } from './sysctl.ts';
import { date, dmesg, modprobe, nsenter, ps, unshare } from './system.ts';
import { dockerd, service, systemctl } from './systemctl.ts';
import { tc } from './tc.ts';
import { tcpdump } from './tcpdump.ts';
import { tracepath } from './tracepath.ts';
import { traceroute } from './traceroute.ts';
import { wget } from './wget.ts';

export const PROGRAMS: readonly ProgramDefinition[] = [
  arp,
  arping,
  brctl,
  bridge,
  busybox,
  busyboxHttpd,
  conntrack,
  curl,
  date,
  dig,
  dmesg,
  docker,
  env,
  ethtool,
  host,
  hostname,
  ifconfig,
  ip,
  ...iptablesPrograms,
  ipvsadm,
  ipvsadmRestore,
  ipvsadmSave,
  ls,
  modprobe,
  nc,
  netcat,
  netstat,
  nsenter,
  nslookup,
  ...packageManagers,
  ping,
  printenv,
  ps,
  route,
  service,
  sleep,
  ss,
  sysctl,
  systemctl,
  dockerd,
  tc,
  tcpdump,
  tracepath,
  traceroute,
  unshare,
  wget,
];
