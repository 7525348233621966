/**
 * dockerd on a machine: what starting it does to the machine, and the engine of a machine.
 * @source moby daemon/daemon_unix.go initNetworkController(), initBridgeDriver()
 */
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import { type DockerEngine, DockerError } from './engine-record.ts';
import type { DefaultAddressPool } from './ipam/address-pools.ts';
import type { EngineVersion } from './profile.ts';

export interface EngineOptions {
  /** 26.1 if left out. */
  readonly version?: EngineVersion;
  /** `--userland-proxy`, true if left out. */
  readonly userlandProxy?: boolean;
  readonly defaultAddressPools?: readonly DefaultAddressPool[];
}

const engines = new WeakMap<Machine, DockerEngine>();

/** Starts dockerd: call it as a system call (runOn, context.kernel). */
export function createEngine(
  world: World,
  machine: Machine,
  options: EngineOptions = {},
): DockerEngine {
  void world;
  void machine;
  void options;
  throw new DockerError(500, 'not yet');
}

/** The engine of a machine; null if none runs on it. */
export function engineOf(machine: Machine): DockerEngine | null {
  return engines.get(machine) ?? null;
}
