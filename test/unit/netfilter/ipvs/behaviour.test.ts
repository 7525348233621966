// What connections do from their beginning to their end: expiry, quiescence, persistence, the three ways of
// forwarding, errors, and clients and servers on the load balancer itself.
import { expect, test } from 'vitest';
import { NS_PER_SEC } from '../../../../src/base/units.ts';
import { runUntil } from '../../../../src/engine/simulator.ts';
import { checkLaws } from '../../../../src/observe/invariants.ts';
import { meshScript } from '../../../support/ipvs-mesh.ts';
import { makeLab } from '../../../support/shell.ts';

const TASKS = ['10.0.0.6', '10.0.0.7', '10.0.0.8'];
const SERVERS =
  'for t in 1 2 3; do ip netns exec task$t nc -lk -p 3000 > /dev/null & done; sleep 0.1';
const IPVSADM = 'ip netns exec sbox ipvsadm';
const ask = (port: number) => `ip netns exec client nc -z -w 2 -p ${port} 192.168.0.12 3000`;

/** Client c, load balancer lb with the virtual address 10.0.0.100, server s: all on one switch. */
const SWITCH = `
  ip netns add sw; ip -n sw link add br0 address 02:00:00:00:ff:01 type bridge; ip -n sw link set br0 up
  i=0; for n in c lb s; do i=$((i + 1)); ip netns add $n; ip -n $n link set lo up
    ip -n $n link add eth0 address 02:00:00:00:00:0$i type veth peer name p$i netns sw
    ip -n sw link set p$i master br0; ip -n sw link set p$i up
    ip -n $n addr add 10.0.0.$i/24 dev eth0; ip -n $n link set eth0 up
  done
  ip -n lb addr add 10.0.0.100/32 dev eth0
  ip netns exec lb ipvsadm -A -t 10.0.0.100:80 -s rr`;

interface Outcome {
  readonly output: string;
  readonly drops: Readonly<Record<string, number>>;
}

async function run(script: string): Promise<Outcome> {
  const lab = await makeLab();
  const { output } = await lab.run(script);
  const { sim } = lab.world;
  runUntil(sim, sim.nowNs + 1000 * NS_PER_SEC);
  checkLaws(sim);
  return { output, drops: Object.fromEntries(sim.dropCounts) };
}

/** The lines below the two of the title. */
function entries(output: string): string[] {
  return output.split('\n').filter((line) => /^(TCP|UDP|IP) .*:/.test(line));
}

test('a connection, its counters and its conntrack flow end together, at a step of the timer wheel', async () => {
  const { output } = await run(`${meshScript(TASKS)}
    ${SERVERS}; ${ask(40001)}
    sleep 119.5; ${IPVSADM} -lnc; sleep 2.5; ${IPVSADM} -lnc; ${IPVSADM} -ln | tail -1
    ip netns exec sbox conntrack -L`);
  expect(entries(output)).toEqual([
    'TCP 00:00  TIME_WAIT   192.168.0.1:40001  172.18.0.2:3000    10.0.0.8:3000',
  ]);
  expect(output).toContain('10.0.0.8:0                   Masq    1      0          0');
  expect(output).toContain('0 flow entries');
});

test('with weight 0 everywhere a client is told by ICMP, as in L3 091', async () => {
  const { output, drops } = await run(`${meshScript(TASKS)}
    for t in ${TASKS.join(' ')}; do ${IPVSADM} -e -f 258 -r $t -m -w 0; done
    ip netns exec client curl -sS -m 5 http://192.168.0.12:3000/`);
  expect(output).toContain("Couldn't connect to server");
  expect(drops['ipvs-no-destination']).toBe(1);
});

test('a client that begins anew is scheduled anew only if conn_reuse_mode says so', async () => {
  const script = (mode: number) => `${meshScript(TASKS)}
    ip netns exec sbox sysctl -q -w net.ipv4.vs.conn_reuse_mode=${mode} net.ipv4.vs.conntrack=0
    ip netns exec sbox iptables -t nat -F; ip netns exec sbox iptables -t nat -X
    for t in 1 2 3; do ip -n task$t route add default via 10.0.0.3; done
    ${SERVERS}; ${ask(40001)}; sleep 70; ${ask(40001)}; ${IPVSADM} -ln --stats | tail -3`;
  const connections = async (mode: number) =>
    (await run(script(mode))).output.match(/:0 +\d+/g)?.map((text) => text.split(/ +/)[1]);
  expect(await connections(0)).toEqual(['0', '0', '1']);
  expect(await connections(1)).toEqual(['0', '1', '1']);
});

test('expire_nodest_conn ends the connections of a deleted destination, and their flows', async () => {
  const script = (value: number) => `${meshScript(TASKS)}
    ip netns exec sbox sysctl -q -w net.ipv4.vs.expire_nodest_conn=${value}
    ${SERVERS}; ${ask(40001)}; ${ask(40002)}; sleep 0.1
    ${IPVSADM} -d -f 258 -r 10.0.0.8; ${IPVSADM} -lnc; ip netns exec sbox conntrack -L 2>&1 | head -1
    ${IPVSADM} -a -f 258 -r 10.0.0.8 -m; ${IPVSADM} -ln | tail -1`;
  const ended = await run(script(1));
  expect(entries(ended.output).length).toBe(1);
  expect(ended.output.match(/^tcp +6 /gm)).toHaveLength(1);
  expect(ended.output).toMatch(/10\.0\.0\.8:0 +Masq +1 +0 +0 +\n$/);
  // Else they wait, and a destination that comes back has them again.
  const kept = await run(script(0));
  expect(entries(kept.output).length).toBe(2);
  expect(kept.output).toMatch(/10\.0\.0\.8:0 +Masq +1 +0 +1 +\n$/);
});

test('a persistent service keeps a client with one destination, by a template', async () => {
  const { output } = await run(`${meshScript(TASKS)}
    ${IPVSADM} -E -f 258 -s rr -p 100
    ${SERVERS}; ${ask(40001)}; ${ask(40002)}; ${ask(40003)}
    sleep 1.5; ${IPVSADM} -lnc; ${IPVSADM} -ln --persistent-conn`);
  expect(entries(output).sort()).toEqual([
    'IP  01:38  ASSURED     192.168.0.1:0      0.0.1.2:0          10.0.0.8:0',
    'TCP 01:58  TIME_WAIT   192.168.0.1:40001  172.18.0.2:3000    10.0.0.8:3000',
    'TCP 01:58  TIME_WAIT   192.168.0.1:40002  172.18.0.2:3000    10.0.0.8:3000',
    'TCP 01:58  TIME_WAIT   192.168.0.1:40003  172.18.0.2:3000    10.0.0.8:3000',
  ]);
  expect(output).toContain('10.0.0.8:0                   1         1           0          3');
});

test('a template stays as long as its connections, and gives up a destination of weight 0', async () => {
  const { output } = await run(`${meshScript(TASKS)}
    ${IPVSADM} -E -f 258 -s rr -p 10
    ${SERVERS}; ${ask(40001)}
    sleep 30; ${IPVSADM} -lnc | grep IP
    ${IPVSADM} -e -f 258 -r 10.0.0.8 -m -w 0; ${ask(40002)}
    ${IPVSADM} -ln --stats | tail -3`);
  // At 10 s it was put off by a minute, because its connection was still there.
  expect(entries(output).sort()[0]).toMatch(/^IP {2}00:4\d {2}ASSURED/);
  expect(output.match(/:0 +\d+ /g)?.map((text) => text.trim().split(/ +/)[1])).toEqual([
    '0',
    '1',
    '1',
  ]);
});

test('direct routing: the server answers by itself with the virtual address', async () => {
  const { output } = await run(`${SWITCH}
    ip netns exec s sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    ip -n s addr add 10.0.0.100/32 dev lo
    ip netns exec lb ipvsadm -a -t 10.0.0.100:80 -r 10.0.0.3 -g
    ip netns exec s nc -lk -p 80 > /dev/null & sleep 0.1
    ip netns exec c nc -z -w 2 -p 40001 10.0.0.100 80; echo $?
    ip netns exec lb ipvsadm -lnc; ip netns exec lb ipvsadm -ln --stats | tail -1`);
  expect(output).toMatch(/^0\n/);
  expect(entries(output)).toEqual([
    'TCP 02:00  FIN_WAIT    10.0.0.1:40001     10.0.0.100:80      10.0.0.3:80',
  ]);
  expect(output).toMatch(/10\.0\.0\.3:80 +1 +3 +0 +164 +0\n$/);
});

test('a tunnel wraps the packet in another one', async () => {
  const { drops } = await run(`${SWITCH}
    ip netns exec lb ipvsadm -a -t 10.0.0.100:80 -r 10.0.0.3 -i
    ip netns exec c nc -z -w 1 10.0.0.100 80`);
  // There is no tunl0 to take it out again.
  expect(drops['no-protocol']).toBe(1);
});

test('the load balancer may be client, and server, itself', async () => {
  const { output } = await run(`${SWITCH}
    ip netns exec lb ipvsadm -a -t 10.0.0.100:80 -r 10.0.0.3:8080 -m
    ip netns exec s nc -lk -p 8080 > /dev/null & ip netns exec lb nc -lk -p 8081 > /dev/null & sleep 0.1
    ip netns exec lb nc -z -w 2 -p 40001 10.0.0.100 80; echo $?
    ip netns exec lb ipvsadm -lnc
    ip netns exec lb ipvsadm -a -t 10.0.0.100:80 -r 10.0.0.2:8081 -m
    ip netns exec lb ipvsadm -d -t 10.0.0.100:80 -r 10.0.0.3:8080
    ip netns exec c nc -z -w 2 -p 40002 10.0.0.100 80; echo $?
    ip netns exec lb ipvsadm -lnc | grep 40002`);
  expect(output.match(/^\d$/gm)).toEqual(['0', '0']);
  expect(entries(output)).toEqual([
    'TCP 01:00  CLOSE_WAIT  10.0.0.100:40001   10.0.0.100:80      10.0.0.3:8080',
    'TCP 01:00  CLOSE_WAIT  10.0.0.1:40002     10.0.0.100:80      10.0.0.2:8081',
  ]);
});

test('an ICMP error of a destination reaches the client as one of the virtual address', async () => {
  const { output } = await run(`${meshScript(TASKS)}
    ip -n client route add default via 192.168.0.12
    ip netns exec client dig +tries=1 +timeout=1 @172.18.0.2 example.org
    ${IPVSADM} -ln --stats | tail -1`);
  expect(output).toContain('172.18.0.2#53: connection refused');
  expect(output).toMatch(/10\.0\.0\.8:0 +1 +1 +1 +80 +108\n$/);
});

test('an ICMP error about an answer reaches the destination that sent it', async () => {
  // The way back to the client has a smaller MTU: the server learns it through the load balancer.
  const { output } = await run(`${meshScript(['10.0.0.6'])}
    s=x; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do s=$s$s; done; echo $s > /srv/large
    ip -n node link set eth0 mtu 1000
    ip -n task1 route add default via 10.0.0.3
    ip netns exec task1 busybox httpd -p 3000 -h /srv
    ip netns exec client curl -s -m 5 http://192.168.0.12:3000/large | wc -c
    ip -n task1 route get 10.0.0.3`);
  expect(output).toMatch(/^4097\n.*\n.* expires \d+sec mtu 1000/);
});

test('without net.ipv4.vs.conntrack what IPVS translates is not tracked', async () => {
  const { output } = await run(`${SWITCH}
    ip -n s route add 10.0.0.1/32 via 10.0.0.2
    ip netns exec lb sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
    ip netns exec lb iptables -t nat -A POSTROUTING -j MASQUERADE
    ip netns exec lb ipvsadm -a -t 10.0.0.100:80 -r 10.0.0.3:8080 -m
    ip netns exec s nc -lk -p 8080 > /dev/null & sleep 0.1
    ip netns exec c nc -z -w 2 10.0.0.100 80; echo $?
    ip netns exec lb conntrack -L 2>&1`);
  expect(output).toMatch(/^0\nconntrack .* 0 flow entries/);
});

test('-m ipvs sees more than that a packet was handled', async () => {
  const match = (options: string) =>
    `ip netns exec sbox iptables -t mangle -A POSTROUTING -m ipvs ${options}`;
  const { output } = await run(`${meshScript(TASKS)}
    ${match('--ipvs')}; ${match('! --ipvs')}
    ${match('--vproto tcp --vaddr 172.18.0.0/16 --vport 3000 --vdir REPLY --vmethod MASQ')}
    ${match('! --vport 3000')}; ${match('--vmethod GATE')}; ${match('! --vaddr 172.18.0.2')}
    ${SERVERS}; ${ask(40001)}
    ip netns exec sbox iptables -t mangle -S POSTROUTING -v`);
  expect(output.split('\n').slice(1, -1)).toEqual([
    expect.stringMatching(/^-A POSTROUTING -m ipvs --ipvs -c [1-9]/),
    '-A POSTROUTING -m ipvs ! --ipvs -c 0 0',
    expect.stringMatching(
      /-m ipvs --vproto 6 --vaddr 172.18.0.0\/16 --vport 3000 --vdir REPLY --vmethod MASQ -c 0 0/,
    ),
    '-A POSTROUTING -m ipvs ! --vport 3000 -c 0 0',
    '-A POSTROUTING -m ipvs --vmethod GATE -c 0 0',
    '-A POSTROUTING -m ipvs ! --vaddr 172.18.0.2 -c 0 0',
  ]);
});
