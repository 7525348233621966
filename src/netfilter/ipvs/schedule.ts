/**
 * Scheduling: a service chooses a destination for a new connection; a persistent one remembers it by a
 * template.
 * @source net/netfilter/ipvs/ip_vs_core.c ip_vs_schedule(), ip_vs_sched_persist()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { PROTOCOL_UDP } from '../../protocols/ipv4.ts';
import { nowTicks, TICKS_PER_SEC } from '../conntrack-table.ts';
import {
  CONNECTION_ONE_PACKET,
  CONNECTION_TEMPLATE,
  type IpvsConnection,
  TEMPLATE_INVALID_PORT,
} from './connection.ts';
import { beginConnection, findTemplate, setControl } from './connection-table.ts';
import { touchConnection } from './connection-wheel.ts';
import { type Ipvs, PORT_FTP } from './ipvs.ts';
import type { IpvsDestination, IpvsService } from './service.ts';
import { countConnection } from './state.ts';

/** A new connection to a destination of the service, null if none takes it. */
export function scheduleConnection(
  ipvs: Ipvs,
  service: IpvsService,
  protocol: number,
  client: Ipv4,
  clientPort: number,
  virtual: Ipv4,
  virtualPort: number,
  mark: number,
): IpvsConnection | null {
  let template: IpvsConnection | null = null;
  let destination: IpvsDestination | null;
  if (service.isPersistent) {
    template = templateOf(ipvs, service, protocol, client, virtual, virtualPort);
    if (template === null) return null;
    destination = template.destination;
  } else {
    if (service.fwmark === 0 && virtualPort !== service.port) return null;
    destination = service.scheduler.choose(service, client, virtual);
  }
  if (destination === null) return null;
  let targetPort = virtualPort;
  if (template === null) {
    if (destination.port !== 0) targetPort = destination.port;
  } else if (virtualPort === service.port && destination.port !== 0) {
    targetPort = destination.port;
  }
  const isOnePacket = service.isOnePacket && protocol === PROTOCOL_UDP;
  const connection = beginConnection(
    ipvs.connections,
    protocol,
    client,
    clientPort,
    virtual,
    virtualPort,
    targetPort,
    isOnePacket ? CONNECTION_ONE_PACKET : 0,
    destination,
    ipvs.settings.conntrack !== 0,
  );
  connection.fwmark = mark;
  if (template !== null) {
    setControl(connection, template);
    touchConnection(ipvs.connections.wheel, template, nowTicks(ipvs.netfilter.netns.sim));
  }
  countConnection(ipvs, destination);
  return connection;
}

/** The client's template, made if there is none that still holds. */
function templateOf(
  ipvs: Ipvs,
  service: IpvsService,
  protocol: number,
  client: Ipv4,
  virtual: Ipv4,
  virtualPort: number,
): IpvsConnection | null {
  const network = client & service.netmask;
  const isOwnPort = virtualPort === service.port;
  const isMark = !isOwnPort && service.fwmark !== 0;
  const templateProtocol = isMark ? 0 : protocol;
  const templateVirtual = isMark ? service.fwmark | 0 : virtual;
  const templatePort = isOwnPort && service.port !== PORT_FTP ? virtualPort : 0;
  const { connections } = ipvs;
  const known = findTemplate(connections, templateProtocol, network, templateVirtual, templatePort);
  if (known !== null && holds(ipvs, known)) return known;
  const destination = service.scheduler.choose(service, client, virtual);
  if (destination === null) return null;
  const template = beginConnection(
    connections,
    templateProtocol,
    network,
    0,
    templateVirtual,
    templatePort,
    templatePort === 0 ? 0 : destination.port,
    CONNECTION_TEMPLATE,
    destination,
    ipvs.settings.conntrack !== 0,
  );
  template.timeoutTicks = service.persistenceSec * TICKS_PER_SEC;
  return template;
}

/** Whether the template's destination is still there; else it is made invalid. @source ip_vs_check_template() */
function holds(ipvs: Ipvs, template: IpvsConnection): boolean {
  const { destination } = template;
  const isQuiescent = ipvs.settings.expireQuiescentTemplate !== 0 && destination?.weight === 0;
  if (destination?.isAvailable && !isQuiescent) return true;
  template.targetPort = TEMPLATE_INVALID_PORT;
  return false;
}
