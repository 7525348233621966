// Every reason for which a packet ends is produced here, by way of the code that does it in earnest:
// one case a row of DROP_REASONS, and a row without a case does not compile.
import { describe, expect, test } from 'vitest';
import { NS_PER_SEC } from '../../../src/base/units.ts';
import type { Device } from '../../../src/engine/device.ts';
import type { DropReason } from '../../../src/engine/drop-reason.ts';
import { runOn, runUntil } from '../../../src/engine/simulator.ts';
import { checkLaws } from '../../../src/observe/invariants.ts';
import type { NetNamespace } from '../../../src/stack/namespace.ts';
import { bindTcp, closeTcp, listenTcp, openTcp } from '../../../src/stack/tcp/tcp-socket.ts';
import { bindUdp, closeUdp, openUdp } from '../../../src/stack/udp-socket.ts';
import {
  arpFrame,
  etherFrame,
  icmpFrame,
  ipFrame,
  sendFrame,
  spoil,
  tcpFrame,
  udpFrame,
} from '../../support/forge.ts';
import { type Lab, makeLab } from '../../support/shell.ts';

/** a (10.0.0.1) and b (10.0.0.2) on one wire. */
const WIRE = `
  ip netns add a; ip netns add b
  ip -n a link add eth0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns b
  ip -n a addr add 10.0.0.1/24 brd + dev eth0; ip -n a link set eth0 up; ip -n a link set lo up
  ip -n b addr add 10.0.0.2/24 brd + dev eth0; ip -n b link set eth0 up; ip -n b link set lo up`;

/** a (10.1.0.1), the router r (.254 on both sides) and c (10.2.0.1). */
const ROUTER = `
  for n in a r c; do ip netns add $n; ip -n $n link set lo up; done
  ip -n a link add eth0 address 02:00:00:00:01:01 type veth peer name eth0 address 02:00:00:00:01:02 netns r
  ip -n r link add eth1 address 02:00:00:00:02:01 type veth peer name eth0 address 02:00:00:00:02:02 netns c
  for n in a r c; do ip -n $n link set eth0 up; done; ip -n r link set eth1 up
  ip -n a addr add 10.1.0.1/24 dev eth0; ip -n c addr add 10.2.0.1/24 dev eth0
  ip -n r addr add 10.1.0.254/24 dev eth0; ip -n r addr add 10.2.0.254/24 dev eth1
  ip -n a route add default via 10.1.0.254; ip -n c route add default via 10.2.0.254
  ip netns exec r sysctl -q -w net.ipv4.ip_forward=1`;

/** a, b and c (10.0.0.1 to .3) on the bridge br0 of sw, by the ports p1 to p3. */
const BRIDGE = `
  ip netns add sw; ip -n sw link add br0 address 02:00:00:00:ff:01 type bridge; ip -n sw link set br0 up
  i=0; for n in a b c; do i=$((i + 1))
    ip netns add $n
    ip -n $n link add eth0 address 02:00:00:00:00:0$i type veth peer name p$i netns sw
    ip -n sw link set p$i master br0; ip -n sw link set p$i up
    ip -n $n addr add 10.0.0.$i/24 brd + dev eth0; ip -n $n link set eth0 up
  done`;

/** The wire with a VXLAN device on both ends, 192.168.7.1 and .2, made with these options. */
const overlay = (atA: string, atB: string): string => `${WIRE}
  ip -n a link add vx0 address 02:00:00:00:07:01 type vxlan dstport 4789 local 10.0.0.1 ${atA}
  ip -n b link add vx0 address 02:00:00:00:07:02 type vxlan dstport 4789 local 10.0.0.2 ${atB}
  ip -n a addr add 192.168.7.1/24 dev vx0; ip -n a link set vx0 up
  ip -n b addr add 192.168.7.2/24 dev vx0; ip -n b link set vx0 up`;

const EXEC_A = 'ip netns exec a';

/** The wire with ESP from a to b, its states with these options. */
const encrypted = (atA: string, atB: string): string => {
  const state = 'src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x100 aead "rfc4106(gcm(aes))"';
  return `${WIRE}
  ip -n a xfrm state add ${state} 0x000102030405060708090a0b0c0d0e0f10111213 64 ${atA}
  ip -n b xfrm state add ${state} ${atB}
  ip -n a xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out tmpl proto esp`;
};
const KEY = '0x000102030405060708090a0b0c0d0e0f10111213 64';
const EXEC_R = 'ip netns exec r';
/** The router is a virtual server for UDP, and a asks it from always the same port. */
const VIRTUAL = `${ROUTER}
  ${EXEC_R} ipvsadm -A -u 10.1.0.254:53 -s rr; ${EXEC_R} ipvsadm -a -u 10.1.0.254:53 -r 10.2.0.1 -m`;
const ASK = `echo x | ${EXEC_A} nc -u -w 1 -p 5000 10.1.0.254 53`;
const PING = `${EXEC_A} ping -c 1 -W 1`;

/** From a to b on the wire. */
const A_TO_B = {
  fromMac: '02:00:00:00:00:01',
  toMac: '02:00:00:00:00:02',
  from: '10.0.0.1',
  to: '10.0.0.2',
};
const ONE_BYTE_MORE = 14; // of an Ethernet header to the IP header behind it

interface Place extends Lab {
  netns(name: string): NetNamespace;
  device(netns: string, name: string): Device;
  /** Lets virtual time pass. */
  pass(seconds: number): void;
}

/** A script, or a script and what is done after it. */
type Case = string | readonly [script: string, act: (place: Place) => void | Promise<void>];

const fromA =
  (...frames: readonly Uint8Array[]) =>
  (place: Place): void => {
    for (const frame of frames) sendFrame(place.device('a', 'eth0'), frame);
  };

const EMPTY = new Uint8Array(0);

const CASES = {
  // Devices.
  'device-down': `${WIRE}
    ${EXEC_A} tc qdisc add dev eth0 root netem delay 5s
    ${PING} 10.0.0.2
    ip -n a link set eth0 down`,
  'no-carrier': `${WIRE}
    ip -n b link set eth0 down
    ${PING} 10.0.0.2`,
  'mtu-exceeded': `${WIRE}
    ip -n b link set eth0 mtu 1000
    ${PING} -s 1200 10.0.0.2`,
  'dead-loop': `ip netns add a
    ip -n a link add vx0 type vxlan id 1 dstport 4789 remote 10.9.0.2
    ip -n a addr add 10.9.0.1/24 dev vx0; ip -n a link set vx0 up
    ${PING} 10.9.0.3`,
  'backlog-full': [
    `ip netns add a; for i in 1 2 3; do ip -n a link add br$i type bridge; ip -n a link set br$i up; done
    for i in 1 2 3; do for j in 1 2 3; do
      ip -n a link add x$i$j type veth peer name y$i$j
      ip -n a link set x$i$j master br$i; ip -n a link set y$i$j master br$((i % 3 + 1))
      ip -n a link set x$i$j up; ip -n a link set y$i$j up
    done; done`,
    async (place) => {
      const from = '02:00:00:00:00:01';
      sendFrame(place.device('a', 'br1'), etherFrame(from, 'ff:ff:ff:ff:ff:ff', 0x88b5, EMPTY));
      place.pass(0.01);
      await place.run('for i in 1 2 3; do ip -n a link set br$i down; done');
    },
  ],
  'link-loss': `${WIRE}
    ${EXEC_A} tc qdisc add dev eth0 root netem loss 100%
    ${PING} 10.0.0.2`,
  'queue-full': `${WIRE}
    ${PING} 10.0.0.2
    ${EXEC_A} tc qdisc add dev eth0 root netem delay 500ms limit 1
    ${EXEC_A} ping -c 3 -i 0.2 -W 1 10.0.0.2`,
  'unhandled-protocol': [WIRE, fromA(etherFrame(A_TO_B.fromMac, A_TO_B.toMac, 0x88b5, EMPTY))],
  'other-host': `${WIRE}
    ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:99 dev eth0
    ${PING} 10.0.0.2`,
  'frame-too-short': [WIRE, fromA(new Uint8Array(10))],
  'no-macvlan-target': `${WIRE}
    ip -n b link add mv0 link eth0 type macvlan mode passthru
    ${PING} 10.0.0.2`,

  // Bridges.
  'bridge-port-blocked': `${BRIDGE}
    ${PING} 10.0.0.2
    ip netns exec sw bridge link set dev p1 isolated on
    ip netns exec sw bridge link set dev p2 isolated on
    ${PING} 10.0.0.2`,
  'bridge-no-target': `${BRIDGE}
    ip -n sw link set p2 nomaster; ip -n sw link set p3 nomaster
    ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0
    ${PING} 10.0.0.2`,
  'bridge-link-local': [
    BRIDGE,
    fromA(etherFrame(A_TO_B.fromMac, '01:80:c2:00:00:01', 0x8808, new Uint8Array(46))),
  ],
  'invalid-source-mac': [
    BRIDGE,
    fromA(etherFrame('03:00:00:00:00:01', A_TO_B.toMac, 0x0800, EMPTY)),
  ],

  // VXLAN.
  'vxlan-no-fdb': `${overlay('id 1', 'id 1')}
    ${PING} 192.168.7.2`,
  'vxlan-no-neighbour': `${overlay('id 1 remote 10.0.0.2 proxy', 'id 1 remote 10.0.0.1')}
    ${PING} 192.168.7.2`,
  'vxlan-unknown-vni': `${overlay('id 1 remote 10.0.0.2', 'id 2 remote 10.0.0.1')}
    ${PING} 192.168.7.2`,
  'vxlan-bad-header': [overlay('id 1', 'id 1'), fromA(udpFrame(A_TO_B, 50000, 4789))],
  'vxlan-own-address': `${overlay('id 1 remote 10.0.0.2', 'id 1 remote 10.0.0.1')}
    ip -n a link set vx0 address 02:00:00:00:07:02
    ${PING} 192.168.7.2`,
  'vxlan-bad-source': `${overlay('id 1 remote 10.0.0.2', 'id 1 remote 10.0.0.1')}
    ip netns exec b bridge fdb add 02:00:00:00:07:01 dev vx0 dst 10.0.0.9
    ${PING} 192.168.7.2`,
  'vxlan-underlay-down': `${overlay('id 1 remote 192.0.2.1', 'id 1')}
    ${PING} 192.168.7.2`,

  // Neighbours.
  'neighbour-failed': `${WIRE}
    ${EXEC_A} ping -c 1 -W 4 10.0.0.9`,
  'neighbour-queue-full': `${WIRE}
    ${EXEC_A} sysctl -q -w net.ipv4.neigh.eth0.unres_qlen_bytes=2000
    ${EXEC_A} ping -c 5 -i 0.2 -W 1 10.0.0.9`,
  'neighbour-table-full': `${WIRE}
    ${EXEC_A} sysctl -q -w net.ipv4.neigh.default.gc_thresh2=1
    ${EXEC_A} sysctl -q -w net.ipv4.neigh.default.gc_thresh3=1
    ${PING} 10.0.0.2
    ${PING} 10.0.0.9`,
  'arp-not-for-us': `${BRIDGE}
    ${PING} 10.0.0.2`,
  'arp-unsolicited': `${WIRE}
    ${EXEC_A} arping -A -c 1 -I eth0 10.0.0.1`,
  'arp-invalid': [WIRE, fromA(arpFrame(A_TO_B, 9))],

  // IPv4.
  'ip-header': [WIRE, fromA(spoil(ipFrame(A_TO_B, 17, new Uint8Array(8)), ONE_BYTE_MORE))],
  'ip-checksum': [WIRE, fromA(spoil(ipFrame(A_TO_B, 17, new Uint8Array(8)), ONE_BYTE_MORE + 8))],
  'no-route': `${ROUTER}
    ${PING} 10.77.0.1`,
  'route-blackhole': `${ROUTER}
    ip -n r route add blackhole 10.77.0.0/16
    ${PING} 10.77.0.1`,
  'martian-source': `${ROUTER}
    ip -n a addr add 10.2.0.254/32 dev lo
    ${PING} 10.1.0.254
    ${PING} -I 10.2.0.254 10.2.0.1`,
  'martian-target': [WIRE, fromA(ipFrame({ ...A_TO_B, to: '127.0.0.1' }, 17, new Uint8Array(8)))],
  'reverse-path': `${ROUTER}
    ${EXEC_R} sysctl -q -w net.ipv4.conf.all.rp_filter=1
    ip -n a addr add 10.2.0.7/32 dev lo
    ${PING} 10.1.0.254
    ${PING} -I 10.2.0.7 10.2.0.1`,
  'forwarding-off': `${ROUTER}
    ${EXEC_R} sysctl -q -w net.ipv4.ip_forward=0
    ${PING} 10.2.0.1`,
  'ttl-exceeded': `${ROUTER}
    ${PING} -t 1 10.2.0.1`,
  'fragmentation-needed': `${ROUTER}
    ip -n r link set eth1 mtu 1000
    ${PING} -M do -s 1200 10.2.0.1`,
  'reassembly-timeout': `${WIRE}
    ip netns exec b iptables -t raw -A PREROUTING -f -j DROP
    ${PING} -s 3000 10.0.0.2
    sleep 31`,
  'fragment-overlap': [
    WIRE,
    fromA(
      ipFrame(A_TO_B, 17, new Uint8Array(64), { fragmentField: 0x2000 }),
      ipFrame(A_TO_B, 17, new Uint8Array(64), { fragmentField: 0x2000 | (32 >> 3) }),
    ),
  ],
  'fragment-memory': [
    WIRE,
    (place) => {
      for (let id = 1; id <= 1025; id++) {
        fromA(ipFrame(A_TO_B, 17, new Uint8Array(8), { id, fragmentField: 0x2000 }))(place);
      }
    },
  ],
  'no-protocol': [WIRE, fromA(ipFrame(A_TO_B, 99, new Uint8Array(8)))],
  'broadcast-echo-ignored': `${WIRE}
    ${PING} -b 10.0.0.255`,
  'icmp-checksum': [WIRE, fromA(spoil(icmpFrame(A_TO_B, 8, 0, 1), -1))],
  'icmp-unwanted': [WIRE, fromA(icmpFrame(A_TO_B, 10, 0, 0))],
  'multicast-not-joined': `${WIRE}
    ip -n a route add 224.0.0.0/4 dev eth0
    ${PING} 224.0.0.5`,

  // Netfilter.
  'rule-drop': `${WIRE}
    ip netns exec b iptables -A INPUT -p icmp -j DROP
    ${PING} 10.0.0.2`,
  'policy-drop': `${WIRE}
    ip netns exec b iptables -P INPUT DROP
    ${PING} 10.0.0.2`,
  'rule-reject': `${WIRE}
    ip netns exec b iptables -A INPUT -p icmp -j REJECT
    ${PING} 10.0.0.2`,
  'conntrack-full': `${WIRE}
    sysctl -q -w net.netfilter.nf_conntrack_max=1
    ip netns exec b sysctl -q -w net.netfilter.nf_conntrack_max=1
    ip netns exec b iptables -A INPUT -m conntrack --ctstate INVALID -j DROP
    ${PING} -e 1 10.0.0.2
    ${PING} -e 2 10.0.0.2`,
  // A bridged DNAT waits for ARP before its flow is entered; the SYN that is sent again begins another.
  'conntrack-clash': `${BRIDGE}
    ip -n sw addr add 10.0.0.254/24 dev br0
    ip netns exec sw sysctl -q -w net.bridge.bridge-nf-call-iptables=1
    ip netns exec sw iptables -t nat -A PREROUTING -d 10.0.0.3 -p tcp -j DNAT --to-destination 10.0.0.2
    ip -n b link set eth0 down
    (sleep 1.5; ip -n b link set eth0 up) &
    ${EXEC_A} nc -z -w 4 10.0.0.3 80`,
  'nat-exhausted': `${ROUTER}
    ${EXEC_R} iptables -t nat -A POSTROUTING -o eth1 -p udp -j SNAT --to-source 10.2.0.254:7777
    for port in 4001 4002; do echo hi | ${EXEC_A} nc -u -w 1 -p $port 10.2.0.1 53; done`,
  'nat-no-address': `${ROUTER}
    ${EXEC_R} iptables -t nat -A POSTROUTING -o eth1 -j MASQUERADE
    ip -n r addr flush dev eth1; ip -n r route add 10.2.0.0/24 dev eth1; ip -n r addr flush dev lo
    ip -n r link set eth0 mtu 1500; ip -n r addr flush dev eth0
    ip -n a neigh replace 10.1.0.254 lladdr 02:00:00:00:01:02 dev eth0
    ${PING} 10.2.0.1`,
  'nat-device-changed': `${ROUTER}
    ip -n r link add d0 type dummy; ip -n r addr add 10.3.0.254/24 dev d0; ip -n r link set d0 up
    ${EXEC_R} iptables -t nat -A POSTROUTING -j MASQUERADE
    ${PING} -e 7 10.2.0.1
    ip -n r route add 10.2.0.1/32 dev d0
    ${PING} -e 7 10.2.0.1`,
  'nat-redirect': [
    `${ROUTER}
    ${EXEC_R} iptables -t nat -A POSTROUTING -o eth1 -j MASQUERADE
    ${PING} -e 9 10.2.0.1`,
    (place) => {
      const toC = { fromMac: '', toMac: '', from: '10.2.0.254', to: '10.2.0.1' };
      const macs = { fromMac: '02:00:00:00:02:02', toMac: '02:00:00:00:02:01' };
      const echo = icmpFrame({ ...toC, ...macs }, 8, 0, 9 << 16).slice(14);
      const redirect = { ...macs, from: '10.2.0.1', to: '10.2.0.254' };
      sendFrame(place.device('c', 'eth0'), icmpFrame(redirect, 5, 1, 0x0a020009, echo));
    },
  ],

  // IPVS: r passes 10.1.0.254:53 on to c.
  'ipvs-no-destination': `${WIRE}
    ip netns exec b ipvsadm -A -t 10.0.0.2:80 -s rr
    ${EXEC_A} nc -z -w 1 10.0.0.2 80`,
  'ipvs-destination-gone': `${VIRTUAL}; ${ASK}
    ${EXEC_R} ipvsadm -d -u 10.1.0.254:53 -r 10.2.0.1; ${ASK}`,
  'ipvs-stale-connection': `${ROUTER}
    ${EXEC_R} iptables -t nat -A POSTROUTING -m ipvs --ipvs -j SNAT --to-source 10.2.0.254
    ${EXEC_R} sysctl -q -w net.ipv4.vs.conntrack=1 net.ipv4.vs.expire_nodest_conn=1
    ${EXEC_R} ipvsadm -A -t 10.1.0.254:80 -s rr; ${EXEC_R} ipvsadm -a -t 10.1.0.254:80 -r 10.2.0.1 -m
    ip netns exec c iptables -A INPUT -j DROP
    ${EXEC_A} nc -z -w 2 10.1.0.254 80 &
    sleep 0.5; ${EXEC_R} ipvsadm -e -t 10.1.0.254:80 -r 10.2.0.1 -m -w 0; sleep 2`,
  'ipvs-no-connection': `${VIRTUAL}
    ${EXEC_R} sysctl -q -w net.ipv4.vs.nat_icmp_send=1
    echo x | ip netns exec c nc -u -w 1 -p 53 10.1.0.1 5000`,
  'ipvs-boundary': `${WIRE}
    ip netns exec b ipvsadm -A -t 10.0.0.2:80 -s rr
    ip netns exec b ipvsadm -a -t 10.0.0.2:80 -r 127.0.0.1:80 -m
    ${EXEC_A} nc -z -w 1 10.0.0.2 80`,

  // Transport.
  'udp-checksum': [WIRE, fromA(spoil(udpFrame(A_TO_B, 5000, 53), -1))],
  'tcp-checksum': [WIRE, fromA(spoil(tcpFrame(A_TO_B, 5000, 80, 2), -1))],
  'transport-header': [WIRE, fromA(ipFrame(A_TO_B, 6, new Uint8Array(8)))],
  'no-socket': `${WIRE}
    ${EXEC_A} nc -z -w 1 10.0.0.2 80`,
  'socket-buffer-full': [
    WIRE,
    (place) =>
      withUdpServer(place, () => fromA(...new Array(400).fill(udpFrame(A_TO_B, 9, 53)))(place)),
  ],
  'listen-overflow': [
    WIRE,
    (place) => {
      const server = place.netns('b');
      const listener = runOn(server.sim, server.cpu, () => {
        const socket = openTcp(server);
        bindTcp(socket, 0, 80);
        listenTcp(socket, 1);
        return socket;
      });
      const ends = { ...A_TO_B, from: '10.0.0.9' }; // nobody who would answer the SYN-ACK
      fromA(tcpFrame(ends, 5000, 80, 2), tcpFrame(ends, 5001, 80, 2))(place);
      runOn(server.sim, server.cpu, () => closeTcp(listener));
    },
  ],
  'tcp-unacceptable': [
    `${WIRE}
    ip netns exec b nc -l -p 80 &
    sleep 0.1`,
    fromA(tcpFrame(A_TO_B, 5000, 80, 1)),
  ],
  'tcp-old-data': `${WIRE}
    ${EXEC_A} tc qdisc add dev eth0 root netem duplicate 100%
    ip netns exec b nc -l -p 80 > /dev/null &
    sleep 0.1; echo hello | ${EXEC_A} nc -w 1 10.0.0.2 80`,
  'tcp-reset': `${WIRE}
    ${EXEC_A} nc -z -w 1 10.0.0.2 80`,
  'socket-closed': [
    WIRE,
    (place) => withUdpServer(place, () => fromA(udpFrame(A_TO_B, 9, 53))(place)),
  ],

  // IPsec.
  'ipsec-blocked': `${WIRE}
    ip -n b xfrm policy add dst 10.0.0.1 dir out action block
    ${EXEC_A} ping -c 1 -W 1 10.0.0.2`,
  'ipsec-no-state': `${WIRE}
    ip -n a xfrm policy add dst 10.0.0.2 dir out tmpl proto esp
    ${EXEC_A} ping -c 1 -W 1 10.0.0.2`,
  'ipsec-state': `${encrypted('limit packet-hard 1', KEY)}
    ${EXEC_A} ping -c 2 -W 1 10.0.0.2`,
  'ipsec-replay': `${encrypted('', `${KEY} replay-window 32`)}
    ${EXEC_A} tc qdisc add dev eth0 root netem duplicate 100%
    ${EXEC_A} ping -c 1 -W 1 10.0.0.2`,
  'ipsec-integrity': `${encrypted('', KEY.replace('0x00', '0xff'))}
    ${EXEC_A} ping -c 1 -W 1 10.0.0.2`,
  'ipsec-policy': `${WIRE}
    ip -n b xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir in tmpl proto esp
    ${EXEC_A} ping -c 1 -W 1 10.0.0.2`,

  // Ends.
  'device-gone': [
    WIRE,
    async (place) => {
      fromA(ipFrame(A_TO_B, 17, new Uint8Array(8), { fragmentField: 0x2000 }))(place);
      await place.run('ip netns del b');
    },
  ],
} as const satisfies Record<DropReason, Case>;

/** A server on UDP port 53 of b that never reads. */
function withUdpServer(place: Place, act: () => void): void {
  const server = place.netns('b');
  const socket = runOn(server.sim, server.cpu, () => {
    const opened = openUdp(server);
    bindUdp(opened, 0, 53);
    return opened;
  });
  act();
  runOn(server.sim, server.cpu, () => closeUdp(socket));
}

async function makePlace(script: string): Promise<Place> {
  const lab = await makeLab();
  const { sim } = lab.world;
  const netns = (name: string): NetNamespace => lab.machine.namespaces.get(name)!;
  const place: Place = {
    ...lab,
    netns,
    device: (owner, name) => netns(owner).deviceByName.get(name)!,
    pass: (seconds) => void runUntil(sim, sim.nowNs + seconds * NS_PER_SEC),
  };
  const { output } = await lab.run(script);
  expect(output).not.toMatch(/command not found|Error|not emulated|RTNETLINK|iptables v/);
  return place;
}

describe('a packet ends for the reason', () => {
  for (const [reason, each] of Object.entries(CASES) as [DropReason, Case][]) {
    test(reason, async () => {
      const [script, act] = typeof each === 'string' ? [each, null] : each;
      const place = await makePlace(script);
      await act?.(place);
      place.pass(60);
      const { sim } = place.world;
      expect([...sim.dropCounts.keys()]).toContain(reason);
      checkLaws(sim);
    });
  }
});
