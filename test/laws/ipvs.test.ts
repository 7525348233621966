// The laws hold whatever clients and the administrator of a virtual server do: random services and
// destinations that come and go, random connections, random settings; and at rest nothing is left.
// More of them: LAWS_RUNS=500 LAWS_SEED=5 npx vitest run test/laws/ipvs
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkLaws } from '../../src/observe/invariants.ts';
import { runScript } from '../../src/shell/run-script.ts';
import { addMachine, createWorld } from '../../src/world/world.ts';
import { letRest } from '../support/run-recorded.ts';
import { TEST_HOST } from '../support/shell.ts';

const RUNS = Number(process.env.LAWS_RUNS ?? 8);
const SEED = Number(process.env.LAWS_SEED ?? 1);
/** Longer than any connection lives without packets. */
const REST_NS = 2000e9;

const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'sh', 'dh', 'sed', 'nq', 'fo', 'ovf'];
const METHODS = ['-m', '-m', '-m', '-g', '-i'];
const SWITCHES = [
  'conntrack=1',
  'conntrack=0',
  'conn_reuse_mode=0',
  'conn_reuse_mode=1',
  'expire_nodest_conn=1',
  'expire_quiescent_template=1',
  'nat_icmp_send=1',
  'schedule_icmp=1',
  'sloppy_tcp=1',
  'snat_reroute=0',
  'pmtu_disc=0',
];

/** Client c and servers s1 to s3 on one switch with the load balancer lb, 10.0.0.100. */
const SET_UP = `
ip netns add sw; ip -n sw link add br0 type bridge; ip -n sw link set br0 up
i=0; for n in c lb s1 s2 s3; do i=$((i + 1)); ip netns add $n; ip -n $n link set lo up
  ip -n $n link add eth0 address 02:00:00:00:00:0$i type veth peer name p$i netns sw
  ip -n sw link set p$i master br0; ip -n sw link set p$i up
  ip -n $n addr add 10.0.0.$i/24 dev eth0; ip -n $n link set eth0 up
done
ip -n lb addr add 10.0.0.100/32 dev eth0; ip netns exec lb sysctl -q -w net.ipv4.ip_forward=1
for n in s1 s2 s3; do ip -n $n route add 10.0.0.1/32 via 10.0.0.2
  ip netns exec $n nc -lk -p 80 > /dev/null &
done
sleep 0.1`;

interface Action {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
}

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.nat(1000),
  a: fc.nat(1000),
  b: fc.nat(1000),
});

const IPVSADM = 'ip netns exec lb ipvsadm';
const SERVICES = ['-t 10.0.0.100:80', '-u 10.0.0.100:53', '-f 7'];

function commandOf({ kind, a, b }: Action): string {
  const service = SERVICES[a % SERVICES.length]!;
  const server = `10.0.0.${3 + (b % 4)}${service.startsWith('-u') ? ':53' : ':80'}`;
  const method = METHODS[b % METHODS.length]!;
  const persistence = b % 3 === 0 ? `-p ${1 + (b % 40)}` : '';
  const scheduler = SCHEDULERS[b % SCHEDULERS.length]!;
  const commands = [
    `${IPVSADM} -A ${service} -s ${scheduler} ${persistence}`,
    `${IPVSADM} -E ${service} -s ${scheduler} ${persistence}`,
    `${IPVSADM} -D ${service}`,
    `${IPVSADM} -a ${service} -r ${server} ${method} -w ${b % 5} -x ${b % 7}`,
    `${IPVSADM} -a ${service} -r ${server} -m`,
    `${IPVSADM} -e ${service} -r ${server} ${method} -w ${a % 3}`,
    `${IPVSADM} -d ${service} -r ${server}`,
    `ip netns exec lb sysctl -q -w net.ipv4.vs.${SWITCHES[b % SWITCHES.length]}`,
    `ip netns exec lb iptables -t mangle ${b % 2 === 0 ? '-A' : '-D'} PREROUTING -p tcp --dport 80 -j MARK --set-mark 7`,
    `ip netns exec lb iptables -t nat ${b % 3 === 0 ? '-F' : '-A'} POSTROUTING -m ipvs --ipvs -j MASQUERADE`,
    `ip netns exec lb nc -z -w 1 10.0.0.100 80`,
    `${IPVSADM} -lnc > /dev/null; ${IPVSADM} -ln --rate > /dev/null`,
    `ip -n lb route replace ${b % 2 === 0 ? 'blackhole' : 'unreachable'} 10.0.0.${3 + (a % 3)}/32; ip -n lb route del 10.0.0.${3 + (b % 3)}/32`,
    `sleep ${b % 150}`,
  ];
  const ask = [
    `ip netns exec c nc -z -w 1 -p ${5000 + (a % 3)} 10.0.0.100 80`,
    `ip netns exec c nc -z -w 1 10.0.0.100 80`,
    `echo x | ip netns exec c nc -u -w 1 -p ${5000 + (a % 3)} 10.0.0.100 53`,
  ];
  return kind % 2 === 0 ? ask[(kind >> 1) % ask.length]! : commands[(kind >> 1) % commands.length]!;
}

test('no packet and no connection is lost, whatever is done to a virtual server', async () => {
  const actions = fc.array(action, { minLength: 10, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(actions, async (list) => {
      const start = [
        { kind: 1, a: 0, b: 0 },
        { kind: 9, a: 0, b: 0 },
        { kind: 9, a: 0, b: 1 },
      ];
      const script = [SET_UP, ...[...start, ...list].map(commandOf)].join('\n');
      const world = createWorld({ seed: 3 });
      const machine = addMachine(world);
      const ignore = () => {};
      await runScript(world, machine, script, {
        host: TEST_HOST,
        fileName: 'script',
        write: ignore,
        writeError: ignore,
        onRecord: ignore,
      });
      letRest(world.sim, REST_NS);
      checkLaws(world.sim, { namespaces: [machine.root, ...machine.namespaces.values()] });
      const { ipvs } = machine.namespaces.get('lb')!.netfilter;
      expect(ipvs?.connections.count ?? 0).toBe(0);
      for (const service of ipvs?.services ?? []) {
        for (const each of [...service.destinations, ...ipvs!.trash]) {
          const { activeConnections, inactiveConnections, persistentConnections } = each;
          expect([activeConnections, inactiveConnections, persistentConnections]).toEqual([
            0, 0, 0,
          ]);
        }
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
}, 120_000);
