/** `netsim play TOPOLOGY`: a page on which the packets of a run move. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Option } from 'commander';
import { NetsimError } from '../../base/errors.ts';
import { drawSnapshot } from '../../draw/draw.ts';
import { writeSvg } from '../../draw/svg.ts';
import { takeSnapshot } from '../../draw/take-snapshot.ts';
import { LANGUAGES, type Language } from '../../draw/words.ts';
import { finishRecording, noteNamespaces, startRecording } from '../../observe/recording.ts';
import { makePageData } from '../../page/make-page-data.ts';
import { buildPage } from '../../page/page.ts';
import { machineOf, type Topology } from '../../topology/topology.ts';
import { readCommonOptions, readComposeOptions, withCommonOptions } from '../options.ts';
import { packagePath } from '../package-folder.ts';
import { findPlace, namespacesOf } from '../place.ts';
import { addressOfName } from '../resolve.ts';
import { openTopology, runCommand, runText, type Session } from '../session.ts';
import type { Surroundings } from '../surroundings.ts';
import { takeTopology } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

interface PlayFlags {
  readonly output?: string;
  readonly lang: Language;
  readonly title: string;
  readonly run: readonly string[];
  readonly open: boolean;
}

/** Echoes of a run that nobody described otherwise. */
const PINGS = '3';
/** Built by viz/build.js. */
const BUILT_FOLDER = packagePath('dist/viz');

export const play: NetsimCommand = {
  name: 'play',
  usage: '<topology> [from] [to]',
  description: 'make a page on which the packets of a run move, and open it',
  help: `
FROM and TO are as for ping: ${PINGS} echoes are sent. TO:PORT is a connection with curl.
With --run the page shows what these commands do, as at the prompt of "netsim shell":
  netsim play docker0 --run 'docker exec c1 curl -s http://192.168.0.1/' -o run.html
The page is one file: it needs no server and no network.
`,
  prepare: (command) =>
    void withCommonOptions(command)
      .allowUnknownOption(false)
      .option('-o, --output <file>', 'where to write the page; else to a temporary folder')
      .option('--run <line>', 'a command line to show; repeatable', keepAll, [])
      .addOption(new Option('--lang <code>', 'language').choices(LANGUAGES).default('en'))
      .option('--title <text>', 'another title', '')
      .option('--no-open', 'do not open the page'),
  async run(args, command, surroundings) {
    const options = readCommonOptions(command, surroundings);
    const flags = command.opts<PlayFlags>();
    const taken = takeTopology(args, { ...surroundings, ...readComposeOptions(command) });
    if (taken === null) {
      throw new NetsimError('usage', 'expected a topology', { hint: 'netsim play overlay' });
    }
    const program = readProgram();
    const { topology } = taken.loaded;
    const silent = { ...surroundings, write: () => {} };
    const session = await openTopology(taken.loaded, options, silent);
    const recorder = startRecording(session.world.sim);
    noteNamespaces(recorder, namespacesOf(session.world));
    const what = await perform(session, topology, taken.rest, flags.run);
    const recording = finishRecording(recorder);
    const page = await makePage(session, topology, flags, what, recording, program);
    const path = writePage(flags.output, topology.name, page, surroundings);
    const count = recording.events.timeNs.length;
    surroundings.write(`${path}: ${count} events, ${Math.ceil(page.length / 1024)} kB\n`);
    if (flags.open && flags.output === undefined) openPage(path);
    return 0;
  },
};

function keepAll(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** Runs what the page is to show. @returns it in words. */
async function perform(
  session: Session,
  topology: Topology,
  words: readonly string[],
  lines: readonly string[],
): Promise<string> {
  for (const line of lines) await runText(session, line, 'netsim');
  if (lines.length > 0) return lines.join('; ');
  const from = words.length >= 2 ? words[0] : topology.ping?.from;
  const to = words.at(-1) ?? topology.ping?.to;
  if (from === undefined || to === undefined || words.length > 2) {
    throw new NetsimError('no-default-ping', `${topology.name}: expected FROM and TO`, {
      hint: `netsim play ${topology.name} FROM TO, or --run 'COMMAND'`,
    });
  }
  const place = findPlace(session, from);
  const url = /^([^/:]+):(\d{1,5})$/.exec(to);
  const name = url?.[1] ?? to;
  const target = addressOfName(session, place, name) ?? name;
  const argv =
    url === null
      ? ['ping', '-c', PINGS, target]
      : ['curl', '-s', '-m', '5', `http://${target}:${url[2]}/`];
  await runCommand(session, place, argv);
  return `${from} → ${to}`;
}

async function makePage(
  session: Session,
  topology: Topology,
  flags: PlayFlags,
  what: string,
  recording: ReturnType<typeof finishRecording>,
  program: { readonly script: string; readonly style: string },
): Promise<string> {
  const { lang: language } = flags;
  const snapshot = takeSnapshot(session.world, {
    title: topology.title,
    description: topology.description,
    machineOf: (name) => machineOf(topology, name),
  });
  const { placement, scene } = await drawSnapshot(snapshot, {
    detail: 'devices',
    isFolded: null,
    theme: 'light',
    language,
    title: topology.title,
    hasLegend: false,
    aspect: null,
  });
  const title = flags.title !== '' ? flags.title : `${what}: ${topology.title}`;
  const data = makePageData({ title, language, snapshot, placement, recording });
  return buildPage({ data, svg: writeSvg(scene, { idPrefix: 'net-' }), ...program });
}

function readProgram(): { script: string; style: string } {
  try {
    return {
      script: readFileSync(join(BUILT_FOLDER, 'page.js'), 'utf8'),
      style: readFileSync(join(BUILT_FOLDER, 'page.css'), 'utf8'),
    };
  } catch {
    throw new NetsimError('not-built', "the page's program is not built", {
      hint: 'npm run build',
    });
  }
}

function writePage(
  output: string | undefined,
  name: string,
  page: string,
  { cwd }: Surroundings,
): string {
  const path =
    output === undefined
      ? join(mkdtempSync(join(tmpdir(), 'netsim-')), `${name.replaceAll(/[^\w.-]/g, '_')}.html`)
      : resolve(cwd, output);
  try {
    writeFileSync(path, page);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // node:fs throws nothing else
    throw new NetsimError('page-write', `cannot write ${path}: ${code}`, {
      hint: '-o takes a file in a folder that exists',
    });
  }
  return path;
}

/** Shows the page in the browser of this machine, if it has a screen. */
function openPage(path: string): void {
  const programs: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };
  const hasScreen = process.platform !== 'linux' || process.env.DISPLAY !== undefined;
  if (!hasScreen) return;
  const program = programs[process.platform] ?? 'xdg-open';
  const child = spawn(program, [path], { stdio: 'ignore', detached: true });
  child.on('error', () => {}); // no browser: the path was printed
  child.unref();
}
