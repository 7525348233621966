/**
 * The objects of a cluster and who watches them.
 * @source swarmkit manager/state/store/memory.go
 */
import { assert } from '../../base/assert.ts';
import { timeNs } from '../../engine/simulator.ts';
import type {
  ConfigObject,
  NetworkObject,
  NodeObject,
  ObjectId,
  ObjectMeta,
  SecretObject,
  ServiceObject,
  TaskObject,
} from '../objects.ts';
import type { Cluster } from './cluster.ts';
import { makeObjectId } from './ids.ts';

export interface Tables {
  readonly node: NodeObject;
  readonly network: NetworkObject;
  readonly service: ServiceObject;
  readonly task: TaskObject;
  readonly secret: SecretObject;
  readonly config: ConfigObject;
}

export type TableName = keyof Tables;

/** One change, as watchers see it; narrow by `table`. */
export type StoreEvent = {
  [Name in TableName]: {
    readonly table: Name;
    readonly kind: 'create' | 'update' | 'delete';
    /** As it is now; what was deleted, as it was. */
    readonly object: Tables[Name];
    /** As it was before an update. */
    readonly previous: Tables[Name] | null;
  };
}[TableName];

export type StoreWatcher = (event: StoreEvent) => void;

export interface Store {
  /** Raft's index: the version of the last change. */
  index: number;
  readonly nodes: ReadonlyMap<ObjectId, NodeObject>;
  readonly networks: ReadonlyMap<ObjectId, NetworkObject>;
  readonly services: ReadonlyMap<ObjectId, ServiceObject>;
  readonly tasks: ReadonlyMap<ObjectId, TaskObject>;
  readonly secrets: ReadonlyMap<ObjectId, SecretObject>;
  readonly configs: ReadonlyMap<ObjectId, ConfigObject>;
  /** Tasks of a service, of a node and of a slot, without a walk over all: these are sets of ids. */
  readonly tasksOfService: ReadonlyMap<ObjectId, ReadonlySet<ObjectId>>;
  readonly tasksOfNode: ReadonlyMap<ObjectId, ReadonlySet<ObjectId>>;
  /** By slotKeyOf(). */
  readonly tasksOfSlot: ReadonlyMap<string, ReadonlySet<ObjectId>>;
  /** Called after each transaction for each of its changes, in order. A watcher may not write itself. */
  readonly watchers: Set<StoreWatcher>;
}

/** What an object is made of when it is created: the store adds the rest. */
export type NewObject<Name extends TableName> = Omit<Tables[Name], keyof ObjectMeta> & {
  readonly id?: ObjectId;
};

/** A change of several objects that is one entry of Raft's log. */
export interface Transaction {
  create<Name extends TableName>(table: Name, object: NewObject<Name>): Tables[Name];
  /** Takes the place of the object with the same id. */
  update<Name extends TableName>(table: Name, object: Tables[Name]): Tables[Name];
  remove(table: TableName, id: ObjectId): void;
}

/** Empty sets for who has no tasks. */
const NO_IDS: ReadonlySet<ObjectId> = new Set();

/** A slot of a replicated service, or (slot 0) the one of a global service on its node. */
export function slotKeyOf(task: Pick<TaskObject, 'serviceId' | 'slot' | 'nodeId'>): string {
  return task.slot > 0 ? `${task.serviceId}.${task.slot}` : `${task.serviceId}.${task.nodeId}`;
}

export function makeStore(): Store {
  return {
    index: 0,
    nodes: new Map(),
    networks: new Map(),
    services: new Map(),
    tasks: new Map(),
    secrets: new Map(),
    configs: new Map(),
    tasksOfService: new Map(),
    tasksOfNode: new Map(),
    tasksOfSlot: new Map(),
    watchers: new Set(),
  };
}

/** The tasks of a service, oldest first. */
export function tasksOfService(store: Store, serviceId: ObjectId): TaskObject[] {
  return tasksIn(store, store.tasksOfService.get(serviceId) ?? NO_IDS);
}

/** The tasks that a node was given and that are still known, oldest first. */
export function tasksOfNode(store: Store, nodeId: ObjectId): TaskObject[] {
  return tasksIn(store, store.tasksOfNode.get(nodeId) ?? NO_IDS);
}

/** The tasks of a slot, oldest first. */
export function tasksOfSlot(store: Store, slotKey: string): TaskObject[] {
  return tasksIn(store, store.tasksOfSlot.get(slotKey) ?? NO_IDS);
}

/**
 * Changes the store: check first, then write, as nothing is taken back when `change` throws. Watchers
 * hear of it afterwards. What the API writes waits for commit() before.
 */
export function updateStore<Result>(
  cluster: Cluster,
  change: (transaction: Transaction) => Result,
): Result {
  const { store } = cluster;
  const events: StoreEvent[] = [];
  const result = change(makeTransaction(cluster, events));
  if (events.length === 0) return result;
  store.index++;
  for (const event of events) for (const watcher of store.watchers) watcher(event);
  return result;
}

function makeTransaction(cluster: Cluster, events: StoreEvent[]): Transaction {
  const { store, world } = cluster;
  const versionIndex = store.index + 1;
  const nowNs = timeNs(world.sim);
  const put = (event: StoreEvent): void => {
    const { table, object, previous } = event;
    tableOf(store, table).set(object.id, object);
    if (table === 'task') indexTask(store, object as TaskObject, previous as TaskObject | null);
    events.push(event);
  };
  return {
    create(table, object) {
      const id = object.id ?? makeObjectId(world.sim);
      assert(!tableOf(store, table).has(id), 'an object is created once');
      const meta: ObjectMeta = { id, versionIndex, createdNs: nowNs, updatedNs: nowNs };
      const whole = { ...object, ...meta } as unknown as Tables[typeof table]; // its fields and the meta
      put({ table, kind: 'create', object: whole, previous: null } as StoreEvent);
      return whole;
    },
    update(table, object) {
      const previous = tableOf(store, table).get(object.id);
      assert(previous !== undefined, 'only what exists is updated');
      const whole = { ...object, versionIndex, updatedNs: nowNs };
      put({ table, kind: 'update', object: whole, previous } as StoreEvent);
      return whole;
    },
    remove(table, id) {
      const object = tableOf(store, table).get(id);
      if (object === undefined) return;
      tableOf(store, table).delete(id);
      if (table === 'task') unindexTask(store, object as TaskObject);
      events.push({ table, kind: 'delete', object, previous: null } as StoreEvent);
    },
  };
}

/** The table as this file may write it. */
function tableOf(store: Store, name: TableName): Map<ObjectId, Tables[TableName]> {
  return store[`${name}s`] as Map<ObjectId, Tables[TableName]>; // made by makeStore()
}

function indexTask(store: Store, task: TaskObject, previous: TaskObject | null): void {
  if (previous === null) addTo(store.tasksOfService, task.serviceId, task.id);
  const slotKey = slotKeyOf(task);
  const isMoved = previous !== null && previous.nodeId !== task.nodeId;
  if (isMoved) {
    deleteFrom(store.tasksOfNode, previous.nodeId, task.id);
    deleteFrom(store.tasksOfSlot, slotKeyOf(previous), task.id);
  }
  if (previous !== null && !isMoved) return;
  addTo(store.tasksOfSlot, slotKey, task.id);
  if (task.nodeId !== '') addTo(store.tasksOfNode, task.nodeId, task.id);
}

function unindexTask(store: Store, task: TaskObject): void {
  deleteFrom(store.tasksOfService, task.serviceId, task.id);
  deleteFrom(store.tasksOfSlot, slotKeyOf(task), task.id);
  deleteFrom(store.tasksOfNode, task.nodeId, task.id);
}

type Index = ReadonlyMap<string, ReadonlySet<ObjectId>>;

function addTo(index: Index, key: string, id: ObjectId): void {
  const sets = index as Map<string, Set<ObjectId>>; // made by makeStore()
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([id]));
  else set.add(id);
}

function deleteFrom(index: Index, key: string, id: ObjectId): void {
  const sets = index as Map<string, Set<ObjectId>>; // made by makeStore()
  const set = sets.get(key);
  if (set === undefined) return;
  set.delete(id);
  if (set.size === 0) sets.delete(key);
}

function tasksIn(store: Store, ids: ReadonlySet<ObjectId>): TaskObject[] {
  const tasks: TaskObject[] = [];
  for (const id of ids) tasks.push(store.tasks.get(id)!); // indexed: it exists
  return tasks;
}
