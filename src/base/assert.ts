/**
 * A broken promise of netsim's own code: a bug, never a user's mistake and never a packet's fate.
 * The run stops; the command line prints the seed and the virtual time that reproduce it.
 */
export class AssertionError extends Error {
  override name = 'AssertionError';
}

/**
 * States what must hold. `what` says it in words: "a packet is released once".
 * @throws AssertionError when it does not hold.
 */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new AssertionError(what);
}
