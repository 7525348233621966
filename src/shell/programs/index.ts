/**
 * The programs of the emulated shell. One line each, sorted by name; a program of this list comes
 * before the shell's own of the same name.
 */
import type { ProgramDefinition } from '../program.ts';
import { sleep } from './sleep.ts';

export const PROGRAMS: readonly ProgramDefinition[] = [sleep];
