/**
 * The image of a task on its node: the engine asks the registry each time; what is there already is used
 * if the registry cannot be reached, what is not is missed when the container is created.
 * @source moby daemon/cluster/executor/container/controller.go Prepare()
 */
import { resolveHost } from '../../apps/resolver.ts';
import type { DockerEngine } from '../../docker/engine-record.ts';
import { findImage, pullImage } from '../../docker/images.ts';
import { type Process, type Program, sleep } from '../../engine/process.ts';

const REGISTRY = 'registry-1.docker.io';
/** What asking for an image takes that is there, and fetching one that is not. */
const ASK_NS = 400e6;
const PULL_NS = 2_500e6;

/** Gets the image if it can be had. */
export function* fetchImage(
  process: Process,
  engine: DockerEngine,
  reference: string,
): Program<void> {
  if (findImage(engine, reference) !== null) {
    yield* sleep(process, ASK_NS);
    return;
  }
  const { files, root } = engine.machine;
  const sources = {
    hosts: files.readFile('/etc/hosts') ?? '',
    resolvConf: files.readFile('/etc/resolv.conf') ?? '',
  };
  const found = yield* resolveHost(process, root, sources, REGISTRY);
  if (typeof found === 'string') return;
  yield* sleep(process, PULL_NS);
  pullImage(engine, reference);
}
