/**
 * `docker exec`: another command in a container that runs.
 * @source moby daemon/exec.go
 */

import {
  type Container,
  type DockerEngine,
  DockerError,
  type RunningCommand,
} from './engine-record.ts';
import { environmentOf } from './environment.ts';
import { noteContainerEvent } from './events.ts';

export interface ExecSpec {
  readonly argv: readonly string[];
  /** `-e`: NAME=VALUE. */
  readonly environment: readonly string[];
  /** `-w`, null for the container's. */
  readonly workingDir: string | null;
  readonly user: string;
  readonly stdin: string;
  readonly isTty: boolean;
  write(text: string): void;
  writeError(text: string): void;
}

/** A program that cannot be executed: the CLI prints the message alone and exits with `exitCode`. */
export class ExecFailedError extends DockerError {
  override name = 'ExecFailedError';
  /** 127: there is none; 126: it may not be executed. */
  readonly exitCode: 126 | 127;

  constructor(exitCode: 126 | 127, why: string) {
    const what = 'OCI runtime exec failed: exec failed: unable to start container process: exec';
    super(400, `${what}${why}: unknown`);
    this.exitCode = exitCode;
  }
}

/**
 * Starts a command in a running container.
 * @throws DockerError 409 not running or paused; ExecFailedError if the program cannot be executed.
 */
export function startExec(
  engine: DockerEngine,
  container: Container,
  spec: ExecSpec,
): RunningCommand {
  const { id, status } = container;
  if (status === 'paused') {
    throw new DockerError(409, `container ${id} is paused, unpause the container before exec`);
  }
  if (status === 'restarting') {
    throw new DockerError(
      409,
      `container ${id} is restarting, wait until the container is running`,
    );
  }
  if (status !== 'running') throw new DockerError(409, `container ${id} is not running`);
  const line = spec.argv.join(' ');
  noteContainerEvent(engine, container, `exec_create: ${line}`);
  const runner = engine.commandRunner;
  const [program = ''] = spec.argv;
  if (runner === null || !runner.hasCommand(container, program)) {
    const why = program.includes('/')
      ? `stat ${program}: no such file or directory`
      : 'executable file not found in $PATH';
    throw new ExecFailedError(127, `: "${program}": ${why}`);
  }
  const mayPing = container.machine.capabilities?.has('NET_RAW') ?? true;
  if (!mayPing && /^(\/usr)?(\/bin\/)?ping$/.test(program)) {
    // The capability in its file is more than it may get.
    throw new ExecFailedError(126, ' /usr/bin/ping: operation not permitted');
  }
  noteContainerEvent(engine, container, `exec_start: ${line}`);
  const running = runner.start(container, {
    argv: spec.argv,
    environment: environmentOf(engine, container, spec.environment),
    workingDir: spec.workingDir ?? (container.spec.workingDir || '/'),
    stdin: spec.stdin,
    netns: null,
    isTty: spec.isTty,
    write: spec.write,
    writeError: spec.writeError,
  });
  if (running.exitCode !== null) return running;
  container.execs.add(running);
  running.onExit.push((exitCode) => {
    container.execs.delete(running);
    noteContainerEvent(engine, container, 'exec_die', { exitCode: String(exitCode) });
  });
  return running;
}
