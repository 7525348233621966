/**
 * What one Docker engine (dockerd on one machine) holds: the records of networks, endpoints and
 * containers. Behaviour lives in the files beside this one; the `docker` program only reads these
 * records and calls those functions.
 * @source moby api/types/container, api/types/network; libnetwork endpoint.go
 */
import type { Ipv4 } from '../base/ipv4-address.ts';
import type { Mac } from '../base/mac-address.ts';
import type { Prng } from '../base/prng.ts';
import type { Device } from '../engine/device.ts';
import type { Process, Signal, WaitQueue } from '../engine/process.ts';
import type { NetNamespace } from '../stack/namespace.ts';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';
import type { HostPorts } from './host-ports.ts';
import type { DockerImage } from './images.ts';
import type { AddressPools } from './ipam/address-pools.ts';
import type { EngineProfile } from './profile.ts';
import type { EmbeddedResolver } from './resolver.ts';

/** A refusal of the engine: the CLI prints `Error response from daemon: MESSAGE`. */
export class DockerError extends Error {
  override name = 'DockerError';
  /** HTTP status of the API's answer: 400 bad request, 403 forbidden, 404 not found, 409 conflict, 500. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One range of addresses of a network (`--subnet` and what belongs to it). */
export interface IpamConfig {
  readonly subnet: Ipv4;
  readonly prefixLength: number;
  readonly gateway: Ipv4 | null;
  /** `docker network inspect` shows the gateway: the user named it, or named no subnet either. */
  readonly isGatewayShown: boolean;
  /** `--ip-range`; null: the whole subnet. */
  readonly range: { readonly address: Ipv4; readonly prefixLength: number } | null;
  readonly auxAddresses: ReadonlyMap<string, Ipv4>;
  /** The user named the subnet (only then `--ip` is allowed). */
  readonly isUserDefined: boolean;
}

export type NetworkDriverName = 'bridge' | 'host' | 'null' | 'macvlan' | 'ipvlan' | 'overlay';

export interface DockerNetwork {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly driver: NetworkDriverName;
  readonly scope: 'local' | 'swarm';
  readonly createdNs: number;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly isIngress: boolean;
  readonly enableIpv6: boolean;
  readonly options: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly ipamDriver: string;
  readonly ipamOptions: ReadonlyMap<string, string> | null;
  readonly ipam: readonly IpamConfig[];
  /** `--config-only`: a configuration for other networks, which no container can be on. */
  readonly isConfigOnly?: boolean;
  /** The configuration network that it was made from; empty if none. */
  readonly configFrom?: string;
  /** By endpoint id. */
  readonly endpoints: Map<string, DockerEndpoint>;
  /** A swarm network's names; null: those of its endpoints. */
  readonly names: NetworkNames | null;
  /** The bridge, or the parent of a macvlan or ipvlan network, in the root namespace; null if none. */
  device: Device | null;
  /** The engine made the device, so it goes with the network. */
  ownsDevice: boolean;
}

/** What the embedded DNS finds on a network that more than this engine knows of. */
export interface NetworkNames {
  /** In the order in which they came; empty if the name is unknown. */
  addressesOf(name: string): Ipv4[];
  /** The name for an address; null if nobody has it. */
  nameOf(address: Ipv4): string | null;
}

export interface PortBinding {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  /** 0.0.0.0 or what the user named. */
  readonly hostAddress: Ipv4;
  readonly hostPort: number;
  /** docker-proxy, null without it. */
  proxy: Process | null;
  /** Gives the port up: what listens on it, and those of [::] beside it. */
  release: () => void;
}

/** A container's leg on a network. */
export interface DockerEndpoint {
  readonly id: string;
  /** The container's own, but for load balancers (`NET-endpoint`) and `gateway_SANDBOX`. */
  readonly name: string;
  readonly network: DockerNetwork;
  readonly container: Container;
  /** null on host and none. */
  address: Ipv4 | null;
  prefixLength: number;
  gateway: Ipv4 | null;
  mac: Mac | null;
  /** As asked for (`--ip`, `--mac-address`), kept over stop and start. */
  readonly wantedAddress: Ipv4 | null;
  readonly wantedMac: Mac | null;
  readonly aliases: readonly string[];
  /** Names that the embedded DNS answers for it, in order. */
  dnsNames: readonly string[];
  /** eth0 in the container and the host's end; null while it does not run. */
  containerDevice: Device | null;
  hostDevice: Device | null;
  ports: readonly PortBinding[];
}

export interface PublishSpec {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  readonly hostAddress: Ipv4 | null;
  /** First and last of the wanted host ports; null for an ephemeral one. */
  readonly hostPorts: readonly [number, number] | null;
}

/** What `docker run` and `docker create` ask for, all defaults filled in. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly entrypoint: readonly string[] | null;
  readonly environment: readonly string[];
  readonly hostname: string | null;
  readonly domainname: string;
  readonly labels: ReadonlyMap<string, string>;
  /** bridge, host, none, container:NAME, or a network's name. */
  readonly networkMode: string;
  readonly endpoints: ReadonlyMap<string, EndpointSpec>;
  readonly publish: readonly PublishSpec[];
  readonly publishAll: boolean;
  readonly expose: readonly { readonly protocol: 'tcp' | 'udp' | 'sctp'; readonly port: number }[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `--add-host`: name and address text (or host-gateway). */
  readonly extraHosts: readonly (readonly [string, string])[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly isPrivileged: boolean;
  readonly restartPolicy: {
    readonly name: 'no' | 'always' | 'on-failure' | 'unless-stopped';
    readonly maximumRetryCount: number;
  };
  readonly autoRemove: boolean;
  readonly isTty: boolean;
  readonly isInteractive: boolean;
  readonly sysctls: ReadonlyMap<string, string>;
  readonly workingDir: string;
  readonly user: string;
}

export interface EndpointSpec {
  readonly address: Ipv4 | null;
  readonly mac: Mac | null;
  readonly aliases: readonly string[];
}

export type ContainerStatus =
  | 'created'
  | 'running'
  | 'paused'
  | 'restarting'
  | 'removing'
  | 'exited'
  | 'dead';

export interface Container {
  readonly id: string;
  name: string;
  readonly spec: ContainerSpec;
  readonly image: DockerImage;
  readonly createdNs: number;
  status: ContainerStatus;
  startedNs: number | null;
  finishedNs: number | null;
  exitCode: number;
  error: string;
  restartCount: number;
  /** Its main process's pid on the host, 0 while it does not run. */
  pid: number;
  /** Set by `docker stop` and `docker kill`: the restart policy keeps still. */
  wasStoppedByUser: boolean;
  /** Files, processes and the name of the container: it is a machine whose CPU is its host's. */
  readonly machine: Machine;
  /** The sandbox's namespace while it runs (for host and container mode: the shared one). */
  netns: NetNamespace | null;
  /** /var/run/docker/netns/ and 12 hexadecimal digits. */
  sandboxKey: string;
  sandboxId: string;
  /**
   * What it is configured to be on, by the network's name (`host` and `none` too), running or not:
   * create, connect and disconnect change it. Empty in container mode.
   */
  readonly networks: Map<string, EndpointSpec>;
  /** Its live endpoints, by the network's name, in order of connection: empty while it does not run. */
  readonly endpoints: Map<string, DockerEndpoint>;
  /** Its leg on docker_gwbridge, where no other gives it a way out. */
  gatewayLeg: DockerEndpoint | null;
  readonly logs: LogLine[];
  /** Who sees its output as it comes (`docker run` attached, `docker attach`, `docker logs -f`). */
  readonly listeners: Set<OutputListener>;
  main: Process | null;
  /** The main process if the shell runs it. */
  mainCommand: RunningCommand | null;
  /** Whether the main process ends at the image's stop signal; most do not, being process 1. */
  obeysStop: boolean;
  /** Set by endMain(): what the main process is to exit with. */
  wantedExit: number | null;
  /** Woken when it is unpaused, and when its main process is to end. */
  readonly waiters: WaitQueue;
  /** 127.0.0.11 in its namespace; null without a user-defined network. */
  resolver: EmbeddedResolver | null;
  /** /etc/resolv.conf as the engine wrote it last: an edited one stays. */
  writtenResolvConf: string;
  /** Everything else that runs in it: ended with it. */
  readonly execs: Set<RunningCommand>;
}

/** Gets a container's output piece by piece. */
export type OutputListener = (stream: 'stdout' | 'stderr', text: string) => void;

/** A command line to be run in a container by the shell. */
export interface ContainerCommand {
  /** The words: no shell comes in between. */
  readonly argv: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  readonly workingDir: string;
  readonly stdin: string;
  /** Null for the container's own. */
  readonly netns: NetNamespace | null;
  readonly isTty: boolean;
  write(text: string): void;
  writeError(text: string): void;
}

/** A command that runs: what the shell layer gives back. */
export interface RunningCommand {
  /** Its exit code, null while it runs. */
  exitCode: number | null;
  /** Called once at the end, in an event or between two. */
  readonly onExit: Array<(exitCode: number) => void>;
  signal(signal: Signal): void;
}

/** What the shell layer fills in, as docker stands below it. */
export interface CommandRunner {
  /** Whether the container's image has such a program: else it cannot be started (127). */
  hasCommand(container: Container, name: string): boolean;
  /** Starts a command line in the container's machine and namespace. */
  start(container: Container, command: ContainerCommand): RunningCommand;
}

export interface LogLine {
  readonly timeNs: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface EngineEvent {
  readonly timeNs: number;
  readonly type: 'container' | 'network' | 'image';
  readonly action: string;
  readonly id: string;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface DockerEngine {
  readonly world: World;
  readonly machine: Machine;
  readonly profile: EngineProfile;
  readonly pools: AddressPools;
  /** By id, oldest first. */
  readonly networks: Map<string, DockerNetwork>;
  readonly containers: Map<string, Container>;
  readonly events: EngineEvent[];
  /** Ids, names and ports are drawn from here. */
  readonly stream: Prng;
  /** `--userland-proxy`, true by default. */
  readonly hasUserlandProxy: boolean;
  /** The host's ports that containers have. */
  readonly hostPorts: HostPorts;
  /** By id; filled by images.ts makeImageStore(). */
  readonly images: Map<string, DockerImage>;
  /** Null until the shell layer fills it. */
  commandRunner: CommandRunner | null;
  /** Who follows `docker events`. */
  readonly eventListeners: Set<(event: EngineEvent) => void>;
}
