/** `netsim run SCRIPT`: a bash script of ip, bridge, iptables, ping ... as it is; or a Markdown lab. */
import { basename, resolve } from 'node:path';
import { NetsimError } from '../../base/errors.ts';
import { isRecordedScript } from '../../shell/run-script.ts';
import { NODES_MAX } from '../../topology/docker-world.ts';
import type { DockerTopology } from '../../topology/topology.ts';
import { readCommonOptions, withCommonOptions } from '../options.ts';
import { reportJson } from '../report.ts';
import { findLab, runLab } from '../run-lab.ts';
import {
  closeSession,
  makeSession,
  runText,
  startObservers,
  startObserversFromBirth,
} from '../session.ts';
import { bundledNames, loadTopology, readScript } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

export const run: NetsimCommand = {
  name: 'run',
  usage: '<script> [arguments...]',
  description: 'run a bash script of ip, docker, iptables, ping ... or a Markdown lab',
  help: `
A line \`#@record\` in the script opens the captures of --pcap on every interface but lo, and on none
that is made later; in a script without it they are open from the birth of each interface.

A lab is a Markdown text with fenced blocks of prompts (\`node1$ docker ps\`), commands and outputs.
With --check the outputs are compared, without ids, dates, random MACs and times; a line \`...\` stands
for any lines. Exit code 1 if one differs.
`,
  prepare: (command) =>
    void withCommonOptions(command).option('--check', 'compare the outputs shown in a lab'),
  async run(args, command, surroundings) {
    const options = readCommonOptions(command, surroundings);
    const [path, ...rest] = args;
    if (path === undefined) {
      throw new NetsimError('usage', 'expected a script', { hint: 'netsim run lab.sh --pcap out' });
    }
    const isChecked = command.opts<{ check?: boolean }>().check === true;
    const lab = findLab(path, surroundings.cwd);
    if (lab !== null) return runLab(lab, { ...options, isChecked }, surroundings);
    if (isChecked) {
      throw new NetsimError('usage', '--check compares the outputs that a Markdown lab shows', {
        hint: `${path} is a script: its exit code says whether it worked`,
      });
    }
    const { text, docker } = loadScript(path, surroundings.cwd);
    const session = makeSession(options, surroundings, docker);
    const fileName = basename(path);
    let exitCode: number;
    try {
      exitCode = await runText(session, text, fileName, {
        onRecord: () =>
          isRecordedScript(text) ? startObservers(session) : startObserversFromBirth(session),
        args: rest,
      });
    } finally {
      closeSession(session);
    }
    if (options.isJson) reportJson(session, { command: 'run', script: path, exitCode });
    return exitCode;
  },
};

/** A script, and the Docker world that it needs; null for an empty machine. */
function loadScript(
  path: string,
  cwd: string,
): { readonly text: string; readonly docker: DockerTopology | null } {
  if (bundledNames().includes(path)) {
    const { script, topology } = loadTopology(path, cwd);
    return { text: script, docker: topology.docker };
  }
  const text = readScript(resolve(cwd, path), path);
  return { text, docker: dockerOfScript(text) };
}

/** A script with docker commands runs on node1; there are as many nodes as it names. */
function dockerOfScript(text: string): DockerTopology | null {
  if (isRecordedScript(text)) return null;
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  if (!lines.some((line) => /(^|[\s;&|(`])(docker \w|ssh \S*node\d)/.test(line))) return null;
  const numbers = lines.flatMap((line) => [...line.matchAll(/\bnode(\d{1,3})\b/g)]);
  const nodes = Math.min(NODES_MAX, Math.max(1, ...numbers.map((match) => Number(match[1]))));
  return { nodes, internet: true, engine: null };
}
