/**
 * A hand-made routing mesh: what Docker's ingress sandbox is made of, by commands.
 *
 *     client 192.168.0.1 --- node 192.168.0.12 | 172.18.0.1 --- sbox 172.18.0.2 | 10.0.0.3 --- tasks
 */

/** The scripts that build it; `tasks` are addresses in 10.0.0.0/24, added in this order. */
export function meshScript(tasks: readonly string[]): string {
  const lines = [
    'ip netns add client; ip netns add node; ip netns add sbox',
    'ip netns add switch',
    'ip -n switch link add br0 address 02:42:00:00:00:01 type bridge; ip -n switch link set br0 up',
    'ip -n client link add eth0 address 52:54:00:00:00:01 type veth peer name eth0 address 52:54:00:00:00:12 netns node',
    'ip -n client addr add 192.168.0.1/24 dev eth0; ip -n client link set eth0 up',
    'ip -n node addr add 192.168.0.12/24 dev eth0; ip -n node link set eth0 up',
    'ip -n node link add gwbridge address 02:42:ac:12:00:01 type veth peer name eth1 address 02:42:ac:12:00:02 netns sbox',
    'ip -n node addr add 172.18.0.1/16 dev gwbridge; ip -n node link set gwbridge up',
    'ip -n sbox addr add 172.18.0.2/16 dev eth1; ip -n sbox link set eth1 up',
    'ip -n sbox link add eth0 address 02:42:0a:00:00:03 type veth peer name veth0 netns switch',
    'ip -n switch link set veth0 master br0; ip -n switch link set veth0 up',
    'ip -n sbox addr add 10.0.0.3/24 dev eth0; ip -n sbox addr add 10.0.0.5/32 dev eth0',
    'ip -n sbox link set eth0 up; ip -n sbox link set lo up; ip -n sbox route add default via 172.18.0.1',
    'ip netns exec node sysctl -q -w net.ipv4.ip_forward=1',
    'ip netns exec sbox sysctl -q -w net.ipv4.ip_forward=1',
    'ip netns exec sbox sysctl -q -w net.ipv4.vs.conn_reuse_mode=0 net.ipv4.vs.expire_nodest_conn=1 net.ipv4.vs.expire_quiescent_template=1 net.ipv4.vs.conntrack=1',
    'ip netns exec node iptables -t nat -A PREROUTING -p tcp --dport 3000 -j DNAT --to-destination 172.18.0.2:3000',
    'ip netns exec sbox iptables -t mangle -A PREROUTING -p tcp --dport 3000 -j MARK --set-mark 258',
    'ip netns exec sbox iptables -t mangle -A PREROUTING -p udp --dport 53 -j MARK --set-mark 258',
    'ip netns exec sbox iptables -t nat -A POSTROUTING -d 10.0.0.0/24 -m ipvs --ipvs -j SNAT --to-source 10.0.0.3',
    'ip netns exec sbox ipvsadm -A -f 258 -s rr',
  ];
  for (const [i, address] of tasks.entries()) {
    const name = `task${i + 1}`;
    const mac = `02:42:${address
      .split('.')
      .map((part) => Number(part).toString(16).padStart(2, '0'))
      .join(':')}`;
    lines.push(
      `ip netns add ${name}`,
      `ip -n ${name} link add eth0 address ${mac} type veth peer name veth${i + 1} netns switch`,
      `ip -n switch link set veth${i + 1} master br0; ip -n switch link set veth${i + 1} up`,
      `ip -n ${name} addr add ${address}/24 dev eth0; ip -n ${name} link set eth0 up`,
      `ip netns exec sbox ipvsadm -a -f 258 -r ${address} -m -w 1`,
    );
  }
  return lines.join('\n');
}
