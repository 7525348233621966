/**
 * Rules up to Engine 27: everything in FORWARD, the newest network on top, bridges kept apart by two
 * isolation chains.
 * @source libnetwork v20.10 to v27.5 drivers/bridge/setup_ip_tables_linux.go, iptables/iptables.go
 */
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

const USER_JUMP = insertRule(`filter FORWARD -j ${USER_CHAIN}`);
const ISOLATION_JUMP = insertRule(`filter FORWARD -j ${ISOLATION_1}`);

export const isolationLayout: FirewallLayout = {
  setUp,
  addBridge,
  removeBridge,
  addEndpoint: () => {},
  removeEndpoint: () => {},
  addPort: (netfilter, port) => {
    for (const rule of rulesOfPort(port)) addRule(netfilter, rule);
  },
  removePort: (netfilter, port) => {
    for (const rule of rulesOfPort(port)) removeRule(netfilter, rule);
  },
};

function rulesOfPort(port: FirewalledPort): Rule[] {
  return portRules(port, true);
}

/** @source setupIPChains(); controller.go setupUserChains() */
function setUp(netfilter: Netfilter): void {
  addChain(netfilter, 'nat', 'DOCKER');
  addChain(netfilter, 'filter', 'DOCKER');
  for (const chain of [ISOLATION_1, ISOLATION_2]) {
    addChain(netfilter, 'filter', chain);
    addRule(netfilter, appendRule(`filter ${chain} -j RETURN`));
  }
  addChain(netfilter, 'filter', USER_CHAIN);
  addRule(netfilter, appendRule(`filter ${USER_CHAIN} -j RETURN`));
  moveToTop(netfilter, ISOLATION_JUMP);
  moveToTop(netfilter, USER_JUMP);
}

/** Unlike other rules, the jumps go to the top again with each network. */
function addBridge(netfilter: Netfilter, bridge: FirewalledBridge): void {
  for (const rule of rulesBeforeJumps(bridge)) addRule(netfilter, rule);
  if (!bridge.isInternal) {
    addNatJumps(netfilter, bridge.isHairpin);
    for (const rule of rulesIntoBridge(bridge)) addRule(netfilter, rule);
  }
  moveToTop(netfilter, ISOLATION_JUMP);
  for (const rule of isolationRules(bridge)) addRule(netfilter, rule);
  moveToTop(netfilter, USER_JUMP);
}

function removeBridge(netfilter: Netfilter, bridge: FirewalledBridge): void {
  const rules = [
    ...rulesBeforeJumps(bridge),
    ...(bridge.isInternal ? [] : rulesIntoBridge(bridge)),
    ...isolationRules(bridge),
  ];
  for (const rule of rules) removeRule(netfilter, rule);
}

function rulesBeforeJumps(bridge: FirewalledBridge): Rule[] {
  const { name, subnet, isInternal } = bridge;
  const icc = bridge.allowsIcc
    ? insertRule(`filter FORWARD -i ${name} -o ${name} -j ACCEPT`)
    : appendRule(`filter FORWARD -i ${name} -o ${name} -j DROP`);
  if (isInternal) {
    const range = subnetText(subnet);
    return [
      insertRule(`filter ${ISOLATION_1} -i ${name} ! -d ${range} -j DROP`),
      insertRule(`filter ${ISOLATION_1} -o ${name} ! -s ${range} -j DROP`),
      icc,
    ];
  }
  const rules = masqueradeRules(bridge);
  if (bridge.masquerades && !bridge.isHairpin) {
    rules.push(insertRule(`nat DOCKER -i ${name} -j RETURN`));
  }
  return [...rules, icc, insertRule(`filter FORWARD -i ${name} ! -o ${name} -j ACCEPT`)];
}

/** @source ProgramChain() */
function rulesIntoBridge({ name }: FirewalledBridge): Rule[] {
  const established = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
  return [
    insertRule(`filter FORWARD -o ${name} -j DOCKER`),
    insertRule(`filter FORWARD -o ${name} ${established}`),
  ];
}

/** @source setINC() */
function isolationRules({ name, isInternal }: FirewalledBridge): Rule[] {
  if (isInternal) return [];
  return [
    insertRule(`filter ${ISOLATION_1} -i ${name} ! -o ${name} -j ${ISOLATION_2}`),
    insertRule(`filter ${ISOLATION_2} -o ${name} -j DROP`),
  ];
}
