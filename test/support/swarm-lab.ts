// Three nodes, a client and a prompt on each: types docker commands as a user does.
import { makeShell } from '../../src/shell/bash.ts';
import { letTimePass } from '../../src/shell/driver.ts';
import type { Shell } from '../../src/shell/shell.ts';
import { buildDockerWorld, type DockerWorld } from '../../src/topology/docker-world.ts';
import { type CommandResult, typeLine } from './replay-docker.ts';
import { TEST_HOST } from './shell.ts';

export interface SwarmLab extends DockerWorld {
  /** Types a line at a machine; throws if it fails. @returns what it printed, both streams. */
  on(machine: string, text: string): Promise<string>;
  /** The same with its exit code. */
  try(machine: string, text: string): Promise<CommandResult>;
  pass(seconds: number): void;
  /** Makes a swarm: node1 leads; `managers` are managers, the others workers. */
  swarm(managers?: number): Promise<void>;
}

export async function makeSwarmLab(nodes = 3, hasInternet = false): Promise<SwarmLab> {
  const built = buildDockerWorld({ nodes, internet: hasInternet });
  const shells = new Map<string, Shell>();
  for (const machine of built.world.machines.values()) {
    shells.set(machine.name, await makeShell(built.world, machine, TEST_HOST));
  }
  const shellOf = (machine: string): Shell => {
    const shell = shells.get(machine);
    if (shell === undefined) throw new Error(`no machine ${machine}`);
    return shell;
  };
  const lab: SwarmLab = {
    ...built,
    try: (machine, text) => typeLine(shellOf(machine), text),
    async on(machine, text) {
      const { output, exitCode } = await typeLine(shellOf(machine), text);
      if (exitCode !== 0) throw new Error(`${machine}$ ${text}\n${output}[exit ${exitCode}]`);
      return output;
    },
    pass: (seconds) => letTimePass(shellOf('node1').driver, seconds * 1e9),
    async swarm(managers = 1) {
      await lab.on('node1', 'docker swarm init --advertise-addr 192.168.0.11');
      const tokens = {
        manager: (await lab.on('node1', 'docker swarm join-token -q manager')).trim(),
        worker: (await lab.on('node1', 'docker swarm join-token -q worker')).trim(),
      };
      for (let number = 2; number <= nodes; number++) {
        const token = number <= managers ? tokens.manager : tokens.worker;
        await lab.on(`node${number}`, `docker swarm join --token ${token} 192.168.0.11:2377`);
      }
      lab.pass(3);
    },
  };
  return lab;
}
