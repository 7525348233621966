/** Makes topologies of stack files: a swarm on which `docker stack deploy` brings the file up. */
import { basename, dirname, resolve } from 'node:path';
import { NetsimError } from '../base/errors.ts';
import { quoteWord } from '../base/quote-word.ts';
import type { Variables } from '../topology/compose/interpolate.ts';
import { isMapping, type Mapping } from '../topology/compose/merge.ts';
import { type ComposeProject, projectNameOf } from '../topology/compose/project.ts';
import { NODES_MAX } from '../topology/docker-world.ts';
import { isEngineVersion } from '../topology/topology.ts';
import type { LoadedTopology } from './topologies.ts';

/** What becomes a swarm. */
export interface StackRequest {
  /** The stack file itself, absolute. */
  readonly path: string;
  readonly text: string;
  readonly shown: string;
  readonly project: ComposeProject;
  /** The files in one, as they are written. */
  readonly merged: Mapping;
  readonly variables: Variables;
  readonly nodes: number;
  /** The text of a file beside the stack file; null if there is none. */
  readonly readFile: (path: string) => string | null;
}

const NODES_USUAL = 3;

/** How many nodes of a swarm a file wants; null if it is for one engine, as `docker compose` reads it. */
export function stackNodes(
  path: string,
  asked: string | undefined,
  { settings, services }: ComposeProject,
  merged: Mapping,
): number | null {
  if (asked !== undefined) {
    const count = /^\d{1,6}$/.test(asked) ? Number(asked) : 0;
    if (count >= 1 && count <= NODES_MAX) return count;
    const text = `--nodes: found "${asked}", expected a number from 1 to ${NODES_MAX}`;
    throw new NetsimError('bad-nodes', text);
  }
  const isNamed = /stack[^/]*\.ya?ml$/i.test(basename(path));
  const hasPlaces = services.some(({ fields }) => isMapping(fields['x-netsim']));
  const declared = isMapping(merged.services) ? Object.values(merged.services) : [];
  const isSwarm = declared.some((each) => isMapping(each) && isForSwarm(each.deploy));
  if (!isNamed && (hasPlaces || !isSwarm)) return null;
  return settings.nodes ?? NODES_USUAL;
}

/** Keys of `deploy` that only a swarm obeys; Compose itself reads replicas, resources and restarts. */
function isForSwarm(deploy: unknown): boolean {
  return (
    isMapping(deploy) &&
    ['placement', 'update_config', 'rollback_config', 'endpoint_mode'].some((key) => key in deploy)
  );
}

/** The topology: a manager, workers, and the stack, deployed and converged. */
export function stackTopology(request: StackRequest): LoadedTopology {
  const { project, nodes, shown, path } = request;
  const name = projectNameOf(basename(path).replace(/\.ya?ml$/i, '')) || 'stack';
  const running = project.services.filter(({ replicas }) => replicas > 0);
  const [first, second] = running.map((service) => service.name);
  return {
    topology: {
      name,
      title: `Stack ${name}`,
      description: `${project.services.length} services on a swarm of ${nodes} nodes`,
      ping: project.settings.ping ?? { from: first ?? 'node1', to: second ?? 'client' },
      machines: new Map(),
      docker: {
        nodes,
        internet: project.settings.internet ?? true,
        engine: isEngineVersion(project.settings.engine) ? project.settings.engine : null,
      },
    },
    script: stackScript(request, name),
    scriptFile: shown,
    warnings: [],
    seed: project.settings.seed ?? null,
  };
}

function stackScript(request: StackRequest, name: string): string {
  const { nodes, text, variables } = request;
  const lines = ['set -e', 'docker swarm init --advertise-addr 192.168.0.11 > /dev/null'];
  if (nodes > 1) lines.push('token=$(docker swarm join-token -q worker)');
  for (let number = 2; number <= nodes; number++) {
    lines.push(
      `ssh node${number} docker swarm join --token "$token" 192.168.0.11:2377 > /dev/null`,
    );
  }
  for (const [key, value] of variables) {
    if (new RegExp(`\\$\\{?${key}\\b`).test(text)) lines.push(`export ${key}=${quoteWord(value)}`);
  }
  lines.push(...fileCommands(request));
  const deploy = `docker stack deploy --detach=false --compose-file - ${quoteWord(name)}`;
  lines.push(`printf %s ${quoteWord(text)} | ${deploy} > /dev/null`);
  return lines.map((line) => `${line}\n`).join('');
}

/** Puts the files of configs, secrets and env_file where the emulated `docker` reads them. */
function fileCommands({ path, merged, readFile }: StackRequest): string[] {
  const names = new Set<string>();
  for (const section of [merged.configs, merged.secrets]) {
    for (const each of isMapping(section) ? Object.values(section) : []) {
      if (isMapping(each) && typeof each.file === 'string') names.add(each.file);
    }
  }
  for (const each of isMapping(merged.services) ? Object.values(merged.services) : []) {
    const value = isMapping(each) ? each.env_file : undefined;
    for (const file of Array.isArray(value) ? value : [value]) {
      if (typeof file === 'string') names.add(file);
    }
  }
  return [...names].flatMap((name) => {
    const text = readFile(resolve(dirname(path), name));
    if (text === null) return [];
    const folder = dirname(name);
    const make = folder === '.' ? [] : [`mkdir -p ${quoteWord(folder)}`];
    return [...make, `printf %s ${quoteWord(text)} > ${quoteWord(name)}`];
  });
}
