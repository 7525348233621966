/** dockerd as a process of its machine: who has the sockets that the engine opens. */
import { type Process, spawn, waitFor } from '../engine/process.ts';
import { addDaemon } from '../world/machine.ts';
import type { DockerEngine } from './engine-record.ts';

const COMMAND = '/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock';

/** The engine's process; started at the first call. */
export function dockerdOf(engine: DockerEngine): Process {
  const { machine } = engine;
  const running = machine.daemons.find(({ process }) => process.name === 'dockerd');
  if (running !== undefined) return running.process;
  const process = spawn(engine.world.sim, machine.cpu, 'dockerd', function* idle(self) {
    yield* waitFor(self, [], () => false);
    return 0;
  });
  addDaemon(machine, process, machine.root, COMMAND);
  return process;
}
