/** The JSON document of a command. */
import type { Session } from './session.ts';

/** Prints one document: what the command says of itself, and what the run came to. */
export function reportJson(session: Session, fields: Readonly<Record<string, unknown>>): void {
  const { sim } = session.world;
  const document = {
    ...fields,
    seed: sim.seed,
    virtualTimeNs: sim.nowNs,
    output: session.output,
    drops: Object.fromEntries([...sim.dropCounts].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  session.surroundings.write(`${JSON.stringify(document, null, 2)}\n`);
}
