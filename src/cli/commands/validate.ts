/** `netsim validate [FILE...]`: all mistakes of Compose files, with their places. */
import { resolve } from 'node:path';
import { NetsimError } from '../../base/errors.ts';
import { PROBLEMS_MAX, problemText } from '../../topology/compose/problem.ts';
import { composeFilesAround, composeFilesIn, loadComposeFiles } from '../compose-files.ts';
import { readCommonOptions, readComposeOptions, withCommonOptions } from '../options.ts';
import type { NetsimCommand } from './command.ts';

export const validate: NetsimCommand = {
  name: 'validate',
  usage: '[compose files...]',
  description: 'check Compose files and tell every mistake with its place',
  help: `
Several files are merged, later ones over earlier ones. Without one the Compose file of the current
folder is taken, as Compose finds it. Exit code: 0 valid, 1 not.
`,
  prepare: (command) => void withCommonOptions(command).allowUnknownOption(false),
  async run(args, command, surroundings) {
    const { isJson } = readCommonOptions(command, surroundings);
    const request = { ...surroundings, ...readComposeOptions(command) };
    const paths = pathsOf([...request.files, ...args], request.cwd, request.env);
    const { project, problems, warnings } = loadComposeFiles(paths, request);
    if (isJson) {
      const valid = project !== null;
      surroundings.write(`${JSON.stringify({ valid, problems, warnings }, null, 2)}\n`);
      return valid ? 0 : 1;
    }
    for (const warning of warnings) surroundings.writeError(`netsim: warning: ${warning}\n`);
    if (project === null) {
      const lines = problems.slice(0, PROBLEMS_MAX).map(problemText);
      if (problems.length > lines.length) lines.push(`and ${problems.length - lines.length} more`);
      surroundings.writeError(lines.map((line) => `${line}\n`).join(''));
      return 1;
    }
    const count = (number: number, word: string): string =>
      `${number} ${word}${number === 1 ? '' : 's'}`;
    const parts = [
      count(project.services.length, 'service'),
      count(project.networks.length, 'network'),
      count(project.nodes, 'node'),
    ];
    surroundings.write(`project ${project.name}: ${parts.join(', ')}: valid\n`);
    return 0;
  },
};

function pathsOf(
  named: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  if (named.length === 0) {
    const found = composeFilesAround({ cwd, env });
    if (found.length > 0) return found;
    throw new NetsimError('usage', 'there is no Compose file in this folder or above', {
      hint: 'netsim validate compose.yaml',
    });
  }
  return named.flatMap((name) => {
    const path = resolve(cwd, name);
    const inside = composeFilesIn(path);
    return inside.length > 0 ? inside : [path];
  });
}
