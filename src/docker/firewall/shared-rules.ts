/** Rules that all layouts have: address translation, and published ports. */
import { formatIpv4 } from '../../base/ipv4-address.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import type { Subnet } from '../ipam/address-pools.ts';
import type { FirewalledBridge, FirewalledPort } from './layout.ts';
import { addRule, appendRule, insertRule, type Rule } from './rules.ts';

export const ISOLATION_1 = 'DOCKER-ISOLATION-STAGE-1';
export const ISOLATION_2 = 'DOCKER-ISOLATION-STAGE-2';
export const USER_CHAIN = 'DOCKER-USER';

/** `172.17.0.0/16` */
export function subnetText({ address, prefixLength }: Subnet): string {
  return `${formatIpv4(address)}/${prefixLength}`;
}

/** Source addresses of what leaves a bridge. */
export function masqueradeRules(bridge: FirewalledBridge): Rule[] {
  const { name, subnet, masquerades, isHairpin } = bridge;
  const rules: Rule[] = [];
  if (masquerades) {
    const from = `nat POSTROUTING -s ${subnetText(subnet)}`;
    rules.push(insertRule(`${from} ! -o ${name} -j MASQUERADE`));
  }
  if (isHairpin) {
    const local = '-m addrtype --src-type LOCAL';
    rules.push(insertRule(`nat POSTROUTING ${local} -o ${name} -j MASQUERADE`));
  }
  return rules;
}

/** The ways into nat DOCKER, there once. */
export function addNatJumps(netfilter: Netfilter, isHairpin: boolean): void {
  const local = '-m addrtype --dst-type LOCAL -j DOCKER';
  addRule(netfilter, appendRule(`nat PREROUTING ${local}`));
  const exception = isHairpin ? '' : ' ! --dst 127.0.0.0/8';
  addRule(netfilter, appendRule(`nat OUTPUT ${local}${exception}`));
}

/** What a port does on its way in; `withHairpin`: a container may reach itself by it. */
export function portRules(port: FirewalledPort, withHairpin: boolean): Rule[] {
  const { bridge, protocol, containerPort } = port;
  const to = formatIpv4(port.containerAddress);
  const from = port.hostAddress === 0 ? '0/0' : formatIpv4(port.hostAddress);
  const outside = bridge.isHairpin ? '' : ` ! -i ${bridge.name}`;
  const target = `-j DNAT --to-destination ${to}:${containerPort}`;
  const rules = [
    appendRule(`nat DOCKER -p ${protocol} -d ${from} --dport ${port.hostPort} ${target}${outside}`),
    appendRule(
      `filter DOCKER ! -i ${bridge.name} -o ${bridge.name} -p ${protocol} -d ${to} ` +
        `--dport ${containerPort} -j ACCEPT`,
    ),
  ];
  if (!withHairpin) return rules;
  const self = `-p ${protocol} -s ${to} -d ${to} --dport ${containerPort} -j MASQUERADE`;
  return [...rules, appendRule(`nat POSTROUTING ${self}`)];
}
