/** `docker stack deploy`. @source docker cli command/stack/swarm/deploy_composefile.go */
import { DockerError } from '../../../docker/engine-record.ts';
import { createConfig, createSecret } from '../../../swarm/api/files.ts';
import { createSwarmNetwork } from '../../../swarm/api/networks.ts';
import { createService, removeService, updateService } from '../../../swarm/api/services.ts';
import type { Cluster } from '../../../swarm/manager/cluster.ts';
import type { FileReference, ServiceObject, ServiceSpec } from '../../../swarm/objects.ts';
import { loadCompose } from '../../../topology/compose/load.ts';
import { problemText } from '../../../topology/compose/problem.ts';
import {
  IMAGE_LABEL,
  NAMESPACE_LABEL,
  type Stack,
  type StackFile,
  type StackService,
  stackOf,
} from '../../../topology/compose/stack.ts';
import type { ProgramContext } from '../../program.ts';
import {
  type CommandLine,
  type CommandSpec,
  has,
  listOf,
  textOf,
  UsageError,
} from './command-line.ts';
import { daemonText, engineFor } from './daemon.ts';
import { pinImage } from './registry-lookup.ts';
import { waitForService, withImage } from './service-create.ts';
import { networkIdOf } from './service-spec.ts';
import {
  asManager,
  findConfig,
  findSecret,
  type ManagerView,
  readManager,
} from './swarm-request.ts';

const DETACH_NOTE =
  'Since --detach=false was not specified, tasks will be created in the background.\n' +
  'In a future release, --detach=false will become the default.\n';

export const stackDeploy: CommandSpec = {
  path: 'docker stack deploy',
  operands: '[OPTIONS] STACK',
  short: 'Deploy a new stack or update an existing stack',
  aliases: 'docker stack deploy, docker stack up',
  flags: [
    {
      name: 'compose-file',
      short: 'c',
      kind: 'list',
      placeholder: 'strings',
      help: 'Path to a Compose file, or "-" to read from stdin',
    },
    {
      name: 'detach',
      short: 'd',
      kind: 'bool',
      initial: 'true',
      help: 'Exit immediately instead of waiting for the stack services to converge',
    },
    { name: 'prune', kind: 'bool', help: 'Prune services that are no longer referenced' },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Suppress progress output' },
    {
      name: 'resolve-image',
      kind: 'string',
      initial: 'always',
      help: 'Query the registry to resolve image digest and supported platforms ("always", "changed", "never")',
    },
    {
      name: 'with-registry-auth',
      kind: 'bool',
      help: 'Send registry authentication details to Swarm agents',
    },
  ],
  count: [1, 1],
  async run(context, line) {
    const namespace = line.operands[0]!;
    checkStackName(namespace);
    const stack = loadStack(context, line, namespace);
    if (!line.values.has('detach')) context.writeError(DETACH_NOTE);
    await readManager(context, ({ cluster }) => checkExternal(cluster, stack));
    if (has(line, 'prune')) await prune(context, namespace, stack);
    await createNetworks(context, stack);
    await createFiles(context, stack);
    const ids: string[] = [];
    for (const service of stack.services) ids.push(await deploy(context, line, service));
    if (textOf(line, 'detach') !== 'false') return 0;
    let exitCode = 0;
    for (const id of ids)
      exitCode = Math.max(exitCode, await waitForService(context, line, id, id));
    return exitCode;
  },
};

/** @source docker cli command/stack/common.go validateStackName() */
export function checkStackName(name: string): void {
  if (/[^\s"']/.test(name)) return;
  throw new UsageError(`invalid stack name: ${JSON.stringify(name)}\n`, 1);
}

function loadStack(context: ProgramContext, line: CommandLine, namespace: string): Stack {
  const names = listOf(line, 'compose-file').flatMap((text) => text.split(','));
  if (names.length === 0) {
    throw new UsageError('specify a Compose file (with --compose-file)\n', 1);
  }
  const readFile = (path: string): string | null => context.fileSystem.readFile(path);
  const files = names.map((name) => {
    const text = name === '-' ? context.stdin : readFile(name);
    if (text !== null) return { name, text };
    throw new UsageError(`open ${name}: no such file or directory\n`, 1);
  });
  const loaded = loadCompose({
    files,
    readFile,
    variables: context.env,
    projectName: namespace,
    profiles: ['*'],
    isStack: true,
  });
  if (loaded.problems.length > 0) {
    throw new UsageError(`${loaded.problems.map(problemText).join('\n')}\n`, 1);
  }
  const folder = names[0]!.includes('/') ? names[0]!.replace(/\/[^/]*$/, '') : '.';
  const stack = stackOf(loaded.merged, namespace, {
    variables: context.env,
    readFile: (path) => readFile(beside(folder, path)),
  });
  tellIgnored(context, stack);
  return {
    ...stack,
    secrets: stack.secrets.map((file) => withContent(context, folder, file)),
    configs: stack.configs.map((file) => withContent(context, folder, file)),
  };
}

function beside(folder: string, path: string): string {
  return path.startsWith('/') ? path : `${folder}/${path}`;
}

function withContent(context: ProgramContext, folder: string, file: StackFile): StackFile {
  if (file.isExternal || file.path === '') return file;
  const path = beside(folder, file.path);
  const content = context.fileSystem.readFile(path);
  if (content !== null) return { ...file, content };
  throw new UsageError(`open ${path}: no such file or directory\n`, 1);
}

function tellIgnored(context: ProgramContext, { unsupported, deprecated }: Stack): void {
  if (unsupported.length > 0) {
    context.writeError(`Ignoring unsupported options: ${unsupported.join(', ')}\n\n`);
  }
  if (deprecated.size > 0) {
    const lines = [...deprecated].map(([name, why]) => `${name}: ${why}`);
    context.writeError(`Ignoring deprecated options:\n\n${lines.join('\n')}\n\n`);
  }
}

function checkExternal({ store }: Cluster, { externalNetworks }: Stack): void {
  for (const name of externalNetworks) {
    if (['bridge', 'host', 'none', 'default'].includes(name)) continue;
    if ([...store.networks.values()].some((network) => network.name === name)) continue;
    throw new UsageError(
      `network ${JSON.stringify(name)} is declared as external, but could not be found. You need to create a swarm-scoped network before the stack is deployed\n`,
      1,
    );
  }
}

/** The services of a stack, as the swarm has them. */
export function servicesOfStack({ store }: Cluster, namespace: string): ServiceObject[] {
  const services = [...store.services.values()];
  return services.filter(({ spec }) => spec.labels.get(NAMESPACE_LABEL) === namespace);
}

async function prune(context: ProgramContext, namespace: string, stack: Stack): Promise<void> {
  const kept = new Set(stack.services.map(({ spec }) => spec.name));
  const gone = await readManager(context, ({ cluster }) =>
    servicesOfStack(cluster, namespace).filter(({ spec }) => !kept.has(spec.name)),
  );
  for (const { id, spec } of gone) {
    context.write(`Removing service ${spec.name}\n`);
    await asManager(context, ({ member, process }) => removeService(member, process, id));
  }
}

async function createNetworks(context: ProgramContext, { networks }: Stack): Promise<void> {
  for (const spec of networks) {
    const isThere = await readManager(context, ({ cluster }) =>
      [...cluster.store.networks.values()].some(({ name }) => name === spec.name),
    );
    if (isThere) continue;
    context.write(`Creating network ${spec.name}\n`);
    await explain(`failed to create network ${spec.name}`, () =>
      asManager(context, ({ member, process }) =>
        createSwarmNetwork(member, process, { ...spec, configFrom: '' }),
      ),
    );
  }
}

async function createFiles(context: ProgramContext, stack: Stack): Promise<void> {
  for (const [kind, files] of [
    ['secret', stack.secrets],
    ['config', stack.configs],
  ] as const) {
    for (const { name, labels, content, isExternal } of files) {
      if (isExternal) continue;
      const isThere = await readManager(context, ({ cluster }) => {
        const table = kind === 'secret' ? cluster.store.secrets : cluster.store.configs;
        return [...table.values()].some((each) => each.name === name);
      });
      if (isThere) continue;
      context.write(`Creating ${kind} ${name}\n`);
      await explain(`failed to create ${kind} ${name}`, () =>
        asManager(context, function* ({ member, process }) {
          if (kind === 'secret')
            yield* createSecret(member, process, { name, labels, data: content });
          else yield* createConfig(member, process, { name, labels, data: content });
        }),
      );
    }
  }
}

/** Puts words before what the engine says. */
async function explain<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    throw new UsageError(`${what}: ${daemonText(error)}`, 1);
  }
}

/** Creates or updates one service. @returns its id. */
async function deploy(
  context: ProgramContext,
  line: CommandLine,
  service: StackService,
): Promise<string> {
  const { name } = service.spec;
  const existing = await readManager(
    context,
    ({ cluster }) =>
      [...cluster.store.services.values()].find(({ spec }) => spec.name === name) ?? null,
  );
  context.write(
    existing === null
      ? `Creating service ${name}\n`
      : `Updating service ${name} (id: ${existing.id})\n`,
  );
  const verb = existing === null ? 'create' : 'update';
  return explain(`failed to ${verb} service ${name}`, () =>
    asManager(context, function* (view) {
      const engine = engineFor(context);
      const mode = textOf(line, 'resolve-image');
      const resolved = resolvedSpec(view, service);
      const { image } = resolved.task.container;
      const isSame = existing?.spec.labels.get(IMAGE_LABEL) === image;
      let spec = resolved;
      if (mode === 'always' || (mode === 'changed' && !isSame)) {
        const pinned = yield* pinImage(engine, view.process, image);
        spec = withImage(resolved, pinned.image);
        context.writeError(pinned.warning);
      } else if (isSame) spec = withImage(resolved, existing.spec.task.container.image);
      const { member, process } = view;
      if (existing === null) return (yield* createService(member, process, spec)).id;
      const { forceUpdate } = existing.spec.task;
      const updated = { ...spec, task: { ...spec.task, forceUpdate } };
      yield* updateService(member, process, existing.id, existing.versionIndex, updated);
      return existing.id;
    }),
  );
}

/** With ids of networks, secrets and configs. */
function resolvedSpec({ cluster }: ManagerView, service: StackService): ServiceSpec {
  const { spec } = service;
  const namespace = spec.labels.get(NAMESPACE_LABEL)!;
  const refer = (
    uses: StackService['secrets'],
    find: (name: string) => { readonly id: string; readonly name: string },
  ): FileReference[] =>
    uses.map(({ key, target }) => {
      const { id, name } = findEither(find, `${namespace}_${key}`, key);
      return { id, name, fileName: target };
    });
  return {
    ...spec,
    task: {
      ...spec.task,
      networks: spec.task.networks.map((network) => ({
        ...network,
        target: networkIdOf(cluster, network.target),
      })),
      container: {
        ...spec.task.container,
        secrets: refer(service.secrets, (name) => findSecret(cluster, name)),
        configs: refer(service.configs, (name) => findConfig(cluster, name)),
      },
    },
  };
}

function findEither<Item>(find: (name: string) => Item, first: string, second: string): Item {
  try {
    return find(first);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    return find(second);
  }
}
