/**
 * The emulated world: a simulator and the machines in it. What a script, a topology or a test
 * builds lives here.
 */
import { assert } from '../base/assert.ts';
import type { CostTable } from '../engine/cost.ts';
import type { Cpu } from '../engine/cpu.ts';
import { addCpu, makeSimulator, type Simulator } from '../engine/simulator.ts';
import { type Machine, makeMachine } from './machine.ts';

/** Wall-clock time of virtual time 0, in seconds since 1970: 2025-01-01 00:00:00 UTC. */
const EPOCH_S = 1_735_689_600;

export interface World {
  readonly sim: Simulator;
  /** By name, in the order in which they were added. */
  readonly machines: Map<string, Machine>;
  /** New namespaces get what the twins' recorder gives them: lo up, rp_filter 0. */
  recorder: boolean;
  /** Wall-clock seconds at virtual time 0. */
  readonly epochS: number;
}

export interface WorldOptions {
  readonly seed?: number;
  readonly cost?: CostTable;
  readonly shuffleTies?: boolean;
  readonly maxFrames?: number;
  readonly recorder?: boolean;
}

/** A world without machines. */
export function createWorld(options: WorldOptions = {}): World {
  return {
    sim: makeSimulator(options),
    machines: new Map(),
    recorder: options.recorder ?? false,
    epochS: EPOCH_S,
  };
}

/**
 * Adds a machine; the first one gets the simulator's first CPU, each other one its own, unless it is
 * to run on the CPU of another one (virtual machines of one computer, joined by veth pairs).
 */
export function addMachine(world: World, name = 'host', sharedCpu: Cpu | null = null): Machine {
  assert(!world.machines.has(name), 'machines have different names');
  const isFirst = world.machines.size === 0;
  const cpu = sharedCpu ?? (isFirst ? world.sim.cpu : addCpu(world.sim, name));
  const machine = makeMachine(world, name, cpu);
  world.machines.set(name, machine);
  return machine;
}

/** The wall clock of the world in whole seconds since 1970 (for Date headers, `date`, mtimes). */
export function wallClockS(world: World): number {
  return world.epochS + Math.floor((world.sim.nowNs + world.sim.workNs) / 1e9);
}
