/** `docker network ls`, `inspect`, `connect`, `disconnect`, `rm`, `prune`; create is in network-create.ts. */
import { findContainer } from '../../../docker/container-create.ts';
import {
  type DockerEngine,
  DockerError,
  type DockerNetwork,
} from '../../../docker/engine-record.ts';
import { connectNetwork, disconnectNetwork } from '../../../docker/network-connect.ts';
import { findNetwork, pruneNetworks, removeNetwork } from '../../../docker/network-create.ts';
import { removeSwarmNetwork } from '../../../swarm/api/networks.ts';
import { memberOf } from '../../../swarm/member.ts';
import type { NetworkObject } from '../../../swarm/objects.ts';
import type { ProgramContext } from '../../program.ts';
import { type CommandLine, type CommandSpec, has, listOf, textOf } from './command-line.ts';
import {
  attempt,
  daemonText,
  engineFor,
  fits,
  fitsAll,
  hasLabel,
  labelsText,
  matchesName,
  readFilters,
} from './daemon.ts';
import { formatList, type ListFormat, type Row } from './docker-format.ts';
import { goTime } from './duration-text.ts';
import { endpointSpecOf } from './endpoint-options.ts';
import { inspect } from './inspect.ts';
import { naturalCompare } from './natural-order.ts';
import { majorVersion } from './port-text.ts';
import { attachSwarmNetwork } from './swarm-attach.ts';
import {
  allNetworks,
  anyNetworkDocument,
  findAnyNetwork,
  isAllocated,
  swarmNetworks,
} from './swarm-networks.ts';
import { asManager } from './swarm-request.ts';

const NETWORKS: ListFormat = {
  type: 'network.networkContext',
  table: '{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}',
  quiet: '{{.ID}}',
  heads: {
    ID: 'NETWORK ID',
    Name: 'NAME',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    IPv6: 'IPV6',
    Internal: 'INTERNAL',
    Labels: 'LABELS',
    CreatedAt: 'CREATED AT',
  },
};

const FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];
const PREDEFINED = ['bridge', 'host', 'none'];

export const networkLs: CommandSpec = {
  path: 'docker network ls',
  operands: '[OPTIONS]',
  short: 'List networks',
  aliases: 'docker network ls, docker network list',
  flags: [
    {
      name: 'filter',
      short: 'f',
      kind: 'list',
      placeholder: 'filter',
      help: 'Provide filter values (e.g. "driver=bridge")',
    },
    {
      name: 'format',
      kind: 'string',
      help: "Format output: 'table', 'table TEMPLATE', 'json' or a Go template",
    },
    { name: 'no-trunc', kind: 'bool', help: 'Do not truncate the output' },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display network IDs' },
  ],
  count: [0, 0],
  async run(context, line) {
    const engine = engineFor(context);
    const filters = readFilters(listOf(line, 'filter'), FILTERS);
    const rows = (await allNetworks(context))
      .map((any) => (any.kind === 'local' ? any.network : listedNetwork(any.network)))
      .filter((network) => matches(engine, network, filters))
      .sort((a, b) => naturalCompare(a.name, b.name))
      .map((network) => rowOf(engine, network, has(line, 'no-trunc')));
    const options = { format: textOf(line, 'format'), isQuiet: has(line, 'quiet') };
    context.write(formatList(NETWORKS, rows, options));
    return 0;
  },
};

/** What a row shows of a network. */
type ListedNetwork = Pick<
  DockerNetwork,
  'id' | 'name' | 'scope' | 'isInternal' | 'enableIpv6' | 'labels' | 'createdNs'
> & { readonly driver: string };

/** A network that only the managers have. */
function listedNetwork(network: NetworkObject): ListedNetwork {
  return {
    ...network,
    driver: isAllocated(network) ? network.driver : '',
    scope: 'swarm',
    enableIpv6: network.isIpv6,
  };
}

function matches(
  engine: DockerEngine,
  network: ListedNetwork,
  filters: ReadonlyMap<string, readonly string[]>,
): boolean {
  const isPredefined = PREDEFINED.includes(network.name);
  const isUsed = (): boolean =>
    isPredefined ||
    [...engine.containers.values()].some(({ networks }) => networks.has(network.name));
  return (
    fits(filters, 'driver', (value) => network.driver === value) &&
    fits(filters, 'id', (value) => network.id.startsWith(value)) &&
    fits(filters, 'name', (value) => matchesName(value, network.name)) &&
    fits(filters, 'scope', (value) => network.scope === value) &&
    fits(filters, 'type', (value) => value === (isPredefined ? 'builtin' : 'custom')) &&
    fits(filters, 'dangling', (value) => (value === 'true' || value === '1') !== isUsed()) &&
    fitsAll(filters, 'label', (value) => hasLabel(network.labels, value))
  );
}

function rowOf(engine: DockerEngine, network: ListedNetwork, isWhole: boolean): Row {
  return {
    ID: isWhole ? network.id : network.id.slice(0, 12),
    Name: network.name,
    Driver: network.driver,
    Scope: network.scope,
    IPv6: String(network.enableIpv6),
    Internal: String(network.isInternal),
    Labels: labelsText(network.labels),
    CreatedAt: goTime(engine.world.epochS, network.createdNs, true),
    Label: { kind: 'function', call: ([name]) => network.labels.get(String(name)) ?? '' },
  };
}

/** Older clients say in their own words what is not there. */
const CLIENT_WORDS_BELOW = 23;

export const networkInspect: CommandSpec = {
  path: 'docker network inspect',
  operands: '[OPTIONS] NETWORK [NETWORK...]',
  short: 'Display detailed information on one or more networks',
  flags: [
    { name: 'format', short: 'f', kind: 'string', help: "Format output: 'json' or a Go template" },
    { name: 'verbose', short: 'v', kind: 'bool', help: 'Verbose output for diagnostics' },
  ],
  count: [1, Number.POSITIVE_INFINITY],
  async run(context, line) {
    const engine = engineFor(context);
    const others = await swarmNetworks(context);
    return inspect(
      context,
      line.operands,
      textOf(line, 'format'),
      (name) =>
        anyNetworkDocument(engine, findAnyNetwork(engine, others, name), has(line, 'verbose')),
      (error) => {
        const missing = /^network (.*) not found$/.exec(error.message);
        const isOld = majorVersion(engine) < CLIENT_WORDS_BELOW;
        return isOld && missing !== null
          ? `Error: No such network: ${missing[1]}\n`
          : daemonText(error);
      },
    );
  },
};

export const networkConnect: CommandSpec = {
  path: 'docker network connect',
  operands: '[OPTIONS] NETWORK CONTAINER',
  short: 'Connect a container to a network',
  flags: [
    {
      name: 'alias',
      kind: 'list',
      placeholder: 'strings',
      help: 'Add network-scoped alias for the container',
    },
    {
      name: 'driver-opt',
      kind: 'list',
      placeholder: 'strings',
      help: 'driver options for the network',
      isIgnored: true,
    },
    { name: 'ip', kind: 'string', help: 'IPv4 address (e.g., "172.30.100.104")' },
    { name: 'ip6', kind: 'string', help: 'IPv6 address (e.g., "2001:db8::33")', isIgnored: true },
    { name: 'link', kind: 'list', help: 'Add link to another container', isIgnored: true },
    {
      name: 'link-local-ip',
      kind: 'list',
      placeholder: 'strings',
      help: 'Add a link-local address for the container',
      isIgnored: true,
    },
  ],
  count: [2, 2],
  async run(context, line) {
    const engine = engineFor(context);
    const [networkName = '', containerName = ''] = line.operands;
    const container = findContainer(engine, containerName);
    const others = await swarmNetworks(context);
    const { name } = findAttachable(engine, others, networkName);
    const spec = endpointSpecOf(name, {
      address: textOf(line, 'ip'),
      mac: '',
      aliases: listOf(line, 'alias'),
    });
    if (container.netns !== null) {
      await attachSwarmNetwork(context, engine, container, { name, address: spec.address });
    } else if (![...engine.networks.values()].some((network) => network.name === name)) {
      container.networks.set(name, spec);
      return 0;
    }
    const done = attempt(context, () => {
      connectNetwork(engine, findNetwork(engine, name), container, spec);
      return true;
    });
    return done === null ? 1 : 0;
  },
};

/** On a worker only a manager knows what there is: the name is taken as it is. */
function findAttachable(
  engine: DockerEngine,
  others: readonly NetworkObject[],
  reference: string,
): { readonly name: string } {
  const isWorker = memberOf(engine)?.role === 'worker';
  try {
    return findAnyNetwork(engine, others, reference).network;
  } catch (error) {
    if (!(error instanceof DockerError) || !isWorker) throw error;
    return { name: reference };
  }
}

export const networkDisconnect: CommandSpec = {
  path: 'docker network disconnect',
  operands: '[OPTIONS] NETWORK CONTAINER',
  short: 'Disconnect a container from a network',
  flags: [
    {
      name: 'force',
      short: 'f',
      kind: 'bool',
      help: 'Force the container to disconnect from a network',
    },
  ],
  count: [2, 2],
  run(context, line) {
    const engine = engineFor(context);
    const [networkName = '', containerName = ''] = line.operands;
    const done = attempt(context, () => {
      const network = findNetwork(engine, networkName);
      disconnectNetwork(engine, network, findContainer(engine, containerName));
      return true;
    });
    return done === null ? 1 : 0;
  },
};

export const networkRm: CommandSpec = {
  path: 'docker network rm',
  operands: 'NETWORK [NETWORK...]',
  short: 'Remove one or more networks',
  aliases: 'docker network rm, docker network remove',
  flags: [
    { name: 'force', short: 'f', kind: 'bool', help: 'Do not error if the network does not exist' },
  ],
  count: [1, Number.POSITIVE_INFINITY],
  async run(context, line) {
    const engine = engineFor(context);
    let exitCode = 0;
    for (const name of line.operands) {
      try {
        await removeAny(context, engine, name);
        context.write(`${name}\n`);
      } catch (error) {
        if (!(error instanceof DockerError)) throw error;
        if (error.status === 404 && has(line, 'force')) continue;
        context.writeError(daemonText(error));
        exitCode = 1;
      }
    }
    return exitCode;
  },
};

async function removeAny(
  context: ProgramContext,
  engine: DockerEngine,
  name: string,
): Promise<void> {
  const any = findAnyNetwork(engine, await swarmNetworks(context), name);
  if (any.kind === 'local' && any.network.scope !== 'swarm') {
    const { network } = any;
    context.kernel(() => removeNetwork(engine, network));
    return;
  }
  const { id } = any.network;
  await asManager(context, ({ member, process }) => removeSwarmNetwork(member, process, id));
}

/** What prune says before it does something; without a terminal the answer is no. */
export function isConfirmed(
  context: { stdin: string; write(text: string): void },
  line: CommandLine,
  warning: string,
): boolean {
  if (has(line, 'force')) return true;
  context.write(`${warning}\nAre you sure you want to continue? [y/N] `);
  return /^y(es)?$/i.test(context.stdin.split('\n')[0]!.trim());
}

/** The managers refuse what is in use. @source moby daemon/prune.go clusterNetworksPrune() */
async function pruneSwarmNetworks(context: ProgramContext): Promise<string[]> {
  const names: string[] = [];
  for (const { id, name, isIngress } of await swarmNetworks(context)) {
    if (isIngress) continue;
    try {
      await asManager(context, ({ member, process }) => removeSwarmNetwork(member, process, id));
      names.push(name);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
    }
  }
  return names;
}

export const networkPrune: CommandSpec = {
  path: 'docker network prune',
  operands: '[OPTIONS]',
  short: 'Remove all unused networks',
  flags: [
    {
      name: 'filter',
      kind: 'list',
      placeholder: 'filter',
      help: 'Provide filter values (e.g. "until=<timestamp>")',
      isIgnored: true,
    },
    { name: 'force', short: 'f', kind: 'bool', help: 'Do not prompt for confirmation' },
  ],
  count: [0, 0],
  async run(context, line) {
    const engine = engineFor(context);
    const warning =
      'WARNING! This will remove all custom networks not used by at least one container.';
    if (!isConfirmed(context, line, warning)) return 0;
    const names = await pruneSwarmNetworks(context);
    names.push(...context.kernel(() => pruneNetworks(engine)));
    if (names.length > 0) {
      context.write(`Deleted Networks:\n${names.map((name) => `${name}\n`).join('')}\n`);
    }
    return 0;
  },
};
