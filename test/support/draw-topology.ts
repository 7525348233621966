// Worlds for drawings: bundled topologies and scripts, wired as the command line does it.

import { Readable } from 'node:stream';
import { Command } from 'commander';
import { readCommonOptions, withCommonOptions } from '../../src/cli/options.ts';
import { openTopology, type Session } from '../../src/cli/session.ts';
import { loadTopology } from '../../src/cli/topologies.ts';
import type { Snapshot } from '../../src/draw/snapshot.ts';
import { takeSnapshot } from '../../src/draw/take-snapshot.ts';
import {
  type DockerTopology,
  machineOf,
  plainTopology,
  type Topology,
} from '../../src/topology/topology.ts';

export interface DrawnWorld {
  readonly session: Session;
  readonly snapshot: Snapshot;
}

const SURROUNDINGS = {
  write: () => {},
  writeError: () => {},
  cwd: import.meta.dirname,
  env: {},
  isTerminal: false,
  stdin: Readable.from(['']),
  onInterrupt: () => {},
};

/** A bundled topology. */
export function drawBundled(name: string): Promise<DrawnWorld> {
  const { topology, script } = loadTopology(name, import.meta.dirname);
  return open(topology, script);
}

/** A script on one machine, or on node1 of a Docker world. */
export function drawScript(
  script: string,
  docker: DockerTopology | null = null,
  machines: Topology['machines'] = new Map(),
): Promise<DrawnWorld> {
  return open({ ...plainTopology('script'), docker, machines }, script);
}

async function open(topology: Topology, script: string): Promise<DrawnWorld> {
  const command = withCommonOptions(new Command('test')).parse([], { from: 'user' });
  const options = readCommonOptions(command, SURROUNDINGS);
  const loaded = { topology, script, scriptFile: 'setup.sh' };
  const session = await openTopology(loaded, options, SURROUNDINGS);
  const snapshot = takeSnapshot(session.world, {
    title: topology.title,
    description: topology.description,
    machineOf: (name) => machineOf(topology, name),
  });
  return { session, snapshot };
}
