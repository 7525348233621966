/** What `docker inspect CONTAINER` shows. @source moby api/types InspectResponse; its field order */
import { formatIpv4 } from '../../../base/ipv4-address.ts';
import { formatMac } from '../../../base/mac-address.ts';
import type {
  Container,
  DockerEndpoint,
  DockerEngine,
  DockerNetwork,
  EndpointSpec,
} from '../../../docker/engine-record.ts';
import { argvOf } from '../../../docker/main-process.ts';
import { timestamp } from './duration-text.ts';
import {
  type GoStruct,
  type GoValue,
  goMap,
  goPointer,
  goStruct,
  NIL_MAP,
  NIL_POINTER,
  NIL_SLICE,
} from './go-value.ts';
import { hostConfigDocument } from './host-config-document.ts';
import { exposedPortsOf, portsOf } from './port-text.ts';

export function containerDocument(engine: DockerEngine, container: Container): GoStruct {
  const { epochS } = engine.world;
  const [path = '', ...args] = argvOf(container);
  const folder = `/var/lib/docker/containers/${container.id}`;
  return goStruct('types.ContainerJSON', {
    Id: container.id,
    Created: timestamp(epochS, container.createdNs),
    Path: path,
    Args: args,
    State: stateDocument(epochS, container),
    Image: `sha256:${container.image.id}`,
    ResolvConfPath: `${folder}/resolv.conf`,
    HostnamePath: `${folder}/hostname`,
    HostsPath: `${folder}/hosts`,
    LogPath: `${folder}/${container.id}-json.log`,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: NIL_SLICE,
    HostConfig: hostConfigDocument(container),
    GraphDriver: graphDriverDocument(container),
    Mounts: [],
    Config: configDocument(container),
    NetworkSettings: networkSettingsDocument(engine, container),
  });
}

function stateDocument(epochS: number, container: Container): GoStruct {
  const { status } = container;
  return goPointer('types.ContainerState', {
    Status: status,
    Running: status === 'running' || status === 'paused' || status === 'restarting',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: false,
    Dead: status === 'dead',
    Pid: container.pid,
    ExitCode: container.exitCode,
    Error: container.error,
    StartedAt: timestamp(epochS, container.startedNs),
    FinishedAt: timestamp(epochS, container.finishedNs),
  });
}

function graphDriverDocument({ id }: Container): GoStruct {
  const folder = `/var/lib/docker/overlay2/${id}`;
  return goStruct('types.GraphDriverData', {
    Data: goMap([
      ['LowerDir', `${folder}-init/diff`],
      ['MergedDir', `${folder}/merged`],
      ['UpperDir', `${folder}/diff`],
      ['WorkDir', `${folder}/work`],
    ]),
    Name: 'overlay2',
  });
}

function configDocument(container: Container): GoStruct {
  const { spec, image, machine } = container;
  const { config } = image;
  const exposed = exposedPortsOf(container);
  const command = spec.command.length > 0 ? spec.command : config.command;
  const entrypoint = spec.entrypoint ?? config.entrypoint;
  const empty = goStruct('struct {}', {});
  return goPointer('container.Config', {
    Hostname:
      spec.hostname ?? (spec.networkMode === 'host' ? machine.name : container.id.slice(0, 12)),
    Domainname: spec.domainname,
    User: spec.user === '' ? config.user : spec.user,
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ExposedPorts:
      exposed.length === 0
        ? undefined
        : goMap(exposed.map(({ port, protocol }) => [`${port}/${protocol}`, empty] as const)),
    Tty: spec.isTty,
    OpenStdin: spec.isInteractive,
    StdinOnce: false,
    Env: [...spec.environment, ...inheritedOf(config.environment, spec.environment)],
    Cmd: command.length === 0 ? NIL_SLICE : command,
    Image: spec.image,
    Volumes: NIL_MAP,
    WorkingDir: spec.workingDir === '' ? config.workingDir : spec.workingDir,
    Entrypoint: entrypoint.length === 0 ? NIL_SLICE : entrypoint,
    OnBuild: NIL_SLICE,
    Labels: goMap([...config.labels, ...spec.labels]),
    StopSignal: config.stopSignal === 'SIGTERM' ? undefined : config.stopSignal,
  });
}

/** Variables of the image that the command line does not set. */
function inheritedOf(inherited: readonly string[], own: readonly string[]): string[] {
  const nameOf = (text: string): string => text.split('=')[0]!;
  const names = new Set(own.map(nameOf));
  return inherited.filter((text) => !names.has(nameOf(text)));
}

/** Ports as inspect shows them: what is exposed only has null. */
function portMap(container: Container): GoValue {
  const map = new Map<string, GoValue[]>();
  for (const { port, protocol, host, hostPort } of portsOf(container)) {
    const key = `${port}/${protocol}`;
    const list = map.get(key) ?? [];
    if (host !== null) {
      list.push(goStruct('nat.PortBinding', { HostIp: host, HostPort: String(hostPort) }));
    }
    map.set(key, list);
  }
  const entries = [...map].map(
    ([key, list]) => [key, list.length === 0 ? NIL_SLICE : list] as const,
  );
  return goMap<GoValue>(entries, NIL_SLICE);
}

function networkSettingsDocument(engine: DockerEngine, container: Container): GoStruct {
  const onBridge = container.endpoints.get('bridge') ?? null;
  const legacy = endpointFields(onBridge, null);
  const networks = networksOf(engine, container);
  return goPointer('types.NetworkSettings', {
    Bridge: '',
    SandboxID: container.sandboxId,
    SandboxKey: container.sandboxKey,
    Ports: portMap(container),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: NIL_SLICE,
    SecondaryIPv6Addresses: NIL_SLICE,
    EndpointID: legacy.EndpointID,
    Gateway: legacy.Gateway,
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: legacy.IPAddress,
    IPPrefixLen: legacy.IPPrefixLen,
    IPv6Gateway: '',
    MacAddress: legacy.MacAddress,
    Networks: goMap<GoValue>(networks, NIL_POINTER),
  });
}

function networksOf(engine: DockerEngine, container: Container): Array<[string, GoValue]> {
  return [...container.networks].map(([name, spec]) => {
    const endpoint = container.endpoints.get(name) ?? null;
    const network =
      endpoint?.network ?? [...engine.networks.values()].find((each) => each.name === name) ?? null;
    return [name, endpointDocument(endpoint, network, spec)];
  });
}

function endpointFields(endpoint: DockerEndpoint | null, network: DockerNetwork | null) {
  return {
    MacAddress: endpoint?.mac == null ? '' : formatMac(endpoint.mac),
    NetworkID: endpoint?.network.id ?? network?.id ?? '',
    EndpointID: endpoint?.id ?? '',
    Gateway: endpoint?.gateway == null ? '' : formatIpv4(endpoint.gateway),
    IPAddress: endpoint?.address == null ? '' : formatIpv4(endpoint.address),
    IPPrefixLen: endpoint?.address == null ? 0 : endpoint.prefixLength,
  };
}

function endpointDocument(
  endpoint: DockerEndpoint | null,
  network: DockerNetwork | null,
  spec: EndpointSpec,
): GoStruct {
  const { MacAddress, ...fields } = endpointFields(endpoint, network);
  const names = endpoint?.dnsNames ?? [];
  const ipamConfig =
    spec.address === null
      ? NIL_POINTER
      : goPointer('network.EndpointIPAMConfig', { IPv4Address: formatIpv4(spec.address) });
  return goPointer('network.EndpointSettings', {
    IPAMConfig: ipamConfig,
    Links: NIL_SLICE,
    Aliases: spec.aliases.length === 0 ? NIL_SLICE : spec.aliases,
    MacAddress,
    ...fields,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DriverOpts: NIL_MAP,
    DNSNames: names.length === 0 ? NIL_SLICE : names,
  });
}
