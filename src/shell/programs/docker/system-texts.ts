/** What `docker version` and `docker info` print. */

import { makePrng, nextInt32 } from '../../../base/prng.ts';
import type { DockerEngine } from '../../../docker/engine-record.ts';
import { type GoStruct, goStruct } from './go-value.ts';
import { swarmDocument, swarmText } from './swarm-info.ts';

/** What an engine of one version was built of. @source the recordings; distribution packages */
interface Build {
  readonly go: string;
  readonly clientCommit: string;
  readonly engineCommit: string;
  readonly built: string;
  readonly minimumApi: string;
  readonly containerd: readonly [string, string];
  readonly runc: readonly [string, string];
}

const BUILD_26: Build = {
  go: 'go1.24.4',
  clientCommit: 'a72d7cd',
  engineCommit: '411e817',
  built: 'Thu Aug 13 05:35:47 2026',
  minimumApi: '1.24',
  containerd: ['1.7.24~ds1', '1.7.24~ds1-6+deb13u1'],
  runc: ['1.1.15+ds1', '1.1.15+ds1-2+b4'],
};

const BUILD_20: Build = {
  go: 'go1.19.8',
  clientCommit: '297e128',
  engineCommit: '5d6db84',
  built: 'Thu May 18 20:09:16 2023',
  minimumApi: '1.12',
  containerd: ['1.6.20~ds1', '1.6.20~ds1-1+b1'],
  runc: ['1.1.5+ds1', '1.1.5+ds1-1+b1'],
};

function buildOf(engine: DockerEngine): Build {
  return engine.profile.version.startsWith('20.') ? BUILD_20 : BUILD_26;
}

export function versionText(engine: DockerEngine): string {
  const { version, apiVersion } = engine.profile;
  const build = buildOf(engine);
  return `Client:
 Version:           ${version}
 API version:       ${apiVersion}
 Go version:        ${build.go}
 Git commit:        ${build.clientCommit}
 Built:             ${build.built}
 OS/Arch:           linux/amd64
 Context:           default

Server:
 Engine:
  Version:          ${version}
  API version:      ${apiVersion} (minimum version ${build.minimumApi})
  Go version:       ${build.go}
  Git commit:       ${build.engineCommit}
  Built:            ${build.built}
  OS/Arch:          linux/amd64
  Experimental:     false
 containerd:
  Version:          ${build.containerd[0]}
  GitCommit:        ${build.containerd[1]}
 runc:
  Version:          ${build.runc[0]}
  GitCommit:        ${build.runc[1]}
 docker-init:
  Version:          0.19.0
  GitCommit:        
`;
}

export function versionDocument(engine: DockerEngine): GoStruct {
  const { version, apiVersion } = engine.profile;
  const build = buildOf(engine);
  const shared = {
    GoVersion: build.go,
    Os: 'linux',
    Arch: 'amd64',
  };
  return goStruct('versionInfo', {
    Client: goStruct('clientVersion', {
      Platform: goStruct('platformInfo', { Name: '' }),
      Version: version,
      ApiVersion: apiVersion,
      DefaultAPIVersion: apiVersion,
      GitCommit: build.clientCommit,
      ...shared,
      BuildTime: build.built,
      Context: 'default',
    }),
    Server: goStruct('types.Version', {
      Platform: goStruct('platformInfo', { Name: '' }),
      Version: version,
      ApiVersion: apiVersion,
      MinAPIVersion: build.minimumApi,
      GitCommit: build.engineCommit,
      ...shared,
      KernelVersion: KERNEL,
      BuildTime: build.built,
    }),
  });
}

/** The kernel that netsim stands for. */
const KERNEL = '6.18.44-fc-v669';
const SYSTEM = 'Debian GNU/Linux 13 (trixie)';
const MEMORY = '23.54GiB';

interface Counts {
  readonly all: number;
  readonly running: number;
  readonly paused: number;
  readonly stopped: number;
}

function countsOf(engine: DockerEngine): Counts {
  const statuses = [...engine.containers.values()].map(({ status }) => status);
  const running = statuses.filter((each) => each === 'running' || each === 'restarting').length;
  const paused = statuses.filter((each) => each === 'paused').length;
  return { all: statuses.length, running, paused, stopped: statuses.length - running - paused };
}

/** The engine's own id: the same in every run. */
function engineId(engine: DockerEngine): string {
  const stream = makePrng(0, `docker/engine-id/${engine.machine.name}`);
  let digits = '';
  while (digits.length < 32) digits += (nextInt32(stream) >>> 0).toString(16).padStart(8, '0');
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5');
}

export function infoText(engine: DockerEngine): string {
  const counts = countsOf(engine);
  const build = buildOf(engine);
  const { version } = engine.profile;
  return `Client:
 Version:    ${version}
 Context:    default
 Debug Mode: false

Server:
 Containers: ${counts.all}
  Running: ${counts.running}
  Paused: ${counts.paused}
  Stopped: ${counts.stopped}
 Images: ${engine.images.size}
 Server Version: ${version}
 Storage Driver: overlay2
  Backing Filesystem: extfs
  Supports d_type: true
  Using metacopy: false
  Native Overlay Diff: true
  userxattr: false
 Logging Driver: json-file
 Cgroup Driver: cgroupfs
 Cgroup Version: 1
 Plugins:
  Volume: local
  Network: bridge host ipvlan macvlan null overlay
  Log: awslogs fluentd gcplogs gelf journald json-file local splunk syslog
${swarmText(engine).trimEnd()}
 Runtimes: io.containerd.runc.v2 runc
 Default Runtime: runc
 Init Binary: docker-init
 containerd version: ${build.containerd[1]}
 runc version: ${build.runc[1]}
 init version: 
 Security Options:
  seccomp
   Profile: builtin
 Kernel Version: ${KERNEL}
 Operating System: ${SYSTEM}
 OSType: linux
 Architecture: x86_64
 CPUs: 2
 Total Memory: ${MEMORY}
 Name: ${engine.machine.name}
 ID: ${engineId(engine)}
 Docker Root Dir: /var/lib/docker
 Debug Mode: false
 Experimental: false
 Insecure Registries:
  127.0.0.0/8
 Live Restore Enabled: false

`;
}

export function infoDocument(engine: DockerEngine): GoStruct {
  const counts = countsOf(engine);
  return goStruct('system.dockerInfo', {
    ID: engineId(engine),
    Containers: counts.all,
    ContainersRunning: counts.running,
    ContainersPaused: counts.paused,
    ContainersStopped: counts.stopped,
    Images: engine.images.size,
    Driver: 'overlay2',
    Plugins: goStruct('system.PluginsInfo', {
      Volume: ['local'],
      Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null', 'overlay'],
    }),
    IPv4Forwarding: true,
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
    CgroupVersion: '1',
    KernelVersion: KERNEL,
    OperatingSystem: SYSTEM,
    OSType: 'linux',
    Architecture: 'x86_64',
    NCPU: 2,
    DockerRootDir: '/var/lib/docker',
    Name: engine.machine.name,
    ServerVersion: engine.profile.version,
    DefaultRuntime: 'runc',
    Swarm: swarmDocument(engine),
    LiveRestoreEnabled: false,
  });
}
