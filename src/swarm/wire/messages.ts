/**
 * What the engines of a swarm say to each other on 2377.
 * @source swarmkit api/dispatcher.proto, ca.proto, raft.proto, health.proto
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { DockerError } from '../../docker/engine-record.ts';
import type { Cluster } from '../manager/cluster.ts';
import type {
  NodeAvailability,
  NodeObject,
  NodeRole,
  ObjectId,
  TaskObject,
  TaskStatus,
} from '../objects.ts';
import type { ChannelEnd } from './channel.ts';
import type { NetworkKey } from './shared.ts';

/** A manager as the nodes know it. */
export interface ManagerAddress {
  readonly nodeId: ObjectId;
  readonly address: Ipv4;
  readonly port: number;
}

/** What a session brings beside tasks. @source dispatcher.proto SessionMessage */
export interface SessionNews {
  readonly managers: readonly ManagerAddress[];
  /** What the node is to be now. */
  readonly role: NodeRole;
  readonly keys: readonly NetworkKey[];
}

/** Questions, by kind. Those of `LeaderRequest` a manager hands on to the leader. */
export type RequestBody =
  | {
      readonly kind: 'issue';
      readonly token: string;
      readonly availability: NodeAvailability;
      readonly description: NodeObject['description'];
      /** 0: as the manager sees it. */
      readonly address: Ipv4;
    }
  | {
      readonly kind: 'register';
      readonly nodeId: ObjectId;
      readonly address: Ipv4;
    }
  | { readonly kind: 'heartbeat'; readonly nodeId: ObjectId; readonly sessionId: number }
  | {
      readonly kind: 'status';
      readonly nodeId: ObjectId;
      readonly sessionId: number;
      readonly updates: readonly (readonly [ObjectId, TaskStatus])[];
    }
  | {
      readonly kind: 'attach';
      readonly nodeId: ObjectId;
      readonly networkId: ObjectId;
      readonly containerId: string;
      readonly wanted: Ipv4 | null;
    }
  | { readonly kind: 'detach'; readonly taskId: ObjectId }
  | {
      readonly kind: 'raft-join';
      readonly nodeId: ObjectId;
      readonly address: Ipv4;
      readonly port: number;
    }
  /** A certificate for another role. */
  | { readonly kind: 'renew'; readonly nodeId: ObjectId }
  | { readonly kind: 'propose' }
  | { readonly kind: 'ask' }
  /** What authority this manager's certificates are of. */
  | { readonly kind: 'ca' }
  | { readonly kind: 'health' };

export interface Replies {
  readonly issue: {
    readonly cluster: Cluster;
    readonly nodeId: ObjectId;
    readonly role: NodeRole;
    /** The node's address as the manager saw it. */
    readonly address: Ipv4;
  };
  readonly register: { readonly sessionId: number; readonly news: SessionNews };
  readonly heartbeat: { readonly periodNs: number };
  readonly status: null;
  readonly attach: { readonly taskId: ObjectId };
  readonly detach: null;
  readonly 'raft-join': { readonly raftId: number };
  readonly renew: null;
  readonly propose: null;
  readonly ask: null;
  readonly ca: { readonly caDigest: string };
  readonly health: null;
}

export type RequestKind = keyof Replies;

/** What the leader tells a node without being asked; a manager between them hands it on. */
export type Notice =
  | {
      readonly kind: 'assignments';
      readonly nodeId: ObjectId;
      readonly tasks: readonly TaskObject[];
    }
  | { readonly kind: 'session'; readonly nodeId: ObjectId; readonly news: SessionNews }
  /** The session is over: there is another leader, or none. */
  | { readonly kind: 'lost'; readonly nodeId: ObjectId };

/** @source etcd raft/raftpb/raft.proto */
export type RaftMessage =
  | {
      readonly kind: 'vote';
      readonly term: number;
      readonly lastTerm: number;
      readonly lastIndex: number;
      /** The leader itself asked for this election. */
      readonly isTransfer: boolean;
    }
  | { readonly kind: 'vote-reply'; readonly term: number; readonly isGranted: boolean }
  | {
      readonly kind: 'append';
      readonly term: number;
      readonly lastTerm: number;
      readonly lastIndex: number;
      readonly commitIndex: number;
    }
  | { readonly kind: 'append-reply'; readonly term: number; readonly index: number }
  | { readonly kind: 'timeout-now'; readonly term: number };

export type WireMessage =
  | { readonly kind: 'request'; readonly id: number; readonly body: RequestBody }
  | { readonly kind: 'reply'; readonly id: number; readonly body: Replies[RequestKind] }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: DockerError }
  | { readonly kind: 'notice'; readonly notice: Notice }
  | { readonly kind: 'raft'; readonly from: ObjectId; readonly message: RaftMessage };

export type WireEnd = ChannelEnd<WireMessage>;

/** Bytes of HTTP/2 and TLS records around a small message. */
const SMALL_BYTES = 76;
const CERTIFICATE_BYTES = 2400;
const TASK_BYTES = 420;
const STATUS_BYTES = 150;

/** About what the real message takes on the wire. */
export function requestBytes(body: RequestBody): number {
  if (body.kind === 'issue') return SMALL_BYTES + 700;
  if (body.kind === 'register') return SMALL_BYTES + 500;
  if (body.kind === 'status') return SMALL_BYTES + STATUS_BYTES * body.updates.length;
  return SMALL_BYTES;
}

/** About what the real answer takes on the wire. */
export function replyBytes(kind: RequestKind): number {
  if (kind === 'issue' || kind === 'ca') return SMALL_BYTES + CERTIFICATE_BYTES;
  if (kind === 'register' || kind === 'renew') return SMALL_BYTES + CERTIFICATE_BYTES;
  if (kind === 'raft-join') return SMALL_BYTES + 400;
  return SMALL_BYTES;
}

/** `changedCount`: tasks that the node does not have yet in this form; only these are sent. */
export function noticeBytes(notice: Notice, changedCount: number): number {
  if (notice.kind === 'assignments') return SMALL_BYTES + TASK_BYTES * changedCount;
  return notice.kind === 'session' ? SMALL_BYTES + CERTIFICATE_BYTES : SMALL_BYTES;
}

/** @param entryCount log entries that come with it. */
export function raftBytes(entryCount: number): number {
  return SMALL_BYTES + 40 + entryCount * 300;
}
