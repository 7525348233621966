/** `netsim graph TOPOLOGY`: the network as a picture, and the way of a packet through it. */
import { extname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { NetsimError } from '../../base/errors.ts';
import { DETAILS, type Detail, type Drawing, drawSnapshot } from '../../draw/draw.ts';
import { FORMATS, type Format, isTextFormat, writeDrawing } from '../../draw/formats.ts';
import { aspectOf, makePage, PAGE_SIZES, type Page, type PageSize } from '../../draw/page.ts';
import { takeSnapshot } from '../../draw/take-snapshot.ts';
import { THEMES, type ThemeName } from '../../draw/theme.ts';
import { LANGUAGES, type Language } from '../../draw/words.ts';
import { machineOf } from '../../topology/topology.ts';
import { readWishes, walkWays } from '../draw-ways.ts';
import { readCommonOptions, readComposeOptions, withCommonOptions } from '../options.ts';
import { closeSession, openTopology } from '../session.ts';
import type { Surroundings } from '../surroundings.ts';
import { takeTopology } from '../topologies.ts';
import { writeWhole } from '../write-whole.ts';
import type { NetsimCommand } from './command.ts';

interface GraphFlags {
  readonly output?: string;
  readonly format?: Format;
  readonly path: readonly string[];
  readonly detail: Detail;
  readonly fold?: boolean;
  readonly theme: ThemeName;
  readonly lang: Language;
  readonly size: PageSize;
  readonly title: string;
  readonly legend?: boolean;
}

/** Endings of file names that mean another format. */
const ENDINGS: Readonly<Record<string, Format>> = {
  htm: 'html',
  mmd: 'md',
  markdown: 'md',
  gv: 'dot',
};

export const graph: NetsimCommand = {
  name: 'graph',
  usage: '<topology>',
  description: 'draw the network as it is wired, and the way of a packet through it',
  help: `
Examples:
  netsim graph overlay -o net.svg
  netsim graph compose.yaml --detail services -o net.png
  netsim graph overlay-by-hand --path c1 c2 -o way.pdf --legend      the way of a ping, step by step
  netsim graph port-map --path out host:8080 -o way.svg      the way of a connection
  netsim graph isolation --path a1 a2 --path a1 b1           two ways side by side
Without -o the file goes to standard output. Exit code: 0 drawn, 2 a mistake in the command line.
`,
  prepare,
  async run(args, command, surroundings) {
    const flags = command.opts<GraphFlags>();
    const format = formatOf(flags);
    const { drawing, page } = await draw(args, command, flags, surroundings);
    const content = await render(format, drawing, page);
    if (flags.output !== undefined && flags.output !== '-') {
      writeWhole(resolve(surroundings.cwd, flags.output), content, flags.output);
      return 0;
    }
    if (typeof content !== 'string') {
      throw new NetsimError('usage', `${format} is not for the terminal`, {
        hint: `add -o net.${format}`,
      });
    }
    surroundings.write(content);
    return 0;
  },
};

function prepare(command: Command): void {
  withCommonOptions(command)
    .allowUnknownOption(false)
    .option('-o, --output <file>', 'where to write; its ending names the format')
    .addOption(new Option('--format <format>', 'format, if the ending is another').choices(FORMATS))
    .option('--path <names...>', 'FROM TO: send a packet and draw its way; twice for two', [])
    .addOption(new Option('--detail <level>', 'how much').choices(DETAILS).default('devices'))
    .option('--fold', 'one card for equal hosts and containers')
    .option('--no-fold', 'draw every one of them, however many')
    .addOption(new Option('--theme <name>', 'colours').choices(THEMES).default('light'))
    .addOption(new Option('--lang <code>', 'language').choices(LANGUAGES).default('en'))
    .addOption(new Option('--size <size>', 'of the page').choices(PAGE_SIZES).default('auto'))
    .option('--title <text>', 'another title', '')
    .option('--legend', 'say what the signs mean');
}

async function draw(
  args: readonly string[],
  command: Command,
  flags: GraphFlags,
  surroundings: Surroundings,
): Promise<{ drawing: Drawing; page: Page }> {
  const options = readCommonOptions(command, surroundings);
  const { wishes, rest } = readWishes(flags.path);
  const request = { ...surroundings, ...readComposeOptions(command) };
  const taken = takeTopology([...args, ...rest], request);
  if (taken === null) {
    throw new NetsimError('usage', 'expected a topology', { hint: 'netsim graph overlay' });
  }
  if (taken.rest.length > 0) {
    throw new NetsimError('usage', `unexpected argument "${taken.rest[0]}"`, {
      hint: 'netsim graph TOPOLOGY [-o FILE] [--path FROM TO]',
    });
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
  const drawing = await drawSnapshot(
    snapshot,
    {
      detail: flags.detail,
      theme: flags.theme,
      language: flags.lang,
      title: flags.title,
      hasLegend: flags.legend === true,
      isFolded: flags.fold ?? null,
      aspect: aspectOf(flags.size),
    },
    ways,
  );
  closeSession(session);
  return { drawing, page: makePage(drawing.scene, flags.size) };
}

/** The option, else the ending of the file, else SVG. @throws NetsimError for another ending. */
function formatOf({ format, output }: GraphFlags): Format {
  if (format !== undefined) return format;
  if (output === undefined || output === '-') return 'svg';
  const ending = extname(output).slice(1).toLowerCase();
  const found = FORMATS.find((each) => each === ending) ?? ENDINGS[ending];
  if (found !== undefined) return found;
  throw new NetsimError('usage', `${output}: unknown format "${ending}"`, {
    hint: `the formats are ${FORMATS.join(', ')}; --format names one whatever the ending is`,
  });
}

async function render(format: Format, drawing: Drawing, page: Page): Promise<string | Uint8Array> {
  if (isTextFormat(format)) return writeDrawing(format, drawing, page);
  if (format === 'png') return (await import('../render-png.ts')).renderPng(page);
  return (await import('../render-pdf.ts')).renderPdf(page);
}
