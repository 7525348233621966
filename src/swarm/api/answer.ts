/** What a manager's answer takes. */
import { type Process, type Program, sleep } from '../../engine/process.ts';

/** From the write to the answer: the leader's loops have seen it meanwhile. */
const ANSWER_NS = 5e6;

/** Lets the answer to a request that has changed something come back. */
export function* awaitAnswer(process: Process): Program<void> {
  yield* sleep(process, ANSWER_NS);
}
