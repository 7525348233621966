/**
 * The image of a task on its node: the engine asks the registry each time; what is there already is used
 * if the registry cannot be reached, what is not is missed when the container is created.
 * Unlike Docker, an engine that has the image does not wait for a registry that does not answer: it only
 * looks for it.
 * @source moby daemon/cluster/executor/container/controller.go Prepare()
 */
import { resolveHost } from '../../apps/resolver.ts';
import type { DockerEngine } from '../../docker/engine-record.ts';
import { findImage, pullImage } from '../../docker/images.ts';
import {
  kill,
  makeWaitQueue,
  type Process,
  type Program,
  sleep,
  spawn,
  waitFor,
  wake,
} from '../../engine/process.ts';

const REGISTRY = 'registry-1.docker.io';
/** What asking for an image takes that is there, and fetching one that is not. */
const ASK_NS = 400e6;
const PULL_NS = 2_500e6;
/** How long it looks for the registry. */
const LOOKUP_MAX_NS = 5e9;

/** Gets the image if it can be had. */
export function* fetchImage(
  process: Process,
  engine: DockerEngine,
  reference: string,
): Program<void> {
  if (findImage(engine, reference) !== null) {
    lookForRegistry(engine, () => {});
    yield* sleep(process, ASK_NS);
    return;
  }
  if (!(yield* canReachRegistry(process, engine))) return;
  yield* sleep(process, PULL_NS);
  pullImage(engine, reference);
}

/** Whether the registry's name is found before the engine loses patience. */
function* canReachRegistry(process: Process, engine: DockerEngine): Program<boolean> {
  let isFound = false;
  const queue = makeWaitQueue();
  const lookup = lookForRegistry(engine, (isThere) => {
    isFound = isThere;
  });
  lookup.onExit.push(() => wake(queue));
  yield* waitFor(process, [queue], () => lookup.exitCode !== null, LOOKUP_MAX_NS);
  kill(lookup, 'SIGKILL');
  return isFound;
}

/** Asks the node's name servers for the registry, in a process of its own. */
function lookForRegistry(
  { machine, world }: DockerEngine,
  onAnswer: (isFound: boolean) => void,
): Process {
  const { files, root, cpu } = machine;
  const sources = {
    hosts: files.readFile('/etc/hosts') ?? '',
    resolvConf: files.readFile('/etc/resolv.conf') ?? '',
  };
  return spawn(world.sim, cpu, 'dockerd pull', function* look(self) {
    onAnswer(typeof (yield* resolveHost(self, root, sources, REGISTRY)) !== 'string');
    return 0;
  });
}
