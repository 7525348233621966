// Every bundled topology and a few hard ones: no box on another, no wire through a box, few crossings.
import { describe, expect, test } from 'vitest';
import { bundledNames } from '../../../src/cli/topologies.ts';
import { DETAILS, layOutDetail } from '../../../src/draw/draw.ts';
import { foldSnapshot } from '../../../src/draw/fold.ts';
import type { Snapshot } from '../../../src/draw/snapshot.ts';
import { WORDS } from '../../../src/draw/words.ts';
import { type DrawnWorld, drawBundled, drawScript } from '../../support/draw-topology.ts';
import { measureDrawing } from '../../support/measure-drawing.ts';

const fold = (snapshot: Snapshot, isWanted: boolean | null): Snapshot =>
  foldSnapshot(snapshot, { isWanted, words: WORDS.en, keptDevices: new Set() });

/** Crossings that cannot be avoided: containers on two networks. */
async function expectReadable(snapshot: Snapshot, crossingsMax: number): Promise<void> {
  for (const detail of DETAILS) {
    const placement = await layOutDetail(snapshot, detail, WORDS.en);
    const { crossings, ...flaws } = measureDrawing(placement);
    expect({ detail, ...flaws }).toEqual({
      detail,
      overlaps: [],
      strays: [],
      throughs: [],
      coverings: [],
      loose: [],
    });
    expect(crossings).toBeLessThanOrEqual(detail === 'devices' ? crossingsMax : 0);
  }
}

describe('bundled topologies', () => {
  test.each(bundledNames())('%s', async (name) => {
    const { snapshot } = await drawBundled(name);
    // A swarm's containers are on three networks each: their wires cross.
    const isSwarm = snapshot.namespaces.some(({ kind }) => kind === 'ingress');
    await expectReadable(fold(snapshot, null), isSwarm ? 8 * snapshot.machines.length : 0);
  });
});

const DOCKER = { nodes: 1, internet: true, engine: null };

const SCRIPTS: readonly {
  readonly name: string;
  readonly crossings: number;
  readonly open: () => Promise<DrawnWorld>;
}[] = [
  {
    name: 'containers on two networks each',
    crossings: 6,
    open: () =>
      drawScript(
        `docker network create front > /dev/null
         docker network create back > /dev/null
         for i in 1 2 3; do
           docker run -dt --name c$i --network front ubuntu > /dev/null
           docker network connect back c$i
         done`,
        DOCKER,
      ),
  },
  {
    name: 'macvlan on VLANs, host and none',
    crossings: 2,
    open: () =>
      drawScript(
        `docker network create -d macvlan --subnet 10.10.0.0/24 -o parent=eth0.10 v10 > /dev/null
         docker network create -d macvlan --subnet 10.20.0.0/24 -o parent=eth0.20 v20 > /dev/null
         docker run -dt --name a1 --network v10 ubuntu > /dev/null
         docker run -dt --name b1 --network v20 ubuntu > /dev/null
         docker run -dt --name h1 --network host ubuntu > /dev/null
         docker run -dt --name n1 --network none ubuntu > /dev/null
         docker run -d --name p1 -p 8080:80 -p 8443:443 nginx > /dev/null`,
        DOCKER,
      ),
  },
  {
    name: 'twelve hosts',
    crossings: 4,
    open: () => drawScript('docker run -dt --name c1 ubuntu > /dev/null', { ...DOCKER, nodes: 12 }),
  },
  {
    name: 'twenty containers',
    crossings: 0,
    open: () =>
      drawScript('for i in {1..20}; do docker run -dt --name c$i ubuntu > /dev/null; done', DOCKER),
  },
  {
    name: 'a ring of routers',
    crossings: 2,
    open: () =>
      drawScript(
        `for i in 1 2 3 4; do
           ip netns add r$i
           ip netns exec r$i sysctl -q -w net.ipv4.ip_forward=1
         done
         for i in 1 2 3 4; do
           j=$((i % 4 + 1))
           ip -n r$i link add to$j type veth peer name to$i netns r$j
           ip -n r$i addr add 10.0.$i.1/24 dev to$j
           ip -n r$j addr add 10.0.$i.2/24 dev to$i
           ip -n r$i link set to$j up
           ip -n r$j link set to$i up
         done`,
      ),
  },
  {
    name: 'two overlays and a gateway bridge on each of two hosts',
    crossings: 30,
    open: () =>
      drawScript(
        TWO_OVERLAYS,
        null,
        new Map([
          ['n1', ['h1', '1-aaa', '1-bbb', 'w1', 'd1']],
          ['n2', ['h2', '1-aaa2', '1-bbb2', 'w2', 'd2']],
        ]),
      ),
  },
];

const TWO_OVERLAYS = `
ip netns add wire
ip -n wire link add switch type bridge
ip -n wire link set switch up
for n in 1 2; do
  s=$([ $n = 1 ] || echo 2)
  ip netns add h$n
  ip netns exec h$n sysctl -q -w net.ipv4.ip_forward=1
  ip -n h$n link add eth0 type veth peer name p$n netns wire
  ip -n wire link set p$n master switch
  ip -n wire link set p$n up
  ip -n h$n link set eth0 up
  ip -n h$n addr add 192.168.0.1$n/24 dev eth0
  ip -n h$n link add docker_gwbridge type bridge
  ip -n h$n addr add 172.18.0.1/16 dev docker_gwbridge
  ip -n h$n link set docker_gwbridge up
  k=0
  for o in aaa bbb; do
    k=$((k + 1))
    ip netns add 1-$o$s
    ip -n h$n link add vx type vxlan id $((4096 + k)) dstport 4789
    ip -n h$n link set vx netns 1-$o$s name vxlan0
    ip -n 1-$o$s link add br0 type bridge
    ip -n 1-$o$s addr add 10.0.$k.1/24 dev br0
    ip -n 1-$o$s link set br0 up
    ip -n 1-$o$s link set vxlan0 master br0
    ip -n 1-$o$s link set vxlan0 up
  done
  for c in w d; do
    ip netns add $c$n
    ip -n $c$n link add eth0 type veth peer name v$c netns 1-aaa$s
    ip -n 1-aaa$s link set v$c master br0
    ip -n $c$n addr add 10.0.1.1$n/24 dev eth0
    ip -n $c$n link add eth1 type veth peer name v$c netns 1-bbb$s
    ip -n 1-bbb$s link set v$c master br0
    ip -n $c$n addr add 10.0.2.1$n/24 dev eth1
    ip -n $c$n link add eth2 type veth peer name v$c netns h$n
    ip -n h$n link set v$c master docker_gwbridge
    ip -n $c$n addr add 172.18.0.1$n/16 dev eth2
    for d in eth0 eth1 eth2; do ip -n $c$n link set $d up; done
  done
done
`;

describe('harder ones', () => {
  test.each(SCRIPTS)('$name', async ({ crossings, open }) => {
    const { snapshot } = await open();
    await expectReadable(fold(snapshot, null), crossings);
    await expectReadable(fold(snapshot, true), crossings);
  });
});
