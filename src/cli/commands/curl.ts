/** `netsim curl TOPOLOGY FROM URL... [--repeat N]`: what the server answers, as often as wanted. */
import { NetsimError } from '../../base/errors.ts';
import { readCommonOptions, readComposeOptions, withCommonOptions } from '../options.ts';
import { findPlace, type Place } from '../place.ts';
import { reportJson } from '../report.ts';
import { addressOfName } from '../resolve.ts';
import { closeSession, openTopology, runCommand, type Session } from '../session.ts';
import { takeTopology } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

const REPEAT_MAX = 100_000;

export const curl: NetsimCommand = {
  name: 'curl',
  usage: '<topology> <from> <url...>',
  description: 'fetch a URL from a namespace, once or several times',
  help: `
The host of a URL may be a machine, a container or a namespace. Flags go to curl as they are.
Example: netsim curl mesh client http://node2:3000 --repeat 12
`,
  prepare: (command) =>
    void withCommonOptions(command).option('--repeat <number>', 'how often curl runs', '1'),
  async run(args, command, surroundings) {
    const options = readCommonOptions(command, surroundings);
    const { repeat } = command.opts<{ repeat: string }>();
    const count = Number(repeat);
    if (!/^\d{1,9}$/.test(repeat) || count < 1 || count > REPEAT_MAX) {
      throw new NetsimError(
        'bad-repeat',
        `--repeat: found "${repeat}", expected a number from 1 to ${REPEAT_MAX}`,
      );
    }
    const taken = takeTopology(args, { ...surroundings, ...readComposeOptions(command) });
    const [from, ...rest] = taken?.rest ?? [];
    if (taken === null || from === undefined || rest.length === 0) {
      throw new NetsimError('usage', 'expected a topology, a namespace and a URL', {
        hint: 'netsim curl mesh client http://node2:3000',
      });
    }
    const session = await openTopology(taken.loaded, options, surroundings);
    const place = findPlace(session, from);
    const quiet = count > 1 ? ['-sS'] : [];
    const words = rest.map((word) => withAddress(session, place, word));
    let exitCode = 0;
    for (let number = 0; number < count && exitCode === 0; number++) {
      exitCode = await runCommand(session, place, ['curl', ...quiet, ...words]);
    }
    closeSession(session);
    if (options.isJson) reportJson(session, { command: 'curl', topology: taken.name, exitCode });
    return exitCode;
  },
};

/** A URL whose host is a name of the topology, with the address instead. */
function withAddress(session: Session, place: Place, word: string): string {
  const match = /^((?:[a-z]+:\/\/)?)([\w./-]*?\w)((?::\d+)?(?:\/.*)?)$/i.exec(word);
  if (match === null || word.startsWith('-')) return word;
  const [, scheme = '', host = '', rest = ''] = match;
  const address = addressOfName(session, place, host);
  return address === null ? word : `${scheme}${address}${rest}`;
}
