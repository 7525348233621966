/** `docker images`, `pull`, `rmi`, `image inspect`, `image prune`. @source docker cli command/image */

import { type DockerEngine, DockerError } from '../../../docker/engine-record.ts';
import {
  type DockerImage,
  findImage,
  parseReference,
  pullImage,
  removeImage,
} from '../../../docker/images.ts';
import { timeNs } from '../../../engine/simulator.ts';
import { type CommandSpec, has, listOf, textOf } from './command-line.ts';
import { daemonText, engineFor, fits, fitsAll, hasLabel, readFilters } from './daemon.ts';
import { formatList, type ListFormat, type Row } from './docker-format.ts';
import { goTime, humanDuration, humanSize } from './duration-text.ts';
import { imageDocument } from './image-document.ts';
import { inspect } from './inspect.ts';
import { PRUNE_FLAGS } from './lifecycle.ts';
import { isConfirmed } from './network-commands.ts';
import { pullText, unknownText } from './run.ts';

const MANY = [1, Number.POSITIVE_INFINITY] as const;

const IMAGES: ListFormat = {
  type: 'formatter.imageContext',
  table: '{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}',
  quiet: '{{.ID}}',
  heads: {
    ID: 'IMAGE ID',
    Repository: 'REPOSITORY',
    Tag: 'TAG',
    Digest: 'DIGEST',
    CreatedSince: 'CREATED',
    CreatedAt: 'CREATED AT',
    Size: 'SIZE',
    Containers: 'CONTAINERS',
    VirtualSize: 'SIZE',
    SharedSize: 'SHARED SIZE',
    UniqueSize: 'UNIQUE SIZE',
  },
};

const DIGEST_TABLE =
  '{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}';

export const imagesCommand: CommandSpec = {
  path: 'docker images',
  operands: '[OPTIONS] [REPOSITORY[:TAG]]',
  short: 'List images',
  aliases: 'docker image ls, docker image list, docker images',
  flags: [
    {
      name: 'all',
      short: 'a',
      kind: 'bool',
      help: 'Show all images (default hides intermediate images)',
    },
    { name: 'digests', kind: 'bool', help: 'Show digests' },
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
    { name: 'no-trunc', kind: 'bool', help: "Don't truncate output" },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only show image IDs' },
  ],
  count: [0, 1],
  run(context, line) {
    const engine = engineFor(context);
    const known = ['before', 'dangling', 'label', 'reference', 'since', 'until'];
    const filters = readFilters(listOf(line, 'filter'), known);
    const [wanted] = line.operands;
    const rows = [...engine.images.values()]
      .filter((image) => wanted === undefined || isNamed(image, wanted))
      .filter(
        (image) =>
          fits(filters, 'reference', (value) => isNamed(image, value)) &&
          fits(filters, 'dangling', (value) => value !== 'true' && value !== '1') &&
          fitsAll(filters, 'label', (value) => hasLabel(image.config.labels, value)),
      )
      .sort((a, b) => b.createdNs - a.createdNs)
      .map((image) => rowOf(engine, image, has(line, 'no-trunc')));
    const list = has(line, 'digests') ? { ...IMAGES, table: DIGEST_TABLE } : IMAGES;
    const options = { format: textOf(line, 'format'), isQuiet: has(line, 'quiet') };
    context.write(formatList(list, rows, options));
    return 0;
  },
};

/** `nginx`, `nginx:1.27`, `ngin*`. */
function isNamed({ repository, tag }: DockerImage, pattern: string): boolean {
  const text = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
  return [repository, `${repository}:${tag}`].some((name) => new RegExp(`^${text}$`).test(name));
}

function rowOf(engine: DockerEngine, image: DockerImage, isWhole: boolean): Row {
  const { createdNs, sizeBytes } = image;
  const ageNs = timeNs(engine.world.sim) - createdNs;
  return {
    ID: isWhole ? `sha256:${image.id}` : image.id.slice(0, 12),
    Repository: image.repository,
    Tag: image.tag,
    Digest: image.digest,
    CreatedSince: `${humanDuration(ageNs)} ago`,
    CreatedAt: goTime(engine.world.epochS, createdNs),
    Size: humanSize(sizeBytes),
    Containers: 'N/A',
    VirtualSize: humanSize(sizeBytes),
    SharedSize: 'N/A',
    UniqueSize: 'N/A',
  };
}

export const pullCommand: CommandSpec = {
  path: 'docker pull',
  operands: '[OPTIONS] NAME[:TAG|@DIGEST]',
  short: 'Download an image from a registry',
  aliases: 'docker image pull, docker pull',
  flags: [
    {
      name: 'all-tags',
      short: 'a',
      kind: 'bool',
      help: 'Download all tagged images in the repository',
      isIgnored: true,
    },
    {
      name: 'disable-content-trust',
      kind: 'bool',
      initial: 'true',
      help: 'Skip image verification',
    },
    {
      name: 'platform',
      kind: 'string',
      help: 'Set platform if server is multi-platform capable',
      isIgnored: true,
    },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Suppress verbose output' },
  ],
  count: [1, 1],
  run(context, line) {
    const engine = engineFor(context);
    const [reference = ''] = line.operands;
    try {
      const { tag, digest } = parseReference(reference);
      const isNamed = /:[^/]+$/.test(reference) || digest !== null;
      if (!isNamed && !has(line, 'quiet')) context.write(`Using default tag: ${tag}\n`);
      const { image, isNew } = context.kernel(() => pullImage(engine, reference));
      const path = image.repository.includes('/')
        ? image.repository
        : `library/${image.repository}`;
      const whole = `docker.io/${path}:${image.tag}`;
      if (has(line, 'quiet')) context.write(`${whole}\n`);
      else {
        const text = pullText(image);
        const shown = isNew ? text : text.replace('Downloaded newer image', 'Image is up to date');
        context.write(`${shown}${whole}\n`);
      }
      if (isNew) context.writeError(unknownText(image));
      return 0;
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      const isClient = error.message.startsWith('invalid reference');
      context.writeError(isClient ? `${error.message}\n` : daemonText(error));
      return 1;
    }
  },
};

export const rmiCommand: CommandSpec = {
  path: 'docker rmi',
  operands: '[OPTIONS] IMAGE [IMAGE...]',
  short: 'Remove one or more images',
  aliases: 'docker image rm, docker image remove, docker rmi',
  flags: [
    { name: 'force', short: 'f', kind: 'bool', help: 'Force removal of the image' },
    { name: 'no-prune', kind: 'bool', help: 'Do not delete untagged parents' },
  ],
  count: MANY,
  run(context, line) {
    const engine = engineFor(context);
    let exitCode = 0;
    for (const reference of line.operands) {
      try {
        const lines = context.kernel(() => removeImage(engine, reference, has(line, 'force')));
        context.write(lines.map((text) => `${text}\n`).join(''));
      } catch (error) {
        if (!(error instanceof DockerError)) throw error;
        context.writeError(daemonText(error));
        exitCode = 1;
      }
    }
    return exitCode;
  },
};

export const imageInspect: CommandSpec = {
  path: 'docker image inspect',
  operands: '[OPTIONS] IMAGE [IMAGE...]',
  short: 'Display detailed information on one or more images',
  flags: [
    { name: 'format', short: 'f', kind: 'string', help: "Format output: 'json' or a Go template" },
  ],
  count: MANY,
  run(context, line) {
    const engine = engineFor(context);
    return inspect(context, line.operands, textOf(line, 'format'), (name) => {
      const image = findImage(engine, name);
      if (image === null) throw new DockerError(404, `No such image: ${name}`);
      return imageDocument(engine, image);
    });
  },
};

export const imagePrune: CommandSpec = {
  path: 'docker image prune',
  operands: '[OPTIONS]',
  short: 'Remove unused images',
  flags: [
    ...PRUNE_FLAGS,
    {
      name: 'all',
      short: 'a',
      kind: 'bool',
      help: 'Remove all unused images, not just dangling ones',
    },
  ],
  count: [0, 0],
  run(context, line) {
    const engine = engineFor(context);
    const isAll = has(line, 'all');
    const warning = isAll
      ? 'WARNING! This will remove all images without at least one container associated to them.'
      : 'WARNING! This will remove all dangling images.';
    if (!isConfirmed(context, line, warning)) return 0;
    const { text, bytes } = pruneImages(context, engine, isAll);
    context.write(`${text}Total reclaimed space: ${humanSize(bytes)}\n`);
    return 0;
  },
};

/** Removes images that no container has; without `isAll` there are none, as each has a name. */
export function pruneImages(
  context: { kernel<Result>(act: () => Result): Result },
  engine: DockerEngine,
  isAll: boolean,
): { text: string; bytes: number } {
  const used = new Set([...engine.containers.values()].map(({ image }) => image.id));
  const unused = [...engine.images.values()].filter(({ id }) => isAll && !used.has(id));
  let text = unused.length === 0 ? '' : 'Deleted Images:\n';
  let bytes = 0;
  for (const { repository, tag, sizeBytes } of unused) {
    const lines = context.kernel(() => removeImage(engine, `${repository}:${tag}`, false));
    text += lines.map((each) => `${each[0]!.toLowerCase()}${each.slice(1)}\n`).join('');
    bytes += sizeBytes;
  }
  return { text: unused.length === 0 ? '' : `${text}\n`, bytes };
}
