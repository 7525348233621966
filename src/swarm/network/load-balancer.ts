/**
 * A service's virtual address on a node: an alias of the load balancer's sandbox, a firewall mark and
 * an IPVS service whose destinations are the tasks.
 * @source libnetwork/service_linux.go addLBBackend(), rmLBBackend(), configureFWMark()
 */
import { KernelError } from '../../base/errors.ts';
import { formatIpv4, type Ipv4, maskOf } from '../../base/ipv4-address.ts';
import {
  addRule,
  appendRule,
  hasRule,
  type Rule,
  removeRule,
} from '../../docker/firewall/rules.ts';
import {
  addIpvsDestination,
  addIpvsService,
  deleteIpvsDestination,
  deleteIpvsService,
  findIpvsService,
  updateIpvsDestination,
} from '../../netfilter/ipvs/control.ts';
import { addAddress, deleteAddress } from '../../stack/address.ts';
import { readSysctl, writeSysctl } from '../../stack/sysctl.ts';
import type { ObjectId } from '../objects.ts';
import { setUpBalancing } from './balancer-sandbox.ts';
import { closeIngressPorts, openIngressPorts } from './ingress-ports.ts';
import type { BalancedService, Balancer, NodeNetworking, Overlay } from './overlay-record.ts';

const CONNTRACK = 'net.ipv4.vs.conntrack';
const HOST_PREFIX = 32;

/** A task takes part: the service is there with its first. */
export function addBackend(
  node: NodeNetworking,
  overlay: Overlay,
  service: BalancedService,
  balancer: Balancer,
  address: Ipv4,
): void {
  const leg = overlay.balancer;
  const netns = leg?.container.netns ?? null;
  if (balancer.address === 0 || leg === null || netns === null) return;
  const key = { fwmark: balancer.mark };
  if (findIpvsService(netns, key) === null) {
    const alias = { address: balancer.address, prefixLength: HOST_PREFIX };
    // While the service with its former ports is still there, the address is: the engine gives up.
    if (!tries(() => addAddress(netns, leg.containerDevice!, alias))) return;
    if (overlay.object.isIngress) openIngressPorts(node, gatewayAddressOf(overlay), service.ports);
    for (const rule of markRules(overlay, service, balancer)) addRule(netns.netfilter, rule);
    addIpvsService(netns, key, { scheduler: 'rr' });
    setUpBalancing(netns);
  }
  const forwarding = overlay.isDirect ? 'Route' : 'Masq';
  quietly(() => addIpvsDestination(netns, key, { address, port: 0, weight: 1, forwarding }));
}

/** It gets no new connections any more; those that it has go on. */
export function disableBackend(overlay: Overlay, balancer: Balancer, address: Ipv4): void {
  const netns = overlay.balancer?.container.netns ?? null;
  if (balancer.address === 0 || netns === null) return;
  const forwarding = overlay.isDirect ? 'Route' : 'Masq';
  const key = { fwmark: balancer.mark };
  quietly(() => updateIpvsDestination(netns, key, { address, port: 0, weight: 0, forwarding }));
}

/** It is gone. */
export function removeBackend(overlay: Overlay, balancer: Balancer, address: Ipv4): void {
  const netns = overlay.balancer?.container.netns ?? null;
  if (balancer.address === 0 || netns === null) return;
  quietly(() => deleteIpvsDestination(netns, { fwmark: balancer.mark }, { address, port: 0 }));
}

/** Its last task is gone. */
export function removeBalancer(
  node: NodeNetworking,
  overlay: Overlay,
  service: BalancedService,
  balancer: Balancer,
): void {
  const leg = overlay.balancer;
  const netns = leg?.container.netns ?? null;
  if (balancer.address === 0 || leg === null || netns === null) return;
  quietly(() => deleteIpvsService(netns, { fwmark: balancer.mark }));
  if (overlay.object.isIngress) closeIngressPorts(node, gatewayAddressOf(overlay), service.ports);
  for (const rule of markRules(overlay, service, balancer)) {
    // The one of the network's addresses stays for other services.
    if (rule.table === 'mangle') removeRule(netns.netfilter, rule);
  }
  const device = leg.containerDevice;
  if (device === null) return;
  const { address } = balancer;
  quietly(() => deleteAddress(netns, device, { address, prefixLength: HOST_PREFIX }));
}

/** A network leaves the node: what was balanced on it is forgotten. @source cleanupServiceBindings() */
export function forgetServicesOn(node: NodeNetworking, networkId: ObjectId): void {
  for (const service of [...node.services.values()]) {
    service.balancers.delete(networkId);
    if (service.balancers.size === 0) node.services.delete(service.key);
  }
}

/** What marks the service's packets, in order; and what makes the answers come back this way. */
function markRules(overlay: Overlay, service: BalancedService, balancer: Balancer): Rule[] {
  const leg = overlay.balancer!; // asked for by those that have one
  const netns = leg.container.netns!; // and its sandbox
  const own = leg.address!; // a balancer has one
  const mark = `-j MARK --set-mark ${balancer.mark}`;
  const rules = service.ports.map(({ protocol, publishedPort }) =>
    appendRule(`mangle PREROUTING -p ${protocol} --dport ${publishedPort} ${mark}`),
  );
  if (!overlay.isDirect) {
    const subnet = `${formatIpv4(own & maskOf(leg.prefixLength))}/${leg.prefixLength}`;
    const words = `-m ipvs --ipvs -d ${subnet} -j SNAT --to-source ${formatIpv4(own)}`;
    const rule = appendRule(`nat POSTROUTING ${words}`);
    if (!hasRule(netns.netfilter, rule) && readSysctl(netns, CONNTRACK) !== null) {
      writeSysctl(netns, CONNTRACK, '1');
    }
    rules.push(rule);
  }
  rules.push(appendRule(`mangle INPUT -d ${formatIpv4(balancer.address)}/32 ${mark}`));
  return rules;
}

/** The ingress sandbox's address on docker_gwbridge. */
function gatewayAddressOf(overlay: Overlay): Ipv4 {
  return overlay.balancer?.container.gatewayLeg?.address ?? 0;
}

/** What the engine only logs: it may be there already, or be gone. */
function quietly(act: () => void): void {
  tries(act);
}

function tries(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}
