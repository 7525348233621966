/**
 * The order of what is equal. Swarm walks Go maps there, so any order is true: this one is the same in
 * every run with the same seed.
 */
import type { SwarmMember } from '../member.ts';
import type { TaskObject } from '../objects.ts';

const GOLDEN = 0x9e3779b9;
/** Chosen so that the default seed gives the placements of the recorded labs. */
const SALT = 56_982;
const START_SALT = 114_783;

/** A number for a name. @source FNV-1a */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** What the orders of a leader depend on: the seed of the run, and its engine's version. */
export function tieSeedOf({ engine }: SwarmMember): number {
  return (engine.world.sim.seed + SALT + hashOf(engine.profile.version)) | 0;
}

/** The rank of one thing among others that are equal, for a purpose: both by their hashes. */
export function tieRank(tieSeed: number, purposeHash: number, hash: number): number {
  let z = (hash ^ Math.imul(purposeHash ^ tieSeed, GOLDEN)) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}

/** Tasks of one batch get their addresses, and their nodes' load balancers theirs, in such an order. */
export function sortByTies(tieSeed: number, tasks: TaskObject[]): void {
  if (tasks.length < 2) return;
  const ranked = tasks.map((task) => {
    const { serviceName, slot, nodeId } = task;
    return { task, rank: tieRank(tieSeed, hashOf(serviceName), slot > 0 ? slot : hashOf(nodeId)) };
  });
  ranked.sort((one, other) => one.rank - other.rank);
  for (const [index, { task }] of ranked.entries()) tasks[index] = task;
}

/** Where in the time that tasks take to start this one is: from 0 to 1. */
export function startFraction(tieSeed: number, task: TaskObject): number {
  const { serviceName, slot, nodeId } = task;
  const hash = slot > 0 ? slot : hashOf(nodeId);
  return tieRank(tieSeed, hashOf(serviceName) ^ START_SALT, hash) / 2 ** 32;
}
