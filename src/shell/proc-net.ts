/** The files of /proc/net. @source net/core/net-procfs.c, net/ipv4/fib_trie.c, net/ipv4/arp.c */
import { formatIpv4, type Ipv4, maskOf } from '../base/ipv4-address.ts';
import { formatMacHalves } from '../base/mac-address.ts';
import { renderProcConntrack } from '../netfilter/conntrack-text.ts';
import { procIpvs, procIpvsConnections, procIpvsStatistics } from '../netfilter/ipvs/text.ts';
import { listRoutes } from '../stack/fib.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { listNeighbours } from '../stack/neighbour.ts';
import { NUD_PERMANENT, NUD_VALID } from '../stack/neighbour-table.ts';
import { RTN_UNICAST, TABLE_MAIN } from '../stack/route-type.ts';
import { XFRM_STAT_NAMES } from '../stack/xfrm/xfrm-stats.ts';

/** By name. */
export const PROC_NET: Readonly<Record<string, (netns: NetNamespace) => string>> = {
  arp: arpTable,
  dev: deviceTable,
  ip_vs: procIpvs,
  ip_vs_conn: procIpvsConnections,
  ip_vs_stats: procIpvsStatistics,
  nf_conntrack: renderProcConntrack,
  route: routeTable,
  xfrm_stat: xfrmStatistics,
};

/** @source net/xfrm/xfrm_proc.c xfrm_statistics_seq_show() */
function xfrmStatistics(netns: NetNamespace): string {
  const stats = netns.xfrm?.stats;
  return XFRM_STAT_NAMES.map((name) => `${name.padEnd(24)}\t${stats?.[name] ?? 0}\n`).join('');
}

function deviceTable(netns: NetNamespace): string {
  const head =
    'Inter-|   Receive                                                |  Transmit\n' +
    ' face |bytes    packets errs drop fifo frame compressed multicast|' +
    'bytes    packets errs drop fifo colls carrier compressed\n';
  const rows = netns.devices.map((device) => {
    const cell = (value: number, width: number): string => String(value).padStart(width);
    return (
      `${device.name.padStart(6)}: ${cell(device.rxBytes, 7)} ${cell(device.rxPackets, 7)}` +
      `    0 ${cell(device.rxDropped, 4)}    0     0          0         0 ` +
      `${cell(device.txBytes, 8)} ${cell(device.txPackets, 7)}    0 ${cell(device.txDropped, 4)}` +
      '    0     0       0          0\n'
    );
  });
  return head + rows.join('');
}

/** An address in the byte order in which the kernel prints it: 10.0.0.1 is 0100000A. */
function hexText(address: Ipv4): string {
  const octets = [0, 8, 16, 24].map((shift) => (address >>> shift) & 0xff);
  return octets.map((octet) => octet.toString(16).padStart(2, '0').toUpperCase()).join('');
}

/** Lines are filled up with blanks. @source fib_route_seq_show() */
const ROUTE_LINE_CHARS = 127;

function routeTable(netns: NetNamespace): string {
  const head =
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
  const lines = [head];
  for (const route of listRoutes(netns, TABLE_MAIN)) {
    const hop = route.nextHops[0];
    const device = hop?.device?.name ?? '*';
    const gateway = hop?.gateway ?? 0;
    const isRefusing = route.type !== RTN_UNICAST;
    const flags =
      1 | (gateway !== 0 ? 2 : 0) | (route.prefixLength === 32 ? 4 : 0) | (isRefusing ? 0x200 : 0);
    const flagText = flags.toString(16).padStart(4, '0').toUpperCase();
    const mask = hexText(maskOf(route.prefixLength));
    lines.push(
      `${device}\t${hexText(route.prefix)}\t${hexText(gateway)}\t${flagText}\t0\t0\t` +
        `${route.priority}\t${mask}\t0\t0\t0`,
    );
  }
  return lines.map((line) => `${line.padEnd(ROUTE_LINE_CHARS)}\n`).join('');
}

function arpTable(netns: NetNamespace): string {
  const head = 'IP address       HW type     Flags       HW address            Mask     Device\n';
  const rows = listNeighbours(netns).map((entry) => {
    const isValid = (entry.state & NUD_VALID) !== 0;
    const flags = (isValid ? 2 : 0) | ((entry.state & NUD_PERMANENT) !== 0 ? 4 : 0);
    const mac = isValid ? formatMacHalves(entry.macHi, entry.macLo) : '00:00:00:00:00:00';
    return (
      `${formatIpv4(entry.address).padEnd(16)} 0x1         0x${flags.toString(16).padEnd(10)}` +
      `${mac}     *        ${entry.device.name}\n`
    );
  });
  return head + rows.join('');
}
