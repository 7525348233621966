/** What `docker image inspect` shows. @source moby api/types ImageInspect; its field order */
import type { DockerEngine } from '../../../docker/engine-record.ts';
import type { DockerImage } from '../../../docker/images.ts';
import { timestamp } from './duration-text.ts';
import {
  type GoStruct,
  type GoValue,
  goMap,
  goPointer,
  goStruct,
  NIL_MAP,
  NIL_SLICE,
} from './go-value.ts';

export function imageDocument(engine: DockerEngine, image: DockerImage): GoStruct {
  const { epochS } = engine.world;
  const folder = `/var/lib/docker/overlay2/${image.id}`;
  return goStruct('types.ImageInspect', {
    Id: `sha256:${image.id}`,
    RepoTags: [`${image.repository}:${image.tag}`],
    RepoDigests: [`${image.repository}@${image.digest}`],
    Parent: '',
    Comment: '',
    Created: timestamp(epochS, image.createdNs),
    DockerVersion: '',
    Author: '',
    Config: imageConfig(image),
    Architecture: 'amd64',
    Os: 'linux',
    Size: image.sizeBytes,
    GraphDriver: goStruct('types.GraphDriverData', {
      Data: goMap([
        ['MergedDir', `${folder}/merged`],
        ['UpperDir', `${folder}/diff`],
        ['WorkDir', `${folder}/work`],
      ]),
      Name: 'overlay2',
    }),
    RootFS: goStruct('types.RootFS', { Type: 'layers', Layers: [image.digest] }),
    Metadata: goStruct('types.ImageMetadata', { LastTagTime: '0001-01-01T00:00:00Z' }),
  });
}

function imageConfig({ config }: DockerImage): GoStruct {
  const empty = goStruct('struct {}', {});
  const exposed = config.exposed.map(
    ({ port, protocol }) => [`${port}/${protocol}`, empty] as const,
  );
  const orNil = (list: readonly string[]): readonly GoValue[] =>
    list.length === 0 ? NIL_SLICE : list;
  return goPointer('container.Config', {
    Hostname: '',
    Domainname: '',
    User: config.user,
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ExposedPorts: exposed.length === 0 ? undefined : goMap(exposed),
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: config.environment,
    Cmd: orNil(config.command),
    Image: '',
    Volumes: NIL_MAP,
    WorkingDir: config.workingDir,
    Entrypoint: orNil(config.entrypoint),
    OnBuild: NIL_SLICE,
    Labels: config.labels.size === 0 ? NIL_MAP : goMap(config.labels),
    StopSignal: config.stopSignal === 'SIGTERM' ? undefined : config.stopSignal,
  });
}
