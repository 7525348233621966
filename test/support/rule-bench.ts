/** Rules written as text, packets sent through one hook, counters read back. */
import type { Device } from '../../src/engine/device.ts';
import type { Packet } from '../../src/engine/packet.ts';
import { releasePacket } from '../../src/engine/packet-pool.ts';
import { runIptables } from '../../src/netfilter/iptables/iptables.ts';
import { runHook } from '../../src/netfilter/netfilter.ts';
import { HOOK_FORWARD } from '../../src/netfilter/netfilter-hooks.ts';
import { type Bench, makeBench, makeTestDevice } from './netfilter.ts';
import { shellWords } from './shell-words.ts';

/** A bench with these rules, each the arguments of iptables. Throws if one is refused. */
export function makeRules(...lines: readonly string[]): Bench {
  const bench = makeBench();
  for (const line of lines) {
    const result = runIptables(bench.netfilter, shellWords(line));
    if (result.exitCode !== 0) throw new Error(`${line}: ${result.stderr}`);
  }
  return bench;
}

export interface Way {
  readonly hook?: number;
  readonly in?: string | Device;
  readonly out?: string | Device;
}

function deviceOf(bench: Bench, given: string | Device | undefined): Device | null {
  if (given === undefined) return null;
  return typeof given === 'string' ? makeTestDevice(bench, given, 2) : given;
}

/** Sends a packet through a hook (FORWARD if none is named); null: it is gone. */
export function sendThrough(bench: Bench, packet: Packet, way: Way = {}): Packet | null {
  const hook = way.hook ?? HOOK_FORWARD;
  const { sim, netfilter } = bench;
  const inDevice = deviceOf(bench, way.in);
  return runHook(sim, netfilter, hook, packet, inDevice, deviceOf(bench, way.out));
}

/** Whether a packet comes out of the hook; it is released then. */
export function passes(bench: Bench, packet: Packet, way: Way = {}): boolean {
  const left = sendThrough(bench, packet, way);
  if (left !== null) releasePacket(bench.sim, left);
  return left !== null;
}

/** Counters of the rules of a chain, as `packets:bytes`. */
export function countersOf(bench: Bench, chain: string, table = 'filter'): string[] {
  const saved = runIptables(bench.netfilter, ['-t', table, '-v', '-S', chain]).stdout;
  return [...saved.matchAll(/^-A .*-c (\d+) (\d+)/gm)].map((found) => `${found[1]}:${found[2]}`);
}
