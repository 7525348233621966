/** `docker exec`. */
import type { Container, DockerEngine, RunningCommand } from './engine-record.ts';

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

/**
 * Starts a command in a running container.
 * @throws DockerError 409 not running or paused; 400 OCI text (exit code 127) if there is no such program.
 */
export function startExec(
  engine: DockerEngine,
  container: Container,
  spec: ExecSpec,
): RunningCommand {
  void engine;
  void spec;
  throw new Error(container.id);
}
