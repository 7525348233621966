/** dockerd as a process of its machine: who has the sockets that the engine opens. */
import { kill, type Process, type Program, spawn, waitFor } from '../engine/process.ts';
import { addDaemon } from '../world/machine.ts';
import type { DockerEngine } from './engine-record.ts';

const COMMAND = '/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock';

/** Its process id, without a newline. */
const PID_FILE = '/var/run/docker.pid';
const KILLED = 137;

/** What a signal does to dockerd. */
export interface DockerdSignals {
  /** SIGTERM: it ends in order. */
  terminate(process: Process): Program<void>;
  /** SIGKILL: it is gone. */
  killed(): void;
}

const handlers = new WeakMap<DockerEngine, DockerdSignals>();

/** Says what a signal to the engine's process does; without it only the process goes. */
export function handleDockerdSignals(engine: DockerEngine, signals: DockerdSignals): void {
  handlers.set(engine, signals);
}

/** dockerd has stopped: its process ends, unless it is the one that asks. */
export function endDockerd({ machine }: DockerEngine, asking: Process): void {
  const running = machine.daemons.find(({ process }) => process.name === 'dockerd');
  if (running !== undefined && running.process !== asking) kill(running.process, 'SIGKILL');
}

/** The engine's process; started at the first call. */
export function dockerdOf(engine: DockerEngine): Process {
  const { machine } = engine;
  const running = machine.daemons.find(({ process }) => process.name === 'dockerd');
  if (running !== undefined) return running.process;
  const process = spawn(engine.world.sim, machine.cpu, 'dockerd', function* idle(self) {
    yield* waitFor(self, [], () => false);
    self.signal = null; // it is being obeyed
    const handler = handlers.get(engine);
    if (handler !== undefined) yield* handler.terminate(self);
    return 0;
  });
  process.onExit.push((exitCode) => {
    if (exitCode === KILLED) handlers.get(engine)?.killed();
  });
  const { pid } = addDaemon(machine, process, machine.root, COMMAND);
  machine.files.writeFile(PID_FILE, String(pid));
  return process;
}
