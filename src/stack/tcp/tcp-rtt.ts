/**
 * The round-trip time and the retransmission timeout that follows from it.
 * @source net/ipv4/tcp_input.c tcp_rtt_estimator(), tcp_set_rto(); RFC 6298
 */
import { jiffiesOfUs } from './tcp-rearm.ts';
import type { TcpSocket } from './tcp-record.ts';
import { after, TCP_RTO_MAX } from './tcp-states.ts';

/** Takes a measurement in microseconds into account. */
export function updateRtt(socket: TcpSocket, sampleUs: number): void {
  const minUs = socket.netns.sysctl.tcpRtoMinUs;
  let m = Math.max(sampleUs, 1);
  let { srttUs } = socket;
  if (srttUs === 0) {
    srttUs = m << 3;
    socket.mdevUs = m << 1;
    socket.rttvarUs = Math.max(socket.mdevUs, minUs);
    socket.mdevMaxUs = socket.rttvarUs;
    socket.rttSeq = socket.sendNext;
  } else {
    m -= srttUs >> 3;
    srttUs += m;
    if (m < 0) {
      m = -m - (socket.mdevUs >> 2);
      if (m > 0) m >>= 3;
    } else {
      m -= socket.mdevUs >> 2;
    }
    socket.mdevUs += m;
    if (socket.mdevUs > socket.mdevMaxUs) {
      socket.mdevMaxUs = socket.mdevUs;
      if (socket.mdevMaxUs > socket.rttvarUs) socket.rttvarUs = socket.mdevMaxUs;
    }
    if (after(socket.sendUna, socket.rttSeq)) {
      if (socket.mdevMaxUs < socket.rttvarUs) {
        socket.rttvarUs -= (socket.rttvarUs - socket.mdevMaxUs) >> 2;
      }
      socket.rttSeq = socket.sendNext;
      socket.mdevMaxUs = minUs;
    }
  }
  socket.srttUs = Math.max(1, srttUs);
  socket.rto = timeoutOf(socket);
}

/** The timeout in jiffies that the estimate asks for. @source __tcp_set_rto() */
export function timeoutOf(socket: TcpSocket): number {
  return Math.min(jiffiesOfUs((socket.srttUs >> 3) + socket.rttvarUs), TCP_RTO_MAX);
}
