/** What containers write: kept for `docker logs`, shown to those attached. */
import { timeNs } from '../engine/simulator.ts';
import type { Container, DockerEngine, OutputListener } from './engine-record.ts';

/** Lines that one container keeps; the oldest go first. */
const LOG_LINES_MAX = 10_000;

/** Adds output to a container's log: pieces may end within a line. */
export function writeLog(
  engine: DockerEngine,
  container: Container,
  stream: 'stdout' | 'stderr',
  text: string,
): void {
  if (text === '') return;
  const { logs } = container;
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const last = logs.at(-1);
    if (last !== undefined && last.stream === stream && !last.text.endsWith('\n')) {
      logs[logs.length - 1] = { ...last, text: last.text + line };
    } else {
      logs.push({ timeNs: timeNs(engine.world.sim), stream, text: line });
      if (logs.length > LOG_LINES_MAX) logs.shift();
    }
  }
  for (const listener of container.listeners) listener(stream, text);
}

/** Follows a container's output. @returns what ends it. */
export function attachOutput(container: Container, listener: OutputListener): () => void {
  container.listeners.add(listener);
  return () => container.listeners.delete(listener);
}
