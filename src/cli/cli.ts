/** `netsim VERB TOPOLOGY [arguments]`: finds the command, reads its options, runs it. */
import { Command, CommanderError } from 'commander';
import { NetsimError } from '../base/errors.ts';
import { suggestionFor } from '../base/suggest.ts';
import type { NetsimCommand } from './commands/command.ts';
import { COMMANDS } from './commands/index.ts';
import { currentRun } from './current-run.ts';
import { printError } from './error-text.ts';
import { rewriteFileFlags } from './options.ts';
import { EXIT_USAGE, type Surroundings } from './surroundings.ts';

/** Runs a command line (without `node` and the script). @returns the exit code. */
export async function runCli(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    const [verb, ...rest] = argv;
    if (verb === undefined || verb === 'help' || verb === '-h' || verb === '--help') {
      return await showHelp(rest[0], surroundings);
    }
    if (verb === '-V' || verb === '--version') return await runVerb('version', [], surroundings);
    return await runVerb(verb, rest, surroundings);
  } catch (error) {
    return printError(error, surroundings, currentRun());
  }
}

async function runVerb(
  verb: string,
  args: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const definition = await findCommand(verb);
  const command = makeCommand(definition, surroundings);
  let exitCode = 0;
  command.action(async () => {
    exitCode = await definition.run(command.args, command, surroundings);
  });
  try {
    await command.parseAsync(rewriteFileFlags(args), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  return exitCode;
}

/** One of netsim's own commands, or a program of the emulated shell. */
async function findCommand(verb: string): Promise<NetsimCommand> {
  const load = Object.hasOwn(COMMANDS, verb) ? COMMANDS[verb] : undefined;
  if (load !== undefined) return load();
  const { PROGRAMS } = await import('../shell/programs/index.ts');
  const programs = PROGRAMS.map(({ name }) => name);
  if (programs.includes(verb)) {
    const { programCommand } = await import('./commands/program.ts');
    return programCommand(verb);
  }
  throw new NetsimError('unknown-command', `unknown command "${verb}"`, {
    hint: suggestionFor(verb, [...Object.keys(COMMANDS), ...programs]),
  });
}

function makeCommand(definition: NetsimCommand, surroundings: Surroundings): Command {
  const command = new Command(`netsim ${definition.name}`)
    .usage(`${definition.usage} [options]`.trim())
    .description(definition.description)
    .exitOverride()
    .configureOutput({
      writeOut: surroundings.write,
      writeErr: (text) => surroundings.writeError(text.replace(/^error: /, 'netsim: ')),
    });
  definition.prepare(command);
  // All words are read by the command itself: the topology first.
  command.argument('[words...]').helpOption('--help', 'show this help');
  command.configureHelp({ visibleArguments: () => [] });
  if (definition.help !== undefined) command.addHelpText('after', definition.help);
  return command;
}

async function showHelp(verb: string | undefined, surroundings: Surroundings): Promise<number> {
  if (verb !== undefined) {
    surroundings.write(makeCommand(await findCommand(verb), surroundings).helpInformation());
    return 0;
  }
  surroundings.write('usage: netsim VERB TOPOLOGY [arguments] [options]\n\n');
  for (const load of Object.values(COMMANDS)) {
    const { name, description } = await load();
    surroundings.write(`  ${name.padEnd(9)} ${description}\n`);
  }
  surroundings.write(`  PROGRAM   any program of the emulated shell: netsim traceroute routers client server

TOPOLOGY is a bundled name (netsim list), a folder, a script or a Compose file; without one, the
Compose file of the current folder.
"netsim help VERB" shows the options of a verb.
`);
  return 0;
}
