/**
 * Programs that are part of the shell itself: jobs in the background, trap, timeout. just-bash runs
 * everything in the foreground; `cmd &` is rewritten to a call of the first one here.
 */
import { nextInt32 } from '../base/prng.ts';
import type { Signal } from '../engine/process.ts';
import { kill } from '../engine/process.ts';
import { cancel, schedule, streamOf } from '../engine/simulator.ts';
import { makeTimer } from '../engine/timer-queue.ts';
import { block, enterShell, leaveShell } from './driver.ts';
import { parseDurationNs } from './programs/sleep.ts';
import {
  BACKGROUND_PROGRAM,
  LAST_PID_VARIABLE,
  RANDOM_PROGRAM,
  RECORD_PROGRAM,
  SNAPSHOT_PROGRAM,
  WAIT_PROGRAM,
} from './rewrite.ts';
import { callCommand } from './run-program.ts';
import {
  execute,
  GROUP_VARIABLE,
  type Job,
  killGroup,
  type Shell,
  type ShellProgramDefinition,
} from './shell.ts';
import { ssh } from './ssh.ts';

/** Jobs that one shell may have at a time. */
const JOBS_MAX = 1000;

const background: ShellProgramDefinition = {
  name: BACKGROUND_PROGRAM,
  async run(shell, io, args, netns) {
    const running = shell.jobs.filter(({ exitCode }) => exitCode === null);
    if (running.length >= JOBS_MAX) {
      io.writeError('bash: fork: retry: Resource temporarily unavailable\n');
      return 1;
    }
    const command = args[0] ?? '';
    const job: Job = {
      pid: shell.machine.nextPid++,
      command: command.trim(),
      group: shell.nextGroup++,
      exitCode: null,
      onEnd: [],
    };
    shell.jobs.push(job);
    io.assign(LAST_PID_VARIABLE, String(job.pid));
    enterShell(shell.driver);
    const env = { ...Object.fromEntries(io.variables), [GROUP_VARIABLE]: String(job.group) };
    execute(shell, netns, command, { env, cwd: io.cwd, stdin: '', isTerminal: true }).then(
      (result) => endJob(shell, job, result.exitCode, result.stderr),
      (error: unknown) => {
        shell.failure ??= error;
        shell.abort.abort();
        endJob(shell, job, 2, '');
      },
    );
    return 0;
  },
};

function endJob(shell: Shell, job: Job, exitCode: number, stderr: string): void {
  job.exitCode = exitCode;
  if (stderr !== '') shell.sink?.output(2, 0, new TextEncoder().encode(stderr));
  for (const listener of job.onEnd) listener();
  leaveShell(shell.driver);
}

const wait: ShellProgramDefinition = {
  name: WAIT_PROGRAM,
  async run(shell, io, args) {
    const words = args.filter((word) => !word.startsWith('-'));
    if (words.length === 0) {
      for (const job of [...shell.jobs]) await waitForJob(shell, job);
      shell.jobs.length = 0;
      return 0;
    }
    let exitCode = 0;
    for (const word of words) {
      const job = findJob(shell, word);
      if (job === undefined) {
        io.writeError(`bash: wait: pid ${word} is not a child of this shell\n`);
        exitCode = 127;
      } else {
        await waitForJob(shell, job);
        exitCode = job.exitCode ?? 0;
      }
    }
    return exitCode;
  },
};

async function waitForJob(shell: Shell, job: Job): Promise<void> {
  if (job.exitCode !== null) return;
  const subscribe = (wakeUp: () => void): void => void job.onEnd.push(wakeUp);
  await block(shell.driver, null, subscribe, shell.isDetached);
}

function findJob(shell: Shell, word: string): Job | undefined {
  if (!word.startsWith('%')) return shell.jobs.find(({ pid }) => String(pid) === word);
  return word === '%%' || word === '%+' ? shell.jobs.at(-1) : shell.jobs[Number(word.slice(1)) - 1];
}

const SIGNALS: Readonly<Record<string, Signal>> = {
  '2': 'SIGINT',
  INT: 'SIGINT',
  '9': 'SIGKILL',
  KILL: 'SIGKILL',
  '15': 'SIGTERM',
  TERM: 'SIGTERM',
  '1': 'SIGTERM',
  HUP: 'SIGTERM',
};

/** @source bash builtins/kill.def; also what pkill and killall do, by name */
const killProgram: ShellProgramDefinition = {
  name: 'kill',
  async run(shell, io, args) {
    const words = [...args];
    const signal = takeSignal(words);
    if (signal === null) {
      io.writeError(`bash: kill: ${args[0]}: invalid signal specification\n`);
      return 1;
    }
    let exitCode = 0;
    for (const word of words) {
      const job = findJob(shell, word);
      const daemon = shell.machine.daemons.find(({ pid }) => String(pid) === word);
      if (job !== undefined && job.exitCode === null) {
        if (signal !== 'check') killGroup(shell, job.group, signal);
      } else if (daemon !== undefined) {
        if (signal !== 'check') kill(daemon.process, signal);
      } else {
        io.writeError(`bash: kill: (${word}) - No such process\n`);
        exitCode = 1;
      }
    }
    return exitCode;
  },
};

function takeSignal(words: string[]): Signal | 'check' | null {
  const first = words[0];
  if (first === undefined || !first.startsWith('-') || first === '--') {
    if (first === '--') words.shift();
    return 'SIGTERM';
  }
  words.shift();
  const name = first === '-s' ? (words.shift() ?? '') : first.slice(1);
  return name === '0' ? 'check' : (SIGNALS[name.toUpperCase().replace(/^SIG/, '')] ?? null);
}

function killByName(name: 'pkill' | 'killall'): ShellProgramDefinition {
  return {
    name,
    async run(shell, io, args) {
      const words = [...args];
      const isFull = words.includes('-f');
      const signal = takeSignal(words.filter((word) => word !== '-f' && word !== '-x'));
      const pattern = words.filter((word) => !word.startsWith('-')).at(-1) ?? '';
      const found = shell.machine.daemons.filter(({ command }) =>
        isFull ? command.includes(pattern) : command.split(' ')[0]!.includes(pattern),
      );
      for (const { process } of found) {
        if (signal !== null && signal !== 'check') kill(process, signal);
      }
      if (found.length === 0 && name === 'killall') {
        io.writeError(`${pattern}: no process found\n`);
      }
      return found.length > 0 ? 0 : 1;
    },
  };
}

/** Process ids by name: newest first. @source sysvinit killall5.c main_pidof() */
const pidof: ShellProgramDefinition = {
  name: 'pidof',
  async run(shell, io, args) {
    const names = args.filter((word) => !word.startsWith('-'));
    const found = shell.machine.daemons.filter(({ command }) => {
      const path = command.split(' ')[0]!;
      return names.includes(path) || names.includes(path.split('/').at(-1)!);
    });
    if (found.length === 0) return 1;
    const pids = found.map(({ pid }) => pid).sort((a, b) => b - a);
    io.write(`${pids.join(' ')}\n`);
    return 0;
  },
};

/** @source procps src/pgrep.c; -a shows the command, -f looks at all of it */
const pgrep: ShellProgramDefinition = {
  name: 'pgrep',
  async run(shell, io, args) {
    const pattern = args.filter((word) => !word.startsWith('-')).at(-1) ?? '';
    const isFull = args.some((word) => /^-\w*f/.test(word));
    const isShown = args.some((word) => /^-\w*a/.test(word));
    const found = shell.machine.daemons.filter(({ command }) =>
      isFull ? command.includes(pattern) : command.split(' ')[0]!.includes(pattern),
    );
    for (const { pid, command } of found) io.write(isShown ? `${pid} ${command}\n` : `${pid}\n`);
    return found.length > 0 ? 0 : 1;
  },
};

const jobs: ShellProgramDefinition = {
  name: 'jobs',
  async run(shell, io) {
    shell.jobs.forEach((job, index) => {
      const state = job.exitCode === null ? 'Running' : 'Done';
      io.write(`[${index + 1}]  ${state.padEnd(22)}${job.command} &\n`);
    });
    return 0;
  },
};

/** Keeps the command; EXIT runs at the end of the script, the others never come. */
const trap: ShellProgramDefinition = {
  name: 'trap',
  async run(shell, io, args) {
    const [command, ...signals] = args[0] === '--' ? args.slice(1) : args;
    if (command === undefined || command === '-p') {
      for (const [signal, text] of shell.traps) io.write(`trap -- '${text}' ${signal}\n`);
      return 0;
    }
    for (const word of signals.length === 0 ? [command] : signals) {
      const signal = word === '0' ? 'EXIT' : word.toUpperCase().replace(/^SIG/, '');
      if (command === '-' || signals.length === 0) shell.traps.delete(signal);
      else shell.traps.set(signal, command);
    }
    return 0;
  },
};

/** @source coreutils timeout.c: 124 when the time was up */
const timeout: ShellProgramDefinition = {
  name: 'timeout',
  async run(shell, io, args, netns) {
    const words = [...args];
    let signal: Signal = 'SIGTERM';
    while (words[0]?.startsWith('-') === true) {
      const option = words.shift()!;
      if (option === '-k') words.shift();
      else if (option === '-s')
        signal = SIGNALS[(words.shift() ?? '').replace(/^SIG/, '')] ?? signal;
      else if (option.startsWith('--signal=')) signal = SIGNALS[option.slice(9)] ?? signal;
    }
    const limitNs = parseDurationNs(words.shift() ?? '');
    if (limitNs === null || words.length === 0) {
      io.writeError("Try 'timeout --help' for more information.\n");
      return 125;
    }
    const group = shell.nextGroup++;
    let isTimeUp = false;
    const timer = makeTimer(netns.cpu, () => {
      isTimeUp = true;
      killGroup(shell, group, signal);
    });
    if (limitNs > 0 && limitNs !== Number.POSITIVE_INFINITY) {
      schedule(shell.world.sim, timer, limitNs);
    }
    const exitCode = await callCommand(shell, netns, words, { ...io, group });
    cancelTimer(shell, timer);
    return isTimeUp ? 124 : exitCode;
  },
};

function cancelTimer(shell: Shell, timer: ReturnType<typeof makeTimer>): void {
  if (timer.heapIndex >= 0) cancel(shell.world.sim, timer);
}

/** What stands for the line `#@record`. */
const record: ShellProgramDefinition = {
  name: RECORD_PROGRAM,
  async run(shell) {
    shell.onRecord?.();
    return 0;
  },
};

/** What `$RANDOM` becomes: 0 to 32767. */
const random: ShellProgramDefinition = {
  name: RANDOM_PROGRAM,
  async run(shell, io) {
    io.write(`${nextInt32(streamOf(shell.world.sim, 'shell/random')) & 0x7fff}\n`);
    return 0;
  },
};

/** Keeps the variables for the command of `trap ... EXIT`; leaves $? as it is. */
const snapshot: ShellProgramDefinition = {
  name: SNAPSHOT_PROGRAM,
  async run(shell, io) {
    shell.variablesAtExit = Object.fromEntries(io.variables);
    return Number(io.variables.get('?') ?? 0);
  },
};

export const SHELL_PROGRAMS: readonly ShellProgramDefinition[] = [
  background,
  wait,
  killProgram,
  killByName('pkill'),
  killByName('killall'),
  pidof,
  pgrep,
  jobs,
  trap,
  timeout,
  record,
  random,
  snapshot,
  ssh,
];
