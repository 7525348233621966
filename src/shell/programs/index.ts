/**
 * The programs of the emulated shell. One line each, sorted by name; a program of this list comes
 * before the shell's own of the same name.
 */
import type { ProgramDefinition } from '../program.ts';
import { bridge } from './bridge.ts';
import { busybox } from './busybox.ts';
import { busyboxHttpd } from './busybox-httpd.ts';
import { conntrack } from './conntrack.ts';
import { curl } from './curl.ts';
import { ip } from './ip.ts';
import { ping } from './ping.ts';
import { sleep } from './sleep.ts';
import { sysctl } from './sysctl.ts';
import { traceroute } from './traceroute.ts';

export const PROGRAMS: readonly ProgramDefinition[] = [
  bridge,
  busybox,
  busyboxHttpd,
  conntrack,
  curl,
  ip,
  ping,
  sleep,
  sysctl,
  traceroute,
];
