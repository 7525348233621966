/** A Docker world whose engines form a swarm by the calls of the API. */

import { engineOf } from '../../src/docker/engine.ts';
import type { DockerEngine } from '../../src/docker/engine-record.ts';
import { DockerError } from '../../src/docker/engine-record.ts';
import { type Process, type Program, spawn } from '../../src/engine/process.ts';
import { runOn, runUntil } from '../../src/engine/simulator.ts';
import { runIptables } from '../../src/netfilter/iptables/iptables.ts';
import { findDevice, setLinkDown, setLinkUp } from '../../src/stack/link.ts';
import {
  type InitOptions,
  initSwarm,
  type JoinOptions,
  joinSwarm,
  joinToken,
} from '../../src/swarm/api/swarm.ts';
import { memberOf, type SwarmMember } from '../../src/swarm/member.ts';
import type { NodeRole } from '../../src/swarm/objects.ts';
import { buildDockerWorld, type DockerWorld } from '../../src/topology/docker-world.ts';

export const INIT: InitOptions = {
  addresses: { listen: '', advertise: '', dataPath: '' },
  availability: 'active',
  dataPathPort: 0,
  addressPools: [],
  subnetPrefixLength: 0,
  forceNewCluster: false,
  settings: {},
};

export const JOIN: JoinOptions = {
  addresses: { listen: '', advertise: '', dataPath: '' },
  availability: 'active',
  token: '',
  remote: '192.168.0.11:2377',
};

export interface SwarmWorld extends DockerWorld {
  readonly engines: readonly DockerEngine[];
  /** Lets virtual time pass. */
  pass(seconds: number): void;
  nowSec(): number;
  /** Runs a program as a process of a node (from 1) until it ends; what it throws comes out. */
  run<Result>(
    node: number,
    act: (engine: DockerEngine, process: Process) => Program<Result>,
  ): Result;
  /** The same, but gives the error's text. */
  fail(node: number, act: (engine: DockerEngine, process: Process) => Program<unknown>): string;
  member(node: number): SwarmMember;
  /** `iptables ...` on a node. */
  iptables(node: number, line: string): void;
  /** Takes the cable of a node out of the LAN, or puts it back. */
  setCable(node: number, isIn: boolean): void;
  /** What a node's data plane is told from now on, instead of doing it: `create KEY`. */
  listen(node: number): string[];
}

export function makeSwarmWorld(nodes: number, seed = 1): SwarmWorld {
  const built = buildDockerWorld({ nodes, internet: false, seed });
  const { sim } = built.world;
  const engines = built.nodes.map((machine) => engineOf(machine)!);
  const run: SwarmWorld['run'] = (node, act) => {
    let done: { result: unknown } | { error: unknown } | null = null;
    const engine = engines[node - 1]!;
    spawn(sim, engine.machine.cpu, 'test', function* main(process) {
      try {
        done = { result: yield* act(engine, process) };
      } catch (error) {
        done = { error };
      }
      return 0;
    });
    const deadline = sim.nowNs + 120e9;
    while (done === null && sim.nowNs < deadline) runUntil(sim, sim.nowNs + 1e6);
    const outcome = done as { result: unknown } | { error: unknown } | null;
    if (outcome === null) throw new Error('the program has not ended');
    if ('error' in outcome) throw outcome.error;
    return outcome.result as never;
  };
  return {
    ...built,
    engines,
    pass: (seconds) => void runUntil(sim, sim.nowNs + Math.round(seconds * 1e9)),
    nowSec: () => sim.nowNs / 1e9,
    run,
    fail(node, act) {
      try {
        run(node, act);
      } catch (error) {
        if (error instanceof DockerError) return error.message;
        throw error;
      }
      return '';
    },
    member: (node) => memberOf(engines[node - 1]!)!,
    iptables(node, line) {
      const { root, cpu } = built.nodes[node - 1]!;
      const result = runOn(sim, cpu, () => runIptables(root.netfilter, line.split(' ')));
      if (result.exitCode !== 0) throw new Error(result.stderr);
    },
    setCable(node, isIn) {
      const { root, cpu } = built.client;
      const port = findDevice(root, `lan-n${node}`);
      runOn(sim, cpu, () => (isIn ? setLinkUp(port) : setLinkDown(port)));
    },
    listen(node) {
      const heard: string[] = [];
      memberOf(engines[node - 1]!)!.gossip.listener = ({ kind, key }) => {
        heard.push(`${kind} ${key}`);
      };
      return heard;
    },
  };
}

/** init on node1, the others join: the first `managers` as managers. */
export function makeSwarm(nodes: number, managers = 1, seed = 1): SwarmWorld {
  const world = makeSwarmWorld(nodes, seed);
  world.run(1, (engine, process) => initSwarm(engine, process, INIT));
  for (let node = 2; node <= nodes; node++)
    join(world, node, node <= managers ? 'manager' : 'worker');
  return world;
}

export function join(world: SwarmWorld, node: number, role: NodeRole): NodeRole {
  const token = world.run(1, (engine, process) =>
    joinToken(engine, process, role, { rotate: false }),
  );
  return world.run(node, (engine, process) => joinSwarm(engine, process, { ...JOIN, token }));
}
