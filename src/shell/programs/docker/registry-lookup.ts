/**
 * What the engine does before it creates a service: it asks the registry for the image's digest, so that
 * all nodes run the same.
 * @source moby daemon/cluster/services.go imageWithDigestString(), digestWarning()
 */
import { resolveHost } from '../../../apps/resolver.ts';
import type { DockerEngine } from '../../../docker/engine-record.ts';
import { findImage, parseReference, pullImage } from '../../../docker/images.ts';
import { type Process, type Program, sleep } from '../../../engine/process.ts';
import { timeNs } from '../../../engine/simulator.ts';

const REGISTRY = 'registry-1.docker.io';
/** How long the engine looks for a registry that has no name: two attempts of 5 s. @source the recordings */
const LOOKUP_NS = 10e9;

export interface PinnedImage {
  /** `nginx:latest@sha256:...`, or without the digest. */
  readonly image: string;
  /** For stderr; empty if the registry answered. */
  readonly warning: string;
}

/** @throws DockerError for a malformed name. */
export function* pinImage(
  engine: DockerEngine,
  process: Process,
  reference: string,
): Program<PinnedImage> {
  const { repository, tag, digest } = parseReference(reference);
  if (digest !== null) return { image: reference, warning: '' };
  const image = `${repository}:${tag}`;
  const { machine } = engine;
  const startNs = timeNs(engine.world.sim);
  const sources = {
    hosts: machine.files.readFile('/etc/hosts') ?? '',
    resolvConf: machine.files.readFile('/etc/resolv.conf') ?? '',
  };
  const found = yield* resolveHost(process, machine.root, sources, REGISTRY);
  if (typeof found !== 'string') {
    const known = findImage(engine, image) ?? pullImage(engine, image).image;
    return { image: `${image}@${known.digest}`, warning: '' };
  }
  yield* sleep(process, Math.max(0, LOOKUP_NS - (timeNs(engine.world.sim) - startNs)));
  return { image, warning: digestWarning(image) };
}

function digestWarning(image: string): string {
  return (
    `image ${image} could not be accessed on a registry to record\n` +
    `its digest. Each node will access ${image} independently,\n` +
    'possibly leading to different nodes running different\n' +
    'versions of the image.\n\n'
  );
}
