import { describe, expect, test } from 'vitest';
import type { ServiceMode, UpdateConfig } from '../../../../../src/swarm/objects.ts';
import {
  makeSwarmLab,
  replicated,
  type SwarmLab,
  TASK_SPEC,
} from '../../../../support/swarm-manager.ts';

const setImage = (lab: SwarmLab, name: string, image: string): void =>
  lab.change(name, (spec) => ({
    ...spec,
    task: { ...spec.task, container: { ...spec.task.container, image } },
  }));

const restart = (changes: Partial<typeof TASK_SPEC.restart>) => ({
  task: { restart: { ...TASK_SPEC.restart, ...changes } },
});

const UPDATE: UpdateConfig = {
  parallelism: 1,
  delayNs: 0,
  failureAction: 'pause',
  monitorNs: 5e9,
  maxFailureRatio: 0,
  order: 'stop-first',
};

/** Rows without the node. */
const states = (lab: SwarmLab, name: string): string[] =>
  lab.ps(name).map((row) => row.replace(/ (node\d+|-) /, ' '));

describe('restarts', () => {
  test('the next task is there at once, ready, and starts after the delay', () => {
    const lab = makeSwarmLab(1);
    lab.create('web');
    lab.pass(3);
    lab.end(lab.tasks('web')[0]!.id, 1);
    lab.pass(2);
    expect(lab.ps('web')).toEqual([
      'web.1 node1 ready ready',
      'web.1 node1 shutdown failed task: non-zero exit (1)',
    ]);
    lab.pass(5);
    expect(lab.ps('web')[0]).toBe('web.1 node1 running running');
  });

  test('what ended well is restarted under `any`, not under `on-failure`', () => {
    const lab = makeSwarmLab(1);
    lab.create('any', { image: 'short' });
    lab.create('failure', { image: 'short', ...restart({ condition: 'on-failure' }) });
    lab.create('none', { image: 'fails', ...restart({ condition: 'none' }) });
    lab.pass(12);
    expect(lab.tasks('any').length).toBeGreaterThan(1);
    expect(states(lab, 'failure')).toEqual(['failure.1 shutdown complete']);
    expect(states(lab, 'none')).toEqual(['none.1 shutdown failed task: non-zero exit (1)']);
  });

  test('so many attempts and no more', () => {
    const lab = makeSwarmLab(1);
    lab.create('web', { image: 'fails', ...restart({ maxAttempts: 2, delayNs: 1e9 }) });
    lab.pass(60);
    expect(states(lab, 'web')).toEqual(
      Array.from({ length: 3 }, () => 'web.1 shutdown failed task: non-zero exit (1)'),
    );
  });

  test('five tasks a slot are remembered', () => {
    const lab = makeSwarmLab(1);
    lab.create('web', { image: 'missing', ...restart({ delayNs: 1e9 }) });
    lab.pass(60);
    const rows = lab.ps('web');
    expect(rows).toHaveLength(5);
    expect(rows[4]).toBe('web.1 node1 shutdown rejected No such image: missing');
  });

  test('a node that falls silent loses its tasks to others, and ends its own when it is back', () => {
    const lab = makeSwarmLab(3);
    lab.create('web', { mode: replicated(3) });
    lab.pass(3);
    lab.fail('node3');
    lab.pass(1);
    expect(lab.ps('web').filter((row) => row.includes('node3'))).toEqual([
      expect.stringMatching(/web\.\d node3 shutdown running/),
    ]);
    lab.pass(8);
    const running = () =>
      lab.tasks('web').filter(({ status }) => status.state === 'running').length;
    expect(running()).toBe(4); // as `docker service ls` shows: 4/3
    lab.comeBack('node3');
    lab.pass(5);
    expect(running()).toBe(3);
  });
});

describe('scaling', () => {
  test('new tasks fill the lowest slots; what goes is removed and forgotten', () => {
    const lab = makeSwarmLab(3);
    lab.create('web', { mode: replicated(5) });
    lab.pass(3);
    lab.change('web', (spec) => ({ ...spec, mode: replicated(2) }));
    lab.pass(0.3);
    expect(states(lab, 'web').filter((row) => row.includes('remove'))).toHaveLength(3);
    lab.pass(3);
    expect(states(lab, 'web')).toEqual(['web.1 running running', 'web.2 running running']);
    lab.change('web', (spec) => ({ ...spec, mode: replicated(3) }));
    lab.pass(3);
    expect(states(lab, 'web')).toHaveLength(3);
  });

  test('second tasks of a node go first, then high slots', () => {
    const lab = makeSwarmLab(2);
    lab.create('web', { mode: replicated(3) });
    lab.pass(3);
    const before = lab.ps('web').map((row) => row.split(' ')[1]);
    lab.change('web', (spec) => ({ ...spec, mode: replicated(2) }));
    lab.pass(5);
    const left = lab.ps('web').map((row) => row.split(' ')[1]);
    expect(new Set(before).size).toBe(2);
    expect(new Set(left).size).toBe(2);
  });

  test('to zero, and the service goes', () => {
    const lab = makeSwarmLab(1);
    lab.create('web', { mode: replicated(2) });
    lab.pass(3);
    lab.change('web', (spec) => ({ ...spec, mode: replicated(0) }));
    lab.pass(3);
    expect(lab.tasks('web')).toEqual([]);
    const { id } = lab.service('web');
    lab.remove('web');
    lab.pass(3);
    expect(lab.cluster.store.tasksOfService.get(id)).toBeUndefined();
  });
});

describe('updates', () => {
  test('slot by slot, the old task stops before the new one starts', () => {
    const lab = makeSwarmLab(3);
    lab.create('web', { mode: replicated(3) });
    lab.pass(3);
    setImage(lab, 'web', 'busybox');
    lab.pass(1);
    expect(lab.service('web').updateStatus).toMatchObject({
      state: 'updating',
      message: 'update in progress',
    });
    expect(states(lab, 'web').filter((row) => row.includes('ready ready'))).toHaveLength(1);
    lab.pass(30);
    expect(states(lab, 'web')).toEqual(
      [1, 2, 3].flatMap((slot) => [`web.${slot} running running`, `web.${slot} shutdown shutdown`]),
    );
    expect(lab.service('web').updateStatus).toMatchObject({
      state: 'completed',
      message: 'update completed',
    });
  });

  test('start-first: for a while there are two', () => {
    const lab = makeSwarmLab(2);
    lab.create('web', { update: { ...UPDATE, order: 'start-first' } });
    lab.pass(3);
    setImage(lab, 'web', 'busybox');
    lab.pass(0.9);
    const running = lab.tasks('web').filter(({ status }) => status.state === 'running');
    expect(running).toHaveLength(2);
    lab.pass(10);
    expect(states(lab, 'web')).toEqual(['web.1 running running', 'web.1 shutdown shutdown']);
  });

  test('several at a time, and a pause between them', () => {
    const lab = makeSwarmLab(2);
    lab.create('web', {
      mode: replicated(4),
      update: { ...UPDATE, parallelism: 2, delayNs: 20e9 },
    });
    lab.pass(3);
    setImage(lab, 'web', 'busybox');
    lab.pass(10);
    const fresh = () =>
      lab
        .tasks('web')
        .filter(
          ({ spec, status }) => spec.container.image === 'busybox' && status.state === 'running',
        ).length;
    expect(fresh()).toBe(2);
    lab.pass(20);
    expect(fresh()).toBe(4);
    expect(lab.service('web').updateStatus!.state).toBe('updating');
    lab.pass(41); // the second pause, and a period that is longer than it
    expect(lab.service('web').updateStatus!.state).toBe('completed');
  });

  test('a task that does not come up pauses the update', () => {
    const lab = makeSwarmLab(2);
    lab.create('web', { mode: replicated(2) });
    lab.pass(3);
    setImage(lab, 'web', 'missing');
    lab.pass(10);
    const { updateStatus } = lab.service('web');
    const failed = lab.tasks('web').find(({ status }) => status.state === 'rejected')!;
    expect(updateStatus).toMatchObject({
      state: 'paused',
      message: `update paused due to failure or early termination of task ${failed.id}`,
    });
    expect(states(lab, 'web').filter((row) => row.endsWith('running running'))).toHaveLength(1);
    lab.rollBack('web');
    lab.pass(20);
    expect(lab.service('web').updateStatus).toMatchObject({
      state: 'rollback_completed',
      message: 'rollback completed',
    });
    expect(states(lab, 'web').filter((row) => row.endsWith('running running'))).toHaveLength(2);
    expect(lab.service('web').spec.task.container.image).toBe('ubuntu:latest');
  });

  test('failure action rollback takes the last spec back', () => {
    const lab = makeSwarmLab(2);
    lab.create('web', { mode: replicated(2), update: { ...UPDATE, failureAction: 'rollback' } });
    lab.pass(3);
    setImage(lab, 'web', 'fails');
    lab.pass(4);
    expect(lab.service('web').updateStatus!.message).toMatch(
      /^update rolled back due to failure or early termination of task [0-9a-z]{25}$/,
    );
    lab.pass(30);
    expect(lab.service('web')).toMatchObject({
      previousSpec: null,
      updateStatus: { state: 'rollback_completed', message: 'rollback completed' },
    });
    expect(states(lab, 'web').filter((row) => row.endsWith('running running'))).toHaveLength(2);
  });

  test('failures below the ratio, or to be ignored, do not stop it', () => {
    const lab = makeSwarmLab(2);
    lab.create('web', {
      mode: replicated(2),
      update: { ...UPDATE, failureAction: 'continue' },
      ...restart({ condition: 'none' }),
    });
    lab.pass(3);
    setImage(lab, 'web', 'fails');
    lab.pass(30);
    expect(lab.service('web').updateStatus!.state).toBe('completed');
  });

  test('replicas and labels alone replace nothing; constraints that the node meets neither', () => {
    const lab = makeSwarmLab(1);
    lab.create('web');
    lab.pass(3);
    const { id } = lab.tasks('web')[0]!;
    lab.change('web', (spec) => ({ ...spec, labels: new Map([['a', 'b']]) }));
    lab.pass(10);
    lab.change('web', (spec) => ({
      ...spec,
      task: {
        ...spec.task,
        placement: { ...spec.task.placement, constraints: ['node.role==manager'] },
      },
    }));
    lab.pass(10);
    expect(lab.tasks('web').map((task) => task.id)).toEqual([id]);
    expect(lab.service('web').updateStatus).toBeNull();
  });

  test('a second update calls the first one off', () => {
    const lab = makeSwarmLab(2);
    lab.create('web', { mode: replicated(4), update: { ...UPDATE, delayNs: 10e9 } });
    lab.pass(3);
    setImage(lab, 'web', 'busybox');
    lab.pass(5);
    setImage(lab, 'web', 'alpine');
    lab.pass(120);
    const images = lab
      .tasks('web')
      .filter(({ desiredState }) => desiredState === 'running')
      .map(({ spec }) => spec.container.image);
    expect(images).toEqual(['alpine', 'alpine', 'alpine', 'alpine']);
  });
});

describe('global services', () => {
  const GLOBAL: ServiceMode = { kind: 'global' };

  test('one task a node, also on a node that comes later; drained nodes lose it and get it back', () => {
    const lab = makeSwarmLab(3);
    lab.setNode('node3', { availability: 'pause' });
    lab.create('all', { mode: GLOBAL });
    lab.pass(3);
    expect(lab.ps('all')).toEqual(['all.0 node1 running running', 'all.0 node2 running running']);
    lab.setNode('node3', { availability: 'active' });
    lab.setNode('node2', { availability: 'drain' });
    lab.pass(5);
    expect(lab.ps('all')).toEqual([
      'all.0 node1 running running',
      'all.0 node2 shutdown shutdown',
      'all.0 node3 running running',
    ]);
    lab.setNode('node2', { availability: 'active' });
    lab.pass(5);
    expect(lab.ps('all')).toContain('all.0 node2 running running');
  });

  test('a task that fails is restarted on its node; an update goes from node to node', () => {
    const lab = makeSwarmLab(2);
    lab.create('all', { mode: GLOBAL });
    lab.pass(3);
    lab.end(lab.tasks('all').find(({ nodeId }) => nodeId === lab.nodes[1]!.id)!.id, 3);
    lab.pass(8);
    expect(lab.ps('all')).toEqual([
      'all.0 node1 running running',
      'all.0 node2 running running',
      'all.0 node2 shutdown failed task: non-zero exit (3)',
    ]);
    setImage(lab, 'all', 'busybox');
    lab.pass(20);
    expect(lab.service('all').updateStatus!.state).toBe('completed');
    const images = lab
      .tasks('all')
      .filter(({ status }) => status.state === 'running')
      .map(({ spec }) => spec.container.image);
    expect(images).toEqual(['busybox', 'busybox']);
  });
});

describe('jobs', () => {
  test('so many completions, so many at a time', () => {
    const lab = makeSwarmLab(2);
    const mode: ServiceMode = { kind: 'replicated-job', maxConcurrent: 2, totalCompletions: 5 };
    lab.create('job', { image: 'short', mode, ...restart({ condition: 'on-failure' }) });
    lab.pass(1);
    expect(lab.tasks('job')).toHaveLength(2);
    lab.pass(20);
    expect(states(lab, 'job')).toEqual(
      [1, 2, 3, 4, 5].map((slot) => `job.${slot} complete complete`),
    );
  });

  test('a global job runs once on each node', () => {
    const lab = makeSwarmLab(2);
    lab.create('job', {
      image: 'short',
      mode: { kind: 'global-job' },
      ...restart({ condition: 'on-failure' }),
    });
    lab.pass(20);
    expect(lab.ps('job')).toEqual([
      'job.0 node1 complete complete',
      'job.0 node2 complete complete',
    ]);
  });
});

test('a node that no longer meets the constraints loses the task', () => {
  const lab = makeSwarmLab(2);
  lab.setNode('node1', { labels: new Map([['zone', 'a']]) });
  lab.create('web', {
    task: { placement: { ...TASK_SPEC.placement, constraints: ['node.labels.zone==a'] } },
  });
  lab.pass(3);
  lab.setNode('node1', { labels: new Map() });
  lab.pass(3);
  expect(lab.ps('web')).toEqual([
    'web.1 - ready pending no suitable node (scheduling constraints not satisfied on 2 nodes)',
    'web.1 node1 shutdown rejected assigned node no longer meets constraints',
  ]);
});
