/**
 * What `ipvsadm -L` and `-S` print.
 * Unlike ipvsadm, names of hosts are never looked up without -n, only those of ports.
 * @source ipvsadm 1.31 ipvsadm.c print_service_entry(), print_conn(), print_largenum()
 */
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import { nowTicks } from '../../netfilter/conntrack-table.ts';
import type { IpvsHost } from '../../netfilter/ipvs/control.ts';
import { listIpvsConnections, listIpvsServices } from '../../netfilter/ipvs/control.ts';
import {
  FORWARD_MASQ,
  FORWARD_TUNNEL,
  type IpvsDestination,
  type IpvsService,
} from '../../netfilter/ipvs/service.ts';
import { type IpvsStatistics, ratesOf } from '../../netfilter/ipvs/statistics.ts';
import { connectionExpiresSec, connectionStateName } from '../../netfilter/ipvs/text.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../protocols/ipv4.ts';
import type { IpvsadmOption } from './ipvsadm-options.ts';
import { addressPortText } from './ipvsadm-request.ts';

type Options = ReadonlySet<IpvsadmOption>;

const DESTINATION_WIDTH = 28;
const SERVICE_WIDTH = 33;

const PORT_NAMES: Readonly<Record<number, string>> = {
  20: 'ftp-data',
  21: 'ftp',
  22: 'ssh',
  23: 'telnet',
  25: 'smtp',
  53: 'domain',
  80: 'http',
  110: 'pop3',
  123: 'ntp',
  143: 'imap2',
  443: 'https',
  3306: 'mysql',
  5432: 'postgresql',
  6379: 'redis',
  8080: 'http-alt',
};

function endpointText(address: Ipv4, port: number, options: Options): string {
  if (options.has('numeric')) return addressPortText(address, port);
  return `${formatIpv4(address)}:${PORT_NAMES[port] ?? port}`;
}

export function protocolName(protocol: number): string {
  if (protocol === PROTOCOL_TCP) return 'TCP';
  return protocol === PROTOCOL_UDP ? 'UDP' : 'SCTP';
}

function compareServices(a: IpvsService, b: IpvsService): number {
  return (
    a.fwmark - b.fwmark ||
    a.protocol - b.protocol ||
    (a.address >>> 0) - (b.address >>> 0) ||
    a.port - b.port
  );
}

function compareDestinations(a: IpvsDestination, b: IpvsDestination): number {
  return (a.address >>> 0) - (b.address >>> 0) || a.port - b.port;
}

/** A number in nine columns; large ones with K, M, G or T. */
function largeNumber(value: number, options: Options): string {
  const text = String(value);
  if (options.has('exact')) return text.padStart(text.length <= 8 ? 9 : text.length + 1);
  if (value < 1e8) return text.padStart(9);
  const [unit, letter] =
    value < 1e9 ? [1e3, 'K'] : value < 1e11 ? [1e6, 'M'] : value < 1e14 ? [1e9, 'G'] : [1e12, 'T'];
  return `${String(Math.floor(value / unit)).padStart(8)}${letter}`;
}

/** The five columns of --stats or --rate. */
function statisticsText(statistics: IpvsStatistics, options: Options, now: number): string {
  const { connections, inPackets, outPackets, inBytes, outBytes } = statistics;
  const cells = options.has('rate')
    ? ratesOf(statistics, now)
    : [connections, inPackets, outPackets, inBytes, outBytes];
  return cells.map((value) => largeNumber(value, options)).join('');
}

function hasStatistics(options: Options): boolean {
  return options.has('stats') || options.has('rate');
}

const RATE_COLUMNS = ['CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS'];
const STATS_COLUMNS = ['Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes'];

function titleText(options: Options): string {
  const head = 'Prot LocalAddress:Port'.padEnd(SERVICE_WIDTH);
  const below = '  -> RemoteAddress:Port\n';
  const right = (columns: readonly string[]) =>
    columns.map((column) => ` ${column.padStart(8)}`).join('');
  if (options.has('stats')) return `${head}${right(STATS_COLUMNS)}\n${below}`;
  if (options.has('rate')) return `${head}${right(RATE_COLUMNS)}\n${below}`;
  if (options.has('thresholds')) {
    return `${head} Uthreshold Lthreshold ActiveConn InActConn \n${below}`;
  }
  if (options.has('persistent-conn')) {
    return `${head} Weight    PersistConn ActiveConn InActConn \n${below}`;
  }
  return (
    'Prot LocalAddress:Port Scheduler Flags\n' +
    '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n'
  );
}

function forwardName({ forwarding }: IpvsDestination): string {
  if (forwarding === FORWARD_MASQ) return 'Masq';
  return forwarding === FORWARD_TUNNEL ? 'Tunnel' : 'Route';
}

function serviceName(service: IpvsService, options: Options): string {
  const { fwmark, protocol, address, port } = service;
  if (fwmark !== 0) return `FWM  ${fwmark | 0}`;
  const name = `${protocolName(protocol)}  ${endpointText(address, port, options)}`;
  return name.slice(0, SERVICE_WIDTH);
}

function serviceText(service: IpvsService, options: Options, now: number): string {
  const name = serviceName(service, options);
  if (hasStatistics(options)) {
    return `${name.padEnd(SERVICE_WIDTH)}${statisticsText(service.statistics, options, now)}\n`;
  }
  let flags = '';
  if (service.isPersistent) {
    flags = ` persistent ${service.persistenceSec}`;
    if (service.netmask !== -1) flags += ` mask ${formatIpv4(service.netmask)}`;
  }
  if (service.isOnePacket) flags += ' ops';
  return `${name} ${service.scheduler.name}${flags}\n`;
}

function destinationText(destination: IpvsDestination, options: Options, now: number): string {
  const { address, port, weight, activeConnections, inactiveConnections } = destination;
  const name = endpointText(address, port, options)
    .slice(0, DESTINATION_WIDTH)
    .padEnd(DESTINATION_WIDTH);
  if (hasStatistics(options)) {
    return `  -> ${name}${statisticsText(destination.statistics, options, now)}\n`;
  }
  const cell = (value: number | string, width: number) => String(value).padEnd(width);
  const counts = `${cell(activeConnections, 10)} ${cell(inactiveConnections, 10)}`;
  if (options.has('thresholds')) {
    const { upperThreshold, lowerThreshold } = destination;
    return `  -> ${name} ${cell(upperThreshold, 10)} ${cell(lowerThreshold, 10)} ${counts}\n`;
  }
  if (options.has('persistent-conn')) {
    const { persistentConnections } = destination;
    return `  -> ${name} ${cell(weight, 9)} ${cell(persistentConnections, 11)} ${counts}\n`;
  }
  return `  -> ${name} ${cell(forwardName(destination), 7)} ${cell(weight, 6)} ${counts}\n`;
}

function destinationsOf(service: IpvsService, options: Options): IpvsDestination[] {
  const destinations = [...service.destinations];
  return options.has('nosort') ? destinations : destinations.sort(compareDestinations);
}

/** The title and these services, at tick `now`. */
export function servicesText(
  services: readonly IpvsService[],
  options: Options,
  now: number,
): string {
  let text = titleText(options);
  for (const service of services) {
    text += serviceText(service, options, now);
    for (const each of destinationsOf(service, options))
      text += destinationText(each, options, now);
  }
  return text;
}

/** The present moment of a namespace, in ticks. */
export function nowOf(host: IpvsHost): number {
  return nowTicks(host.netfilter.netns.sim);
}

/** `ipvsadm -L` */
export function listText(host: IpvsHost, options: Options): string {
  const services = [...listIpvsServices(host)];
  if (!options.has('nosort')) services.sort(compareServices);
  return `IP Virtual Server version 1.2.1 (size=4096)\n${servicesText(services, options, nowOf(host))}`;
}

/** `ipvsadm -S`: the commands that make the table. */
export function saveText(host: IpvsHost, options: Options): string {
  let text = '';
  for (const service of [...listIpvsServices(host)].sort(compareServices)) {
    const { fwmark, protocol, address, port } = service;
    const letter =
      protocol === PROTOCOL_TCP ? '-t' : protocol === PROTOCOL_UDP ? '-u' : '--sctp-service';
    const name =
      fwmark !== 0 ? `-f ${fwmark | 0}` : `${letter} ${endpointText(address, port, options)}`;
    text += `-A ${name} -s ${service.scheduler.name}`;
    if (service.isPersistent) {
      text += ` -p ${service.persistenceSec}`;
      if (service.netmask !== -1) text += ` -M ${formatIpv4(service.netmask)}`;
    }
    if (service.isOnePacket) text += ' -o';
    text += '\n';
    for (const each of destinationsOf(service, options)) {
      const method = { Masq: '-m', Tunnel: '-i', Route: '-g' }[forwardName(each)];
      const server = endpointText(each.address, each.port, options);
      text += `-a ${name} -r ${server} ${method} -w ${each.weight}\n`;
    }
  }
  return text;
}

/** `ipvsadm -Lc` */
export function connectionsText(host: IpvsHost, options: Options): string {
  let text = 'IPVS connection entries\n';
  const cell = (value: string, width: number) => value.padEnd(width);
  text += 'pro expire state       source             virtual            destination';
  text += options.has('persistent-conn') ? '        pe name          pe_data\n' : '\n';
  for (const connection of listIpvsConnections(host)) {
    const { protocol, client, clientPort, virtual, virtualPort, target, targetPort } = connection;
    const left = connectionExpiresSec(host.netfilter.netns.sim, connection);
    const two = (value: number) => String(value).padStart(2, '0');
    const expire = `${two(Math.floor(left / 60))}:${two(left % 60)}`;
    const name = protocol === 0 ? 'IP' : protocolName(protocol);
    text +=
      `${cell(name, 3)} ${cell(expire, 6)} ${cell(connectionStateName(connection), 11)} ` +
      `${cell(endpointText(client, clientPort, options), 18)} ` +
      `${cell(endpointText(virtual, virtualPort, options), 18)} ` +
      `${endpointText(target, targetPort, options)}\n`;
  }
  return text;
}
