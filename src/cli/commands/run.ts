/** `netsim run SCRIPT`: a bash script of ip, bridge, iptables, ping ... as it is. */
import { basename, resolve } from 'node:path';
import { NetsimError } from '../../base/errors.ts';
import { isRecordedScript } from '../../shell/run-script.ts';
import { readCommonOptions, withCommonOptions } from '../options.ts';
import { reportJson } from '../report.ts';
import {
  closeSession,
  makeSession,
  runText,
  startObservers,
  startObserversFromBirth,
} from '../session.ts';
import { bundledNames, loadTopology, readScript } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

export const run: NetsimCommand = {
  name: 'run',
  usage: '<script> [arguments...]',
  description: 'run a bash script of ip, bridge, iptables, sysctl, ping, curl ...',
  help: `
A line \`#@record\` in the script opens the captures of --pcap on every interface but lo, and on none
that is made later; in a script without it they are open from the birth of each interface.
`,
  prepare: (command) => void withCommonOptions(command),
  async run(args, command, surroundings) {
    const options = readCommonOptions(command, surroundings);
    const [path, ...rest] = args;
    if (path === undefined) {
      throw new NetsimError('usage', 'expected a script', { hint: 'netsim run lab.sh --pcap out' });
    }
    if (/\.(md|markdown)$/i.test(path)) {
      throw new NetsimError('not-yet', 'running the commands of a Markdown file comes later', {
        hint: 'copy them into a script: netsim run lab.sh',
      });
    }
    const text = bundledNames().includes(path)
      ? loadTopology(path, surroundings.cwd).script
      : readScript(resolve(surroundings.cwd, path), path);
    const session = makeSession(options, surroundings);
    const fileName = basename(path);
    let exitCode: number;
    try {
      exitCode = await runText(session, text, fileName, {
        onRecord: () =>
          isRecordedScript(text) ? startObservers(session) : startObserversFromBirth(session),
        args: rest,
      });
    } finally {
      closeSession(session);
    }
    if (options.isJson) reportJson(session, { command: 'run', script: path, exitCode });
    return exitCode;
  },
};
