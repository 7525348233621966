/**
 * Rules in the namespace of a task that publishes ports in the routing mesh: packets keep their
 * published port on the way, and nothing else may use the ingress network.
 * @source libnetwork/service_linux.go addRedirectRules()
 */
import { formatIpv4, type Ipv4 } from '../../base/ipv4-address.ts';
import { addRule, appendRule, insertRule } from '../../docker/firewall/rules.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import type { PortConfig } from '../objects.ts';

export function addRedirectRules(
  sandbox: NetNamespace,
  address: Ipv4,
  ports: readonly PortConfig[],
): void {
  if (ports.length === 0) return;
  const { netfilter } = sandbox;
  const own = formatIpv4(address);
  for (const { protocol, publishedPort, targetPort } of ports) {
    const into = `-d ${own} -p ${protocol} --dport`;
    addRule(
      netfilter,
      appendRule(`nat PREROUTING ${into} ${publishedPort} -j REDIRECT --to-port ${targetPort}`),
    );
    const known = '-m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT';
    addRule(netfilter, insertRule(`filter INPUT ${into} ${targetPort} ${known}`));
    const answer = '-m conntrack --ctstate ESTABLISHED -j ACCEPT';
    const from = `-s ${own} -p ${protocol} --sport ${targetPort}`;
    addRule(netfilter, insertRule(`filter OUTPUT ${from} ${answer}`));
  }
  for (const protocol of ['sctp', 'udp', 'tcp']) {
    addRule(netfilter, appendRule(`filter INPUT -d ${own} -p ${protocol} -j DROP`));
    addRule(netfilter, appendRule(`filter OUTPUT -s ${own} -p ${protocol} -j DROP`));
  }
}
