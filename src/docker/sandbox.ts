/**
 * The sandbox of a container: the namespace in which its processes live while it runs.
 * @source moby libnetwork/osl/namespace_linux.go; daemon/oci_linux.go
 */
import { KernelError } from '../base/errors.ts';
import { deleteNamespace } from '../stack/create-namespace.ts';
import { setLinkUp } from '../stack/link.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import { readSysctl, writeSysctl } from '../stack/sysctl.ts';
import { bindNamespace, renewRoot } from '../world/machine.ts';
import { findContainer } from './container-find.ts';
import { type Container, type DockerEngine, DockerError } from './engine-record.ts';
import { makeId, shortId } from './ids.ts';
import { sharedContainerOf } from './sandbox-files.ts';

/** What dockerd writes into every sandbox of its own. */
const OWN_SYSCTLS = [
  ['net.ipv4.ip_unprivileged_port_start', '0'],
  ['net.ipv4.ping_group_range', '0 2147483647'],
] as const;
/** What a new namespace takes over from the host's. @source net/ipv4/tcp_ipv4.c tcp_sk_init() */
const INHERITED_SYSCTLS = ['net.ipv4.ip_forward', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

/** The container whose sandbox it shares; null if it has its own. @throws DockerError 404, 409. */
export function sandboxOwnerOf(engine: DockerEngine, container: Container): Container | null {
  const reference = sharedContainerOf(container.spec.networkMode);
  if (reference === null) return null;
  const other = findContainer(engine, reference);
  if (other.netns !== null) return other;
  throw new DockerError(409, `cannot join network of a non running container: ${other.id}`);
}

/** Gives a container that starts its namespace: a new one, the host's, or another container's. */
export function openSandbox(engine: DockerEngine, container: Container): NetNamespace {
  const { machine, spec } = container;
  const owner = sandboxOwnerOf(engine, container);
  if (owner !== null) container.sandboxId = '';
  // A leg on docker_gwbridge has the sandbox's id in its name: it was drawn then.
  else if (container.gatewayLeg === null) container.sandboxId = makeId(engine.stream);
  container.sandboxKey = '';
  if (owner !== null && owner.netns !== null) {
    machine.root = owner.netns;
  } else if (spec.networkMode === 'host') {
    machine.root = engine.machine.root;
    container.sandboxKey = '/var/run/docker/netns/default';
    bindNamespace(engine.machine, container.sandboxKey, machine.root);
  } else {
    const netns = renewRoot(machine);
    container.sandboxKey = `/var/run/docker/netns/${shortId(container.sandboxId)}`;
    setLinkUp(netns.loopback);
    setUpSysctls(engine, container, netns);
    bindNamespace(engine.machine, container.sandboxKey, netns);
  }
  container.netns = machine.root;
  return machine.root;
}

/** Takes it away again; the namespace goes with its last user. */
export function closeSandbox(engine: DockerEngine, container: Container): void {
  const { netns, machine } = container;
  container.netns = null;
  machine.root = engine.machine.root;
  if (netns === null || netns === engine.machine.root) return;
  for (const other of engine.containers.values()) if (other.netns === netns) return;
  if (container.sandboxId !== '') engine.machine.files.remove(container.sandboxKey);
  deleteNamespace(engine.world.sim, netns);
}

/** What every sandbox has, a container's or one of the engine's own. */
export function prepareSandbox(engine: DockerEngine, netns: NetNamespace): void {
  for (const key of INHERITED_SYSCTLS) {
    const value = readSysctl(engine.machine.root, key);
    if (value !== null) writeSysctl(netns, key, value);
  }
  // Engines of 20.10 switch IPv6 off on lo as well.
  if (!engine.profile.version.startsWith('20.')) {
    writeSysctl(netns, 'net.ipv6.conf.lo.disable_ipv6', '0');
  }
}

function setUpSysctls(engine: DockerEngine, container: Container, netns: NetNamespace): void {
  prepareSandbox(engine, netns);
  for (const [key, value] of OWN_SYSCTLS) {
    if (readSysctl(netns, key) !== null) writeSysctl(netns, key, value);
  }
  for (const [key, value] of container.spec.sysctls) {
    try {
      writeSysctl(netns, key, value);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      const path = `/proc/sys/${key.replaceAll('.', '/')}`;
      const why = error.errno === 'EINVAL' ? 'write' : 'open';
      throw new DockerError(
        400,
        `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${why} ${path}: ${error.message}: unknown`,
      );
    }
  }
}
