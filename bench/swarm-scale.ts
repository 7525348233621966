/**
 * What a large swarm costs: docker swarm init and join on every node (by ssh), an overlay network and a
 * service with many replicas, all by commands. Prints the CPU seconds of each part and the memory.
 *
 *     node bench/swarm-scale.ts [NODES] [TASKS]
 */
import { tuneCompiler } from '../src/cli/compiler-flags.ts';
import { makeShell } from '../src/shell/bash.ts';
import { enterShell, leaveShell, letTimePass, type ShellHost } from '../src/shell/driver.ts';
import { execute, type Shell } from '../src/shell/shell.ts';
import { makeTerminal } from '../src/shell/terminal.ts';
import { buildDockerWorld } from '../src/topology/docker-world.ts';

const MANAGER = '192.168.0.11:2377';
const HOST: ShellHost = {
  yieldToPrograms: () => new Promise((resolve) => setImmediate(resolve)),
  makeDate: (epochMs) => new Date(epochMs),
};
const nodes = Number(process.argv[2] ?? 100);
const tasks = Number(process.argv[3] ?? 1000);

tuneCompiler();
const start = process.cpuUsage();
let before = start;
const built = buildDockerWorld({ nodes, internet: false });
const first = built.nodes[0];
if (first === undefined) throw new Error('no node');
const shell = await makeShell(built.world, first, HOST);
part('world');
await type(shell, 'docker swarm init --advertise-addr 192.168.0.11');
const token = (await type(shell, 'docker swarm join-token -q worker')).trim();
for (let number = 2; number <= nodes; number++) {
  await type(shell, `ssh node${number} docker swarm join --token ${token} ${MANAGER}`);
}
letTimePass(shell.driver, 3e9);
part('join');
await type(shell, 'docker network create -d overlay --subnet 10.20.0.0/16 wide');
await type(
  shell,
  `docker service create -d --name web --network wide --replicas ${tasks} alpine sleep infinity`,
);
let waited = 0;
while (waited < 120 && !(await type(shell, 'docker service ls')).includes(`${tasks}/${tasks}`)) {
  letTimePass(shell.driver, 2e9);
  waited += 2;
}
part(`service (running after ${waited} s)`);
const total = process.cpuUsage(start);
const memory = process.memoryUsage();
const listed = await type(shell, 'docker service ls');
console.log(listed.trimEnd());
console.log(
  `nodes=${nodes} tasks=${tasks} cpu_s=${seconds(total)} user_s=${(total.user / 1e6).toFixed(2)}` +
    ` heap_mb=${megabytes(memory.heapUsed)} buffers_mb=${megabytes(memory.arrayBuffers)}` +
    ` rss_mb=${megabytes(memory.rss)} max_rss_mb=${(process.resourceUsage().maxRSS / 1024).toFixed(0)}`,
);

function part(name: string): void {
  console.log(`${name}: cpu_s=${seconds(process.cpuUsage(before))}`);
  before = process.cpuUsage();
}

function seconds(usage: NodeJS.CpuUsage): string {
  return ((usage.user + usage.system) / 1e6).toFixed(2);
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** Types a line; @returns what it printed, both streams. */
async function type(at: Shell, text: string): Promise<string> {
  let output = '';
  const write = (piece: string): void => {
    output += piece;
  };
  at.sink = makeTerminal(at, { fileName: null, write, writeError: write });
  enterShell(at.driver);
  try {
    const options = { env: {}, cwd: '/root', stdin: '', isTerminal: true };
    const result = await execute(at, at.machine.root, text, options);
    if (at.failure !== null) throw at.failure;
    output += result.stdout + result.stderr;
    if (result.exitCode !== 0) throw new Error(`${text}\n${output}`);
    return output;
  } finally {
    leaveShell(at.driver);
  }
}
