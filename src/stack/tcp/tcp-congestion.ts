/**
 * The congestion window: slow start with HyStart, CUBIC, Reno, and its use.
 * @source net/ipv4/tcp_cubic.c, net/ipv4/tcp_cong.c, net/ipv4/tcp_output.c tcp_cwnd_validate()
 */
import { HZ, jiffiesOf } from '../jiffies.ts';
import { nowUsOf } from './tcp-path.ts';
import type { TcpSocket } from './tcp-record.ts';
import {
  after,
  before,
  CA_CWR,
  CA_LOSS,
  CA_OPEN,
  CA_RECOVERY,
  HZ_US,
  TCP_INIT_CWND,
} from './tcp-states.ts';

/** CUBIC leaves this of the window after a loss: 717/1024. */
const BETA = 717 / 1024;
/** C of the cubic function, in packets per second cubed: 410/1024. */
const CUBIC_C = 410 / 1024;
/** Acknowledgments per packet that Reno would need (beta_scale / 8). */
const FRIENDLY_SCALE = 15 / 8;
const HYSTART_LOW_WINDOW = 16;
const HYSTART_ACK_DELTA_US = 2000;
const HYSTART_SAMPLES_MIN = 8;

/** Packets that are on their way as far as we know. @source tcp_packets_in_flight() */
export function packetsInFlight(socket: TcpSocket): number {
  return socket.packetsOut - socket.sackedOut - socket.lostOut + socket.retransOut;
}

export function isInSlowStart(socket: TcpSocket): boolean {
  return socket.cwnd < socket.ssthresh;
}

/** Whether the window is being reduced step by step (tcp_in_cwnd_reduction). */
export function isReducingWindow(socket: TcpSocket): boolean {
  return socket.caState === CA_CWR || socket.caState === CA_RECOVERY;
}

/** @source net/ipv4/tcp_cong.c tcp_set_ca_state() */
export function setCongestionState(socket: TcpSocket, state: number): void {
  if (state === CA_LOSS && !socket.isReno) resetCubic(socket);
  socket.caState = state;
}

/** The threshold after a loss. @source cubictcp_recalc_ssthresh(), tcp_reno_ssthresh() */
export function thresholdAfterLoss(socket: TcpSocket): number {
  const { cwnd } = socket;
  if (socket.isReno) return Math.max(cwnd >>> 1, 2);
  socket.cubicEpochJiffies = 0;
  socket.cubicLastMaxCwnd =
    cwnd < socket.cubicLastMaxCwnd ? Math.floor((cwnd * (1 + BETA)) / 2) : cwnd;
  return Math.max(Math.floor(cwnd * BETA), 2);
}

/** @source include/net/tcp.h tcp_current_ssthresh() */
export function currentThreshold(socket: TcpSocket): number {
  if (isReducingWindow(socket)) return socket.ssthresh;
  return Math.max(socket.ssthresh, (socket.cwnd >>> 1) + (socket.cwnd >>> 2));
}

/** Lets the window grow by what was acknowledged. @source cubictcp_cong_avoid() */
export function growCongestionWindow(socket: TcpSocket, ackedPackets: number): void {
  if (!isWindowLimited(socket)) return;
  let acked = ackedPackets;
  if (isInSlowStart(socket)) {
    const cwnd = Math.min(socket.cwnd + acked, socket.ssthresh);
    acked -= cwnd - socket.cwnd;
    socket.cwnd = Math.min(cwnd, socket.cwndClamp);
    if (acked === 0) return;
  }
  if (socket.isReno) {
    growAdditively(socket, socket.cwnd, acked);
    return;
  }
  updateCubic(socket, acked);
  growAdditively(socket, socket.cubicPace, acked);
}

/** A round trip was measured. @source cubictcp_acked() */
export function noteRoundTrip(socket: TcpSocket, rttUs: number): void {
  if (socket.isReno || rttUs < 0) return;
  const now = jiffiesOf(socket.netns.sim);
  if (socket.cubicEpochJiffies !== 0 && now - socket.cubicEpochJiffies < HZ) return;
  const delayUs = Math.max(rttUs, 1);
  if (socket.cubicDelayMinUs === 0 || socket.cubicDelayMinUs > delayUs) {
    socket.cubicDelayMinUs = delayUs;
  }
  if (!socket.isHystartDone && isInSlowStart(socket)) updateHystart(socket, delayUs);
}

/** New data leaves after a pause: the pause is no part of CUBIC's time. @source cubictcp_cwnd_event() */
export function noteDataSent(socket: TcpSocket): void {
  if (socket.isReno || packetsInFlight(socket) !== 0 || socket.cubicEpochJiffies === 0) return;
  const now = jiffiesOf(socket.netns.sim);
  const pause = now - socket.lastSendJiffies;
  if (pause > 0) socket.cubicEpochJiffies = Math.min(socket.cubicEpochJiffies + pause, now);
}

/** Whether the window is what holds us back. @source include/net/tcp.h tcp_is_cwnd_limited() */
function isWindowLimited(socket: TcpSocket): boolean {
  if (socket.isCwndLimited) return true;
  return isInSlowStart(socket) && socket.cwnd < 2 * socket.maxPacketsOut;
}

/** Notes how much of the window was used. @source net/ipv4/tcp_output.c tcp_cwnd_validate() */
export function validateWindow(socket: TcpSocket, isLimited: boolean): void {
  const now = jiffiesOf(socket.netns.sim);
  if (
    !before(socket.sendUna, socket.cwndUsageSeq) ||
    isLimited ||
    (!socket.isCwndLimited && socket.packetsOut > socket.maxPacketsOut)
  ) {
    socket.isCwndLimited = isLimited;
    socket.maxPacketsOut = socket.packetsOut;
    socket.cwndUsageSeq = socket.sendNext;
  }
  if (isWindowLimited(socket)) {
    socket.cwndUsed = 0;
    socket.cwndStampJiffies = now;
    return;
  }
  if (socket.packetsOut > socket.cwndUsed) socket.cwndUsed = socket.packetsOut;
  const isIdle = now - socket.cwndStampJiffies >= socket.rto;
  if (socket.netns.sysctl.tcpSlowStartAfterIdle !== 0 && isIdle) limitByApplication(socket, now);
}

/** @source net/ipv4/tcp_output.c tcp_slow_start_after_idle_check(), tcp_cwnd_restart() */
export function restartAfterIdle(socket: TcpSocket): void {
  if (socket.netns.sysctl.tcpSlowStartAfterIdle === 0 || socket.packetsOut !== 0) return;
  const now = jiffiesOf(socket.netns.sim);
  let idle = now - socket.lastSendJiffies;
  if (idle <= socket.rto) return;
  socket.ssthresh = currentThreshold(socket);
  const restart = Math.min(TCP_INIT_CWND, socket.cwnd);
  idle -= socket.rto;
  while (idle > 0 && socket.cwnd > restart) {
    socket.cwnd >>>= 1;
    idle -= socket.rto;
  }
  socket.cwnd = Math.max(socket.cwnd, restart);
  socket.cwndStampJiffies = now;
  socket.cwndUsed = 0;
}

/** @source net/ipv4/tcp_output.c tcp_cwnd_application_limited() */
function limitByApplication(socket: TcpSocket, now: number): void {
  if (socket.caState === CA_OPEN) {
    const used = Math.max(socket.cwndUsed, TCP_INIT_CWND);
    if (used < socket.cwnd) {
      socket.ssthresh = currentThreshold(socket);
      socket.cwnd = (socket.cwnd + used) >>> 1;
    }
    socket.cwndUsed = 0;
  }
  socket.cwndStampJiffies = now;
}

/** One more packet of window for every `pace` acknowledged. @source tcp_cong_avoid_ai() */
function growAdditively(socket: TcpSocket, pace: number, acked: number): void {
  if (socket.cwndCount >= pace) {
    socket.cwndCount = 0;
    socket.cwnd++;
  }
  socket.cwndCount += acked;
  if (socket.cwndCount >= pace) {
    const step = Math.floor(socket.cwndCount / pace);
    socket.cwndCount -= step * pace;
    socket.cwnd += step;
  }
  socket.cwnd = Math.min(socket.cwnd, socket.cwndClamp);
}

/** @source net/ipv4/tcp_cubic.c bictcp_update() */
function updateCubic(socket: TcpSocket, acked: number): void {
  const { cwnd } = socket;
  const now = jiffiesOf(socket.netns.sim);
  socket.cubicAckCount += acked;
  if (socket.cubicLastCwnd === cwnd && now - socket.cubicLastJiffies <= HZ / 32) return;
  if (socket.cubicEpochJiffies === 0 || now !== socket.cubicLastJiffies) {
    socket.cubicLastCwnd = cwnd;
    socket.cubicLastJiffies = now;
    if (socket.cubicEpochJiffies === 0) {
      socket.cubicEpochJiffies = now;
      socket.cubicAckCount = acked;
      socket.cubicTcpCwnd = cwnd;
      const isAbove = socket.cubicLastMaxCwnd <= cwnd;
      socket.cubicK = isAbove ? 0 : Math.cbrt((socket.cubicLastMaxCwnd - cwnd) / CUBIC_C);
      socket.cubicOriginPoint = isAbove ? cwnd : socket.cubicLastMaxCwnd;
    }
    const seconds =
      (now - socket.cubicEpochJiffies + Math.ceil(socket.cubicDelayMinUs / HZ_US)) / HZ;
    const offset = seconds - socket.cubicK;
    const target = socket.cubicOriginPoint + Math.trunc(CUBIC_C * offset * offset * offset);
    socket.cubicPace = target > cwnd ? Math.floor(cwnd / (target - cwnd)) : 100 * cwnd;
    if (socket.cubicLastMaxCwnd === 0 && socket.cubicPace > 20) socket.cubicPace = 20;
  }
  const perPacket = Math.floor(cwnd * FRIENDLY_SCALE);
  while (socket.cubicAckCount > perPacket) {
    socket.cubicAckCount -= perPacket;
    socket.cubicTcpCwnd++;
  }
  if (socket.cubicTcpCwnd > cwnd) {
    const pace = Math.floor(cwnd / (socket.cubicTcpCwnd - cwnd));
    if (socket.cubicPace > pace) socket.cubicPace = pace;
  }
  socket.cubicPace = Math.max(socket.cubicPace, 2);
}

/** @source net/ipv4/tcp_cubic.c bictcp_reset(), bictcp_hystart_reset() */
function resetCubic(socket: TcpSocket): void {
  socket.cubicPace = 0;
  socket.cubicLastMaxCwnd = 0;
  socket.cubicLastCwnd = 0;
  socket.cubicLastJiffies = 0;
  socket.cubicOriginPoint = 0;
  socket.cubicK = 0;
  socket.cubicDelayMinUs = 0;
  socket.cubicEpochJiffies = 0;
  socket.cubicAckCount = 0;
  socket.cubicTcpCwnd = 0;
  socket.isHystartDone = false;
  startHystartRound(socket);
}

/** A new round of slow start is watched from here. */
export function startHystartRound(socket: TcpSocket): void {
  const now = nowUsOf(socket.netns);
  socket.hystartRoundStartUs = now;
  socket.hystartLastAckUs = now;
  socket.hystartEndSeq = socket.sendNext;
  socket.hystartRttUs = Number.MAX_SAFE_INTEGER;
  socket.hystartSamples = 0;
}

/** @source net/ipv4/tcp_cubic.c hystart_update() */
function updateHystart(socket: TcpSocket, delayUs: number): void {
  if (after(socket.sendUna, socket.hystartEndSeq)) startHystartRound(socket);
  if (socket.cwnd < HYSTART_LOW_WINDOW) return;
  const now = nowUsOf(socket.netns);
  if (now - socket.hystartLastAckUs <= HYSTART_ACK_DELTA_US) {
    socket.hystartLastAckUs = now;
    const threshold = (socket.cubicDelayMinUs + ackDelayUs(socket)) / 2;
    if (now - socket.hystartRoundStartUs > threshold) {
      socket.isHystartDone = true;
      socket.ssthresh = socket.cwnd;
    }
  }
  if (socket.hystartRttUs > delayUs) socket.hystartRttUs = delayUs;
  if (socket.hystartSamples < HYSTART_SAMPLES_MIN) {
    socket.hystartSamples++;
    return;
  }
  const slackUs = Math.min(Math.max(socket.cubicDelayMinUs >> 3, 4000), 16000);
  if (socket.hystartRttUs > socket.cubicDelayMinUs + slackUs) {
    socket.isHystartDone = true;
    socket.ssthresh = socket.cwnd;
  }
}

/** The time that four large segments take at the present rate. @source hystart_ack_delay() */
function ackDelayUs(socket: TcpSocket): number {
  if (socket.srttUs === 0) return 0;
  const packets = Math.max(socket.cwnd, socket.packetsOut);
  const bytesPerSec = (socket.mssCache * packets * 2 * 8e6) / socket.srttUs;
  return Math.min(1000, (65536 * 4 * 1e6) / bytesPerSec);
}
