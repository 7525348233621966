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

/** What the CLI prints when there is no such program: no `Error response from daemon`, exit code 127. */
export class ExecNotFoundError extends DockerError {
  override name = 'ExecNotFoundError';
}

/**
 * Starts a command in a running container.
 * @throws DockerError 409 not running or paused; ExecNotFoundError if there is no such program.
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
    throw new ExecNotFoundError(
      400,
      `OCI runtime exec failed: exec failed: unable to start container process: exec: "${program}": ${why}: unknown`,
    );
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
