/**
 * Which nodes get the tasks of a group (one service, one version): those with fewest tasks of the
 * service, then fewest tasks at all, spread over the branches of `--placement-pref`.
 * @source swarmkit manager/scheduler/scheduler.go scheduleTaskGroup(), nodeset.go tree(), decision_tree.go
 */
import type { ObjectId, TaskObject } from '../../objects.ts';
import { hashOf, tieRank } from '../ties.ts';
import { labelOf } from './constraints.ts';
import { accepts, makePipeline, type Pipeline } from './filters.ts';
import { type NodeInfo, type NodeSet, recentFailures } from './node-set.ts';

/** From so many failures on a node is the last choice. */
const FAILURES_MAX = 5;

/** One scheduling of a group. */
interface Round {
  readonly tieSeed: number;
  readonly nodes: NodeSet;
  readonly sample: TaskObject;
  readonly pipeline: Pipeline;
  readonly serviceHash: number;
  readonly nowNs: number;
  /** Last first. */
  readonly waiting: TaskObject[];
  /** Called for each decision: it must count the task on the node. */
  readonly assign: (task: TaskObject, info: NodeInfo) => void;
}

/** A branch of the preferences: a leaf has nodes, the others have branches by label. */
interface Branch {
  taskCount: number;
  readonly next: Map<string, Branch>;
  readonly nodes: NodeInfo[];
}

/** Assigns what can be assigned. @returns who is left, and why. */
export function chooseNodes(
  tieSeed: number,
  nodes: NodeSet,
  group: readonly TaskObject[],
  nowNs: number,
  assign: (task: TaskObject, info: NodeInfo) => void,
): { readonly left: readonly TaskObject[]; readonly pipeline: Pipeline } {
  const sample = group[0]!; // a group has one
  const round: Round = {
    tieSeed,
    nodes,
    sample,
    pipeline: makePipeline(sample),
    serviceHash: hashOf(sample.serviceName),
    nowNs,
    waiting: [...group].reverse(),
    assign,
  };
  const { preferences } = sample.spec.placement;
  if (preferences.length === 0) {
    assignTo(round, round.waiting.length, bestNodes(round, round.waiting.length));
  } else {
    assignInBranch(round, round.waiting.length, branchesOf(round, preferences));
  }
  return { left: round.waiting, pipeline: round.pipeline };
}

/** The `count` best nodes that accept the task, best first, from the emptiest bucket on. */
function bestNodes(round: Round, count: number): NodeInfo[] {
  const free: NodeInfo[] = [];
  const others: NodeInfo[] = [];
  for (const bucket of round.nodes.buckets) {
    for (const info of bucket) {
      if (!accepts(round.pipeline, info)) continue;
      const isFree =
        (info.activeByService.get(round.sample.serviceId) ?? 0) === 0 &&
        failuresOf(round, info) < FAILURES_MAX;
      (isFree ? free : others).push(info);
    }
    if (free.length >= count) break;
  }
  const best = sorted(round, free);
  if (best.length < count) best.push(...sorted(round, others));
  return best.slice(0, count);
}

function sorted(round: Round, infos: NodeInfo[]): NodeInfo[] {
  if (infos.length < 2) return infos;
  const ranks = new Map<NodeInfo, number>();
  for (const info of infos)
    ranks.set(info, tieRank(round.tieSeed, round.serviceHash, info.tieHash));
  return infos.sort(
    (one, other) => compare(round, one, other) || ranks.get(one)! - ranks.get(other)!,
  );
}

/** Below zero: the first is preferred. */
function compare(round: Round, one: NodeInfo, other: NodeInfo): number {
  const oneFailures = failuresOf(round, one);
  const otherFailures = failuresOf(round, other);
  if (oneFailures >= FAILURES_MAX || otherFailures >= FAILURES_MAX) {
    if (oneFailures !== otherFailures) return oneFailures - otherFailures;
  }
  const { serviceId } = round.sample;
  const ofService =
    (one.activeByService.get(serviceId) ?? 0) - (other.activeByService.get(serviceId) ?? 0);
  return ofService === 0 ? one.activeCount - other.activeCount : ofService;
}

function failuresOf({ sample, nowNs }: Round, info: NodeInfo): number {
  return recentFailures(info, sample, nowNs);
}

/**
 * Gives `count` of the waiting tasks to nodes: first up to the level of the next node, then one each in
 * turn. @returns how many.
 */
function assignTo(round: Round, count: number, infos: readonly NodeInfo[]): number {
  if (infos.length === 0) return 0;
  let given = 0;
  let at = 0;
  const full = new Set<number>();
  while (given < count && round.waiting.length > 0) {
    const index = at % infos.length;
    const info = infos[index]!; // below the length
    round.assign(round.waiting.pop()!, info);
    given++;
    if (given === count) break;
    if (at + 1 < infos.length) {
      if (compare(round, infos[at + 1]!, info) < 0) at++;
    } else at++;
    const from = at;
    while (full.has(at % infos.length) || !accepts(round.pipeline, infos[at % infos.length]!)) {
      full.add(at % infos.length);
      at++;
      if (at - from === infos.length) return given;
    }
  }
  return given;
}

function branchesOf(round: Round, preferences: readonly string[]): Branch {
  const root: Branch = { taskCount: 0, next: new Map(), nodes: [] };
  const { serviceId } = round.sample;
  for (const info of round.nodes.infos.values()) {
    const own = info.activeByService.get(serviceId) ?? 0;
    let branch = root;
    for (const descriptor of preferences) {
      const label = labelOf(info.node, descriptor);
      if (label === null) continue;
      branch.taskCount += own;
      let next = branch.next.get(label);
      if (next === undefined) {
        next = { taskCount: 0, next: new Map(), nodes: [] };
        branch.next.set(label, next);
      }
      branch = next;
    }
    branch.taskCount += own;
    branch.nodes.push(info);
  }
  return root;
}

/** Makes the branches even until all tasks are given or all branches are full. @returns how many. */
function assignInBranch(round: Round, count: number, branch: Branch): number {
  if (branch.next.size === 0) {
    const usable = branch.nodes.filter((info) => accepts(round.pipeline, info));
    return assignTo(round, count, sorted(round, usable).slice(0, count));
  }
  const branches = [...branch.next.keys()].sort().map((label) => branch.next.get(label)!);
  const full = new Set<Branch>();
  let given = 0;
  let inUsable = branch.taskCount;
  let isConverging = true;
  while (given < count && full.size < branches.length && isConverging) {
    const total = inUsable + count - given;
    const wanted = Math.floor(total / (branches.length - full.size));
    let remainder = total % (branches.length - full.size);
    isConverging = false;
    for (const each of branches) {
      if (full.has(each)) continue;
      const has = each.taskCount;
      if (has > wanted || (has === wanted && remainder === 0)) continue;
      isConverging = true;
      const share = wanted - has + (remainder > 0 ? 1 : 0);
      const got = assignInBranch(round, share, each);
      if (got < share) {
        full.add(each);
        inUsable -= has;
      } else if (remainder > 0) remainder--;
      given += got;
    }
  }
  return given;
}

/** Groups tasks of one service and version; within a group by slot. */
export function groupTasks(tasks: readonly TaskObject[]): TaskObject[][] {
  const groups = new Map<string, TaskObject[]>();
  for (const task of tasks) {
    const key: ObjectId = `${task.serviceId}/${task.specVersion}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  return [...groups.values()].map((group) => group.sort((one, other) => one.slot - other.slot));
}
