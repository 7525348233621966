/** Processes of a member's wire. */
import { type Process, type Program, spawn } from '../../engine/process.ts';
import type { WireState } from './wire-state.ts';

/** Starts a part of dockerd. Each looks after its waits whether the member has left. */
export function startProcess(
  state: WireState,
  main: (process: Process) => Program<number>,
): Process {
  return spawn(state.host.world.sim, state.host.cpu, 'dockerd', main);
}
