/** What `docker service inspect` shows. @source moby api/types/swarm/service.go, task.go, container.go; their field order */
import { formatIpv4 } from '../../../base/ipv4-address.ts';
import type { DockerEngine } from '../../../docker/engine-record.ts';
import type {
  FileReference,
  PortConfig,
  ServiceObject,
  ServiceSpec,
  SwarmContainerSpec,
  TaskSpec,
  UpdateConfig,
} from '../../../swarm/objects.ts';
import { timestamp } from './duration-text.ts';
import { type GoStruct, type GoValue, goMap, goStruct } from './go-value.ts';
import { UPDATE_DEFAULTS } from './service-spec.ts';

export function serviceDocument(engine: DockerEngine, service: ServiceObject): GoStruct {
  const { epochS } = engine.world;
  const { spec, previousSpec, endpoint, updateStatus } = service;
  return goStruct('swarm.Service', {
    ID: service.id,
    Version: goStruct('swarm.Version', { Index: service.versionIndex }),
    CreatedAt: timestamp(epochS, service.createdNs),
    UpdatedAt: timestamp(epochS, service.updatedNs),
    Spec: specDocument(spec),
    PreviousSpec: previousSpec === null ? undefined : specDocument(previousSpec, true),
    Endpoint: goStruct('swarm.Endpoint', {
      Spec: goStruct(
        'swarm.EndpointSpec',
        endpoint === null ? {} : { Mode: endpoint.mode, Ports: portsDocument(spec.endpoint.ports) },
      ),
      Ports: endpoint === null ? undefined : portsDocument(endpoint.ports),
      VirtualIPs:
        endpoint === null || endpoint.virtualAddresses.length === 0
          ? undefined
          : endpoint.virtualAddresses.map(({ networkId, address, prefixLength }) =>
              goStruct('swarm.EndpointVirtualIP', {
                NetworkID: networkId,
                Addr: `${formatIpv4(address)}/${prefixLength}`,
              }),
            ),
    }),
    UpdateStatus:
      updateStatus === null
        ? undefined
        : goStruct('swarm.UpdateStatus', {
            State: updateStatus.state,
            StartedAt: timestamp(epochS, updateStatus.startedNs),
            CompletedAt:
              updateStatus.completedNs === null
                ? undefined
                : timestamp(epochS, updateStatus.completedNs),
            Message: updateStatus.message,
          }),
    JobStatus: isJob(spec)
      ? goStruct('swarm.JobStatus', {
          JobIteration: goStruct('swarm.Version', { Index: service.jobIteration }),
        })
      : undefined,
  });
}

function isJob({ mode }: ServiceSpec): boolean {
  return mode.kind === 'replicated-job' || mode.kind === 'global-job';
}

/** @param isRaw as it was sent: the API fills in defaults only for the present specification. */
function specDocument(spec: ServiceSpec, isRaw = false): GoStruct {
  const configOf = (config: UpdateConfig | null): GoValue => {
    if (isJob(spec) || (config === null && isRaw)) return undefined;
    return updateDocument(config ?? UPDATE_DEFAULTS);
  };
  return goStruct('swarm.ServiceSpec', {
    Name: spec.name,
    Labels: goMap(spec.labels),
    TaskTemplate: taskDocument(spec.task),
    Mode: modeDocument(spec),
    UpdateConfig: configOf(spec.update),
    RollbackConfig: configOf(spec.rollback),
    EndpointSpec: goStruct('swarm.EndpointSpec', {
      Mode: spec.endpoint.mode,
      Ports: portsDocument(spec.endpoint.ports),
    }),
  });
}

function updateDocument(config: UpdateConfig): GoStruct {
  return goStruct('swarm.UpdateConfig', {
    Parallelism: config.parallelism,
    Delay: config.delayNs === 0 ? undefined : config.delayNs,
    FailureAction: config.failureAction,
    Monitor: config.monitorNs,
    MaxFailureRatio: config.maxFailureRatio,
    Order: config.order,
  });
}

function modeDocument({ mode }: ServiceSpec): GoStruct {
  switch (mode.kind) {
    case 'replicated':
      return goStruct('swarm.ServiceMode', {
        Replicated: goStruct('swarm.ReplicatedService', { Replicas: mode.replicas }),
      });
    case 'global':
      return goStruct('swarm.ServiceMode', { Global: goStruct('swarm.GlobalService', {}) });
    case 'replicated-job':
      return goStruct('swarm.ServiceMode', {
        ReplicatedJob: goStruct('swarm.ReplicatedJob', {
          MaxConcurrent: mode.maxConcurrent,
          TotalCompletions: mode.totalCompletions,
        }),
      });
    case 'global-job':
      return goStruct('swarm.ServiceMode', { GlobalJob: goStruct('swarm.GlobalJob', {}) });
  }
}

function portsDocument(ports: readonly PortConfig[]): GoValue {
  if (ports.length === 0) return undefined;
  return ports.map((port) =>
    goStruct('swarm.PortConfig', {
      Name: port.name === '' ? undefined : port.name,
      Protocol: port.protocol,
      TargetPort: port.targetPort,
      PublishedPort: port.publishedPort === 0 ? undefined : port.publishedPort,
      PublishMode: port.publishMode,
    }),
  );
}

export function taskDocument(task: TaskSpec): GoStruct {
  const { limits, reservations } = task.resources;
  const { restart } = task;
  return goStruct('swarm.TaskSpec', {
    ContainerSpec: containerDocument(task.container),
    Resources: goStruct('swarm.ResourceRequirements', {
      Limits: goStruct('swarm.Limit', {
        NanoCPUs: limits.nanoCpus || undefined,
        MemoryBytes: limits.memoryBytes || undefined,
        Pids: limits.pids || undefined,
      }),
      Reservations: goStruct('swarm.Resources', {
        NanoCPUs: reservations.nanoCpus || undefined,
        MemoryBytes: reservations.memoryBytes || undefined,
      }),
    }),
    RestartPolicy: goStruct('swarm.RestartPolicy', {
      Condition: restart.condition,
      Delay: restart.delayNs,
      MaxAttempts: restart.maxAttempts,
      Window: restart.windowNs === 0 ? undefined : restart.windowNs,
    }),
    Placement: placementDocument(task),
    Networks:
      task.networks.length === 0
        ? undefined
        : task.networks.map(({ target, aliases }) =>
            goStruct('swarm.NetworkAttachmentConfig', {
              Target: target,
              Aliases: aliases.length === 0 ? undefined : aliases,
            }),
          ),
    LogDriver:
      task.logDriver === '' ? undefined : goStruct('swarm.Driver', { Name: task.logDriver }),
    ForceUpdate: task.forceUpdate,
    Runtime: 'container',
  });
}

function placementDocument({ placement }: TaskSpec): GoStruct {
  return goStruct('swarm.Placement', {
    Constraints: orLeftOut(placement.constraints),
    Preferences:
      placement.preferences.length === 0
        ? undefined
        : placement.preferences.map((descriptor) =>
            goStruct('swarm.PlacementPreference', {
              Spread: goStruct('swarm.SpreadOver', { SpreadDescriptor: descriptor }),
            }),
          ),
    MaxReplicas: placement.maxReplicas || undefined,
  });
}

function containerDocument(container: SwarmContainerSpec): GoStruct {
  const { dns } = container;
  return goStruct('swarm.ContainerSpec', {
    Image: container.image,
    Labels: container.labels.size === 0 ? undefined : goMap(container.labels),
    Command: orLeftOut(container.command),
    Args: orLeftOut(container.args),
    Hostname: container.hostname || undefined,
    Env: orLeftOut(container.environment),
    Dir: container.workingDir || undefined,
    User: container.user || undefined,
    Groups: orLeftOut(container.groups),
    StopSignal: container.stopSignal || undefined,
    TTY: container.isTty || undefined,
    Init: container.init ?? undefined,
    ReadOnly: container.isReadOnly || undefined,
    Mounts:
      container.mounts.length === 0
        ? undefined
        : container.mounts.map((mount) =>
            goStruct('mount.Mount', {
              Type: mount.get('type') ?? 'volume',
              Source: mount.get('source'),
              Target: mount.get('target') ?? '',
              ReadOnly: mount.get('readonly') === 'true' || undefined,
            }),
          ),
    StopGracePeriod: container.stopGraceNs,
    Hosts: orLeftOut(container.hosts),
    DNSConfig: goStruct('swarm.DNSConfig', {
      Nameservers: orLeftOut(dns.nameservers),
      Search: orLeftOut(dns.search),
      Options: orLeftOut(dns.options),
    }),
    Secrets: filesDocument(container.secrets, 'Secret'),
    Configs: filesDocument(container.configs, 'Config'),
    Isolation: 'default',
    Sysctls: container.sysctls.size === 0 ? undefined : goMap(container.sysctls),
    CapabilityAdd: orLeftOut(container.capabilityAdd),
    CapabilityDrop: orLeftOut(container.capabilityDrop),
  });
}

const READ_BY_ALL = 0o444;

function filesDocument(files: readonly FileReference[], kind: 'Secret' | 'Config'): GoValue {
  if (files.length === 0) return undefined;
  return files.map(({ id, name, fileName }) =>
    goStruct(`swarm.${kind}Reference`, {
      File: goStruct(`swarm.${kind}ReferenceFileTarget`, {
        Name: fileName,
        UID: '0',
        GID: '0',
        Mode: READ_BY_ALL,
      }),
      [`${kind}ID`]: id,
      [`${kind}Name`]: name,
    }),
  );
}

function orLeftOut(list: readonly string[]): GoValue {
  return list.length === 0 ? undefined : list;
}
