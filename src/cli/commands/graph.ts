/** `netsim graph TOPOLOGY`: draws it. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option } from 'commander';
import { NetsimError } from '../../base/errors.ts';
import { DETAILS, type Detail, drawSnapshot } from '../../draw/draw.ts';
import { writeSvg } from '../../draw/svg.ts';
import { takeSnapshot } from '../../draw/take-snapshot.ts';
import { THEMES, type ThemeName } from '../../draw/theme.ts';
import { LANGUAGES, type Language } from '../../draw/words.ts';
import { machineOf } from '../../topology/topology.ts';
import { readWishes, walkWays } from '../draw-ways.ts';
import { readCommonOptions, readComposeOptions, withCommonOptions } from '../options.ts';
import { openTopology } from '../session.ts';
import { takeTopology } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

interface GraphFlags {
  readonly output?: string;
  readonly path: readonly string[];
  readonly theme: ThemeName;
  readonly lang: Language;
  readonly detail: Detail;
  readonly title: string;
  readonly legend?: boolean;
  readonly fold?: boolean;
}

export const graph: NetsimCommand = {
  name: 'graph',
  usage: '<topology>',
  description: 'draw the network as it is wired, and the way of a packet through it',
  prepare: (command) =>
    void withCommonOptions(command)
      .allowUnknownOption(false)
      .option('-o, --output <file>', 'where to write; the ending names the format')
      .option(
        '--path <names...>',
        'FROM TO: send a packet and draw its way; twice for two ways',
        [],
      )
      .addOption(new Option('--detail <level>', 'how much').choices(DETAILS).default('devices'))
      .addOption(new Option('--theme <name>', 'colours').choices(THEMES).default('light'))
      .addOption(new Option('--lang <code>', 'language').choices(LANGUAGES).default('en'))
      .option('--title <text>', 'another title', '')
      .option('--fold', 'one card for equal hosts and containers')
      .option('--no-fold', 'every one of them, however many')
      .option('--legend', 'say what the signs mean'),
  async run(args, command, surroundings) {
    const options = readCommonOptions(command, surroundings);
    const flags = command.opts<GraphFlags>();
    const { wishes, rest } = readWishes(flags.path);
    const request = { ...surroundings, ...readComposeOptions(command) };
    const taken = takeTopology([...args, ...rest], request);
    if (taken === null) {
      throw new NetsimError('usage', 'expected a topology', { hint: 'netsim graph overlay' });
    }
    const { topology } = taken.loaded;
    const silent = { ...surroundings, write: () => {} };
    const session = await openTopology(taken.loaded, options, silent);
    const ways = await walkWays(session, wishes);
    const snapshot = takeSnapshot(session.world, {
      title: topology.title,
      description: topology.description,
      machineOf: (name) => machineOf(topology, name),
    });
    const { theme, lang: language, detail, title } = flags;
    const hasLegend = flags.legend === true;
    const scene = await drawSnapshot(
      snapshot,
      { detail, theme, language, title, hasLegend, isFolded: flags.fold ?? null, aspect: null },
      ways,
    );
    const text = writeSvg(scene);
    const { output } = flags;
    if (output === undefined) surroundings.write(text);
    else writeFileSync(resolve(surroundings.cwd, output), text);
    return 0;
  },
};
