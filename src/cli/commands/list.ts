/** `netsim list`: the bundled topologies. */
import { readCommonOptions, withCommonOptions } from '../options.ts';
import { bundledNames, loadDescription } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

export const list: NetsimCommand = {
  name: 'list',
  usage: '',
  description: 'show the bundled topologies',
  prepare: (command) => void withCommonOptions(command).allowUnknownOption(false),
  async run(_args, command, surroundings) {
    const { isJson } = readCommonOptions(command, surroundings);
    const all = bundledNames().map(loadDescription);
    if (isJson) {
      const rows = all.map(({ name, title, description, ping }) => ({
        name,
        title,
        description,
        ping,
      }));
      surroundings.write(`${JSON.stringify(rows, null, 2)}\n`);
      return 0;
    }
    const columns = Math.max(...all.map(({ name }) => name.length));
    for (const { name, description } of all) {
      surroundings.write(`${name.padEnd(columns)}  ${description}\n`);
    }
    return 0;
  },
};
