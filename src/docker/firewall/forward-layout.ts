/**
 * Rules of Engine 28 and 29: FORWARD holds two jumps, DOCKER-FORWARD the rest; what was not published
 * is dropped even for those who have a route to the container.
 * @source moby v28.5.2, master: libnetwork/drivers/bridge/internal/iptabler
 */
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import type { Netfilter } from '../../netfilter/netfilter.ts';
import type { FirewalledBridge, FirewalledPort, FirewallLayout } from './layout.ts';
import {
  addChain,
  addRule,
  appendRule,
  insertRule,
  moveToTop,
  type Rule,
  removeRule,
} from './rules.ts';
import {
  addNatJumps,
  ISOLATION_1,
  ISOLATION_2,
  masqueradeRules,
  portRules,
  subnetText,
  USER_CHAIN,
} from './shared-rules.ts';

const LOOPBACK_FIRST_OCTET = 127;

/** 28: with the isolation chains. */
export const forwardLayout: FirewallLayout = makeLayout(true);
/** 29: without them, internal networks in a chain of their own. */
export const internalLayout: FirewallLayout = makeLayout(false);

function makeLayout(hasIsolation: boolean): FirewallLayout {
  const bridgeRules = (bridge: FirewalledBridge): Rule[] =>
    bridge.isInternal ? internalRules(bridge, hasIsolation) : openRules(bridge, hasIsolation);
  return {
    setUp: (netfilter) => setUp(netfilter, hasIsolation),
    addBridge: (netfilter, bridge) => {
      if (!bridge.isInternal) addNatJumps(netfilter, bridge.isHairpin);
      for (const rule of bridgeRules(bridge)) addRule(netfilter, rule);
    },
    removeBridge: (netfilter, bridge) => {
      for (const rule of bridgeRules(bridge)) removeRule(netfilter, rule);
    },
    addEndpoint: (netfilter, bridge, address) => {
      if (!bridge.isInternal) addRule(netfilter, directAccessRule(bridge, address));
    },
    removeEndpoint: (netfilter, bridge, address) => {
      removeRule(netfilter, directAccessRule(bridge, address));
    },
    addPort: (netfilter, port) => {
      for (const rule of rulesOfPort(port)) addRule(netfilter, rule);
    },
    removePort: (netfilter, port) => {
      for (const rule of rulesOfPort(port)) removeRule(netfilter, rule);
    },
  };
}

function setUp(netfilter: Netfilter, hasIsolation: boolean): void {
  addChain(netfilter, 'nat', 'DOCKER');
  const isolation = hasIsolation ? [ISOLATION_1, ISOLATION_2] : ['DOCKER-INTERNAL'];
  const chains = ['DOCKER', 'DOCKER-BRIDGE', 'DOCKER-CT', 'DOCKER-FORWARD', ...isolation];
  for (const chain of [...chains, USER_CHAIN]) addChain(netfilter, 'filter', chain);
  for (const chain of ['DOCKER-CT', isolation[0]!, 'DOCKER-BRIDGE']) {
    addRule(netfilter, appendRule(`filter DOCKER-FORWARD -j ${chain}`));
  }
  moveToTop(netfilter, insertRule('filter FORWARD -j DOCKER-FORWARD'));
  moveToTop(netfilter, insertRule(`filter FORWARD -j ${USER_CHAIN}`));
}

function openRules(bridge: FirewalledBridge, hasIsolation: boolean): Rule[] {
  const { name, allowsIcc, isHairpin, masquerades } = bridge;
  const established = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
  const rules = masqueradeRules(bridge);
  if (hasIsolation && masquerades && !isHairpin) {
    rules.push(insertRule(`nat DOCKER -i ${name} -j RETURN`));
  }
  rules.push(
    appendRule(`filter DOCKER ! -i ${name} -o ${name} -j DROP`),
    appendRule(`filter DOCKER-BRIDGE -o ${name} -j DOCKER`),
    appendRule(`filter DOCKER-CT -o ${name} ${established}`),
  );
  if (allowsIcc) {
    rules.push(appendRule(`filter DOCKER-FORWARD -i ${name} -j ACCEPT`));
  } else {
    rules.push(
      appendRule(`filter DOCKER-FORWARD -i ${name} -o ${name} -j DROP`),
      appendRule(`filter DOCKER-FORWARD -i ${name} ! -o ${name} -j ACCEPT`),
    );
  }
  if (!hasIsolation) return rules;
  return [
    ...rules,
    appendRule(`filter ${ISOLATION_1} -i ${name} ! -o ${name} -j ${ISOLATION_2}`),
    insertRule(`filter ${ISOLATION_2} -o ${name} -j DROP`),
  ];
}

function internalRules(bridge: FirewalledBridge, hasIsolation: boolean): Rule[] {
  const { name, subnet, allowsIcc } = bridge;
  const chain = hasIsolation ? ISOLATION_1 : 'DOCKER-INTERNAL';
  const range = subnetText(subnet);
  const verdict = allowsIcc ? 'ACCEPT' : 'DROP';
  return [
    insertRule(`filter ${chain} ! -d ${range} -i ${name} -j DROP`),
    insertRule(`filter ${chain} ! -s ${range} -o ${name} -j DROP`),
    appendRule(`filter DOCKER-FORWARD -i ${name} -o ${name} -j ${verdict}`),
  ];
}

/** Nobody but the bridge reaches a container's address from outside. */
function directAccessRule({ name }: FirewalledBridge, address: Ipv4): Rule {
  return appendRule(`raw PREROUTING -d ${formatIpv4(address)} ! -i ${name} -j DROP`);
}

function rulesOfPort(port: FirewalledPort): Rule[] {
  const { hostAddress, hostPort, protocol, bridge } = port;
  const rules = portRules(port, bridge.isHairpin).map((rule) =>
    // The bridge's own DROP stands at the end of DOCKER.
    rule.table === 'filter' ? { ...rule, verb: 'insert' as const } : rule,
  );
  if (hostAddress >>> 24 !== LOOPBACK_FIRST_OCTET) return rules;
  const to = formatIpv4(hostAddress);
  const local = `-p ${protocol} -d ${to} --dport ${hostPort} ! -i lo -j DROP`;
  return [...rules, appendRule(`raw PREROUTING ${local}`)];
}
