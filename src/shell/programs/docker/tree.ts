/** The commands of `docker`: which there are, their groups, and what netsim does not emulate. */
import type { CommandSpec } from './command-line.ts';
import {
  attachCommand,
  containerInspect,
  execCommand,
  logsCommand,
  portCommand,
} from './container-commands.ts';
import { psCommand } from './container-list.ts';
import { statsCommand, topCommand } from './container-usage.ts';
import { fileCommands } from './file-commands.ts';
import {
  imageInspect,
  imagePrune,
  imagesCommand,
  pullCommand,
  rmiCommand,
} from './image-commands.ts';
import {
  containerPrune,
  killCommand,
  pauseCommand,
  renameCommand,
  restartCommand,
  rmCommand,
  startCommand,
  stopCommand,
  unpauseCommand,
  waitCommand,
} from './lifecycle.ts';
import {
  networkConnect,
  networkDisconnect,
  networkInspect,
  networkLs,
  networkPrune,
  networkRm,
} from './network-commands.ts';
import { networkCreate } from './network-create.ts';
import {
  nodeDemote,
  nodeInspect,
  nodeLs,
  nodePromote,
  nodePs,
  nodeRm,
  nodeUpdate,
} from './node-commands.ts';
import { createCommand, runCommand } from './run.ts';
import { serviceInspect, serviceLs, servicePs, serviceRm } from './service-commands.ts';
import { serviceCreate } from './service-create.ts';
import { serviceLogs } from './service-logs.ts';
import { serviceRollback, serviceScale, serviceUpdate } from './service-update.ts';
import { stackLs, stackPs, stackRm, stackServices } from './stack-commands.ts';
import { stackDeploy } from './stack-deploy.ts';
import {
  swarmCaCommand,
  swarmInit,
  swarmJoin,
  swarmJoinToken,
  swarmLeave,
  swarmUnlock,
  swarmUnlockKey,
  swarmUpdate,
} from './swarm-commands.ts';
import {
  eventsCommand,
  infoCommand,
  inspectCommand,
  systemPrune,
  versionCommand,
} from './system-commands.ts';

/** A command that has commands: `docker network`. */
export interface CommandGroup {
  readonly path: string;
  readonly short: string;
  /** By name, as help lists them. */
  readonly commands: Readonly<Record<string, CommandSpec>>;
  /** Other names of commands. */
  readonly aliases: Readonly<Record<string, string>>;
  /** What there is in life and not here: it has no packet in it. */
  readonly missing: readonly string[];
}

function within(path: string, spec: CommandSpec, name: string): CommandSpec {
  return { ...spec, path: `${path} ${name}` };
}

function group(
  path: string,
  short: string,
  commands: Readonly<Record<string, CommandSpec>>,
  rest: { aliases?: Readonly<Record<string, string>>; missing?: string } = {},
): CommandGroup {
  const named = Object.entries(commands).map(([name, spec]) => [name, within(path, spec, name)]);
  return {
    path,
    short,
    commands: Object.fromEntries(named),
    aliases: rest.aliases ?? {},
    missing: (rest.missing ?? '').split(' '),
  };
}

export const NETWORK_GROUP = group(
  'docker network',
  'Manage networks',
  {
    connect: networkConnect,
    create: networkCreate,
    disconnect: networkDisconnect,
    inspect: networkInspect,
    ls: networkLs,
    prune: networkPrune,
    rm: networkRm,
  },
  { aliases: { list: 'ls', remove: 'rm' } },
);

const CONTAINER_GROUP = group(
  'docker container',
  'Manage containers',
  {
    attach: attachCommand,
    create: createCommand,
    exec: execCommand,
    inspect: containerInspect,
    kill: killCommand,
    logs: logsCommand,
    ls: psCommand,
    pause: pauseCommand,
    port: portCommand,
    prune: containerPrune,
    rename: renameCommand,
    restart: restartCommand,
    rm: rmCommand,
    run: runCommand,
    start: startCommand,
    stats: statsCommand,
    stop: stopCommand,
    top: topCommand,
    unpause: unpauseCommand,
    wait: waitCommand,
  },
  {
    aliases: { list: 'ls', ps: 'ls', remove: 'rm' },
    missing: 'commit cp diff export update',
  },
);

const IMAGE_GROUP = group(
  'docker image',
  'Manage images',
  {
    inspect: imageInspect,
    ls: imagesCommand,
    prune: imagePrune,
    pull: pullCommand,
    rm: rmiCommand,
  },
  { aliases: { list: 'ls', remove: 'rm' }, missing: 'build history import load push save tag' },
);

const SYSTEM_GROUP = group(
  'docker system',
  'Manage Docker',
  { events: eventsCommand, info: infoCommand, prune: systemPrune },
  { missing: 'df dial-stdio' },
);

const SWARM_GROUP = group('docker swarm', 'Manage Swarm', {
  ca: swarmCaCommand,
  init: swarmInit,
  join: swarmJoin,
  'join-token': swarmJoinToken,
  leave: swarmLeave,
  unlock: swarmUnlock,
  'unlock-key': swarmUnlockKey,
  update: swarmUpdate,
});

const NODE_GROUP = group(
  'docker node',
  'Manage Swarm nodes',
  {
    demote: nodeDemote,
    inspect: nodeInspect,
    ls: nodeLs,
    promote: nodePromote,
    ps: nodePs,
    rm: nodeRm,
    update: nodeUpdate,
  },
  { aliases: { list: 'ls', remove: 'rm' } },
);

const SERVICE_GROUP = group(
  'docker service',
  'Manage Swarm services',
  {
    create: serviceCreate,
    inspect: serviceInspect,
    logs: serviceLogs,
    ls: serviceLs,
    ps: servicePs,
    rm: serviceRm,
    rollback: serviceRollback,
    scale: serviceScale,
    update: serviceUpdate,
  },
  { aliases: { list: 'ls', remove: 'rm' } },
);

const STACK_GROUP = group(
  'docker stack',
  'Manage Swarm stacks',
  {
    deploy: stackDeploy,
    ls: stackLs,
    ps: stackPs,
    rm: stackRm,
    services: stackServices,
  },
  { aliases: { list: 'ls', up: 'deploy', remove: 'rm', down: 'rm' }, missing: 'config' },
);

const CONFIG_GROUP = group('docker config', 'Manage Swarm configs', fileCommands('config'), {
  aliases: { list: 'ls', remove: 'rm' },
});

const SECRET_GROUP = group('docker secret', 'Manage Swarm secrets', fileCommands('secret'), {
  aliases: { list: 'ls', remove: 'rm' },
});

/** The groups by name. */
export const GROUPS: Readonly<Record<string, CommandGroup>> = {
  config: CONFIG_GROUP,
  container: CONTAINER_GROUP,
  image: IMAGE_GROUP,
  network: NETWORK_GROUP,
  node: NODE_GROUP,
  secret: SECRET_GROUP,
  service: SERVICE_GROUP,
  stack: STACK_GROUP,
  swarm: SWARM_GROUP,
  system: SYSTEM_GROUP,
};

/** Commands right after `docker`. */
export const COMMANDS: Readonly<Record<string, CommandSpec>> = {
  run: runCommand,
  exec: execCommand,
  ps: psCommand,
  pull: pullCommand,
  images: imagesCommand,
  version: versionCommand,
  info: infoCommand,
  attach: attachCommand,
  create: createCommand,
  events: eventsCommand,
  inspect: inspectCommand,
  kill: killCommand,
  logs: logsCommand,
  pause: pauseCommand,
  port: portCommand,
  rename: renameCommand,
  restart: restartCommand,
  rm: rmCommand,
  rmi: rmiCommand,
  start: startCommand,
  stats: statsCommand,
  stop: stopCommand,
  top: topCommand,
  unpause: unpauseCommand,
  wait: waitCommand,
};

/** Commands of the real program that netsim names and refuses. */
export const MISSING: ReadonlySet<string> = new Set(
  'build builder buildx checkpoint commit compose context cp diff export history import load login logout manifest plugin push save search tag trust update volume'.split(
    ' ',
  ),
);
