/** `docker version`, `info`, `events`, `inspect`, `system prune`, `system df`. */
import { findContainer, pruneContainers } from '../../../docker/container-create.ts';
import { type DockerEngine, DockerError, type EngineEvent } from '../../../docker/engine-record.ts';
import { findImage } from '../../../docker/images.ts';
import { findNetwork, pruneNetworks } from '../../../docker/network-create.ts';
import { timeNs } from '../../../engine/simulator.ts';
import {
  type CommandLine,
  type CommandSpec,
  has,
  listOf,
  textOf,
  UsageError,
} from './command-line.ts';
import { containerDocument } from './container-document.ts';
import { engineFor, fits, readFilters } from './daemon.ts';
import { humanSize, paddedTimestamp, parseGoDuration } from './duration-text.ts';
import { parseGoTemplate } from './go-template.ts';
import { TemplateError } from './go-template-lex.ts';
import { encodeJson, type GoStruct, goMap, goStruct } from './go-value.ts';
import { pruneImages } from './image-commands.ts';
import { imageDocument } from './image-document.ts';
import { inspect, runTemplate } from './inspect.ts';
import { PRUNE_FLAGS } from './lifecycle.ts';
import { isConfirmed } from './network-commands.ts';
import { networkDocument } from './network-document.ts';
import { SIGNAL_CODES } from './running.ts';
import { infoDocument, infoText, versionDocument, versionText } from './system-texts.ts';

const MANY = [1, Number.POSITIVE_INFINITY] as const;

function render(format: string, document: GoStruct): string {
  if (format === 'json') return `${encodeJson(document)}\n`;
  try {
    return `${runTemplate(parseGoTemplate(format), document)}\n`;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new UsageError(`template parsing error: ${error.message}\n`, 64);
  }
}

export const versionCommand: CommandSpec = {
  path: 'docker version',
  operands: '[OPTIONS]',
  short: 'Show the Docker version information',
  flags: [
    { name: 'format', short: 'f', kind: 'string', help: "Format output: 'json' or a Go template" },
  ],
  count: [0, 0],
  run(context, line) {
    const engine = engineFor(context);
    const format = textOf(line, 'format');
    context.write(format === '' ? versionText(engine) : render(format, versionDocument(engine)));
    return 0;
  },
};

export const infoCommand: CommandSpec = {
  path: 'docker info',
  operands: '[OPTIONS]',
  short: 'Display system-wide information',
  aliases: 'docker system info, docker info',
  flags: [
    { name: 'format', short: 'f', kind: 'string', help: "Format output: 'json' or a Go template" },
  ],
  count: [0, 0],
  run(context, line) {
    const engine = engineFor(context);
    const format = textOf(line, 'format');
    context.write(format === '' ? infoText(engine) : render(format, infoDocument(engine)));
    return 0;
  },
};

/** `docker inspect`: containers, images and networks, in this order. */
export const inspectCommand: CommandSpec = {
  path: 'docker inspect',
  operands: '[OPTIONS] NAME|ID [NAME|ID...]',
  short: 'Return low-level information on Docker objects',
  flags: [
    { name: 'format', short: 'f', kind: 'string', help: "Format output: 'json' or a Go template" },
    {
      name: 'size',
      short: 's',
      kind: 'bool',
      help: 'Display total file sizes if the type is container',
    },
    { name: 'type', kind: 'string', help: 'Return JSON for specified type' },
  ],
  count: MANY,
  run(context, line) {
    const engine = engineFor(context);
    const type = textOf(line, 'type');
    if (type !== '' && !KINDS.some(({ name }) => name === type)) {
      throw new UsageError(`"${type}" is not a valid value for --type\n`, 1);
    }
    return inspect(
      context,
      line.operands,
      textOf(line, 'format'),
      (name) => findAnything(engine, name, type),
      (error) => `Error: ${error.message}\n`,
    );
  },
};

interface Kind {
  readonly name: string;
  readonly find: (engine: DockerEngine, reference: string) => GoStruct | null;
}

const KINDS: readonly Kind[] = [
  {
    name: 'container',
    find: (engine, reference) => containerDocument(engine, findContainer(engine, reference)),
  },
  {
    name: 'image',
    find: (engine, reference) => {
      const image = findImage(engine, reference);
      return image === null ? null : imageDocument(engine, image);
    },
  },
  {
    name: 'network',
    find: (engine, reference) => networkDocument(engine, findNetwork(engine, reference)),
  },
  { name: 'volume', find: () => null },
];

function findAnything(engine: DockerEngine, reference: string, type: string): GoStruct {
  for (const kind of KINDS) {
    if (type !== '' && kind.name !== type) continue;
    try {
      const document = kind.find(engine, reference);
      if (document !== null) return document;
    } catch (error) {
      if (!(error instanceof DockerError) || error.status !== 404) throw error;
    }
  }
  throw new DockerError(404, `No such ${type === '' ? 'object' : type}: ${reference}`);
}

export const eventsCommand: CommandSpec = {
  path: 'docker events',
  operands: '[OPTIONS]',
  short: 'Get real time events from the server',
  aliases: 'docker system events, docker events',
  flags: [
    {
      name: 'filter',
      short: 'f',
      kind: 'list',
      placeholder: 'filter',
      help: 'Filter output based on conditions provided',
    },
    { name: 'format', kind: 'string', help: "Format output: 'json' or a Go template" },
    { name: 'since', kind: 'string', help: 'Show all events created since timestamp' },
    { name: 'until', kind: 'string', help: 'Stream events until this timestamp' },
  ],
  count: [0, 0],
  async run(context, line) {
    const engine = engineFor(context);
    const show = (event: EngineEvent): void => {
      if (isWanted(line, event)) context.write(eventText(engine, event, textOf(line, 'format')));
    };
    const nowNs = timeNs(engine.world.sim);
    const sinceNs = momentOf(engine, textOf(line, 'since'));
    const untilNs = momentOf(engine, textOf(line, 'until'));
    if (sinceNs !== null) {
      engine.events
        .filter((event) => event.timeNs >= sinceNs && event.timeNs <= (untilNs ?? nowNs))
        .forEach(show);
    }
    if (untilNs !== null && untilNs <= nowNs) return 0;
    engine.eventListeners.add(show);
    const exitCode = await context.run('docker', function* (process) {
      while (process.signal === null) yield;
      return SIGNAL_CODES[process.signal];
    });
    engine.eventListeners.delete(show);
    return exitCode;
  },
};

/** `10m` ago, or seconds since 1970; null for the empty text. */
function momentOf(engine: DockerEngine, text: string): number | null {
  if (text === '') return null;
  const nowNs = timeNs(engine.world.sim);
  const agoNs = parseGoDuration(text);
  if (agoNs !== null) return nowNs - agoNs;
  const seconds = Number(text);
  if (Number.isNaN(seconds)) {
    throw new UsageError(
      `Error response from daemon: failed to parse value as time or duration: ${JSON.stringify(text)}\n`,
      1,
    );
  }
  return (seconds - engine.world.epochS) * 1e9;
}

function isWanted(line: CommandLine, event: EngineEvent): boolean {
  const known = ['container', 'event', 'image', 'label', 'network', 'type', 'scope', 'daemon'];
  const filters = readFilters(listOf(line, 'filter'), known);
  const isIt = (value: string): boolean =>
    event.id.startsWith(value) || event.attributes.get('name') === value;
  return (
    fits(filters, 'type', (value) => event.type === value) &&
    fits(filters, 'event', (value) => event.action.split(':')[0] === value) &&
    fits(filters, 'container', (value) => event.type === 'container' && isIt(value)) &&
    fits(filters, 'network', (value) => event.type === 'network' && isIt(value)) &&
    fits(filters, 'image', (value) => event.attributes.get('image') === value || isIt(value))
  );
}

function eventText(engine: DockerEngine, event: EngineEvent, format: string): string {
  const { timeNs: atNs, type, action, id, attributes } = event;
  if (format !== '') return render(format, eventDocument(engine, event));
  const keys = [...attributes.keys()].sort();
  const list = keys.map((key) => `${key}=${attributes.get(key)}`).join(', ');
  const stamp = paddedTimestamp(engine.world.epochS, atNs);
  return `${stamp} ${type} ${action} ${id}${list === '' ? '' : ` (${list})`}\n`;
}

function eventDocument(engine: DockerEngine, event: EngineEvent): GoStruct {
  const seconds = engine.world.epochS + Math.floor(event.timeNs / 1e9);
  const isContainer = event.type === 'container';
  return goStruct('events.Message', {
    ...(isContainer
      ? { status: event.action, id: event.id, from: event.attributes.get('image') ?? '' }
      : {}),
    Type: event.type,
    Action: event.action,
    Actor: goStruct('events.Actor', { ID: event.id, Attributes: goMap(event.attributes) }),
    scope: 'local',
    time: seconds,
    timeNano: seconds * 1e9 + (event.timeNs % 1e9),
  });
}

export const systemPrune: CommandSpec = {
  path: 'docker system prune',
  operands: '[OPTIONS]',
  short: 'Remove unused data',
  flags: [
    ...PRUNE_FLAGS,
    {
      name: 'all',
      short: 'a',
      kind: 'bool',
      help: 'Remove all unused images not just dangling ones',
    },
    { name: 'volumes', kind: 'bool', help: 'Prune anonymous volumes' },
  ],
  count: [0, 0],
  run(context, line) {
    const engine = engineFor(context);
    const isAll = has(line, 'all');
    const warning = [
      'WARNING! This will remove:',
      '  - all stopped containers',
      '  - all networks not used by at least one container',
      ...(has(line, 'volumes')
        ? ['  - all anonymous volumes not used by at least one container']
        : []),
      isAll
        ? '  - all images without at least one container associated to them'
        : '  - all dangling images',
      `  - ${isAll ? 'all' : 'unused'} build cache`,
      '',
    ].join('\n');
    if (!isConfirmed(context, line, warning)) return 0;
    const ids = context.kernel(() => pruneContainers(engine));
    const names = context.kernel(() => pruneNetworks(engine));
    const images = pruneImages(context, engine, isAll);
    const section = (title: string, list: readonly string[]): string =>
      list.length === 0 ? '' : `${title}\n${list.map((each) => `${each}\n`).join('')}\n`;
    context.write(section('Deleted Containers:', ids));
    context.write(section('Deleted Networks:', names));
    context.write(`${images.text}Total reclaimed space: ${humanSize(images.bytes)}\n`);
    return 0;
  },
};
