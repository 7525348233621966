/** `docker swarm init`, `join`, `leave`, `join-token`, `update`, `unlock`, `unlock-key`, `ca`. @source docker cli command/swarm */
import { formatIpv4, parseCidr } from '../../../base/ipv4-address.ts';
import {
  initSwarm,
  joinSwarm,
  joinToken,
  leaveSwarm,
  type SettingsChange,
  swarmCa,
  swarmInfo,
  unlockKey,
  unlockSwarm,
  updateSwarm,
} from '../../../swarm/api/swarm.ts';
import type { SwarmMember } from '../../../swarm/member.ts';
import type { NodeAvailability, NodeRole } from '../../../swarm/objects.ts';
import type { ProgramContext } from '../../program.ts';
import {
  type CommandLine,
  type CommandSpec,
  type FlagSpec,
  has,
  helpOf,
  listOf,
  textOf,
  UsageError,
} from './command-line.ts';
import { engineFor } from './daemon.ts';
import { checkDuration, checkUnsigned, durationOf } from './duration-flags.ts';
import { inProcess, readManager } from './swarm-request.ts';

const ADDRESS_FLAGS: readonly FlagSpec[] = [
  {
    name: 'listen-addr',
    kind: 'string',
    placeholder: 'node-addr',
    initial: '0.0.0.0:2377',
    help: 'Listen address (format: "<ip|interface>[:port]") (default 0.0.0.0:2377)',
  },
  {
    name: 'advertise-addr',
    kind: 'string',
    help: 'Advertised address (format: "<ip|interface>[:port]")',
  },
  {
    name: 'data-path-addr',
    kind: 'string',
    help: 'Address or interface to use for data path traffic (format: "<ip|interface>")',
  },
];

const AVAILABILITY_FLAG: FlagSpec = {
  name: 'availability',
  kind: 'string',
  initial: 'active',
  help: 'Availability of the node ("active", "pause", "drain")',
};

const SETTING_FLAGS: readonly FlagSpec[] = [
  { name: 'autolock', kind: 'bool', help: 'Change manager autolocking setting (true|false)' },
  {
    name: 'cert-expiry',
    kind: 'string',
    placeholder: 'duration',
    check: checkDuration,
    help: 'Validity period for node certificates (ns|us|ms|s|m|h) (default 2160h0m0s)',
  },
  {
    name: 'dispatcher-heartbeat',
    kind: 'string',
    placeholder: 'duration',
    check: checkDuration,
    help: 'Dispatcher heartbeat period (ns|us|ms|s|m|h) (default 5s)',
  },
  {
    name: 'external-ca',
    kind: 'list',
    placeholder: 'external-ca',
    help: 'Specifications of one or more certificate signing endpoints',
    isIgnored: true,
  },
  {
    name: 'max-snapshots',
    kind: 'string',
    placeholder: 'uint',
    check: checkUnsigned,
    help: 'Number of additional Raft snapshots to retain',
  },
  {
    name: 'snapshot-interval',
    kind: 'string',
    placeholder: 'uint',
    check: checkUnsigned,
    help: 'Number of log entries between Raft snapshots (default 10000)',
  },
  {
    name: 'task-history-limit',
    kind: 'int',
    help: 'Task history retention limit (default 5)',
  },
];

function settingsOf(line: CommandLine): SettingsChange {
  const given = (name: string): boolean => line.values.has(name);
  return {
    ...(given('autolock') ? { isAutolocked: has(line, 'autolock') } : {}),
    ...(given('cert-expiry')
      ? { certificateExpiryNs: durationOf(textOf(line, 'cert-expiry')) }
      : {}),
    ...(given('dispatcher-heartbeat')
      ? { heartbeatPeriodNs: durationOf(textOf(line, 'dispatcher-heartbeat')) }
      : {}),
    ...(given('max-snapshots') ? { keepOldSnapshots: Number(textOf(line, 'max-snapshots')) } : {}),
    ...(given('snapshot-interval')
      ? { snapshotInterval: Number(textOf(line, 'snapshot-interval')) }
      : {}),
    ...(given('task-history-limit')
      ? { taskHistoryLimit: Number(textOf(line, 'task-history-limit')) }
      : {}),
  };
}

function availabilityOf(line: CommandLine): NodeAvailability {
  const text = textOf(line, 'availability').toLowerCase();
  if (text === 'active' || text === 'pause' || text === 'drain') return text;
  const shown = JSON.stringify(textOf(line, 'availability'));
  throw new UsageError(
    `invalid availability ${shown}, only active, pause and drain are supported\n`,
    1,
  );
}

function addressesOf(line: CommandLine) {
  return {
    listen: line.values.has('listen-addr') ? textOf(line, 'listen-addr') : '',
    advertise: textOf(line, 'advertise-addr'),
    dataPath: textOf(line, 'data-path-addr'),
  };
}

export const swarmInit: CommandSpec = {
  path: 'docker swarm init',
  operands: '[OPTIONS]',
  short: 'Initialize a swarm',
  flags: [
    ...ADDRESS_FLAGS,
    AVAILABILITY_FLAG,
    ...SETTING_FLAGS,
    {
      name: 'data-path-port',
      kind: 'string',
      placeholder: 'uint32',
      check: checkUnsigned,
      help: 'Port number to use for data path traffic (1024 - 49151). If no value is set or is set to 0, the default port (4789) is used.',
    },
    {
      name: 'default-addr-pool',
      kind: 'list',
      placeholder: 'ipNetSlice',
      check: (text) =>
        text.split(',').every((each) => each.includes('/') && parseCidr(each) !== null)
          ? null
          : `invalid string being converted to CIDR: ${text}`,
      help: 'default address pool in CIDR format (default [])',
    },
    {
      name: 'default-addr-pool-mask-length',
      kind: 'string',
      placeholder: 'uint32',
      check: checkUnsigned,
      help: 'default address pool subnet mask length (default 24)',
    },
    {
      name: 'force-new-cluster',
      kind: 'bool',
      help: 'Force create a new cluster from current state',
    },
  ],
  count: [0, 0],
  async run(context, line) {
    const engine = engineFor(context);
    const pools = listOf(line, 'default-addr-pool').flatMap((text) => text.split(','));
    const options = {
      addresses: addressesOf(line),
      availability: availabilityOf(line),
      dataPathPort: Number(textOf(line, 'data-path-port')),
      addressPools: pools.map((text) => parseCidr(text)!),
      subnetPrefixLength: Number(textOf(line, 'default-addr-pool-mask-length')),
      forceNewCluster: has(line, 'force-new-cluster'),
      settings: settingsOf(line),
    };
    const member = await inProcess(context, (process) => initSwarm(engine, process, options));
    context.write(
      `Swarm initialized: current node (${member.nodeId}) is now a manager.\n\n` +
        joinCommand(member, 'worker', member.cluster.settings.workerToken) +
        "To add a manager to this swarm, run 'docker swarm join-token manager' and follow the instructions.\n\n",
    );
    const { isAutolocked, unlockKey: key } = member.cluster.settings;
    if (isAutolocked) context.write(unlockText(key));
    return 0;
  },
};

/** How to join, with the address that this manager advertises. */
function joinCommand(member: SwarmMember, role: NodeRole, token: string): string {
  const status = member.cluster.store.nodes.get(member.nodeId)?.managerStatus;
  const address = status?.address ?? member.advertiseAddress;
  const where = `${formatIpv4(address)}:${status?.port ?? 2377}`;
  return `To add a ${role} to this swarm, run the following command:\n\n    docker swarm join --token ${token} ${where}\n\n`;
}

function unlockText(key: string): string {
  return (
    'To unlock a swarm manager after it restarts, run the `docker swarm unlock`\n' +
    `command and provide the following key:\n\n    ${key}\n\n` +
    'Please remember to store this key in a password manager, since without it you\n' +
    'will not be able to restart the manager.\n'
  );
}

export const swarmJoin: CommandSpec = {
  path: 'docker swarm join',
  operands: '[OPTIONS] HOST:PORT',
  short: 'Join a swarm as a node and/or manager',
  flags: [
    ...ADDRESS_FLAGS,
    AVAILABILITY_FLAG,
    { name: 'token', kind: 'string', help: 'Token for entry into the swarm' },
  ],
  count: [1, 1],
  async run(context, line) {
    const engine = engineFor(context);
    const options = {
      addresses: addressesOf(line),
      availability: availabilityOf(line),
      token: textOf(line, 'token'),
      remote: line.operands[0]!,
    };
    const role = await inProcess(context, (process) => joinSwarm(engine, process, options));
    context.write(`This node joined a swarm as a ${role}.\n`);
    return 0;
  },
};

export const swarmLeave: CommandSpec = {
  path: 'docker swarm leave',
  operands: '[OPTIONS]',
  short: 'Leave the swarm',
  flags: [
    {
      name: 'force',
      short: 'f',
      kind: 'bool',
      help: 'Force this node to leave the swarm, ignoring warnings',
    },
  ],
  count: [0, 0],
  async run(context, line) {
    const engine = engineFor(context);
    const options = { force: has(line, 'force') };
    await inProcess(context, (process) => leaveSwarm(engine, process, options));
    context.write('Node left the swarm.\n');
    return 0;
  },
};

const ROTATE_FLAGS = (what: string): readonly FlagSpec[] => [
  { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display token' },
  { name: 'rotate', kind: 'bool', help: `Rotate ${what}` },
];

export const swarmJoinToken: CommandSpec = {
  path: 'docker swarm join-token',
  operands: '[OPTIONS] (worker|manager)',
  short: 'Manage join tokens',
  flags: ROTATE_FLAGS('join token'),
  count: [1, 1],
  async run(context, line) {
    const engine = engineFor(context);
    const role = line.operands[0];
    if (role !== 'worker' && role !== 'manager') {
      throw new UsageError(`unknown role ${role}\n`, 1);
    }
    const options = { rotate: has(line, 'rotate') };
    const token = await inProcess(context, (process) => joinToken(engine, process, role, options));
    if (has(line, 'quiet')) {
      context.write(`${token}\n`);
      return 0;
    }
    if (options.rotate) context.write(`Successfully rotated ${role} join token.\n\n`);
    context.write(await readManager(context, ({ member }) => joinCommand(member, role, token)));
    return 0;
  },
};

export const swarmUpdate: CommandSpec = {
  path: 'docker swarm update',
  operands: '[OPTIONS]',
  short: 'Update the swarm',
  flags: SETTING_FLAGS,
  count: [0, 0],
  async run(context, line) {
    const engine = engineFor(context);
    if (line.values.size === 0) {
      context.write(helpOf(swarmUpdate));
      return 0;
    }
    const change = settingsOf(line);
    const key = await inProcess(context, (process) => updateSwarm(engine, process, change));
    context.write('Swarm updated.\n');
    if (key !== '') context.write(unlockText(key));
    return 0;
  },
};

export const swarmUnlockKey: CommandSpec = {
  path: 'docker swarm unlock-key',
  operands: '[OPTIONS]',
  short: 'Manage the unlock key',
  flags: ROTATE_FLAGS('unlock key'),
  count: [0, 0],
  async run(context, line) {
    const engine = engineFor(context);
    const options = { rotate: has(line, 'rotate') };
    const key = await inProcess(context, (process) => unlockKey(engine, process, options));
    if (key === '') {
      const why = options.rotate
        ? 'cannot rotate because autolock is not turned on'
        : 'no unlock key is set';
      throw new UsageError(`${why}\n`, 1);
    }
    if (has(line, 'quiet')) context.write(`${key}\n`);
    else {
      if (options.rotate) context.write('Successfully rotated manager unlock key.\n\n');
      context.write(unlockText(key));
    }
    return 0;
  },
};

export const swarmUnlock: CommandSpec = {
  path: 'docker swarm unlock',
  operands: '',
  short: 'Unlock swarm',
  flags: [],
  count: [0, 0],
  async run(context) {
    const engine = engineFor(context);
    const { state } = swarmInfo(engine);
    if (state === 'inactive') throw new UsageError('Error: This node is not part of a swarm\n', 1);
    if (state !== 'locked') throw new UsageError('Error: swarm is not locked\n', 1);
    const key = await typedKey(context);
    await inProcess(context, (process) => unlockSwarm(engine, process, key));
    return 0;
  },
};

/** The key from standard input, where a terminal asks for it. */
async function typedKey(context: ProgramContext): Promise<string> {
  if (context.stdin === '') context.write('Please enter unlock key: \n');
  return context.stdin.split('\n')[0]!.trim();
}

export const swarmCaCommand: CommandSpec = {
  path: 'docker swarm ca',
  operands: '[OPTIONS]',
  short: 'Display and rotate the root CA',
  flags: [
    {
      name: 'detach',
      short: 'd',
      kind: 'bool',
      help: 'Exit immediately instead of waiting for the root rotation to converge',
    },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Suppress progress output' },
    {
      name: 'rotate',
      kind: 'bool',
      help: 'Rotate the swarm CA - if no certificate or key are provided, new ones will be generated',
    },
    ...SETTING_FLAGS.filter(({ name }) => name === 'cert-expiry' || name === 'external-ca'),
  ],
  count: [0, 0],
  async run(context, line) {
    const engine = engineFor(context);
    const options = { rotate: has(line, 'rotate') };
    for (const name of ['cert-expiry', 'external-ca']) {
      if (options.rotate || !line.values.has(name)) continue;
      throw new UsageError(
        `\`--${name}\` flag requires the \`--rotate\` flag to update the CA\n`,
        1,
      );
    }
    const certificate = await inProcess(context, (process) => swarmCa(engine, process, options));
    if (!(options.rotate && has(line, 'detach'))) context.write(`${certificate.trim()}\n`);
    return 0;
  },
};
