// The laws hold in networks that nobody thought of: random namespaces, bridges, routers and devices,
// random traffic, and somebody who pulls cables meanwhile. A failure prints fast-check's seed and the
// shrunk script. More of them: LAWS_RUNS=2000 LAWS_SEED=5 npx vitest run test/laws/random-networks
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkLaws } from '../../src/observe/invariants.ts';
import { runScript } from '../../src/shell/run-script.ts';
import { addMachine, createWorld } from '../../src/world/world.ts';
import { letRest } from '../support/run-recorded.ts';
import { TEST_HOST } from '../support/shell.ts';

const RUNS = Number(process.env.LAWS_RUNS ?? 20);
const SEED = Number(process.env.LAWS_SEED ?? 1);
/** TCP may try for long to reach who is gone. */
const REST_NS = 1200e9;
/** A storm ends here. */
const FRAMES_MAX = 60_000;

/** Nodes n0 ... are namespaces; segments 0 ... are subnets 10.0.S.0/24, each on a bridge of its own. */
interface Network {
  readonly nodeCount: number;
  /** For each segment the nodes on it (indices, may repeat: then they count once). */
  readonly segments: readonly (readonly number[])[];
}

/** An action of one node's interface, about another's; the numbers are taken modulo what there is. */
interface Action {
  readonly kind: number;
  readonly from: number;
  readonly to: number;
  readonly size: number;
}

const network: fc.Arbitrary<Network> = fc.record({
  nodeCount: fc.integer({ min: 2, max: 6 }),
  segments: fc.array(fc.array(fc.nat(5), { minLength: 2, maxLength: 4 }), {
    minLength: 1,
    maxLength: 4,
  }),
});

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.nat(1000),
  from: fc.nat(20),
  to: fc.nat(20),
  size: fc.nat(4000),
});

/** Who is on each segment. */
function membersOf({ nodeCount, segments }: Network): number[][] {
  return segments.map((nodes) => [...new Set(nodes.map((node) => node % nodeCount))]);
}

const addressOf = (node: number, segment: number): string => `10.0.${segment}.${node + 1}`;

/** Commands that wire the network; every node on two segments is a router. */
function setUp(net: Network): string[] {
  const members = membersOf(net);
  const lines = ['ip netns add sw'];
  for (let node = 0; node < net.nodeCount; node++) {
    lines.push(`ip netns add n${node}`, `ip -n n${node} link set lo up`);
    lines.push(`ip netns exec n${node} sysctl -q -w net.ipv4.ip_forward=1`);
  }
  members.forEach((nodes, segment) => {
    lines.push(`ip -n sw link add br${segment} type bridge`, `ip -n sw link set br${segment} up`);
    for (const node of nodes) {
      const [device, port] = [`e${segment}`, `p${segment}x${node}`];
      lines.push(
        `ip -n n${node} link add ${device} type veth peer name ${port} netns sw`,
        `ip -n sw link set ${port} master br${segment}`,
        `ip -n sw link set ${port} up`,
        `ip -n n${node} addr add ${addressOf(node, segment)}/24 brd + dev ${device}`,
        `ip -n n${node} link set ${device} up`,
      );
    }
  });
  // Everybody's default route leads to the next node on the first segment: loops are welcome.
  for (let node = 0; node < net.nodeCount; node++) {
    const segment = members.findIndex((nodes) => nodes.includes(node));
    if (segment < 0) continue;
    const nodes = members[segment]!;
    const next = nodes[(nodes.indexOf(node) + 1) % nodes.length]!;
    if (next !== node) {
      lines.push(`ip -n n${node} route add default via ${addressOf(next, segment)}`);
    }
  }
  return lines;
}

type Writer = (node: string, device: string, target: string, size: number) => string;

/** What may happen. Errors are welcome too: the device may be gone, the address may be there. */
const ACTIONS: readonly Writer[] = [
  (n, _d, target, size) => `ip netns exec ${n} ping -c 2 -i 0.2 -W 1 -s ${size} ${target}`,
  (n, _d, target, size) => `ip netns exec ${n} ping -c 3 -i 0.2 -W 1 -s ${size % 100} ${target} &`,
  (n, _d, target, size) =>
    `ip netns exec ${n} ping -c 1 -W 1 -M do -s ${size} -t ${1 + (size % 5)} ${target}`,
  (n, _d, target) => `ip netns exec ${n} ping -c 1 -W 1 -b ${target.replace(/\d+$/, '255')}`,
  (n, _d, target) => `ip netns exec ${n} traceroute -n -q 1 -w 1 -m 4 ${target}`,
  (n) => `ip netns exec ${n} busybox httpd -p 80 -h /srv`,
  (n, _d, target) => `ip netns exec ${n} curl -s -m 2 http://${target}/big &`,
  (n, _d, target, size) => `echo ${size} | ip netns exec ${n} nc -u -w 1 ${target} 53`,
  (n, d) => `ip -n ${n} link set ${d} down`,
  (n, d) => `ip -n ${n} link set ${d} up`,
  (n, d, _t, size) => `ip -n ${n} link set ${d} mtu ${600 + (size % 900)}`,
  (n, d) => `ip -n ${n} addr flush dev ${d}`,
  (n, d) => `ip -n ${n} neigh flush dev ${d}`,
  (n, d) => `ip -n ${n} link del ${d}`,
  (n) => `ip netns del ${n}`,
  (n, d, _t, size) =>
    `ip netns exec ${n} tc qdisc add dev ${d} root netem delay ${size % 50}ms 3ms loss ${size % 30}% duplicate 10%`,
  (n, d, _t, size) =>
    `ip netns exec ${n} tc qdisc add dev ${d} root tbf rate ${64 + size}kbit burst 4kb limit 20kb`,
  (n, d) => `ip netns exec ${n} iptables -t nat -A POSTROUTING -o ${d} -j MASQUERADE`,
  (n, _d, target) =>
    `ip netns exec ${n} iptables -t nat -A PREROUTING -p icmp -j DNAT --to-destination ${target}`,
  (n, _d, _t, size) =>
    `ip netns exec ${n} iptables -A FORWARD -m statistic --mode random --probability 0.${size % 10} -j REJECT`,
  () => 'ip netns exec sw sysctl -q -w net.bridge.bridge-nf-call-iptables=1',
  (_n, _d, _t, size) => `ip -n sw link add loop${size % 4} type veth peer name pool${size % 4}`,
  (_n, _d, _t, size) =>
    `for x in loop pool; do ip -n sw link set \${x}${size % 4} master br0; ip -n sw link set \${x}${size % 4} up; done`,
  (n, d, target, size) =>
    `ip -n ${n} link add vx0 type vxlan id ${size % 2} dstport 4789 dev ${d} remote ${target}; ip -n ${n} addr add 10.9.0.${1 + (size % 250)}/24 dev vx0; ip -n ${n} link set vx0 up`,
  (n, _d, _t, size) => `ip netns exec ${n} ping -c 1 -W 1 -s ${size} 10.9.0.${1 + (size % 250)}`,
  (n, d) =>
    `ip -n ${n} link add m0 link ${d} type macvlan mode bridge; ip -n ${n} link set m0 up; ip -n ${n} addr add 10.0.0.200/24 dev m0`,
  (n, d) =>
    `ip -n ${n} link add link ${d} name v7 type vlan id 7; ip -n ${n} link set v7 up; ip -n ${n} addr add 10.7.0.1/24 dev v7`,
  (_n, _d, _t, size) => `sleep 0.${size % 100}`,
];

/** The whole as a script: it can be given to `netsim run`. */
function scriptOf(net: Network, actions: readonly Action[]): string {
  const places = membersOf(net).flatMap((nodes, segment) =>
    nodes.map((node) => ({ node, segment })),
  );
  const lines = actions.map(({ kind, from, to, size }) => {
    const [here, there] = [places[from % places.length]!, places[to % places.length]!];
    const write = ACTIONS[kind % ACTIONS.length]!;
    const target = addressOf(there.node, there.segment);
    return write(`n${here.node}`, `e${here.segment}`, target, size);
  });
  const big = 'head -c 20000 /dev/zero | tr "\\0" x > /srv/big';
  return [...setUp(net), big, ...lines, 'wait', ''].join('\n');
}

const arbitraryScript = fc
  .tuple(network, fc.array(action, { minLength: 4, maxLength: 20, size: 'max' }))
  .map(([net, actions]) => scriptOf(net, actions));

async function runAndCheck(script: string, seed: number, shuffleTies: boolean): Promise<void> {
  const world = createWorld({ seed, shuffleTies, maxFrames: FRAMES_MAX });
  const { sim } = world;
  const machine = addMachine(world);
  let output = '';
  const write = (text: string): void => {
    output += text;
  };
  const options = { host: TEST_HOST, fileName: 'random', write, writeError: write };
  await runScript(world, machine, script, options).catch((error: unknown) => {
    // A bound that ended the run is a good end; anything else is not.
    if (!String(error).includes('frames')) throw error;
  });
  expect(output).not.toContain('command not found');
  if (letRest(sim, REST_NS) === 'frame-limit') return;
  checkLaws(sim, { namespaces: [machine.root, ...machine.namespaces.values()] });
}

test('the laws hold in random networks', async () => {
  const property = fc.asyncProperty(arbitraryScript, fc.nat(1000), fc.boolean(), runAndCheck);
  await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: false });
}, 3_600_000);
