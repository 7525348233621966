/** Asking a swarm's managers: what the commands of `docker swarm`, `node`, `service`, `stack` share. */
import { DockerError } from '../../../docker/engine-record.ts';
import type { Process, Program } from '../../../engine/process.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import type { SwarmMember } from '../../../swarm/member.ts';
import type {
  ConfigObject,
  NodeObject,
  ObjectMeta,
  SecretObject,
  ServiceObject,
} from '../../../swarm/objects.ts';
import { requireLeader, requireManager } from '../../../swarm/wire/leader.ts';
import type { ProgramContext } from '../../program.ts';
import { UsageError } from './command-line.ts';
import { engineFor } from './daemon.ts';
import { SIGNAL_CODES } from './running.ts';

/** What a command works with on a manager. */
export interface ManagerView {
  readonly member: SwarmMember;
  readonly cluster: Cluster;
  readonly process: Process;
}

/** Runs something that takes time as a process of the command; what it throws comes back. */
export async function inProcess<Result>(
  context: ProgramContext,
  act: (process: Process) => Program<Result>,
): Promise<Result> {
  let outcome: { readonly result: Result } | null = null;
  let failure: { readonly error: unknown } | null = null;
  const exitCode = await context.run('docker', function* (process) {
    try {
      outcome = { result: yield* act(process) };
    } catch (error) {
      if (!(error instanceof DockerError) && !(error instanceof UsageError)) throw error;
      failure = { error };
    }
    return process.signal === null ? 0 : SIGNAL_CODES[process.signal];
  });
  const failed = failure as { readonly error: unknown } | null; // set in the process
  if (failed !== null) throw failed.error;
  const done = outcome as { readonly result: Result } | null; // likewise
  if (done === null) throw new UsageError('', exitCode);
  return done.result;
}

/** Asks the managers. @throws DockerError if this node is none, or there is no leader. */
export function asManager<Result>(
  context: ProgramContext,
  act: (view: ManagerView) => Program<Result>,
): Promise<Result> {
  const engine = engineFor(context);
  const member = requireManager(engine);
  return inProcess(context, function* (process) {
    const cluster = yield* requireLeader(member, process);
    return yield* act({ member, cluster, process });
  });
}

/** Only looks at what the managers know. */
export function readManager<Result>(
  context: ProgramContext,
  look: (view: ManagerView) => Result,
): Promise<Result> {
  // biome-ignore lint/correctness/useYield: looking takes no time of its own
  return asManager(context, function* (view) {
    return look(view);
  });
}

/** By id, name, or the beginning of an id. @source moby daemon/cluster/helpers.go */
function find<Item extends ObjectMeta>(
  items: ReadonlyMap<string, Item>,
  kind: string,
  reference: string,
  nameOf: (item: Item) => string,
): Item {
  const exact = items.get(reference);
  if (exact !== undefined) return exact;
  const all = [...items.values()];
  const named = all.filter((item) => nameOf(item) === reference);
  const found =
    named.length > 0 || reference === '' ? named : all.filter(({ id }) => id.startsWith(reference));
  if (found.length === 0) throw new DockerError(404, `${kind} ${reference} not found`);
  if (found.length > 1) {
    const how = `${found.length} matches found`;
    throw new DockerError(400, `${kind} ${reference} is ambiguous (${how})`);
  }
  return found[0]!;
}

export function findService({ store }: Cluster, reference: string): ServiceObject {
  return find(store.services, 'service', reference, ({ spec }) => spec.name);
}

export function findSecret({ store }: Cluster, reference: string): SecretObject {
  return find(store.secrets, 'secret', reference, ({ name }) => name);
}

export function findConfig({ store }: Cluster, reference: string): ConfigObject {
  return find(store.configs, 'config', reference, ({ name }) => name);
}

/** A node; `self` is the one that asks. */
export function findNode({ cluster, member }: ManagerView, reference: string): NodeObject {
  const wanted = reference === 'self' ? member.nodeId : reference;
  return find(cluster.store.nodes, 'node', wanted, ({ description }) => description.hostname);
}

/** `docker node ls`: the first letter of a word is a capital. */
export function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
