/** Waiting at a terminal for something that runs in a container. */

import { killContainer, waitContainer } from '../../../docker/container-stop.ts';
import type { DockerEngine, RunningCommand } from '../../../docker/engine-record.ts';
import { type Container, DockerError } from '../../../docker/engine-record.ts';
import { makeWaitQueue, type Signal, waitFor, wake } from '../../../engine/process.ts';
import type { ProgramContext } from '../../program.ts';

/** Exit codes of a client that a signal ended. */
export const SIGNAL_CODES: Readonly<Record<Signal, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGKILL: 137,
};

/**
 * Waits for a command in a container. A signal ends the client; the command goes on, unless it has a
 * terminal, whose Ctrl-C reaches it.
 */
export function waitForCommand(
  context: ProgramContext,
  running: RunningCommand,
  isTty: boolean,
): Promise<number> {
  const queue = makeWaitQueue();
  running.onExit.push(() => wake(queue));
  return context.run('docker', function* (process) {
    for (;;) {
      yield* waitFor(process, [queue], () => running.exitCode !== null);
      if (running.exitCode !== null) return running.exitCode;
      const { signal } = process;
      if (signal === null) continue;
      if (signal !== 'SIGINT' || !isTty) return SIGNAL_CODES[signal];
      process.signal = null;
      running.signal('SIGINT');
    }
  });
}

/** Waits until a container does not run; signals of the client go to it (`--sig-proxy`). */
export function waitForContainer(
  context: ProgramContext,
  engine: DockerEngine,
  container: Container,
): Promise<number> {
  return context.run('docker', function* (process) {
    for (;;) {
      const exitCode = yield* waitContainer(process, container);
      const { signal } = process;
      if (signal === null) return exitCode;
      process.signal = null;
      try {
        killContainer(engine, container, signal === 'SIGINT' ? 'INT' : 'TERM');
      } catch (error) {
        if (!(error instanceof DockerError)) throw error;
        return container.exitCode;
      }
      // A process that ignores it (process 1) would never end: the second signal ends the client.
      yield* waitFor(process, [container.waiters], () => container.main === null, 1e9);
      if (container.main !== null) return SIGNAL_CODES[signal];
    }
  });
}
