/**
 * Waiting in a system call with a socket timeout (SO_RCVTIMEO): it ends on the kernel's coarse timers.
 * @source net/core/datagram.c __skb_wait_for_more_packets(); kernel/time/timer.c schedule_timeout()
 */
import { type Process, type Program, type WaitQueue, waitFor, wake } from '../engine/process.ts';
import { cancel } from '../engine/simulator.ts';
import { makeTimer } from '../engine/timer-queue.ts';
import { armWheelTimer, jiffiesOf, jiffiesOfMs } from '../stack/jiffies.ts';

/**
 * Waits until `isTrue()`, looked at whenever one of `queues` is woken, for about `timeoutMs`.
 * @param limitNs an exact bound besides (an alarm); Infinity for none.
 * @returns whether it became true.
 */
export function* waitOnWheel(
  process: Process,
  queues: readonly WaitQueue[],
  isTrue: () => boolean,
  timeoutMs: number,
  limitNs = Number.POSITIVE_INFINITY,
): Program<boolean> {
  if (isTrue()) return true;
  const { sim, cpu } = process;
  const expired: WaitQueue = { waiters: [] };
  let isOver = false;
  const timer = makeTimer(cpu, () => {
    isOver = true;
    wake(expired);
  });
  armWheelTimer(sim, timer, jiffiesOf(sim) + jiffiesOfMs(timeoutMs));
  yield* waitFor(process, [...queues, expired], () => isOver || isTrue(), limitNs);
  cancel(sim, timer);
  return isTrue();
}
