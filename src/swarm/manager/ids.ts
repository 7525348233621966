/** Identifiers of a cluster's objects. @source swarmkit identity/randomid.go */
import { nextBelow } from '../../base/prng.ts';
import { type Simulator, streamOf } from '../../engine/simulator.ts';
import type { ObjectId } from '../objects.ts';

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const LENGTH = 25;

/** 25 digits to the base 36. */
export function makeObjectId(sim: Simulator): ObjectId {
  const stream = streamOf(sim, 'swarm/ids');
  let id = '';
  while (id.length < LENGTH) id += DIGITS[nextBelow(stream, 36)]!;
  return id;
}
