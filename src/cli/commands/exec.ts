/** `netsim exec TOPOLOGY NAMESPACE -- COMMAND...`: one command in one namespace. */
import { NetsimError } from '../../base/errors.ts';
import { readCommonOptions, readComposeOptions, withCommonOptions } from '../options.ts';
import { findPlace } from '../place.ts';
import { reportJson } from '../report.ts';
import { closeSession, openTopology, runCommand } from '../session.ts';
import { takeTopology } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

export const exec: NetsimCommand = {
  name: 'exec',
  usage: '<topology> <namespace> -- <command...>',
  description: 'run one command in a namespace of a topology',
  help: '\nExample: netsim exec docker0 host -- iptables -t nat -nvL\n',
  prepare: (command) => void withCommonOptions(command),
  async run(args, command, surroundings) {
    const options = readCommonOptions(command, surroundings);
    const taken = takeTopology(args, { ...surroundings, ...readComposeOptions(command) });
    const [place, ...argv] = taken?.rest ?? [];
    if (taken === null || place === undefined || argv.length === 0) {
      throw new NetsimError('usage', 'expected a topology, a namespace and a command', {
        hint: 'netsim exec docker0 c1 -- ip route',
      });
    }
    const session = await openTopology(taken.loaded, options, surroundings);
    const exitCode = await runCommand(session, findPlace(session, place), argv);
    closeSession(session);
    if (options.isJson) reportJson(session, { command: 'exec', topology: taken.name, exitCode });
    return exitCode;
  },
};
