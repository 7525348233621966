/**
 * Images of an engine: names, digests, configuration and what a container of it does.
 * @source distribution/reference; moby daemon/images
 */
import { makePrng } from '../base/prng.ts';
import { type DockerEngine, DockerError } from './engine-record.ts';
import { noteEvent } from './events.ts';
import { makeHexId, shortId } from './ids.ts';
import { CATALOGUE, type CatalogueRow, findInCatalogue } from './image-catalogue.ts';

/** What the main process of a container does that runs the image's own command. */
export type ImageBehaviour =
  /** Answers each request with the container's name and the source that it saw. */
  | { readonly kind: 'web'; readonly port: number }
  /** Listens on ports and takes connections without an answer (databases, caches). */
  | { readonly kind: 'listen'; readonly ports: readonly number[] }
  /** Prints a greeting and ends. */
  | { readonly kind: 'hello' }
  /** A command line of the shell. */
  | { readonly kind: 'shell' };

export interface ExposedPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
}

export interface ImageConfig {
  readonly command: readonly string[];
  readonly entrypoint: readonly string[];
  readonly environment: readonly string[];
  readonly exposed: readonly ExposedPort[];
  readonly workingDir: string;
  readonly user: string;
  readonly stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGWINCH';
  readonly labels: ReadonlyMap<string, string>;
}

export interface DockerImage {
  /** 64 hexadecimal digits, without `sha256:`. */
  readonly id: string;
  /** `nginx`, `traefik/whoami`. */
  readonly repository: string;
  readonly tag: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  /** Virtual time: before the world began, so negative. */
  readonly createdNs: number;
  readonly sizeBytes: number;
  readonly config: ImageConfig;
  readonly behaviour: ImageBehaviour;
  /** No image of this name is known: its containers listen on what they expose or publish. */
  readonly isUnknown: boolean;
  /** Its small programs (wget, ip, ifconfig ...) are busybox's. */
  readonly hasBusybox: boolean;
}

/** Name and tag of a reference. */
export interface ImageReference {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string | null;
}

/** Images that one engine may have. */
const IMAGES_MAX = 4096;
const DAY_NS = 86_400 * 1e9;

/** The images that an engine has at the beginning, by id. */
export function makeImageStore(): Map<string, DockerImage> {
  const store = new Map<string, DockerImage>();
  for (const row of CATALOGUE) {
    if (!row.isLocal) continue;
    const image = makeImage(row.repository, row.tag, row);
    store.set(image.id, image);
  }
  return store;
}

/** Reads a reference. @throws DockerError 400 in the words of the reference parser. */
export function parseReference(text: string): ImageReference {
  const invalid = new DockerError(400, 'invalid reference format');
  const [named = '', digest = null] = text.split('@');
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const whole = hasTag ? named.slice(0, colon) : named;
  const tag = hasTag ? named.slice(colon + 1) : 'latest';
  const parts = whole.split('/');
  const isHost = parts.length > 1 && /[.:]|^localhost$/.test(parts[0]!);
  const path = (isHost ? parts.slice(1) : parts).join('/');
  if (path !== path.toLowerCase()) {
    throw new DockerError(
      400,
      'invalid reference format: repository name ' +
        (text.includes('/') ? `(${whole}) ` : `(library/${whole}) `) +
        'must be lowercase',
    );
  }
  const isPath =
    /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
  if (!isPath.test(path) || !/^\w[\w.-]{0,127}$/.test(tag)) throw invalid;
  if (digest !== null && !/^sha256:[0-9a-f]{64}$/.test(digest)) throw invalid;
  const repository = whole.replace(/^(docker\.io\/)?(library\/)?/, '');
  return { repository, tag, digest };
}

/** Finds an image by `name`, `name:tag`, `name@digest` or (a prefix of) its id; null if it is not there. */
export function findImage(engine: DockerEngine, reference: string): DockerImage | null {
  const bareId = reference.replace(/^sha256:/, '');
  const images = [...engine.images.values()];
  const byName = nameOf(reference);
  const named = images.find(
    ({ repository, tag, digest }) =>
      byName !== null &&
      repository === byName.repository &&
      (byName.digest === null ? tag === byName.tag : digest === byName.digest),
  );
  if (named !== undefined) return named;
  if (!/^[0-9a-f]{2,64}$/.test(bareId)) return null;
  return images.find(({ id }) => id.startsWith(bareId)) ?? null;
}

function nameOf(reference: string): ImageReference | null {
  try {
    return parseReference(reference);
  } catch {
    return null;
  }
}

/** The image of a reference, pulled if it is not there. @throws DockerError 400 for a malformed name. */
export function pullImage(
  engine: DockerEngine,
  reference: string,
): { readonly image: DockerImage; readonly isNew: boolean } {
  const known = findImage(engine, reference);
  if (known !== null) return { image: known, isNew: false };
  const { repository, tag } = parseReference(reference);
  if (engine.images.size >= IMAGES_MAX) throw new DockerError(500, 'no space left on device');
  const image = makeImage(repository, tag, findInCatalogue(repository));
  engine.images.set(image.id, image);
  noteEvent(engine, 'image', 'pull', `${repository}:${tag}`, new Map([['name', repository]]));
  return { image, isNew: true };
}

/** `docker rmi`. @throws DockerError 404, 409. @returns what the CLI prints, line by line. */
export function removeImage(engine: DockerEngine, reference: string, isForced: boolean): string[] {
  const image = findImage(engine, reference);
  if (image === null) throw new DockerError(404, `No such image: ${withTag(reference)}`);
  for (const container of engine.containers.values()) {
    if (container.image.id !== image.id) continue;
    if (isForced && container.status !== 'running') continue;
    const what = container.status === 'running' ? 'running' : 'stopped';
    throw new DockerError(
      409,
      what === 'running'
        ? `conflict: unable to remove repository reference "${reference}" (cannot be forced) - container ${shortId(container.id)} is using its referenced image ${shortId(image.id)}`
        : `conflict: unable to remove repository reference "${reference}" (must force) - container ${shortId(container.id)} is using its referenced image ${shortId(image.id)}`,
    );
  }
  engine.images.delete(image.id);
  noteEvent(engine, 'image', 'delete', `sha256:${image.id}`, new Map());
  return [`Untagged: ${image.repository}:${image.tag}`, `Deleted: sha256:${image.id}`];
}

/** `nginx:latest` for `nginx`. */
export function withTag(reference: string): string {
  return /:[^/]+$|@/.test(reference) ? reference : `${reference}:latest`;
}

/** The same name and tag give the same id in every world. */
function makeImage(repository: string, tag: string, row: CatalogueRow | null): DockerImage {
  const stream = makePrng(0, `docker/image/${repository}:${tag}`);
  const ageDays = 10 + ((repository.length * 7 + tag.length * 3) % 60);
  return {
    id: makeHexId(stream, 64),
    repository,
    tag,
    digest: `sha256:${makeHexId(stream, 64)}`,
    createdNs: -ageDays * DAY_NS,
    sizeBytes: row?.sizeBytes ?? 50_000_000,
    config: {
      command: row?.command ?? ['server'],
      entrypoint: row?.entrypoint ?? [],
      environment: row?.environment ?? [],
      exposed: (row?.exposed ?? []).map((each) => ({
        protocol: 'tcp',
        port: Number(each.split('/')[0]),
      })),
      workingDir: '',
      user: '',
      stopSignal: row?.stopSignal ?? 'SIGTERM',
      labels: new Map(),
    },
    behaviour: row?.behaviour ?? { kind: 'listen', ports: [] },
    isUnknown: row === null,
    hasBusybox: row?.hasBusybox === true || /alpine|musl/.test(tag),
  };
}
