/**
 * Asking a peer that has closed its window.
 * @source net/ipv4/tcp_output.c tcp_write_wakeup()
 */
import { TCP_ACK, TCP_PSH } from '../../protocols/tcp.ts';
import { noteSent, setPackets, splitSegment, windowEnd } from './tcp-output.ts';
import { currentMss } from './tcp-path.ts';
import type { TcpSocket } from './tcp-record.ts';
import { dataBytesOf } from './tcp-send-queue.ts';
import { before, TCP_CLOSE } from './tcp-states.ts';
import { transmitControl, transmitSegment } from './tcp-transmit.ts';

/**
 * Asks a peer with a closed window: with the next data if some fits, else with an old byte.
 * @returns whether something was sent.
 * @source tcp_write_wakeup()
 */
export function sendWindowProbe(socket: TcpSocket): boolean {
  if (socket.state === TCP_CLOSE) return false;
  const segment = socket.sending.unsent;
  const end = windowEnd(socket);
  if (segment !== null && before(segment.seq, end)) {
    let mss = currentMss(socket);
    const bytes = (end - segment.seq) | 0;
    if (before(socket.pushedSeq, segment.endSeq)) socket.pushedSeq = segment.endSeq;
    if (bytes < ((segment.endSeq - segment.seq) | 0) || dataBytesOf(segment) > mss) {
      mss = Math.min(bytes, mss);
      segment.flags |= TCP_PSH;
      if (dataBytesOf(segment) > mss) splitSegment(socket, segment, mss, mss);
      else setPackets(segment, mss);
    } else {
      setPackets(segment, mss);
    }
    segment.flags |= TCP_PSH;
    if (!transmitSegment(socket, segment)) return false;
    noteSent(socket, segment);
    return true;
  }
  return transmitControl(socket, (socket.sendUna - 1) | 0, TCP_ACK);
}
