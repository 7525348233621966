/** `netsim version` */
import { readFileSync } from 'node:fs';
import { packagePath } from '../package-folder.ts';
import type { NetsimCommand } from './command.ts';

/** From package.json: the only place that names it. */
export function readVersion(): string {
  const text = readFileSync(packagePath('package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version; // our own file
}

export const version: NetsimCommand = {
  name: 'version',
  usage: '',
  description: 'print the version',
  prepare: () => {},
  async run(_args, _command, surroundings) {
    surroundings.write(`netsim ${readVersion()}\n`);
    return 0;
  },
};
