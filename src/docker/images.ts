/**
 * Images of an engine: names, digests, configuration and what a container of it does.
 */
import type { DockerEngine } from './engine-record.ts';

/** What the main process of a container does that runs the image's own command. */
export type ImageBehaviour =
  /** Answers each request with the container's name and the source that it saw. */
  | { readonly kind: 'web'; readonly port: number }
  /** Listens on ports and takes connections without an answer (databases, caches). */
  | { readonly kind: 'listen'; readonly ports: readonly number[] }
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
  /** `nginx`, `traefik/whoami`; `<none>` is not made here. */
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly createdNs: number;
  readonly sizeBytes: number;
  readonly config: ImageConfig;
  readonly behaviour: ImageBehaviour;
  /** No image of this name is known: it listens on what it exposes or publishes. */
  readonly isUnknown: boolean;
}

/** The images that an engine has at the beginning, by id. */
export function makeImageStore(): Map<string, DockerImage> {
  return new Map();
}

/** Finds an image by `name`, `name:tag`, `name@digest` or (a prefix of) its id; null if it is not there. */
export function findImage(engine: DockerEngine, reference: string): DockerImage | null {
  void engine;
  void reference;
  return null;
}

/** The image of a reference, pulled if it is not there. @throws DockerError 404 for a malformed name. */
export function pullImage(
  engine: DockerEngine,
  reference: string,
): { readonly image: DockerImage; readonly isNew: boolean } {
  void engine;
  throw new Error(reference);
}

/** `docker rmi`. @throws DockerError 404, 409. @returns what the CLI prints, line by line. */
export function removeImage(engine: DockerEngine, reference: string, isForced: boolean): string[] {
  void engine;
  void isForced;
  return [reference];
}
