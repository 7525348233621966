/** `docker`: the client of the engine on the machine. @source docker cli cmd/docker/docker.go */
import { DockerError } from '../../../docker/engine-record.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../../program.ts';
import {
  type CommandLine,
  type CommandSpec,
  has,
  helpOf,
  readCommandLine,
  UsageError,
} from './command-line.ts';
import { daemonText, engineFor } from './daemon.ts';
import { TemplateError } from './go-template-lex.ts';
import { COMMANDS, type CommandGroup, GROUPS, MISSING } from './tree.ts';

export const docker: ProgramDefinition = {
  name: 'docker',
  async run(context) {
    try {
      return await dispatch(context, context.args);
    } catch (error) {
      if (error instanceof UsageError) {
        context.writeError(error.message);
        return error.exitCode;
      }
      if (error instanceof TemplateError) {
        context.writeError(`${error.message}\n`);
        return 1;
      }
      if (!(error instanceof DockerError)) throw error;
      context.writeError(daemonText(error));
      return 1;
    }
  },
};

/** Options before the command that change nothing here. */
const GLOBAL_SWITCHES = new Set(['-D', '--debug', '--tls', '--tlsverify']);
const GLOBAL_OPTIONS = /^(-H|--host|-c|--context|-l|--log-level|--config|--tls\w+)(=.*)?$/;

async function dispatch(context: ProgramContext, args: readonly string[]): Promise<number> {
  const words = [...args];
  while (words[0]?.startsWith('-') === true) {
    const word = words.shift()!;
    if (GLOBAL_SWITCHES.has(word)) continue;
    if (word === '-v' || word === '--version') {
      const { version } = engineFor(context).profile;
      context.write(`Docker version ${version}, build a72d7cd\n`);
      return 0;
    }
    if (word === '-h' || word === '--help') {
      context.write(rootHelp());
      return 0;
    }
    if (!GLOBAL_OPTIONS.test(word)) {
      throw new UsageError(
        word.startsWith('--')
          ? `unknown flag: ${word.split('=')[0]}\nSee 'docker --help'.\n${rootHelp()}\n`
          : `unknown shorthand flag: '${word[1]}' in ${word}\nSee 'docker --help'.\n${rootHelp()}\n`,
        125,
      );
    }
    if (!word.includes('=')) words.shift();
  }
  const [name, ...rest] = words;
  if (name === undefined) {
    context.write(rootHelp());
    return 0;
  }
  if (name === 'help') return dispatch(context, [...rest, '--help']);
  const group = Object.hasOwn(GROUPS, name) ? GROUPS[name] : undefined;
  if (group !== undefined) return runGroup(context, group, rest);
  const spec = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (spec !== undefined) return runSpec(context, spec, rest);
  if (MISSING.has(name)) return refuse(context, 'docker', name);
  throw new UsageError(`docker: '${name}' is not a docker command.\nSee 'docker --help'\n`, 1);
}

async function runGroup(
  context: ProgramContext,
  group: CommandGroup,
  words: readonly string[],
): Promise<number> {
  const [word, ...rest] = words;
  if (word === undefined || word === '--help' || word === '-h') {
    context.write(groupHelp(group));
    return 0;
  }
  if (word.startsWith('-')) {
    const what = word.startsWith('--')
      ? `unknown flag: ${word.split('=')[0]}`
      : `unknown shorthand flag: '${word[1]}' in ${word}`;
    throw new UsageError(`${what}\nSee '${group.path} --help'.\n${groupHelp(group)}`, 125);
  }
  const name = Object.hasOwn(group.aliases, word) ? group.aliases[word]! : word;
  const spec = Object.hasOwn(group.commands, name) ? group.commands[name] : undefined;
  if (spec !== undefined) return runSpec(context, spec, rest);
  if (group.missing.includes(word)) return refuse(context, group.path, word);
  throw new UsageError(groupHelp(group), 1);
}

async function runSpec(
  context: ProgramContext,
  spec: CommandSpec,
  words: readonly string[],
): Promise<number> {
  const line = readCommandLine(spec, words);
  if (line.values.has('help')) {
    context.write(helpOf(spec));
    return 0;
  }
  tellIgnored(context, line);
  return spec.run(context, line);
}

/** Options that are taken and have no effect are named once. */
function tellIgnored(context: ProgramContext, line: CommandLine): void {
  for (const { name, isIgnored } of line.spec.flags) {
    if (isIgnored !== true || !has(line, name)) continue;
    context.writeError(`docker: option --${name} is not emulated by netsim\n`);
  }
}

function groupHelp({ path, short, commands }: CommandGroup): string {
  return `\nUsage:  ${path} COMMAND\n\n${short}\n\nCommands:\n${listOfCommands(commands)}\nRun '${path} COMMAND --help' for more information on a command.\n`;
}

function listOfCommands(commands: Readonly<Record<string, { readonly short: string }>>): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  return Object.entries(commands)
    .map(([name, { short }]) => `  ${name.padEnd(Math.max(width, 11))} ${short}\n`)
    .join('');
}

function rootHelp(): string {
  return `
Usage:  docker [OPTIONS] COMMAND

A self-sufficient runtime for containers

Management Commands:
${listOfCommands(GROUPS)}
Commands:
${listOfCommands(COMMANDS)}
Global Options:
  -v, --version            Print version information and quit

Run 'docker COMMAND --help' for more information on a command.
`;
}
