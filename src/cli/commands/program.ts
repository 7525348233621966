/** `netsim PROGRAM TOPOLOGY NAMESPACE ARGUMENTS...` for every program of the emulated shell. */
import { NetsimError } from '../../base/errors.ts';
import { readCommonOptions, readComposeOptions, withCommonOptions } from '../options.ts';
import { findPlace } from '../place.ts';
import { reportJson } from '../report.ts';
import { addressOfName } from '../resolve.ts';
import { closeSession, openTopology, runCommand } from '../session.ts';
import { takeTopology } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

/** Programs whose arguments may be names of namespaces, which stand for their addresses. */
const TAKES_NAMES = new Set(['traceroute', 'arping', 'nc', 'telnet']);

/** The command that runs the program of this name. */
export function programCommand(name: string): NetsimCommand {
  return {
    name,
    usage: '<topology> <namespace> [arguments...]',
    description: `run ${name} in a namespace of a topology`,
    prepare: (command) => void withCommonOptions(command),
    async run(args, command, surroundings) {
      const options = readCommonOptions(command, surroundings);
      const taken = takeTopology(args, { ...surroundings, ...readComposeOptions(command) });
      const [place, ...rest] = taken?.rest ?? [];
      if (taken === null || place === undefined) {
        throw new NetsimError('usage', 'expected a topology and a namespace', {
          hint: `netsim ${name} docker0 c1 ...`,
        });
      }
      const session = await openTopology(taken.loaded, options, surroundings);
      const where = findPlace(session, place);
      const argv = TAKES_NAMES.has(name)
        ? rest.map((word) => addressOfName(session, where, word) ?? word)
        : rest;
      const exitCode = await runCommand(session, where, [name, ...argv]);
      closeSession(session);
      if (options.isJson) reportJson(session, { command: name, topology: taken.name, exitCode });
      return exitCode;
    },
  };
}
