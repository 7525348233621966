/**
 * The objects of a cluster and who watches them.
 * @source swarmkit manager/state/store/memory.go
 */
import type {
  ConfigObject,
  NetworkObject,
  NodeObject,
  ObjectId,
  SecretObject,
  ServiceObject,
  TaskObject,
} from '../objects.ts';

export interface Tables {
  readonly node: NodeObject;
  readonly network: NetworkObject;
  readonly service: ServiceObject;
  readonly task: TaskObject;
  readonly secret: SecretObject;
  readonly config: ConfigObject;
}

export type TableName = keyof Tables;

export interface StoreEvent<Name extends TableName = TableName> {
  readonly table: Name;
  readonly kind: 'create' | 'update' | 'delete';
  /** As it is now; what was deleted, as it was. */
  readonly object: Tables[Name];
  /** As it was before an update. */
  readonly previous: Tables[Name] | null;
}

export interface Store {
  /** Raft's index: the version of the last change. */
  index: number;
  readonly nodes: ReadonlyMap<ObjectId, NodeObject>;
  readonly networks: ReadonlyMap<ObjectId, NetworkObject>;
  readonly services: ReadonlyMap<ObjectId, ServiceObject>;
  readonly tasks: ReadonlyMap<ObjectId, TaskObject>;
  readonly secrets: ReadonlyMap<ObjectId, SecretObject>;
  readonly configs: ReadonlyMap<ObjectId, ConfigObject>;
  /** Tasks of a service, and of a node, without a walk over all: these are sets of ids. */
  readonly tasksOfService: ReadonlyMap<ObjectId, ReadonlySet<ObjectId>>;
  readonly tasksOfNode: ReadonlyMap<ObjectId, ReadonlySet<ObjectId>>;
}
