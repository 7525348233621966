import { expect, test } from 'vitest';
import { isEqual } from '../../../../src/swarm/manager/equality.ts';
import { makeObjectId } from '../../../../src/swarm/manager/ids.ts';
import {
  type StoreEvent,
  tasksOfNode,
  tasksOfService,
  tasksOfSlot,
  updateStore,
} from '../../../../src/swarm/manager/store.ts';
import { makeSwarmLab, replicated } from '../../../support/swarm-manager.ts';

test('a transaction is one version; watchers hear of it afterwards, in order', () => {
  const { cluster } = makeSwarmLab(1);
  const { store } = cluster;
  const heard: string[] = [];
  store.watchers.add((event: StoreEvent) => heard.push(`${event.kind} ${event.table}`));
  const before = store.index;
  const [one, two] = updateStore(cluster, (tx) => {
    const secret = { name: 's', labels: new Map(), data: 'x' };
    const created = tx.create('secret', secret);
    expect(heard).toEqual([]);
    return [created, tx.create('config', { name: 'c', labels: new Map(), data: 'y' })];
  });
  expect(heard).toEqual(['create secret', 'create config']);
  expect(store.index).toBe(before + 1);
  expect([one!.versionIndex, two!.versionIndex]).toEqual([store.index, store.index]);
  updateStore(cluster, (tx) => tx.remove('secret', one!.id));
  expect(store.secrets.size).toBe(0);
  updateStore(cluster, () => {});
  expect(store.index).toBe(before + 2);
});

test('tasks are found by service, node and slot, wherever they are moved', () => {
  const lab = makeSwarmLab(2);
  const { store } = lab.cluster;
  lab.create('web', { mode: replicated(2) });
  lab.pass(3);
  const { id } = lab.service('web');
  expect(tasksOfService(store, id)).toHaveLength(2);
  for (const { slot, nodeId } of lab.tasks('web')) {
    expect(tasksOfSlot(store, `${id}.${slot}`)).toHaveLength(1);
    expect(tasksOfNode(store, nodeId)).toHaveLength(1);
  }
  lab.remove('web');
  lab.pass(5);
  expect([store.tasks.size, store.tasksOfService.size, store.tasksOfSlot.size]).toEqual([0, 0, 0]);
  expect(store.tasksOfNode.size).toBe(0);
});

test('ids have 25 digits of 36 and are the same in every run', () => {
  const ids = [makeSwarmLab(1), makeSwarmLab(1)].map(({ cluster }) =>
    makeObjectId(cluster.world.sim),
  );
  expect(ids[0]).toMatch(/^[0-9a-z]{25}$/);
  expect(ids[0]).toBe(ids[1]);
});

test('specs are compared by what they say', () => {
  const spec = { a: [1, { b: new Map([['k', 'v']]) }], c: null };
  expect(isEqual(spec, structuredClone(spec))).toBe(true);
  expect(isEqual(spec, { ...spec, a: [1, { b: new Map([['k', 'w']]) }] })).toBe(false);
  expect(isEqual(spec, { ...spec, d: undefined })).toBe(false);
  expect(isEqual([1, 2], [1])).toBe(false);
});
