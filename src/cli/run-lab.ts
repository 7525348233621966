/** Runs a Markdown lab: its commands at their machines' prompts, the outputs shown or compared. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { NetsimError } from '../base/errors.ts';
import { compareOutput } from '../scenario/compare-output.ts';
import { type Lab, type LabStep, parseLab } from '../scenario/lab.ts';
import { type DockerTopology, parseTopology, readDockerTopology } from '../topology/topology.ts';
import type { CommonOptions } from './options.ts';
import { pathKind } from './path-kind.ts';
import { isUnfinished, openPrompt } from './prompt.ts';
import { closeSession, openTopology, type Session } from './session.ts';
import type { Surroundings } from './surroundings.ts';
import {
  bundledFolder,
  bundledNames,
  type LoadedTopology,
  loadTopology,
  readScript,
} from './topologies.ts';

export interface LabOptions extends CommonOptions {
  /** Compare instead of show. */
  readonly isChecked: boolean;
}

/** What became of a step. */
interface StepResult {
  readonly step: LabStep;
  readonly output: string;
  readonly verdict: 'equal' | 'different' | 'not-compared';
}

/** The path of a lab: a Markdown file, or a bundled topology or a folder with a README.md; else null. */
export function findLab(name: string, cwd: string): string | null {
  const path = resolve(cwd, name);
  if (/\.(md|markdown)$/i.test(name)) return path;
  const folder = bundledNames().includes(name) ? bundledFolder(name) : path;
  const text = join(folder, 'README.md');
  return pathKind(text) === 'file' ? text : null;
}

/** Runs a lab. @returns 0, or 1 if it is checked and an output differs. */
export async function runLab(
  path: string,
  options: LabOptions,
  surroundings: Surroundings,
): Promise<number> {
  const shown = basename(path);
  const library = await import('just-bash');
  const lab = parseLab(readScript(path, shown), shown, (command) => isUnfinished(library, command));
  const session = await openTopology(worldOf(lab, path), options, surroundings);
  const results: StepResult[] = [];
  try {
    await runSteps(session, lab, shown, options, (result) => results.push(result));
  } finally {
    closeSession(session);
  }
  const differing = results.filter(({ verdict }) => verdict === 'different').length;
  if (options.isChecked && !options.isJson) {
    const compared = results.filter(({ verdict }) => verdict !== 'not-compared').length;
    surroundings.write(
      `${shown}: ${results.length} commands, ${compared} outputs compared, ${differing} different\n`,
    );
  }
  if (options.isJson)
    surroundings.write(`${JSON.stringify(documentOf(shown, results), null, 2)}\n`);
  return differing > 0 ? 1 : 0;
}

async function runSteps(
  session: Session,
  lab: Lab,
  shown: string,
  options: LabOptions,
  note: (result: StepResult) => void,
): Promise<void> {
  const { surroundings } = session;
  const isSilent = options.isChecked || options.isJson;
  let output = '';
  const take = (text: string): void => {
    output += text;
    session.output += text;
    if (!isSilent) surroundings.write(text);
  };
  const prompt = await openPrompt(session, { write: take, writeError: take });
  for (const step of lab.steps) {
    output = '';
    const place = step.place === '' ? session.machine.name : step.place;
    if (!isSilent) surroundings.write(`${place}$ ${step.command}\n`);
    await prompt.runAt(step.place, step.command);
    const difference = step.expected === null ? null : compareOutput(step.expected, output);
    const verdict =
      step.expected === null ? 'not-compared' : difference === null ? 'equal' : 'different';
    note({ step, output, verdict });
    if (!options.isChecked || options.isJson || difference === null) continue;
    surroundings.write(
      [
        `${shown}:${step.line}: ${place}$ ${step.command}`,
        `  expected: ${difference.expected ?? '(nothing more)'}`,
        `  found:    ${difference.found ?? '(nothing more)'}`,
        '',
      ].join('\n'),
    );
  }
}

function documentOf(file: string, results: readonly StepResult[]): unknown {
  return {
    command: 'run',
    lab: file,
    steps: results.map(({ step, output, verdict }) => ({
      line: step.line,
      place: step.place,
      command: step.command,
      output,
      verdict,
    })),
  };
}

/** The world of a lab: what its front matter says, else the topology.json beside it, else Docker hosts. */
function worldOf(lab: Lab, path: string): LoadedTopology {
  const where = { file: basename(path) };
  const { topology, docker } = lab.settings;
  if (topology !== undefined) {
    if (typeof topology !== 'string') {
      throw new NetsimError('lab-front-matter', 'topology: expected a name', { where });
    }
    return loadTopology(topology, dirname(path));
  }
  const asked = readDockerTopology(docker, where) ?? topologyBeside(path);
  const inferred: DockerTopology = { nodes: lab.nodes, internet: true, engine: null };
  return {
    topology: {
      name: basename(path),
      title: basename(path),
      description: '',
      ping: null,
      machines: new Map(),
      docker: asked ?? inferred,
    },
    script: '',
    scriptFile: basename(path),
  };
}

function topologyBeside(path: string): DockerTopology | null {
  const file = join(dirname(path), 'topology.json');
  if (pathKind(file) !== 'file') return null;
  return parseTopology(basename(dirname(path)), readFileSync(file, 'utf8'), file).docker;
}
