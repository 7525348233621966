/**
 * `docker start`, `pause`, `unpause`: addresses taken, ports published, the sandbox made and joined
 * to its networks, the main process begun.
 * @source moby daemon/start.go, container_operations.go allocateNetwork(); libnetwork/sandbox.go
 */

import { wake } from '../engine/process.ts';
import { timeNs } from '../engine/simulator.ts';
import { endContainer, leaveNetworks } from './container-end.ts';
import { allocateEndpoint, joinEndpoint } from './endpoint.ts';
import {
  type Container,
  type DockerEndpoint,
  type DockerEngine,
  DockerError,
} from './engine-record.ts';
import { noteContainerEvent } from './events.ts';
import { updateGatewayLeg } from './gateway-leg.ts';
import { startMain } from './main-process.ts';
import { findNetwork } from './network-create.ts';
import { publishPorts } from './port-mapper.ts';
import { startResolver } from './resolver.ts';
import { sortedEndpoints } from './resolver-names.ts';
import { closeSandbox, openSandbox, sandboxOwnerOf } from './sandbox.ts';
import {
  dnsNamesOf,
  needsResolver,
  shareSandboxFiles,
  writeSandboxFiles,
} from './sandbox-files.ts';

/** Exit codes of a container whose program could not be started. */
const EXIT_NOT_FOUND = 127;
const EXIT_ENGINE_ERROR = 128;

/**
 * Starts a container: acts at once, so call it as a system call (runOn, context.kernel).
 * Starting one that runs does nothing.
 * @throws DockerError 404 no such network, 409 container mode's target, 500 ports in use, 400 no such
 *   program (message with `OCI runtime create failed`, container.exitCode is 127).
 */
export function startContainer(engine: DockerEngine, container: Container): void {
  if (container.status === 'paused') {
    throw new DockerError(409, 'cannot start a paused container, try unpause instead');
  }
  if (container.status === 'running') return;
  if (container.status === 'removing') {
    throw new DockerError(409, 'container is marked for removal and cannot be started');
  }
  container.wasStoppedByUser = false;
  container.error = '';
  try {
    setUp(engine, container);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    leaveNetworks(engine, container);
    closeSandbox(engine, container);
    container.error = error.message;
    const isMissing = /executable file not found|no such file or directory/.test(error.message);
    container.exitCode = isMissing ? EXIT_NOT_FOUND : EXIT_ENGINE_ERROR;
    throw error;
  }
  container.status = 'running';
  container.exitCode = 0;
  container.startedNs = timeNs(engine.world.sim);
  container.finishedNs = null;
  container.pid = engine.machine.nextPid++;
  noteContainerEvent(engine, container, 'start');
}

/** `docker pause`: its processes stand still, its namespace does not. @throws DockerError 409. */
export function pauseContainer(engine: DockerEngine, container: Container): void {
  const { id, status } = container;
  if (status === 'paused') throw new DockerError(409, `Container ${id} is already paused`);
  if (status === 'restarting') {
    throw new DockerError(
      409,
      `Container ${id} is restarting, wait until the container is running`,
    );
  }
  if (status !== 'running') throw new DockerError(409, `Container ${id} is not running`);
  container.status = 'paused';
  noteContainerEvent(engine, container, 'pause');
}

/** `docker unpause`. @throws DockerError 409. */
export function unpauseContainer(engine: DockerEngine, container: Container): void {
  if (container.status !== 'paused') {
    throw new DockerError(409, `Container ${container.id} is not paused`);
  }
  container.status = 'running';
  wake(container.waiters);
  noteContainerEvent(engine, container, 'unpause');
}

function setUp(engine: DockerEngine, container: Container): void {
  const owner = sandboxOwnerOf(engine, container);
  const networks = [...container.networks].map(
    ([name, spec]) => [findNetwork(engine, name), spec] as const,
  );
  for (const [network, spec] of networks) {
    const endpoint = allocateEndpoint(engine, container, network, spec);
    endpoint.dnsNames = dnsNamesOf(container, network.name, endpoint.aliases);
    updateGatewayLeg(engine, container);
  }
  publishPorts(engine, container);
  const sandbox = openSandbox(engine, container);
  endpointsByEth(engine, container).forEach((endpoint, ethIndex) => {
    joinEndpoint(engine, endpoint, sandbox, ethIndex);
  });
  if (owner !== null) shareSandboxFiles(container, owner);
  else {
    const { upstreams, isNdotsSet } = writeSandboxFiles(engine, container);
    if (needsResolver(container)) {
      container.resolver = startResolver(engine, container, upstreams, isNdotsSet);
    }
  }
  const restart = (): void => startContainer(engine, container);
  startMain(engine, container, (exitCode) => endContainer(engine, container, exitCode, restart));
}

/**
 * Which network gets eth0: the first by name, docker_gwbridge last; or (29) the first that was joined,
 * docker_gwbridge right after it.
 */
function endpointsByEth(engine: DockerEngine, container: Container): DockerEndpoint[] {
  const leg = container.gatewayLeg === null ? [] : [container.gatewayLeg];
  if (engine.profile.ethOrder !== 'joined') return [...sortedEndpoints(container), ...leg];
  const [first, ...rest] = container.endpoints.values();
  return [...(first === undefined ? [] : [first]), ...leg, ...rest];
}
