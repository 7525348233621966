/**
 * The shell of another machine beside a running one: what `ssh` and `docker exec` work in. It shares
 * everything that belongs to the run (virtual time, groups of processes, failures); files, jobs,
 * functions and namespaces are the other machine's.
 */
import type { Machine } from '../world/machine.ts';
import type { Shell } from './shell.ts';

const shellsOfRun = new WeakMap<Shell['groups'], Map<Machine, Shell>>();

/** The shell of `machine` in the run of `shell`; always the same one. Its output is collected. */
export function shellOfMachine(shell: Shell, machine: Machine): Shell {
  if (machine === shell.machine) return shell;
  let shells = shellsOfRun.get(shell.groups);
  if (shells === undefined) {
    shells = new Map([[shell.machine, shell]]);
    shellsOfRun.set(shell.groups, shells);
  }
  let found = shells.get(machine);
  if (found === undefined) {
    found = makeSibling(shell, machine);
    shells.set(machine, found);
  }
  return found;
}

function makeSibling(shell: Shell, machine: Machine): Shell {
  return {
    world: shell.world,
    machine,
    driver: shell.driver,
    isDetached: shell.isDetached,
    library: shell.library,
    bashOf: new Map(),
    makeBash: shell.makeBash,
    sink: null,
    get failure() {
      return shell.failure;
    },
    set failure(value) {
      shell.failure = value;
    },
    get abort() {
      return shell.abort;
    },
    set abort(value) {
      shell.abort = value;
    },
    isNextTerminal: false,
    functions: new Map(),
    jobs: [],
    groups: shell.groups,
    get nextGroup() {
      return shell.nextGroup;
    },
    set nextGroup(value) {
      shell.nextGroup = value;
    },
    traps: new Map(),
    variablesAtExit: null,
    lastChunks: [],
    lastProgram: '',
    onRecord: null,
  };
}
