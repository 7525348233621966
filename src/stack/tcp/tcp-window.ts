/**
 * The receive window: how much we let the peer send.
 * @source net/ipv4/tcp_output.c tcp_select_window(), net/ipv4/tcp_input.c tcp_grow_window()
 */
import type { Sysctls } from '../sysctl.ts';
import type { TcpSocket } from './tcp-record.ts';
import {
  after,
  TCP_MAX_WINDOW,
  TCP_MAX_WINDOW_SCALE,
  TCP_MIN_MSS,
  TCP_MSS_DEFAULT,
} from './tcp-states.ts';

/** What selectInitialWindow found. */
export interface InitialWindow {
  windowBytes: number;
  clampBytes: number;
  scale: number;
}

/** The one result record of selectInitialWindow; valid until the next call. */
const initial: InitialWindow = { windowBytes: 0, clampBytes: 0, scale: 0 };

/** Bytes of data that `spaceBytes` of buffer hold. @source include/net/tcp.h tcp_win_from_space() */
export function windowOfSpace(socket: TcpSocket, spaceBytes: number): number {
  return Math.floor((spaceBytes * socket.scalingRatio) / 256);
}

/** Bytes in order that were not read; a FIN has a sequence number but is none. @source tcp_inq() */
export function unreadBytes(socket: TcpSocket): number {
  const count = (socket.receiveNext - socket.copiedSeq) | 0;
  return count > 0 && socket.isDone ? count - 1 : count;
}

/** Data that still fits. @source include/net/tcp.h tcp_space() */
export function freeSpace(socket: TcpSocket): number {
  return windowOfSpace(socket, socket.receiveBufferBytes - socket.received.memoryBytes);
}

/** What is left of the window that we offered last. @source include/net/tcp.h tcp_receive_window() */
export function remainingWindow(socket: TcpSocket): number {
  const window = (socket.receiveWup + socket.receiveWindow - socket.receiveNext) | 0;
  return window < 0 ? 0 : window;
}

/** The window and its scale for a SYN. @source net/ipv4/tcp_output.c tcp_select_initial_window() */
export function selectInitialWindow(
  sysctl: Sysctls,
  spaceBytes: number,
  mss: number,
  isScaling: boolean,
  clampBytes: number,
): InitialWindow {
  let clamp = clampBytes;
  if (clamp === 0) clamp = 65535 * 2 ** TCP_MAX_WINDOW_SCALE;
  let space = Math.min(clamp, Math.max(0, spaceBytes));
  if (space > mss) space -= space % mss;
  initial.windowBytes =
    sysctl.tcpWorkaroundSignedWindows !== 0 ? Math.min(space, TCP_MAX_WINDOW) : space;
  initial.scale = 0;
  if (isScaling) {
    const largest = Math.min(Math.max(space, sysctl.tcpRmemMax, sysctl.rmemMax), clamp);
    const scale = 31 - Math.clz32(largest) - 15;
    initial.scale = Math.max(0, Math.min(scale, TCP_MAX_WINDOW_SCALE));
  }
  initial.clampBytes = Math.min(65535 * 2 ** initial.scale, clamp);
  return initial;
}

/** A first guess of the size of the peer's segments. @source tcp_initialize_rcv_mss() */
export function initializeReceiveMss(socket: TcpSocket): void {
  let hint = Math.min(socket.advertisedMss, socket.mssCache);
  hint = Math.min(hint, socket.receiveWindow >> 1, TCP_MSS_DEFAULT);
  socket.receiveMss = Math.max(hint, TCP_MIN_MSS);
}

/** The window that we would offer now. @source net/ipv4/tcp_output.c __tcp_select_window() */
export function computeWindow(socket: TcpSocket): number {
  const scale = socket.receiveWindowScale;
  const allowed = windowOfSpace(socket, socket.receiveBufferBytes);
  const full = Math.min(socket.windowClamp, allowed);
  let free = freeSpace(socket);
  let mss = socket.receiveMss;
  if (mss > full) {
    mss = full;
    if (mss <= 0) return 0;
  }
  if (free < full >> 1) {
    socket.ackQuick = 0;
    free -= free % (1 << scale);
    if (free < allowed >> 4 || free < mss) return 0;
  }
  if (free > socket.receiveSsthresh) free = socket.receiveSsthresh;
  if (scale !== 0) {
    const unit = 1 << scale;
    return free % unit === 0 ? free : free - (free % unit) + unit;
  }
  const window = socket.receiveWindow;
  if (window <= free - mss || window > free) return free - (free % mss);
  if (mss === full && free > window + (full >> 1)) return free;
  return window;
}

/**
 * Decides the window that goes with a segment, and remembers it.
 * @returns the window field, already scaled.
 */
export function selectWindow(socket: TcpSocket): number {
  const scale = socket.receiveWindowScale;
  const current = remainingWindow(socket);
  let window = computeWindow(socket);
  if (window < current) {
    const unit = 1 << scale;
    window = Math.ceil(current / unit) * unit;
  }
  socket.receiveWindow = window;
  socket.receiveWup = socket.receiveNext;
  const isSigned = socket.netns.sysctl.tcpWorkaroundSignedWindows !== 0;
  window = Math.min(window, scale === 0 && isSigned ? TCP_MAX_WINDOW : 65535 * 2 ** scale);
  return Math.floor(window / 2 ** scale);
}

/** Lets the window grow with the data that comes. @source tcp_grow_window() */
export function growWindow(socket: TcpSocket, dataBytes: number, memoryBytes: number): void {
  const room = Math.min(socket.windowClamp, freeSpace(socket)) - socket.receiveSsthresh;
  if (room <= 0) return;
  let step = 0;
  if (windowOfSpace(socket, memoryBytes) <= dataBytes) step = 2 * socket.advertisedMss;
  else step = slowGrowth(socket, dataBytes, memoryBytes);
  if (step === 0) return;
  step = Math.max(step, 2 * dataBytes);
  socket.receiveSsthresh += Math.min(room, step);
  socket.ackQuick |= 1;
}

/** Small segments waste most of their buffer: the more so, the smaller the window stays. @source __tcp_grow_window() */
function slowGrowth(socket: TcpSocket, dataBytes: number, memoryBytes: number): number {
  let memory = windowOfSpace(socket, memoryBytes) >> 1;
  let window = windowOfSpace(socket, socket.netns.sysctl.tcpRmemMax) >> 1;
  while (socket.receiveSsthresh <= window) {
    if (memory <= dataBytes) return 2 * socket.receiveMss;
    memory >>= 1;
    window >>= 1;
  }
  return 0;
}

/**
 * Memory that a received segment takes (skb->truesize). A segment that was cut out of a larger one is
 * copied into a buffer of its own; one that left alone keeps its data where the sender put it.
 * Unlike Linux, this is told from its size and PSH, not known.
 */
export function segmentMemory(socket: TcpSocket, dataBytes: number, isPushed: boolean): number {
  const isCut = !isPushed || dataBytes === socket.receiveMss;
  if (!isCut) return 832 + dataBytes;
  return 256 + 2 ** Math.ceil(Math.log2(dataBytes + 576));
}

/** The measured share of data in memory has changed: the window follows. @source tcp_set_window_clamp() */
export function setScaling(socket: TcpSocket, dataBytes: number, memoryBytes: number): void {
  const ratio = Math.min(255, Math.max(1, Math.floor((dataBytes * 256) / memoryBytes)));
  if (ratio === socket.scalingRatio) return;
  socket.scalingRatio = ratio;
  const clamp = Math.max(1152, windowOfSpace(socket, socket.receiveBufferBytes));
  if (clamp < socket.windowClamp) {
    socket.receiveSsthresh = Math.min(socket.receiveSsthresh, clamp);
  } else if (clamp > socket.windowClamp) {
    const reached = Math.min(socket.receiveWindow, clamp);
    socket.receiveSsthresh = Math.max(socket.receiveSsthresh, reached);
  }
  socket.windowClamp = clamp;
  if (clamp < socket.rcvSpaceBytes) socket.rcvSpaceBytes = clamp;
}

/**
 * Enlarges the receive buffer when the program reads faster than the window allows.
 * @source net/ipv4/tcp_input.c tcp_rcv_space_adjust(), tcp_rcvbuf_grow()
 */
export function adjustReceiveSpace(socket: TcpSocket, nowUs: number): void {
  const rttUs = socket.rcvRttEstimateUs >> 3;
  if (rttUs === 0 || nowUs - socket.rcvSpaceTimeUs < rttUs) return;
  const copied = (socket.copiedSeq - socket.rcvSpaceSeq) | 0;
  if (copied > socket.rcvSpaceBytes) {
    const before = socket.rcvSpaceBytes;
    socket.rcvSpaceBytes = copied;
    if (socket.netns.sysctl.tcpModerateRcvbuf !== 0) growReceiveBuffer(socket, before, copied);
  }
  socket.rcvSpaceSeq = socket.copiedSeq;
  socket.rcvSpaceTimeUs = nowUs;
}

function growReceiveBuffer(socket: TcpSocket, before: number, copied: number): void {
  let window = 2 * copied;
  window += 2 * Math.floor((window * (copied - before)) / Math.max(before, 1));
  const { ends } = socket.received;
  if (ends.length > 0) window += (ends[ends.length - 1]! - socket.receiveNext) | 0;
  const wanted = Math.ceil((window * 256) / socket.scalingRatio);
  const space = Math.min(wanted, socket.netns.sysctl.tcpRmemMax);
  if (space <= socket.receiveBufferBytes) return;
  socket.receiveBufferBytes = space;
  socket.windowClamp = windowOfSpace(socket, space);
}

/** Measures the round trip on the receiving side: the time a window takes. @source tcp_rcv_rtt_measure() */
export function measureReceiveRtt(socket: TcpSocket, nowUs: number): void {
  if (socket.rcvRttTimeUs !== 0) {
    if (after(socket.rcvRttSeq, socket.receiveNext)) return;
    const sampleUs = Math.max(1, nowUs - socket.rcvRttTimeUs);
    const scaled = sampleUs << 3;
    if (socket.rcvRttEstimateUs === 0 || scaled < socket.rcvRttEstimateUs) {
      socket.rcvRttEstimateUs = scaled;
    }
  }
  socket.rcvRttSeq = (socket.receiveNext + socket.receiveWindow) | 0;
  socket.rcvRttTimeUs = nowUs;
}
