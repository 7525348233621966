/**
 * The host's side of the routing mesh: chain DOCKER-INGRESS, which sends published ports to the
 * ingress sandbox, and a listener that keeps others off the port.
 * @source libnetwork/service_linux.go addIngressPorts(), removeIngressPorts()
 */
import { markDualStack, ownSocket } from '../../apps/socket-owner.ts';
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import { dockerdOf } from '../../docker/daemon-process.ts';
import {
  addChain,
  addRule,
  appendRule,
  insertRule,
  moveToTop,
  type Rule,
  removeRule,
} from '../../docker/firewall/rules.ts';
import { GATEWAY_NETWORK } from '../../docker/gateway-leg.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import { writeSysctl } from '../../stack/sysctl.ts';
import { bindTcp, closeTcp, listenTcp, openTcp } from '../../stack/tcp/tcp-socket.ts';
import { bindUdp, closeUdp, openUdp } from '../../stack/udp-socket.ts';
import type { PortConfig } from '../objects.ts';
import type { NodeNetworking } from './overlay-record.ts';

const CHAIN = 'DOCKER-INGRESS';
const LISTEN_BACKLOG = 4096;

/** A service publishes ports: each is opened with its first service. */
export function openIngressPorts(
  node: NodeNetworking,
  gateway: Ipv4,
  ports: readonly PortConfig[],
): void {
  if (ports.length === 0) return;
  setUpChain(node);
  for (const port of ports) {
    const key = keyOf(port);
    const present = node.ports.get(key);
    if (present !== undefined) {
      present.useCount++;
      continue;
    }
    for (const rule of rulesOf(node, port, gateway)) addRule(netfilterOf(node), rule);
    node.ports.set(key, { useCount: 1, close: reserve(node, port) });
  }
}

/** It does no more. */
export function closeIngressPorts(
  node: NodeNetworking,
  gateway: Ipv4,
  ports: readonly PortConfig[],
): void {
  for (const port of ports) {
    const key = keyOf(port);
    const present = node.ports.get(key);
    if (present === undefined) continue;
    present.useCount--;
    if (present.useCount > 0) continue;
    node.ports.delete(key);
    for (const rule of rulesOf(node, port, gateway)) removeRule(netfilterOf(node), rule);
    present.close();
  }
}

/** There from the first published port on; it stays when the last has gone. */
function setUpChain(node: NodeNetworking): void {
  const netfilter = netfilterOf(node);
  for (const table of ['nat', 'filter'] as const) {
    addChain(netfilter, table, CHAIN);
    addRule(netfilter, appendRule(`${table} ${CHAIN} -j RETURN`));
  }
  for (const chain of ['OUTPUT', 'PREROUTING']) {
    const jump = `nat ${chain} -m addrtype --dst-type LOCAL -j ${CHAIN}`;
    addRule(netfilter, insertRule(jump));
  }
  if (node.engine.profile.firewall === 'isolation') {
    addRule(netfilter, insertRule(`filter FORWARD -j ${CHAIN}`));
    moveToTop(netfilter, insertRule('filter FORWARD -j DOCKER-USER'));
  } else addRule(netfilter, insertRule(`filter DOCKER-FORWARD -j ${CHAIN}`));
  const { root } = node.engine.machine;
  writeSysctl(root, `net.ipv4.conf.${GATEWAY_NETWORK}.route_localnet`, '1');
  const local = `-m addrtype --src-type LOCAL -o ${GATEWAY_NETWORK} -j MASQUERADE`;
  addRule(netfilter, insertRule(`nat POSTROUTING ${local}`));
}

/** Each goes to the top of its chain. */
function rulesOf(node: NodeNetworking, port: PortConfig, gateway: Ipv4): Rule[] {
  const { protocol, publishedPort } = port;
  const into = `-p ${protocol} --dport ${publishedPort}`;
  const from = `-p ${protocol} --sport ${publishedPort}`;
  const to = `${formatIpv4(gateway)}:${publishedPort}`;
  const answer =
    node.engine.profile.ingressReplyMatch === 'state'
      ? `-m state ${from} --state ESTABLISHED,RELATED`
      : `${from} -m conntrack --ctstate ESTABLISHED,RELATED`;
  return [
    insertRule(`nat ${CHAIN} ${into} -j DNAT --to-destination ${to}`),
    insertRule(`filter ${CHAIN} ${answer} -j ACCEPT`),
    insertRule(`filter ${CHAIN} ${into} -j ACCEPT`),
  ];
}

/** The engine listens on the port, but never takes a connection. Unlike Docker, not on IPv6 and not for SCTP. */
function reserve(node: NodeNetworking, { protocol, publishedPort }: PortConfig): () => void {
  const { machine } = node.engine;
  const owner = dockerdOf(node.engine);
  if (protocol === 'tcp') {
    const listener = openTcp(machine.root);
    listener.reuseAddress = true;
    const refused = bindTcp(listener, 0, publishedPort) ?? listenTcp(listener, LISTEN_BACKLOG);
    if (refused === null) {
      ownSocket(listener, owner);
      markDualStack(listener);
    } else closeTcp(listener); // somebody else's: the engine only logs it
    return () => closeTcp(listener);
  }
  if (protocol === 'sctp') return () => {};
  const socket = openUdp(machine.root);
  if (bindUdp(socket, 0, publishedPort) === null) {
    ownSocket(socket, owner);
    markDualStack(socket);
  }
  return () => closeUdp(socket);
}

function keyOf({ name, protocol, targetPort, publishedPort, publishMode }: PortConfig): string {
  return `${name} ${protocol} ${targetPort} ${publishedPort} ${publishMode}`;
}

function netfilterOf(node: NodeNetworking): Netfilter {
  return node.engine.machine.root.netfilter;
}
