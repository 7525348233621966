/**
 * Why a packet ends. One row a reason: the layer, the kernel's own name where it has one
 * (include/net/dropreason-core.h, without SKB_DROP_REASON_), a plain sentence, and what to look at.
 * Every row is produced by a test (test/unit/engine/drop-census.test.ts).
 */
export interface DropReasonRow {
  readonly layer:
    | 'device'
    | 'bridge'
    | 'vxlan'
    | 'neighbour'
    | 'ip'
    | 'netfilter'
    | 'ipsec'
    | 'transport'
    | 'engine';
  readonly kernel: string | null;
  readonly sentence: string;
  readonly hint: string;
}

export const DROP_REASONS = {
  'device-down': {
    layer: 'device',
    kernel: 'DEV_READY',
    sentence: 'The interface is down.',
    hint: 'ip link set DEV up',
  },
  'no-carrier': {
    layer: 'device',
    kernel: null,
    sentence: 'The other end of the cable or veth pair is down or gone.',
    hint: 'look at both ends with ip link; set the peer up',
  },
  'mtu-exceeded': {
    layer: 'device',
    kernel: 'PKT_TOO_BIG',
    sentence: 'The frame is larger than the MTU of the interface it should leave by.',
    hint: 'compare the MTU of both interfaces with ip link',
  },
  'dead-loop': {
    layer: 'device',
    kernel: 'RECURSION_LIMIT',
    sentence: 'A virtual device hands the packet to itself, again and again.',
    hint: 'a tunnel is routed through itself, or devices are stacked in a ring',
  },
  'backlog-full': {
    layer: 'device',
    kernel: 'CPU_BACKLOG',
    sentence: 'More frames wait for the CPU than its backlog holds (net.core.netdev_max_backlog).',
    hint: 'a broadcast storm or overload: look for a loop of bridges',
  },
  'link-loss': {
    layer: 'device',
    kernel: null,
    sentence: 'The link lost it, as its loss rate says.',
    hint: 'the loss is configured on the link (netem loss)',
  },
  'queue-full': {
    layer: 'device',
    kernel: 'QDISC_DROP',
    sentence: 'The queue in front of the link is full.',
    hint: 'more is sent than the rate of the link lets through',
  },
  'unhandled-protocol': {
    layer: 'device',
    kernel: 'UNHANDLED_PROTO',
    sentence: 'Nobody on this machine handles this ethertype or VLAN.',
    hint: 'IPv6 is not emulated; a tagged frame needs a VLAN interface with its id',
  },
  'other-host': {
    layer: 'device',
    kernel: 'OTHERHOST',
    sentence:
      'The frame is for another MAC address; it was flooded or the interface is promiscuous.',
    hint: 'normal after flooding; else a neighbour entry has the wrong MAC address',
  },
  'frame-too-short': {
    layer: 'device',
    kernel: 'PKT_TOO_SMALL',
    sentence: 'The frame ends before its header does.',
    hint: 'the sender made a malformed frame',
  },
  'no-macvlan-target': {
    layer: 'device',
    kernel: null,
    sentence: 'No macvlan or ipvlan interface on this parent may take the frame.',
    hint: 'the mode (private, vepa, bridge, passthru, l2, l3) decides who reaches whom',
  },
  'bridge-port-blocked': {
    layer: 'bridge',
    kernel: null,
    sentence: 'The bridge port does not forward (down, blocking or isolated).',
    hint: 'bridge -d link show',
  },
  'bridge-no-target': {
    layer: 'bridge',
    kernel: null,
    sentence:
      'The bridge has no port to send it to: it would go back out of the port it came in by.',
    hint: 'hairpin mode is off on that port (bridge link set dev PORT hairpin on)',
  },
  'bridge-link-local': {
    layer: 'bridge',
    kernel: null,
    sentence: 'A bridge does not forward link-local group frames (01:80:c2:00:00:0x).',
    hint: 'normal for spanning-tree, LLDP and pause frames',
  },
  'invalid-source-mac': {
    layer: 'bridge',
    kernel: null,
    sentence: 'The source MAC address is a group address or zero.',
    hint: 'the sender is misconfigured',
  },
  'vxlan-no-fdb': {
    layer: 'vxlan',
    kernel: null,
    sentence: 'The vxlan device knows no remote host (VTEP) for this MAC address.',
    hint: 'bridge fdb show dev vxlan0: an entry with dst is missing',
  },
  'vxlan-no-neighbour': {
    layer: 'vxlan',
    kernel: null,
    sentence: 'The vxlan device answers ARP itself and has no entry for this address.',
    hint: 'ip neigh show dev vxlan0: add a permanent entry, or the address is not on this network',
  },
  'vxlan-unknown-vni': {
    layer: 'vxlan',
    kernel: 'VXLAN_VNI_NOT_FOUND',
    sentence: 'No vxlan device on this host has this VNI.',
    hint: 'ip -d link show type vxlan: compare the ids on both hosts',
  },
  'vxlan-bad-header': {
    layer: 'vxlan',
    kernel: 'VXLAN_INVALID_HDR',
    sentence: 'What came to the VXLAN port has no valid VXLAN header.',
    hint: 'something else sends to UDP port 4789',
  },
  'vxlan-own-address': {
    layer: 'vxlan',
    kernel: 'LOCAL_MAC',
    sentence: "The frame comes back with the vxlan device's own MAC address as its source.",
    hint: 'a loop, or two devices share a MAC address',
  },
  'vxlan-bad-source': {
    layer: 'vxlan',
    kernel: null,
    sentence:
      'The inner source address cannot be learnt: an FDB entry set by hand names another host, or it is a group address.',
    hint: 'bridge fdb show dev vxlan0: the entry of that address has the wrong dst',
  },
  'vxlan-underlay-down': {
    layer: 'vxlan',
    kernel: null,
    sentence: 'The vxlan device has no underlay: its host namespace is gone or it has no route.',
    hint: 'look at the routes of the namespace in which the vxlan device was made',
  },
  'neighbour-failed': {
    layer: 'neighbour',
    kernel: 'NEIGH_FAILED',
    sentence: 'Nobody answered ARP for the next hop.',
    hint: 'ip neigh: FAILED. Is the address in use, the link up, the subnet right?',
  },
  'neighbour-queue-full': {
    layer: 'neighbour',
    kernel: 'NEIGH_QUEUEFULL',
    sentence: 'Too many packets wait for the ARP answer.',
    hint: 'net.ipv4.neigh.*.unres_qlen_bytes',
  },
  'neighbour-table-full': {
    layer: 'neighbour',
    kernel: 'NEIGH_CREATEFAIL',
    sentence: 'The neighbour table is full.',
    hint: 'net.ipv4.neigh.default.gc_thresh3',
  },
  'arp-not-for-us': {
    layer: 'neighbour',
    kernel: null,
    sentence: 'The ARP request asks for an address that is not ours.',
    hint: 'normal: a broadcast reaches everybody',
  },
  'arp-unsolicited': {
    layer: 'neighbour',
    kernel: null,
    sentence: 'An ARP reply that nobody here asked for.',
    hint: 'net.ipv4.conf.DEV.arp_accept decides whether it is believed',
  },
  'arp-invalid': {
    layer: 'neighbour',
    kernel: null,
    sentence: 'The ARP packet is malformed or names an impossible address.',
    hint: 'the sender is misconfigured',
  },
  'ip-header': {
    layer: 'ip',
    kernel: 'IP_INHDR',
    sentence: 'The IP header is malformed or cut short.',
    hint: 'the sender made a malformed packet',
  },
  'ip-checksum': {
    layer: 'ip',
    kernel: 'IP_CSUM',
    sentence: 'The IP header checksum is wrong.',
    hint: 'the packet was damaged on the way',
  },
  'no-route': {
    layer: 'ip',
    kernel: 'IP_OUTNOROUTES',
    sentence: 'No route leads to the target.',
    hint: 'ip route get TARGET',
  },
  'route-blackhole': {
    layer: 'ip',
    kernel: null,
    sentence: 'The route says to throw it away (blackhole, unreachable or prohibit).',
    hint: 'ip route show',
  },
  'martian-source': {
    layer: 'ip',
    kernel: 'IP_INVALID_SOURCE',
    sentence: 'The source address cannot be: it is ours, loopback, or a broadcast address.',
    hint: 'two machines share an address, or route_localnet is off',
  },
  'martian-target': {
    layer: 'ip',
    kernel: 'IP_INVALID_DEST',
    sentence: 'The target address cannot be on this interface (loopback or zero).',
    hint: 'sysctl net.ipv4.conf.DEV.route_localnet',
  },
  'reverse-path': {
    layer: 'ip',
    kernel: 'IP_RPFILTER',
    sentence: 'The way back to the source would leave by another interface (rp_filter).',
    hint: 'sysctl net.ipv4.conf.DEV.rp_filter; ip route get SOURCE',
  },
  'forwarding-off': {
    layer: 'ip',
    kernel: null,
    sentence: 'The packet is for somebody else and this machine does not forward.',
    hint: 'sysctl -w net.ipv4.ip_forward=1',
  },
  'ttl-exceeded': {
    layer: 'ip',
    kernel: 'IP_INHDR',
    sentence: 'The TTL ran out at this router.',
    hint: 'a routing loop, or a small TTL as traceroute sends',
  },
  'fragmentation-needed': {
    layer: 'ip',
    kernel: 'PKT_TOO_BIG',
    sentence: 'The packet is larger than the MTU of the next link and may not be fragmented (DF).',
    hint: 'the sender is told by ICMP 3/4; if ICMP is filtered, large packets vanish',
  },
  'reassembly-timeout': {
    layer: 'ip',
    kernel: 'FRAG_REASM_TIMEOUT',
    sentence: 'Not all fragments came in time.',
    hint: 'a fragment was lost or filtered',
  },
  'fragment-overlap': {
    layer: 'ip',
    kernel: 'DUP_FRAG',
    sentence: 'The fragment overlaps another one, or makes the packet too large.',
    hint: 'malformed or hostile fragments',
  },
  'fragment-memory': {
    layer: 'ip',
    kernel: 'FRAG_TOO_FAR',
    sentence: 'Too many incomplete packets wait for fragments.',
    hint: 'net.ipv4.ipfrag_high_thresh',
  },
  'no-protocol': {
    layer: 'ip',
    kernel: 'IP_NOPROTO',
    sentence: 'Nobody here handles this IP protocol.',
    hint: 'only ICMP, UDP and TCP have handlers',
  },
  'broadcast-echo-ignored': {
    layer: 'ip',
    kernel: null,
    sentence: 'Echo requests are ignored (icmp_echo_ignore_all or icmp_echo_ignore_broadcasts).',
    hint: 'sysctl net.ipv4.icmp_echo_ignore_broadcasts',
  },
  'icmp-checksum': {
    layer: 'ip',
    kernel: 'ICMP_CSUM',
    sentence: 'The ICMP checksum is wrong.',
    hint: 'the packet was damaged on the way',
  },
  'icmp-unwanted': {
    layer: 'ip',
    kernel: null,
    sentence: 'An ICMP message that nobody waits for.',
    hint: 'normal for late answers',
  },
  'multicast-not-joined': {
    layer: 'ip',
    kernel: null,
    sentence: 'Nobody here joined this multicast group.',
    hint: 'multicast routing is not emulated',
  },
  'rule-drop': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'A rule with target DROP matched.',
    hint: 'iptables -L -n -v: whose counter went up?',
  },
  'policy-drop': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'No rule matched and the policy of the chain is DROP.',
    hint: 'iptables -S: -P CHAIN DROP',
  },
  'rule-reject': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'A rule with target REJECT matched; the sender was told.',
    hint: 'iptables -L -n -v: whose counter went up?',
  },
  'conntrack-full': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'The connection-tracking table is full.',
    hint: 'sysctl net.netfilter.nf_conntrack_max',
  },
  'conntrack-clash': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'Another flow has the same addresses and ports already.',
    hint: 'two clients share a source port behind one address',
  },
  'nat-exhausted': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'NAT found no free port or id for the flow.',
    hint: 'too many flows to one target behind one address',
  },
  'nat-no-address': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'MASQUERADE or REDIRECT found no address on the interface.',
    hint: 'ip addr show: the outgoing interface has no IPv4 address',
  },
  'nat-device-changed': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'A masqueraded flow would leave by another interface than it began with.',
    hint: 'the route changed: the flow ends here, the next packet begins a new one',
  },
  'ipvs-no-destination': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'The virtual service has no destination that takes a new connection.',
    hint: 'ipvsadm -ln: no real server, or all have weight 0; the client was told (port unreachable)',
  },
  'ipvs-destination-gone': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'The destination of this IPVS connection was deleted.',
    hint: 'sysctl net.ipv4.vs.expire_nodest_conn=1 ends such connections at once',
  },
  'ipvs-stale-connection': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence:
      'An IPVS connection with this client port has just ended, and its conntrack flow with it.',
    hint: 'the client tries again after a second; see net.ipv4.vs.conn_reuse_mode and expire_nodest_conn',
  },
  'ipvs-no-connection': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'A real server sends, but no IPVS connection knows the packet.',
    hint: 'net.ipv4.vs.nat_icmp_send is on: the connection has timed out (ipvsadm -lnc)',
  },
  'ipvs-boundary': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence:
      'IPVS may not send this packet there: from loopback outwards, or from outside to loopback.',
    hint: 'the real server is 127.0.0.0/8, or the client used a loopback address',
  },
  'nat-redirect': {
    layer: 'netfilter',
    kernel: 'NETFILTER_DROP',
    sentence: 'An ICMP redirect about a flow whose addresses are translated.',
    hint: 'normal: such a redirect cannot be true on both sides of the translation',
  },
  'ipsec-blocked': {
    layer: 'ipsec',
    kernel: null,
    sentence: 'An IPsec policy of this machine forbids to send it.',
    hint: 'ip xfrm policy: look for action block (or ip xfrm policy getdefault)',
  },
  'ipsec-no-state': {
    layer: 'ipsec',
    kernel: null,
    sentence: 'There is no IPsec state (SA) for it.',
    hint: 'compare ip xfrm state on both hosts: addresses, spi, reqid, mode and mark',
  },
  'ipsec-state': {
    layer: 'ipsec',
    kernel: null,
    sentence: 'The IPsec state (SA) cannot be used for it: expired, deleted, or of another mode.',
    hint: 'ip -s xfrm state: limits and counters; cat /proc/net/xfrm_stat',
  },
  'ipsec-replay': {
    layer: 'ipsec',
    kernel: null,
    sentence: 'Its ESP sequence number came before, or is older than the window.',
    hint: 'a packet was repeated or overtaken; or the sender began anew with an old SPI',
  },
  'ipsec-integrity': {
    layer: 'ipsec',
    kernel: null,
    sentence: 'It cannot be decrypted: its integrity value is wrong.',
    hint: 'the keys of both hosts differ, or the packet was changed on its way',
  },
  'ipsec-policy': {
    layer: 'ipsec',
    kernel: 'XFRM_POLICY',
    sentence: 'It came without the protection that an IPsec policy asks for.',
    hint: 'ip xfrm policy (dir in, fwd); cat /proc/net/xfrm_stat',
  },
  'udp-checksum': {
    layer: 'transport',
    kernel: 'UDP_CSUM',
    sentence: 'The UDP checksum is wrong.',
    hint: 'the packet was damaged on the way',
  },
  'tcp-checksum': {
    layer: 'transport',
    kernel: 'TCP_CSUM',
    sentence: 'The TCP checksum is wrong.',
    hint: 'the packet was damaged on the way',
  },
  'transport-header': {
    layer: 'transport',
    kernel: 'PKT_TOO_SMALL',
    sentence: 'The transport header is malformed or cut short.',
    hint: 'the sender made a malformed packet',
  },
  'no-socket': {
    layer: 'transport',
    kernel: 'NO_SOCKET',
    sentence: 'Nobody listens on this port.',
    hint: 'ss -lntu: is the server up, on this address and port?',
  },
  'socket-buffer-full': {
    layer: 'transport',
    kernel: 'SOCKET_RCVBUFF',
    sentence: 'The receiving program reads too slowly: its buffer is full.',
    hint: 'the program is busy or stopped',
  },
  'listen-overflow': {
    layer: 'transport',
    kernel: 'TCP_OVERFLOW',
    sentence: 'Too many connections wait to be accepted.',
    hint: 'the server does not accept; net.core.somaxconn',
  },
  'tcp-unacceptable': {
    layer: 'transport',
    kernel: 'TCP_INVALID_SEQUENCE',
    sentence: 'The segment does not fit the state or the window of the connection.',
    hint: 'a late or repeated segment, or NAT state was lost',
  },
  'tcp-old-data': {
    layer: 'transport',
    kernel: 'TCP_OLD_DATA',
    sentence: 'The segment carries only data that was received already.',
    hint: 'normal after a retransmission',
  },
  'tcp-reset': {
    layer: 'transport',
    kernel: 'TCP_RESET',
    sentence: 'The connection is reset.',
    hint: 'the peer refused or aborted',
  },
  'socket-closed': {
    layer: 'transport',
    kernel: 'QUEUE_PURGE',
    sentence: 'The socket was closed before the packet was read.',
    hint: 'the program ended',
  },
  'device-gone': {
    layer: 'engine',
    kernel: null,
    sentence: 'The interface was deleted while the packet was under way.',
    hint: 'ip link del, or the namespace was deleted',
  },
} as const satisfies Record<string, DropReasonRow>;

export type DropReason = keyof typeof DROP_REASONS;
