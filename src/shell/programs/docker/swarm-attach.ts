/**
 * Plain containers on attachable networks: before it starts, a container asks the managers for its legs.
 * @source moby daemon/container_operations.go findAndAttachNetwork(); daemon/cluster/networks.go AttachNetwork()
 */
import type { Ipv4 } from '../../../base/ipv4-address.ts';
import { type Container, type DockerEngine, DockerError } from '../../../docker/engine-record.ts';
import { isUserDefined } from '../../../docker/sandbox-files.ts';
import { memberOf } from '../../../swarm/member.ts';
import { attachContainer } from '../../../swarm/network/index.ts';
import type { ProgramContext } from '../../program.ts';
import { inProcess } from './swarm-request.ts';

const LATE_TEXT =
  'attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded';

/** Gets what a container that is about to start needs of the managers. @throws DockerError as they refuse. */
export async function attachSwarmNetworks(
  context: ProgramContext,
  engine: DockerEngine,
  container: Container,
): Promise<void> {
  if (container.status === 'running' || container.status === 'paused') return;
  for (const [name, spec] of container.networks) {
    await attachSwarmNetwork(context, engine, container, { name, address: spec.address });
  }
}

/** One leg; nothing to do for a network of the engine's own, or outside a swarm. */
export async function attachSwarmNetwork(
  context: ProgramContext,
  engine: DockerEngine,
  container: Container,
  leg: { readonly name: string; readonly address: Ipv4 | null },
): Promise<void> {
  const member = memberOf(engine);
  if (member === null || !isUserDefined(leg.name)) return;
  const local = [...engine.networks.values()].find(({ name }) => name === leg.name);
  if (local !== undefined && local.scope !== 'swarm') return;
  try {
    const task = await inProcess(context, (process) =>
      member.wire.requestAttachment(process, local?.id ?? leg.name, container.id, leg.address),
    );
    context.kernel(() => attachContainer(member, container, task));
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    if (error.message.includes('deadline exceeded')) throw new DockerError(500, LATE_TEXT);
    if (!error.message.startsWith('rpc error')) throw error;
    throw new DockerError(
      error.status,
      `Could not attach to network ${leg.name}: ${error.message}`,
    );
  }
}
