/** Finds Compose files as Compose does, and makes topologies of them. */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { NetsimError } from '../base/errors.ts';
import { projectScript } from '../topology/compose/commands.ts';
import { parseEnvFile, type Variables } from '../topology/compose/interpolate.ts';
import { type ComposeSource, type LoadedCompose, loadCompose } from '../topology/compose/load.ts';
import { PROBLEMS_MAX, problemText } from '../topology/compose/problem.ts';
import type { ComposeProject } from '../topology/compose/project.ts';
import { YAML_BYTES_MAX } from '../topology/compose/yaml-file.ts';
import { isEngineVersion, type Topology } from '../topology/topology.ts';
import type { ComposeOptions } from './options.ts';
import { pathKind } from './path-kind.ts';
import { stackNodes, stackTopology } from './stack-files.ts';
import type { LoadedTopology } from './topologies.ts';

/** What Compose looks for, best first. @source docker compose cli/options.go DefaultFileNames */
const DEFAULT_NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
/** What is taken where Compose finds nothing. */
const STACK_NAMES = ['docker-stack.yml', 'docker-stack.yaml'];
const OVERRIDE_NAMES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];

/** What a Compose file is read with. */
export interface ComposeRequest extends ComposeOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Whether the path has the ending of a Compose file. */
export function isComposePath(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

/** The Compose file of a folder, with its override; empty if it has none. */
export function composeFilesIn(folder: string): string[] {
  const isFile = (name: string): boolean => pathKind(join(folder, name)) === 'file';
  const found = DEFAULT_NAMES.find(isFile);
  if (found === undefined) {
    const stack = STACK_NAMES.find(isFile);
    return stack === undefined ? [] : [join(folder, stack)];
  }
  const override = OVERRIDE_NAMES.find(isFile);
  return [found, ...(override === undefined ? [] : [override])].map((name) => join(folder, name));
}

/** The Compose files that belong to the current folder: COMPOSE_FILE, or those here or above. */
export function composeFilesAround({ cwd, env }: Pick<ComposeRequest, 'cwd' | 'env'>): string[] {
  const named = env.COMPOSE_FILE;
  if (named !== undefined && named !== '') {
    return named.split(env.COMPOSE_PATH_SEPARATOR ?? ':').map((path) => resolve(cwd, path));
  }
  for (let folder = cwd; ; folder = dirname(folder)) {
    const found = composeFilesIn(folder);
    if (found.length > 0 || dirname(folder) === folder) return found;
  }
}

/** Loads Compose files; mistakes are in the result. @throws NetsimError for files that cannot be read. */
export function loadComposeFiles(
  paths: readonly string[],
  request: ComposeRequest,
  isStack = false,
): LoadedCompose {
  const folder = dirname(paths[0]!);
  const variables = variablesOf(folder, request);
  const profiles = [
    ...request.profiles,
    ...(variables.get('COMPOSE_PROFILES') ?? '').split(',').filter((name) => name !== ''),
  ];
  return loadCompose({
    files: paths.map((path) => sourceOf(path, request.cwd)),
    readFile(name) {
      const path = resolve(request.cwd, name);
      return pathKind(path) === 'file' ? readText(path, name) : null;
    },
    variables,
    projectName: variables.get('COMPOSE_PROJECT_NAME') ?? basename(folder),
    profiles,
    isStack,
  });
}

/** A topology of Compose files. @throws NetsimError with all mistakes. */
export function loadComposeTopology(
  paths: readonly string[],
  request: ComposeRequest,
): LoadedTopology {
  const stack = loadStack(paths, request);
  if (stack !== null) return stack;
  const { project, problems, warnings } = loadComposeFiles(paths, request);
  if (project === null) throw composeError(problems);
  const external = project.networks.filter(({ isExternal }) => isExternal);
  return {
    topology: topologyOf(project),
    script: projectScript(project),
    scriptFile: shownPath(paths[0]!, request.cwd),
    warnings: [
      ...warnings,
      ...external.map(({ name }) => `the network ${name} is external: netsim creates it`),
    ],
    seed: project.settings.seed ?? null,
  };
}

/** The files as a stack on a swarm; null if they are for one engine. */
function loadStack(paths: readonly string[], request: ComposeRequest): LoadedTopology | null {
  const { project, problems, merged } = loadComposeFiles(paths, request, true);
  const path = paths[0]!;
  if (project === null) {
    if (request.nodes === undefined) return null;
    throw composeError(problems);
  }
  const nodes = stackNodes(path, request.nodes, project, merged);
  if (nodes === null) return null;
  const shown = shownPath(path, request.cwd);
  if (paths.length > 1) {
    const text = `${shown}: a stack is one file, found ${paths.length}`;
    throw new NetsimError('compose', text, { hint: 'merge them by docker compose config' });
  }
  return stackTopology({
    path,
    text: readText(path, shown),
    shown,
    project,
    merged,
    variables: variablesOf(dirname(path), request),
    nodes,
    readFile: (name) => (pathKind(name) === 'file' ? readText(name, name) : null),
  });
}

/** All problems as one error; its text has a line for each. */
export function composeError(problems: LoadedCompose['problems']): NetsimError {
  const lines = problems.slice(0, PROBLEMS_MAX).map(problemText);
  if (problems.length > PROBLEMS_MAX) lines.push(`and ${problems.length - PROBLEMS_MAX} more`);
  return new NetsimError('compose', lines.join('\n'));
}

function topologyOf(project: ComposeProject): Topology {
  const { services, settings, nodes, name } = project;
  const running = services.filter(({ replicas }) => replicas > 0).map((service) => service.name);
  const [first, second] = running;
  const usual =
    second !== undefined && first !== undefined
      ? { from: first, to: second }
      : { from: 'node1', to: first ?? 'client' };
  return {
    name,
    title: `Compose project ${name}`,
    description: `${services.length} services`,
    ping: settings.ping ?? usual,
    machines: new Map(),
    docker: {
      nodes,
      internet: settings.internet ?? true,
      engine: isEngineVersion(settings.engine) ? settings.engine : null,
    },
  };
}

/** The environment, over `.env` files. */
function variablesOf(folder: string, request: ComposeRequest): Variables {
  const environment = new Map<string, string>();
  for (const [name, value] of Object.entries(request.env)) {
    if (value !== undefined) environment.set(name, value);
  }
  const found = new Map<string, string>();
  const files = request.envFiles.map((path) => resolve(request.cwd, path));
  const standard = join(folder, '.env');
  if (files.length === 0 && pathKind(standard) === 'file') files.push(standard);
  for (const path of files) {
    const text = readText(path, shownPath(path, request.cwd));
    for (const [name, value] of parseEnvFile(text, environment)) found.set(name, value);
  }
  return new Map([...found, ...environment]);
}

function sourceOf(path: string, cwd: string): ComposeSource {
  const name = shownPath(path, cwd);
  return { name, text: readText(path, name) };
}

/** As a user would type it. */
function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith('..') ? path : short;
}

function readText(path: string, shown: string): string {
  try {
    const { size } = statSync(path);
    if (size > YAML_BYTES_MAX) {
      const text = `${shown}: found ${size} bytes, expected at most ${YAML_BYTES_MAX}`;
      throw new NetsimError('compose', text);
    }
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    if (error instanceof NetsimError) throw error;
    const { code } = error as NodeJS.ErrnoException; // node:fs throws nothing else
    throw new NetsimError('compose', `${shown}: cannot be read: ${code ?? 'unknown reason'}`);
  }
}
