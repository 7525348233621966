/** The HostConfig part of `docker inspect`. @source moby api/types/container HostConfig; its field order */
import { formatIpv4 } from '../../../base/ipv4-address.ts';
import type { Container, PublishSpec } from '../../../docker/engine-record.ts';
import {
  type GoStruct,
  type GoValue,
  goMap,
  goPointer,
  goStruct,
  NIL_POINTER,
  NIL_SLICE,
} from './go-value.ts';

/** Files of /proc and /sys that runc hides. @source moby oci/defaults.go */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];

const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Memory for /dev/shm. */
const SHM_SIZE_BYTES = 67_108_864;

const TASK_LABEL = 'com.docker.swarm.task';

/**
 * A task's networks are not said here, unless it is one that each node has of its own.
 * @source daemon/cluster/executor/container/container.go hostConfig()
 */
function modeOf({ networkMode, labels }: Container['spec']): string {
  const isOwn = networkMode === 'host' || networkMode === 'none';
  return labels.has(TASK_LABEL) && !isOwn ? 'default' : networkMode;
}

export function hostConfigDocument({ spec }: Container): GoStruct {
  return goPointer('container.HostConfig', {
    Binds: NIL_SLICE,
    ContainerIDFile: '',
    LogConfig: goStruct('container.LogConfig', { Type: 'json-file', Config: goMap() }),
    NetworkMode: modeOf(spec),
    PortBindings: portBindings(spec.publish),
    RestartPolicy: goStruct('container.RestartPolicy', {
      Name: spec.restartPolicy.name,
      MaximumRetryCount: spec.restartPolicy.maximumRetryCount,
    }),
    AutoRemove: spec.autoRemove,
    VolumeDriver: '',
    VolumesFrom: NIL_SLICE,
    ConsoleSize: [0, 0],
    CapAdd: orNil(spec.capAdd.map(longCapability)),
    CapDrop: orNil(spec.capDrop.map(longCapability)),
    CgroupnsMode: 'private',
    Dns: spec.dns,
    DnsOptions: spec.dnsOptions,
    DnsSearch: spec.dnsSearch,
    ExtraHosts: orNil(spec.extraHosts.map(([name, address]) => `${name}:${address}`)),
    GroupAdd: NIL_SLICE,
    IpcMode: 'private',
    Cgroup: '',
    Links: NIL_SLICE,
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: spec.isPrivileged,
    PublishAllPorts: spec.publishAll,
    ReadonlyRootfs: false,
    SecurityOpt: spec.isPrivileged ? ['label=disable'] : NIL_SLICE,
    UTSMode: '',
    UsernsMode: '',
    ShmSize: SHM_SIZE_BYTES,
    Sysctls: spec.sysctls.size === 0 ? undefined : goMap(spec.sysctls),
    Runtime: 'runc',
    Isolation: '',
    ...resources(),
    MaskedPaths: spec.isPrivileged ? NIL_SLICE : MASKED_PATHS,
    ReadonlyPaths: spec.isPrivileged ? NIL_SLICE : READONLY_PATHS,
  });
}

function orNil(list: readonly string[]): readonly string[] {
  return list.length === 0 ? (NIL_SLICE as readonly string[]) : list;
}

/** `CAP_NET_ADMIN` of `net_admin`. */
function longCapability(name: string): string {
  const upper = name.toUpperCase();
  return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}

function portBindings(publish: readonly PublishSpec[]): GoValue {
  const map = new Map<string, GoValue[]>();
  for (const { protocol, containerPort, hostAddress, hostPorts } of publish) {
    const key = `${containerPort}/${protocol}`;
    const list = map.get(key) ?? [];
    const port =
      hostPorts === null
        ? ''
        : hostPorts[0] === hostPorts[1]
          ? String(hostPorts[0])
          : hostPorts.join('-');
    const host = hostAddress === null ? '' : formatIpv4(hostAddress);
    list.push(goStruct('nat.PortBinding', { HostIp: host, HostPort: port }));
    map.set(key, list);
  }
  return goMap<GoValue>(map, NIL_SLICE);
}

/** Limits of cgroups, none of which is emulated. */
function resources(): Record<string, GoValue> {
  return {
    CpuShares: 0,
    Memory: 0,
    NanoCpus: 0,
    CgroupParent: '',
    BlkioWeight: 0,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    BlkioDeviceWriteBps: [],
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [],
    CpuPeriod: 0,
    CpuQuota: 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: '',
    CpusetMems: '',
    Devices: [],
    DeviceCgroupRules: NIL_SLICE,
    DeviceRequests: NIL_SLICE,
    MemoryReservation: 0,
    MemorySwap: 0,
    MemorySwappiness: NIL_POINTER,
    OomKillDisable: NIL_POINTER,
    PidsLimit: NIL_POINTER,
    Ulimits: [],
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}
