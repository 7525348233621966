import { beforeEach, describe, expect, test, vi } from 'vitest';
import { engineOf } from '../../../../src/docker/engine.ts';
import type { DockerEngine } from '../../../../src/docker/engine-record.ts';
import { runUntil, timeNs } from '../../../../src/engine/simulator.ts';
import { makeTaskAgent } from '../../../../src/swarm/agent/task-agent.ts';
import { makeStore } from '../../../../src/swarm/manager/store.ts';
import type { SwarmMember, TaskAgent } from '../../../../src/swarm/member.ts';
import type { TaskObject, TaskState, TaskStatus } from '../../../../src/swarm/objects.ts';
import { buildDockerWorld } from '../../../../src/topology/docker-world.ts';
import { TASK_SPEC } from '../../../support/swarm-manager.ts';

// Tasks without networks: the data plane has tests of its own.
vi.mock('../../../../src/swarm/network/index.ts', () => ({
  attachTask: () => {},
  bindTask: () => {},
  endpointsOfTask: () => new Map(),
  prepareNetwork: () => {},
  releaseNetwork: () => true,
  unbindTask: () => {},
}));

let engine: DockerEngine;
let agent: TaskAgent;
let reported: TaskStatus[];

const states = (): TaskState[] => reported.map(({ state }) => state);
const last = (): TaskStatus => reported.at(-1)!;
const pass = (seconds: number): void => {
  runUntil(engine.world.sim, timeNs(engine.world.sim) + seconds * 1e9);
};
const names = (): string[] => [...engine.containers.values()].map(({ name }) => name);

const makeTask = (image: string, args: string[], changes: Partial<TaskObject> = {}): TaskObject =>
  ({
    id: 'task1',
    serviceId: 's1',
    serviceName: 'web',
    slot: 1,
    nodeId: 'n1',
    spec: { ...TASK_SPEC, container: { ...TASK_SPEC.container, image, args } },
    desiredState: 'running',
    status: {
      state: 'assigned',
      timestampNs: 0,
      message: '',
      error: '',
      containerId: '',
      pid: 0,
      exitCode: 0,
      hostPorts: [],
    },
    attachments: [],
    endpoint: null,
    containerAttachment: null,
    ...changes,
  }) as unknown as TaskObject;

beforeEach(() => {
  const { world, nodes } = buildDockerWorld({ nodes: 1, internet: false });
  engine = engineOf(nodes[0]!)!;
  reported = [];
  const member = {
    engine,
    cluster: { world, store: makeStore() },
    nodeId: 'n1',
    wire: { reportStatus: (_: string, status: TaskStatus) => reported.push(status) },
  } as unknown as SwarmMember;
  agent = makeTaskAgent(() => member);
});

describe('a task', () => {
  test('goes through its states to a running container with the names that swarm gives', () => {
    agent.setAssignments([makeTask('ubuntu', ['sleep', 'infinity'])]);
    pass(3);
    expect(states()).toEqual(['accepted', 'preparing', 'ready', 'starting', 'running']);
    expect(reported.map(({ message }) => message)).toEqual([
      'accepted',
      'preparing',
      'prepared',
      'starting',
      'started',
    ]);
    const [container] = engine.containers.values();
    expect(container).toMatchObject({
      name: 'web.1.task1',
      status: 'running',
      id: last().containerId,
    });
    expect(Object.fromEntries(container!.spec.labels)).toEqual({
      'com.docker.swarm.node.id': 'n1',
      'com.docker.swarm.service.id': 's1',
      'com.docker.swarm.service.name': 'web',
      'com.docker.swarm.task': '',
      'com.docker.swarm.task.id': 'task1',
      'com.docker.swarm.task.name': 'web.1.task1',
    });
  });

  test('waits at ready until it may start', () => {
    const task = makeTask('ubuntu', ['sleep', 'infinity'], { desiredState: 'ready' });
    agent.setAssignments([task]);
    pass(5);
    expect(last().state).toBe('ready');
    agent.setAssignments([{ ...task, desiredState: 'running' }]);
    pass(3);
    expect(last().state).toBe('running');
  });

  test('is rejected without its image, after the engine has looked for the registry', () => {
    agent.setAssignments([makeTask('nosuch:1', [])]);
    pass(4);
    expect(last().state).toBe('preparing');
    pass(4);
    expect(last()).toMatchObject({ state: 'rejected', error: 'No such image: nosuch:1' });
    expect(names()).toEqual([]);
  });

  test('fails if its program is not there, or exits with something else than 0', () => {
    agent.setAssignments([makeTask('ubuntu', ['nosuchprogram'])]);
    pass(3);
    expect(last().state).toBe('failed');
    expect(last().error).toMatch(
      /^starting container failed: failed to create task .*"nosuchprogram": executable file not found in \$PATH: unknown$/,
    );
  });

  test('completes', () => {
    agent.setAssignments([makeTask('ubuntu', ['sleep', '3'])]);
    pass(5);
    expect(last()).toMatchObject({ state: 'complete', message: 'finished', exitCode: 0 });
  });

  test('is reported once more, waits for the gossip, and is stopped with its grace', () => {
    const task = makeTask('ubuntu', ['sleep', 'infinity']);
    agent.setAssignments([task]);
    pass(3);
    agent.setAssignments([{ ...task, desiredState: 'shutdown' }]);
    pass(0.1);
    expect(last()).toMatchObject({ state: 'running', message: 'started' });
    pass(11.9);
    expect(last().state).toBe('running');
    pass(0.3);
    expect(last()).toMatchObject({ state: 'shutdown', message: 'shutdown', exitCode: 137 });
    expect(names()).toEqual(['web.1.task1']);
    agent.setAssignments([]);
    pass(3);
    expect(names()).toEqual([]);
  });

  test('that is called off while it is prepared makes no container', () => {
    const task = makeTask('ubuntu', ['sleep', 'infinity']);
    agent.setAssignments([task]);
    pass(0.1);
    agent.setAssignments([{ ...task, desiredState: 'shutdown' }]);
    pass(3);
    expect(last().state).toBe('shutdown');
    expect(names()).toEqual([]);
  });

  test('publishes host-mode ports and reports those that it was given', () => {
    const ports = [
      { name: '', protocol: 'tcp', targetPort: 80, publishedPort: 0, publishMode: 'host' },
    ] as const;
    const endpoint = { mode: 'vip' as const, ports, virtualAddresses: [] };
    agent.setAssignments([makeTask('nginx', [], { endpoint })]);
    pass(3);
    expect(last().hostPorts).toEqual([
      { name: '', protocol: 'tcp', targetPort: 80, publishedPort: 32768, publishMode: 'host' },
    ]);
  });
});

test('an engine that leaves removes its containers at once', () => {
  agent.setAssignments([makeTask('ubuntu', ['sleep', 'infinity'])]);
  pass(3);
  agent.close();
  pass(0.1);
  expect(names()).toEqual([]);
});
