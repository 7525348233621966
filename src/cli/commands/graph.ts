/** `netsim graph TOPOLOGY`: draws it. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { NetsimError } from '../../base/errors.ts';
import { drawSnapshot } from '../../draw/draw.ts';
import { writeSvg } from '../../draw/svg.ts';
import { takeSnapshot } from '../../draw/take-snapshot.ts';
import { machineOf } from '../../topology/topology.ts';
import { readCommonOptions, readComposeOptions, withCommonOptions } from '../options.ts';
import { openTopology } from '../session.ts';
import { takeTopology } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

interface GraphFlags {
  readonly output?: string;
}

export const graph: NetsimCommand = {
  name: 'graph',
  usage: '<topology>',
  description: 'draw the network as it is wired',
  prepare: (command) =>
    void withCommonOptions(command)
      .allowUnknownOption(false)
      .option('-o, --output <file>', 'where to write; the ending names the format'),
  async run(args, command, surroundings) {
    const options = readCommonOptions(command, surroundings);
    const taken = takeTopology(args, { ...surroundings, ...readComposeOptions(command) });
    if (taken === null) {
      throw new NetsimError('usage', 'expected a topology', { hint: 'netsim graph overlay' });
    }
    const { topology } = taken.loaded;
    const session = await openTopology(taken.loaded, options, surroundings);
    const snapshot = takeSnapshot(session.world, {
      title: topology.title,
      description: topology.description,
      machineOf: (name) => machineOf(topology, name),
    });
    const scene = await drawSnapshot(snapshot, {
      detail: 'devices',
      theme: 'light',
      language: 'en',
      title: '',
      hasLegend: false,
    });
    const text = writeSvg(scene);
    const { output } = command.opts<GraphFlags>();
    if (output === undefined) surroundings.write(text);
    else writeFileSync(resolve(surroundings.cwd, output), text);
    return 0;
  },
};
