/**
 * dockerd on a machine: what starting it does to the machine, and the engine of a machine.
 * @source moby daemon/daemon_unix.go initNetworkController(), initBridgeDriver()
 */
import { streamOf } from '../engine/simulator.ts';
import { readSysctl, writeSysctl } from '../stack/sysctl-tree.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import {
  BRIDGE_DEFAULT,
  BRIDGE_HOST_BINDING,
  BRIDGE_ICC,
  BRIDGE_MASQUERADE,
  BRIDGE_NAME,
  DRIVER_MTU,
} from './drivers/bridge.ts';
import type { DockerEngine } from './engine-record.ts';
import { firewallOf } from './firewall/index.ts';
import { setPolicy } from './firewall/rules.ts';
import { makeHostPorts } from './host-ports.ts';
import { makeImageStore } from './images.ts';
import { type DefaultAddressPool, makeAddressPools } from './ipam/address-pools.ts';
import { addNetwork, NETWORK_DEFAULTS } from './network-create.ts';
import { DEFAULT_ENGINE_VERSION, ENGINE_PROFILES, type EngineVersion } from './profile.ts';

export interface EngineOptions {
  /** 26.1 if left out. */
  readonly version?: EngineVersion;
  /** `--userland-proxy`, true if left out. */
  readonly userlandProxy?: boolean;
  /** `--icc`: whether containers on docker0 may talk to each other; true if left out. */
  readonly icc?: boolean;
  readonly defaultAddressPools?: readonly DefaultAddressPool[];
}

const engines = new WeakMap<Machine, DockerEngine>();
const halted = new WeakSet<DockerEngine>();

/** Starts dockerd: call it as a system call (runOn, context.kernel). */
export function createEngine(
  world: World,
  machine: Machine,
  options: EngineOptions = {},
): DockerEngine {
  const profile = ENGINE_PROFILES[options.version ?? DEFAULT_ENGINE_VERSION];
  const { root } = machine;
  root.netfilter.iptablesVersion = profile.iptablesVersion;
  const { ipLocalPortRangeLow, ipLocalPortRangeHigh } = root.sysctl;
  const engine: DockerEngine = {
    world,
    machine,
    profile,
    pools: makeAddressPools(options.defaultAddressPools),
    networks: new Map(),
    containers: new Map(),
    events: [],
    stream: streamOf(world.sim, `docker/${machine.name}`),
    hasUserlandProxy: options.userlandProxy ?? true,
    hostPorts: makeHostPorts(ipLocalPortRangeLow, ipLocalPortRangeHigh),
    images: makeImageStore(),
    commandRunner: null,
    eventListeners: new Set(),
  };
  engines.set(machine, engine);
  enableForwarding(engine);
  firewallOf(profile).setUp(root.netfilter);
  addOwnNetworks(engine, options.icc ?? true);
  return engine;
}

/** The engine of a machine; null if none runs on it. */
export function engineOf(machine: Machine): DockerEngine | null {
  const engine = engines.get(machine);
  return engine === undefined || halted.has(engine) ? null : engine;
}

/** The engine that was installed on a machine, running or not; null if none was. */
export function installedEngineOf(machine: Machine): DockerEngine | null {
  return engines.get(machine) ?? null;
}

/** Says whether dockerd runs: while it does not, nobody reaches it. */
export function setEngineRunning(engine: DockerEngine, isRunning: boolean): void {
  if (isRunning) halted.delete(engine);
  else halted.add(engine);
}

/**
 * Only who turns forwarding on makes FORWARD drop by default.
 * @source libnetwork/drivers/bridge/setup_ip_forwarding.go
 */
function enableForwarding({ machine: { root } }: DockerEngine): void {
  if (readSysctl(root, 'net.ipv4.ip_forward') === '1') return;
  writeSysctl(root, 'net.ipv4.ip_forward', '1');
  setPolicy(root.netfilter, 'FORWARD', 'DROP');
}

/** none, host and bridge; the IPAM options of these are null, not empty. */
function addOwnNetworks(engine: DockerEngine, icc: boolean): void {
  const defaults = { ...NETWORK_DEFAULTS, ipamOptions: null };
  addNetwork(engine, { ...defaults, name: 'none', driver: 'null' });
  addNetwork(engine, { ...defaults, name: 'host', driver: 'host' });
  const options = new Map([
    [BRIDGE_DEFAULT, 'true'],
    [BRIDGE_ICC, String(icc)],
    [BRIDGE_MASQUERADE, 'true'],
    [BRIDGE_HOST_BINDING, '0.0.0.0'],
    [BRIDGE_NAME, 'docker0'],
    [DRIVER_MTU, '1500'],
  ]);
  addNetwork(engine, { ...defaults, name: 'bridge', options });
}
