// One node with an engine: runs the steps of a lab by the engine's own functions, without the `docker` program.
import { join } from 'node:path';
import { createContainer } from '../../src/docker/container-create.ts';
import { startContainer } from '../../src/docker/container-start.ts';
import { type EngineOptions, engineOf } from '../../src/docker/engine.ts';
import type {
  Container,
  ContainerSpec,
  DockerEngine,
  DockerNetwork,
  EndpointSpec,
} from '../../src/docker/engine-record.ts';
import {
  createNetwork,
  NETWORK_DEFAULTS,
  type NetworkSpec,
} from '../../src/docker/network-create.ts';
import { runOn, runUntil } from '../../src/engine/simulator.ts';
import { runIptablesSave } from '../../src/netfilter/iptables/iptables.ts';
import { buildDockerWorld, type DockerWorld } from '../../src/topology/docker-world.ts';

/** Outputs of the recorded lab L1. */
export const L1_OUT = join(import.meta.dirname, '../fixtures/docker/L1/out');

export interface DockerLab extends DockerWorld {
  readonly engine: DockerEngine;
  /** A system call on node1. */
  act<Result>(what: () => Result): Result;
  /** `docker run -d`. */
  run(name: string, changes?: Partial<ContainerSpec>): Container;
  /** `docker network create`. */
  network(name: string, changes?: Partial<NetworkSpec>): DockerNetwork;
  /** `iptables-save` with `DATE` for dates, `[]` for counters, and bridges by network. */
  rules(): string;
  pass(seconds: number): void;
}

export const NO_ENDPOINT: EndpointSpec = { address: null, mac: null, aliases: [] };

export const plainSpec: ContainerSpec = {
  name: '',
  image: 'ubuntu',
  command: ['sleep', 'infinity'],
  entrypoint: null,
  environment: [],
  hostname: null,
  domainname: '',
  labels: new Map(),
  networkMode: 'bridge',
  endpoints: new Map(),
  publish: [],
  publishAll: false,
  expose: [],
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  extraHosts: [],
  capAdd: [],
  capDrop: [],
  isPrivileged: false,
  restartPolicy: { name: 'no', maximumRetryCount: 0 },
  autoRemove: false,
  isTty: false,
  isInteractive: false,
  sysctls: new Map(),
  workingDir: '',
  user: '',
};

export function makeDockerLab(options: EngineOptions = {}): DockerLab {
  const built = buildDockerWorld({ nodes: 1, internet: false, engine: options });
  const { world, nodes } = built;
  const machine = nodes[0]!;
  const engine = engineOf(machine)!;
  const act = <Result>(what: () => Result): Result => runOn(world.sim, machine.cpu, what);
  return {
    ...built,
    engine,
    act,
    run: (name, changes = {}) =>
      act(() => {
        const container = createContainer(engine, { ...plainSpec, name, ...changes });
        startContainer(engine, container);
        return container;
      }),
    network: (name, changes = {}) =>
      act(() => createNetwork(engine, { ...NETWORK_DEFAULTS, name, ...changes })),
    rules: () => normaliseRules(runIptablesSave(machine.root.netfilter, []).stdout, engine),
    pass: (seconds) => {
      runUntil(world.sim, world.sim.nowNs + seconds * 1e9);
    },
  };
}

/** Dates and counters are of the moment, ids random. */
export function normaliseRules(text: string, engine: DockerEngine | null): string {
  let rules = text.replace(/^# (\S+).* on .*$/gm, '# $1').replace(/ \[\d+:\d+\]/g, '');
  for (const { id, name } of engine?.networks.values() ?? []) {
    rules = rules.replaceAll(`br-${id.slice(0, 12)}`, `br-${name}`);
  }
  return rules;
}
