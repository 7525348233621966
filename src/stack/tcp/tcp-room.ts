/**
 * Room in the send buffer.
 * @source include/net/sock.h sk_stream_memory_free(), sk_stream_is_writeable()
 */
import type { TcpSocket } from './tcp-record.ts';

/** Memory that a segment takes beside its data (sk_buff and its head). */
const SEGMENT_BYTES = 832;

/** Memory that the send queue takes (sk_wmem_queued). */
export function queuedMemory(socket: TcpSocket): number {
  const dataBytes = (socket.writeSeq - socket.sendUna) | 0;
  return Math.max(dataBytes, 0) + socket.sending.count * SEGMENT_BYTES;
}

/** Whether another segment may be queued. */
export function hasSendMemory(socket: TcpSocket): boolean {
  return queuedMemory(socket) < socket.sendBufferBytes;
}

/** Whether there is so much room that a waiting writer is woken: a third of the buffer. */
export function hasSendRoom(socket: TcpSocket): boolean {
  const queued = queuedMemory(socket);
  return socket.sendBufferBytes - queued >= queued >> 1;
}
