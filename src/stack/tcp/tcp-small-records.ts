/**
 * What stands in for a socket before it is born and after it is dead: a few fields instead of many.
 * @source include/net/request_sock.h, include/net/inet_timewait_sock.h
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import type { Timer } from '../../engine/timer-queue.ts';
import type { NetNamespace } from '../namespace.ts';
import type { TcpSocket } from './tcp-record.ts';
import type { BindBucket, TcpEntry } from './tcp-table.ts';

/** A connection that has not finished its handshake on the listening side (request_sock). */
export interface TcpRequest extends TcpEntry {
  readonly kind: 'request';
  readonly listener: TcpSocket;
  irs: number;
  iss: number;
  receiveNext: number;
  /** Offered by the peer: 0 or what its SYN said. */
  peerMss: number;
  isTimestamps: boolean;
  isSackOk: boolean;
  isWindowScaling: boolean;
  sendWindowScale: number;
  receiveWindowScale: number;
  /** The window that our SYN-ACK offers. */
  receiveWindow: number;
  windowClamp: number;
  tsRecent: number;
  tsOffset: number;
  hash: number;
  sentNs: number;
  /** SYN-ACKs sent again. */
  retransmits: number;
  timeouts: number;
  /** When a repeated SYN was answered last. */
  lastOutOfWindowNs: number;
  isAcked: boolean;
  readonly timer: Timer;
  mark: number;
}

/** A connection in TIME-WAIT (or FIN-WAIT-2 without a process) that needs no socket any more. */
export interface TcpTimeWait extends TcpEntry {
  readonly kind: 'time-wait';
  readonly netns: NetNamespace;
  /** TCP_TIME_WAIT or TCP_FIN_WAIT2. */
  substate: number;
  /** Always TCP_TIME_WAIT: it does not listen. */
  state: number;
  boundAddress: Ipv4;
  reuseAddress: boolean;
  bucket: BindBucket | null;
  receiveNext: number;
  sendNext: number;
  receiveWindow: number;
  isTimestamps: boolean;
  tsOffset: number;
  tsRecent: number;
  tsRecentSecond: number;
  receiveWindowScale: number;
  hash: number;
  tos: number;
  mark: number;
  lastOutOfWindowAckNs: number;
  readonly timer: Timer;
}
