/** `docker secret` and `docker config`: create, inspect, ls, rm. @source docker cli command/secret, command/config */

import { timeNs } from '../../../engine/simulator.ts';
import {
  createConfig,
  createSecret,
  removeConfig,
  removeSecret,
} from '../../../swarm/api/files.ts';
import type { ConfigObject, SecretObject } from '../../../swarm/objects.ts';
import { type CommandSpec, has, listOf, textOf, UsageError } from './command-line.ts';
import { engineFor, fits, fitsAll, hasLabel, readFilters } from './daemon.ts';
import { formatList, type ListFormat } from './docker-format.ts';
import { humanDuration, timestamp } from './duration-text.ts';
import { type GoStruct, goMap, goStruct } from './go-value.ts';
import { inspect } from './inspect.ts';
import { naturalCompare } from './natural-order.ts';
import { pairsOf } from './network-create.ts';
import { forEachObject } from './node-commands.ts';
import { asManager, findConfig, findSecret, readManager } from './swarm-request.ts';

type Kind = 'secret' | 'config';
type FileObject = SecretObject | ConfigObject;

const FILES: Readonly<Record<Kind, ListFormat>> = {
  secret: {
    type: 'secret.secretContext',
    table: '{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}',
    quiet: '{{.ID}}',
    heads: { ID: 'ID', Name: 'NAME', Driver: 'DRIVER', CreatedAt: 'CREATED', UpdatedAt: 'UPDATED' },
  },
  config: {
    type: 'config.configContext',
    table: '{{.ID}}\t{{.Name}}\t{{.CreatedAt}}\t{{.UpdatedAt}}',
    quiet: '{{.ID}}',
    heads: { ID: 'ID', Name: 'NAME', CreatedAt: 'CREATED', UpdatedAt: 'UPDATED' },
  },
};

/** Bytes that one object may have. @source swarmkit manager/controlapi MaxSecretSize, MaxConfigSize */
const SIZE_MAX: Readonly<Record<Kind, number>> = { secret: 500 * 1024, config: 1000 * 1024 };

function createCommand(kind: Kind): CommandSpec {
  return {
    path: `docker ${kind} create`,
    operands: kind === 'secret' ? '[OPTIONS] SECRET [file|-]' : '[OPTIONS] CONFIG file|-',
    short: `Create a ${kind} from a file or STDIN${kind === 'secret' ? ' as content' : ''}`,
    flags: [
      { name: 'driver', short: 'd', kind: 'string', help: 'Secret driver', isIgnored: true },
      {
        name: 'label',
        short: 'l',
        kind: 'list',
        help: `${kind === 'secret' ? 'Secret' : 'Config'} labels`,
      },
      { name: 'template-driver', kind: 'string', help: 'Template driver', isIgnored: true },
    ],
    count: [kind === 'secret' ? 1 : 2, 2],
    async run(context, line) {
      const [name = '', file = '-'] = line.operands;
      const data = file === '-' ? context.stdin : context.fileSystem.readFile(file);
      if (data === null) {
        throw new UsageError(
          `error reading content from "${file}": open ${file}: no such file or directory\n`,
          1,
        );
      }
      const sizeBytes = new TextEncoder().encode(data).length;
      if (sizeBytes > SIZE_MAX[kind]) {
        throw new UsageError(
          `Error response from daemon: rpc error: code = InvalidArgument desc = ${kind} data too large, the maximum is ${SIZE_MAX[kind]} bytes\n`,
          1,
        );
      }
      const labels = pairsOf(listOf(line, 'label'));
      const { id } = await asManager(context, function* ({ member, process }) {
        return kind === 'secret'
          ? yield* createSecret(member, process, { name, labels, data })
          : yield* createConfig(member, process, { name, labels, data });
      });
      context.write(`${id}\n`);
      return 0;
    },
  };
}

function lsCommand(kind: Kind): CommandSpec {
  return {
    path: `docker ${kind} ls`,
    operands: '[OPTIONS]',
    short: `List ${kind}s`,
    aliases: `docker ${kind} ls, docker ${kind} list`,
    flags: [
      {
        name: 'filter',
        short: 'f',
        kind: 'list',
        placeholder: 'filter',
        help: 'Filter output based on conditions provided',
      },
      {
        name: 'format',
        kind: 'string',
        help: "Format output: 'table', 'table TEMPLATE', 'json' or a Go template",
      },
      { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display IDs' },
    ],
    count: [0, 0],
    async run(context, line) {
      const filters = readFilters(listOf(line, 'filter'), ['id', 'label', 'name']);
      const rows = await readManager(context, ({ cluster }) => {
        const nowNs = timeNs(cluster.world.sim);
        const ago = (ns: number): string => `${humanDuration(nowNs - ns)} ago`;
        const table: ReadonlyMap<string, FileObject> =
          kind === 'secret' ? cluster.store.secrets : cluster.store.configs;
        return [...table.values()]
          .filter(
            (each) =>
              fits(filters, 'id', (value) => each.id.startsWith(value)) &&
              fits(filters, 'name', (value) => each.name.startsWith(value)) &&
              fitsAll(filters, 'label', (value) => hasLabel(each.labels, value)),
          )
          .sort((a, b) => naturalCompare(a.name, b.name))
          .map((each) => ({
            ID: each.id,
            Name: each.name,
            Driver: '',
            CreatedAt: ago(each.createdNs),
            UpdatedAt: ago(each.updatedNs),
          }));
      });
      const options = { format: textOf(line, 'format'), isQuiet: has(line, 'quiet') };
      context.write(formatList(FILES[kind], rows, options));
      return 0;
    },
  };
}

function inspectCommand(kind: Kind): CommandSpec {
  const upper = kind.toUpperCase();
  return {
    path: `docker ${kind} inspect`,
    operands: `[OPTIONS] ${upper} [${upper}...]`,
    short: `Display detailed information on one or more ${kind}s`,
    flags: [
      {
        name: 'format',
        short: 'f',
        kind: 'string',
        help: "Format output: 'json' or a Go template",
      },
      { name: 'pretty', kind: 'bool', help: 'Print the information in a human friendly format' },
    ],
    count: [1, Number.POSITIVE_INFINITY],
    run(context, line) {
      const { epochS } = engineFor(context).world;
      return readManager(context, ({ cluster }) => {
        const find = (name: string): FileObject =>
          kind === 'secret' ? findSecret(cluster, name) : findConfig(cluster, name);
        if (!has(line, 'pretty')) {
          return inspect(context, line.operands, textOf(line, 'format'), (name) =>
            documentOf(kind, epochS, find(name)),
          );
        }
        for (const name of line.operands) context.write(prettyText(epochS, find(name)));
        return 0;
      });
    },
  };
}

function documentOf(kind: Kind, epochS: number, file: FileObject): GoStruct {
  const type = kind === 'secret' ? 'Secret' : 'Config';
  return goStruct(`swarm.${type}`, {
    ID: file.id,
    Version: goStruct('swarm.Version', { Index: file.versionIndex }),
    CreatedAt: timestamp(epochS, file.createdNs),
    UpdatedAt: timestamp(epochS, file.updatedNs),
    Spec: goStruct(`swarm.${type}Spec`, {
      Name: file.name,
      Labels: goMap(file.labels),
      Data: 'data' in file ? base64(file.data) : undefined,
    }),
  });
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let encoded = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const word = (a << 16) | (b << 8) | c;
    const left = bytes.length - at;
    encoded += BASE64[word >> 18]! + BASE64[(word >> 12) & 63]!;
    encoded += left > 1 ? BASE64[(word >> 6) & 63]! : '=';
    encoded += left > 2 ? BASE64[word & 63]! : '=';
  }
  return encoded;
}

function prettyText(epochS: number, file: FileObject): string {
  const labels = [...file.labels].map(
    ([key, value]) => ` - ${key}${value === '' ? '' : `=${value}`}`,
  );
  const stamp = (ns: number): string =>
    timestamp(epochS, ns).replace('T', ' ').replace('Z', ' +0000 utc');
  const data = 'data' in file ? `Data:\n${file.data}\n` : '';
  return `ID:\t\t\t${file.id}\nName:\t\t\t${file.name}\n${labels.length > 0 ? `Labels:\n${labels.join('\n')}\n` : ''}Created at:            \t${stamp(file.createdNs)}\nUpdated at:            \t${stamp(file.updatedNs)}\n${data}`;
}

function rmCommand(kind: Kind): CommandSpec {
  const upper = kind.toUpperCase();
  return {
    path: `docker ${kind} rm`,
    operands: `${upper} [${upper}...]`,
    short: `Remove one or more ${kind}s`,
    aliases: `docker ${kind} rm, docker ${kind} remove`,
    flags: [],
    count: [1, Number.POSITIVE_INFINITY],
    run: (context, line) =>
      forEachObject(context, line.operands, function* ({ cluster, member, process }, name) {
        if (kind === 'secret') yield* removeSecret(member, process, findSecret(cluster, name).id);
        else yield* removeConfig(member, process, findConfig(cluster, name).id);
      }),
  };
}

/** The commands of `docker secret` or `docker config`, by name. */
export function fileCommands(kind: Kind): Readonly<Record<string, CommandSpec>> {
  return {
    create: createCommand(kind),
    inspect: inspectCommand(kind),
    ls: lsCommand(kind),
    rm: rmCommand(kind),
  };
}
