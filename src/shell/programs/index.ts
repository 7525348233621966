/**
 * The programs of the emulated shell. One line each, sorted by name; a program of this list comes
 * before the shell's own of the same name.
 */
import type { ProgramDefinition } from '../program.ts';
import { brctl } from './brctl.ts';
import { bridge } from './bridge.ts';
import { busybox } from './busybox.ts';
import { busyboxHttpd } from './busybox-httpd.ts';
import { conntrack } from './conntrack.ts';
import { curl } from './curl.ts';
import { dig } from './dig.ts';
import { ethtool } from './ethtool.ts';
import { host } from './host.ts';
import { hostname } from './hostname.ts';
import { ip } from './ip.ts';
import { iptablesPrograms } from './iptables.ts';
import { arp, ifconfig, route } from './net-tools.ts';
import { nslookup } from './nslookup.ts';
import { ping } from './ping.ts';
import { sleep } from './sleep.ts';
import { sysctl } from './sysctl.ts';
import { date, dmesg, modprobe, nsenter, ps, unshare } from './system.ts';
import { tc } from './tc.ts';
import { tcpdump } from './tcpdump.ts';
import { traceroute } from './traceroute.ts';

export const PROGRAMS: readonly ProgramDefinition[] = [
  arp,
  brctl,
  bridge,
  busybox,
  busyboxHttpd,
  conntrack,
  curl,
  dig,
  host,
  date,
  dmesg,
  ethtool,
  hostname,
  ifconfig,
  ip,
  nslookup,
  ...iptablesPrograms,
  modprobe,
  nsenter,
  ping,
  ps,
  route,
  sleep,
  sysctl,
  tc,
  tcpdump,
  traceroute,
  unshare,
];
