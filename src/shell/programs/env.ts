/** `env` and `printenv`: what a program gets from who started it. */

import type { ProgramDefinition } from '../program.ts';
import { GROUP_VARIABLE, quoteWord } from '../shell.ts';

export const env: ProgramDefinition = {
  name: 'env',
  async run(context) {
    const words = [...context.args];
    const variables = new Map(context.env);
    const changes: string[] = [];
    while (words.length > 0) {
      const word = words[0]!;
      if (word === '-i' || word === '-') variables.clear();
      else if (word === '-u') variables.delete(words[1] ?? '');
      else if (/^[A-Za-z_]\w*=/.test(word)) {
        const at = word.indexOf('=');
        variables.set(word.slice(0, at), word.slice(at + 1));
        changes.push(`${word.slice(0, at)}=${quoteWord(word.slice(at + 1))}`);
      } else break;
      words.splice(0, word === '-u' ? 2 : 1);
    }
    if (words.length > 0) {
      return context.call(['eval', [...changes, ...words.map(quoteWord)].join(' ')]);
    }
    for (const [name, value] of variables) {
      if (name !== GROUP_VARIABLE) context.write(`${name}=${value}\n`);
    }
    return 0;
  },
};

export const printenv: ProgramDefinition = {
  name: 'printenv',
  async run(context) {
    if (context.args.length === 0) return env.run(context);
    let exitCode = 0;
    for (const name of context.args) {
      const value = context.env.get(name);
      if (value === undefined) exitCode = 1;
      else context.write(`${value}\n`);
    }
    return exitCode;
  },
};
