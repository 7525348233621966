/** What becomes of requests: latencies, answers by replica, losses by reason. One record a run. */
import hdr, { type Histogram } from 'hdr-histogram-js';
import { assert } from '../base/assert.ts';

/** Latencies are kept with three digits; longer ones than this count as this. */
const LATENCY_MAX_NS = 100_000_000_000;

export interface LoadRecord {
  /** Requests that are meant to be sent in [fromNs, toNs) count. */
  readonly fromNs: number;
  readonly toNs: number;
  readonly latency: Histogram;
  /** By replica. */
  readonly answers: Float64Array;
  readonly losses: Map<string, number>;
  offered: number;
  answered: number;
  /** Answers that came within the window, whenever they were asked for. */
  answeredInWindow: number;
  checksum: number;
}

export function makeRecord(fromNs: number, toNs: number, replicas: number): LoadRecord {
  return {
    fromNs,
    toNs,
    latency: hdr.build({
      bitBucketSize: 32,
      lowestDiscernibleValue: 1,
      highestTrackableValue: LATENCY_MAX_NS,
      numberOfSignificantValueDigits: 3,
    }),
    answers: new Float64Array(replicas),
    losses: new Map(),
    offered: 0,
    answered: 0,
    answeredInWindow: 0,
    checksum: 0x811c9dc5 | 0,
  };
}

export function isCounted(record: LoadRecord, intendedNs: number): boolean {
  return intendedNs >= record.fromNs && intendedNs < record.toNs;
}

/** A request was meant to be sent at a moment, whether it could be or not. */
export function noteOffered(record: LoadRecord, intendedNs: number): void {
  if (isCounted(record, intendedNs)) record.offered++;
}

/** Its answer came. Latency counts from the moment at which it was meant to be sent. */
export function noteAnswer(
  record: LoadRecord,
  replica: number,
  intendedNs: number,
  nowNs: number,
): void {
  assert(replica < record.answers.length, 'an answer is that of a replica');
  if (nowNs >= record.fromNs && nowNs < record.toNs) record.answeredInWindow++;
  if (!isCounted(record, intendedNs)) return;
  const latencyNs = Math.min(LATENCY_MAX_NS, Math.max(1, Math.round(nowNs - intendedNs)));
  record.answered++;
  record.answers[replica] = record.answers[replica]! + 1;
  record.latency.recordValue(latencyNs);
  record.checksum = Math.imul(record.checksum ^ latencyNs, 0x01000193) ^ replica;
}

/** It will have none. */
export function noteLoss(record: LoadRecord, intendedNs: number, reason: string): void {
  if (!isCounted(record, intendedNs)) return;
  record.losses.set(reason, (record.losses.get(reason) ?? 0) + 1);
}
