import { describe, expect, it } from 'vitest';
import { confirmPacket, conntrackOf, trackPacket } from '../../../src/netfilter/conntrack.ts';
import {
  CT_ESTABLISHED,
  CT_ESTABLISHED_REPLY,
  CT_NEW,
  FLOW_ASSURED,
  FLOW_DYING,
  FLOW_SEEN_REPLY,
  type Flow,
} from '../../../src/netfilter/conntrack-flow.ts';
import { nowTicks, secondsLeft } from '../../../src/netfilter/conntrack-table.ts';
import {
  areTcpFlagsValid,
  nextTcpState,
  TCP_STATE_NAMES,
} from '../../../src/netfilter/conntrack-tcp-states.ts';
import { HOOK_PREROUTING } from '../../../src/netfilter/netfilter-hooks.ts';
import {
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
} from '../../../src/protocols/tcp.ts';
import {
  type Bench,
  ends,
  makeBench,
  type Segment,
  tcpPacket,
  turned,
} from '../../support/netfilter.ts';

const CLIENT = ends('10.0.0.1:40000 > 10.0.0.2:80');
const SERVER = turned(CLIENT);
/** MSS 1460, SACK permitted, window scale 7. */
const SYN_OPTIONS = [2, 4, 5, 180, 4, 2, 3, 3, 7, 0, 0, 0];

interface Seen {
  readonly flow: Flow | null;
  readonly info: number;
  readonly state: string;
  readonly seconds: number;
}

/** One segment through PREROUTING and POSTROUTING. */
function pass(bench: Bench, from: 'client' | 'server', segment: Segment): Seen {
  const { sim, netfilter } = bench;
  const packet = tcpPacket(sim, from === 'client' ? CLIENT : SERVER, segment);
  trackPacket(sim, netfilter, HOOK_PREROUTING, packet);
  const flow = conntrackOf(packet);
  const info = packet.conntrackInfo;
  confirmPacket(sim, netfilter, packet);
  return {
    flow,
    info,
    state: flow === null ? 'INVALID' : TCP_STATE_NAMES[flow.tcp.state]!,
    seconds: flow === null ? 0 : secondsLeft(flow, nowTicks(sim)),
  };
}

const syn: Segment = { flags: TCP_SYN, sequence: 1000, window: 64240, options: SYN_OPTIONS };
const synAck: Segment = {
  flags: TCP_SYN | TCP_ACK,
  sequence: 5000,
  ack: 1001,
  window: 65160,
  options: SYN_OPTIONS,
};
const ack: Segment = { flags: TCP_ACK, sequence: 1001, ack: 5001, window: 502 };

function connect(bench: Bench): Flow {
  pass(bench, 'client', syn);
  pass(bench, 'server', synAck);
  return pass(bench, 'client', ack).flow!;
}

describe('a TCP flow', () => {
  it('goes through the states of a connection with their timeouts', () => {
    const bench = makeBench();
    const steps: string[] = [];
    const step = (from: 'client' | 'server', segment: Segment): void => {
      const { state, seconds, info } = pass(bench, from, segment);
      steps.push(`${state} ${seconds} ${info}`);
    };
    step('client', syn);
    step('server', synAck);
    step('client', ack);
    step('client', { ...ack, flags: TCP_ACK | TCP_PSH, dataBytes: 100 });
    step('server', { flags: TCP_ACK, sequence: 5001, ack: 1101, window: 509 });
    step('server', { flags: TCP_FIN | TCP_ACK, sequence: 5001, ack: 1101, window: 509 });
    step('client', { ...ack, sequence: 1101, ack: 5002 });
    step('client', { ...ack, flags: TCP_FIN | TCP_ACK, sequence: 1101, ack: 5002 });
    step('server', { flags: TCP_ACK, sequence: 5002, ack: 1102, window: 509 });
    expect(steps).toEqual([
      `SYN_SENT 120 ${CT_NEW}`,
      `SYN_RECV 60 ${CT_ESTABLISHED_REPLY}`,
      `ESTABLISHED 432000 ${CT_ESTABLISHED}`,
      `ESTABLISHED 300 ${CT_ESTABLISHED}`, // data that nobody has acknowledged yet
      `ESTABLISHED 432000 ${CT_ESTABLISHED_REPLY}`,
      `FIN_WAIT 120 ${CT_ESTABLISHED_REPLY}`,
      `CLOSE_WAIT 60 ${CT_ESTABLISHED}`,
      `LAST_ACK 30 ${CT_ESTABLISHED}`,
      `TIME_WAIT 120 ${CT_ESTABLISHED_REPLY}`,
    ]);
  });

  it('is ASSURED with the ACK that completes the handshake', () => {
    const bench = makeBench();
    const { flow } = pass(bench, 'client', syn);
    pass(bench, 'server', synAck);
    expect(flow!.status & (FLOW_ASSURED | FLOW_SEEN_REPLY)).toBe(FLOW_SEEN_REPLY);
    pass(bench, 'client', ack);
    expect(flow!.status & FLOW_ASSURED).toBe(FLOW_ASSURED);
  });

  it('is gone when the SYN is answered by a reset', () => {
    const bench = makeBench();
    const { flow } = pass(bench, 'client', syn);
    const reset = { flags: TCP_RST | TCP_ACK, sequence: 0, ack: 1001, window: 0 };
    const seen = pass(bench, 'server', reset);
    expect(seen.flow).toBe(flow); // the reset itself still belongs to it
    expect(flow!.status & FLOW_DYING).toBe(FLOW_DYING);
    expect(bench.netfilter.conntrack.count).toBe(0);
  });

  it('is closed by a reset of an open connection and kept for ten seconds', () => {
    const bench = makeBench();
    connect(bench);
    const reset = { flags: TCP_RST, sequence: 5001, window: 0 };
    expect(pass(bench, 'server', reset)).toMatchObject({ state: 'CLOSE', seconds: 10 });
  });

  it('does not believe a reset behind what was acknowledged', () => {
    const bench = makeBench();
    connect(bench);
    expect(pass(bench, 'server', { flags: TCP_RST, sequence: 4000, window: 0 }).flow).toBe(null);
  });

  it('keeps the state when a reset is in the window but not exact', () => {
    const bench = makeBench();
    connect(bench);
    const seen = pass(bench, 'server', { flags: TCP_RST, sequence: 5100, window: 0 });
    expect(seen).toMatchObject({ state: 'ESTABLISHED', seconds: 10 });
  });

  it('is picked up in the middle, for five minutes until both sides have been heard', () => {
    const bench = makeBench();
    expect(pass(bench, 'client', ack)).toMatchObject({ state: 'ESTABLISHED', seconds: 300 });
    const answer = { flags: TCP_ACK, sequence: 5001, ack: 1001, window: 509 };
    expect(pass(bench, 'server', answer).seconds).toBe(300);
    const seen = pass(bench, 'client', { ...ack, window: 503 });
    expect(seen).toMatchObject({ state: 'ESTABLISHED', seconds: 432000 });
    expect(seen.flow!.status & FLOW_ASSURED).toBe(FLOW_ASSURED);
  });

  it('is not picked up when tcp_loose is 0', () => {
    const bench = makeBench();
    bench.netfilter.conntrack.settings.tcpLoose = 0;
    expect(pass(bench, 'client', ack).flow).toBe(null);
  });

  it('does not begin with a FIN, a SYN-ACK or a reset', () => {
    for (const flags of [TCP_FIN | TCP_ACK, TCP_SYN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK]) {
      const bench = makeBench();
      expect(pass(bench, 'client', { ...ack, flags }).flow).toBe(null);
      expect(bench.netfilter.conntrack.count).toBe(0);
    }
  });

  it('begins anew with a SYN in TIME_WAIT', () => {
    const bench = makeBench();
    const old = connect(bench);
    pass(bench, 'client', { ...ack, flags: TCP_FIN | TCP_ACK });
    pass(bench, 'server', { flags: TCP_FIN | TCP_ACK, sequence: 5001, ack: 1002, window: 509 });
    const last = pass(bench, 'client', { ...ack, sequence: 1002, ack: 5002 });
    expect(last.state).toBe('TIME_WAIT');
    const again = pass(bench, 'client', { ...syn, sequence: 900000 });
    expect(again).toMatchObject({ state: 'SYN_SENT', info: CT_NEW });
    expect(again.flow).not.toBe(old);
    expect(bench.netfilter.conntrack.count).toBe(1);
  });

  it('does not live longer for a repeated SYN', () => {
    const bench = makeBench();
    pass(bench, 'client', syn);
    bench.sim.nowNs += 3_000_000_000;
    expect(pass(bench, 'client', syn)).toMatchObject({ state: 'SYN_SENT', seconds: 117 });
  });

  it('lets a SYN on an open connection pass without a change', () => {
    const bench = makeBench();
    connect(bench);
    expect(pass(bench, 'client', { ...syn, sequence: 77777 })).toMatchObject({
      state: 'ESTABLISHED',
      info: CT_ESTABLISHED,
    });
  });

  it('gets back in step when such a SYN is answered', () => {
    const bench = makeBench();
    connect(bench);
    pass(bench, 'client', { ...syn, sequence: 77777 });
    const answer = { ...synAck, sequence: 999, ack: 77778 };
    expect(pass(bench, 'server', answer).state).toBe('SYN_RECV');
    const done = { ...ack, sequence: 77778, ack: 1000 };
    expect(pass(bench, 'client', done).state).toBe('ESTABLISHED');
  });

  it('calls a segment far outside the window INVALID, unless told to be liberal', () => {
    const far: Segment = { ...ack, sequence: 1001 + 0x1000000 };
    const strict = makeBench();
    connect(strict);
    expect(pass(strict, 'client', far).flow).toBe(null);
    const mild = makeBench();
    mild.netfilter.conntrack.settings.tcpBeLiberal = 1;
    connect(mild);
    expect(pass(mild, 'client', far).flow).not.toBe(null);
  });

  it('calls an acknowledgment of what was never sent INVALID', () => {
    const bench = makeBench();
    connect(bench);
    expect(pass(bench, 'client', { ...ack, ack: 6001 }).flow).toBe(null);
  });

  it('uses the window scale of the handshake', () => {
    const bench = makeBench();
    connect(bench);
    // 502 << 7 is 64256: the server may send that much without an acknowledgment.
    const data = { flags: TCP_ACK, ack: 1001, window: 509, dataBytes: 1000 };
    expect(pass(bench, 'server', { ...data, sequence: 5001 + 60000 }).flow).not.toBe(null);
  });

  it('counts what is sent again and again, and shortens the timeout', () => {
    const bench = makeBench();
    connect(bench);
    const data = { ...ack, dataBytes: 10 };
    for (let i = 0; i < 3; i++) pass(bench, 'client', data);
    expect(pass(bench, 'client', data).seconds).toBe(300);
  });

  it('keeps sequence numbers that wrap', () => {
    const bench = makeBench();
    pass(bench, 'client', { ...syn, sequence: -1 });
    pass(bench, 'server', { ...synAck, sequence: 0x7fffffff, ack: 0 });
    const seen = pass(bench, 'client', { ...ack, sequence: 0, ack: -0x80000000 });
    expect(seen.state).toBe('ESTABLISHED');
    const data = { flags: TCP_ACK, sequence: -0x80000000, ack: 0, window: 509, dataBytes: 900 };
    expect(pass(bench, 'server', data).flow).not.toBe(null);
  });
});

describe('the TCP state table', () => {
  it('leads every state to CLOSE by a reset', () => {
    for (let state = 1; state < 10; state++) {
      expect(TCP_STATE_NAMES[nextTcpState(0, 4, state)]).toBe('CLOSE');
      expect(TCP_STATE_NAMES[nextTcpState(1, 4, state)]).toBe('CLOSE');
    }
  });

  it('calls a segment without any of SYN, ACK, FIN, RST invalid everywhere', () => {
    for (let state = 0; state < 10; state++) {
      expect(nextTcpState(0, 5, state)).toBe(10);
      expect(nextTcpState(1, 5, state)).toBe(10);
    }
  });

  it('opens from both ends at once', () => {
    const sent2 = nextTcpState(1, 0, 1);
    expect(TCP_STATE_NAMES[sent2]).toBe('SYN_SENT2');
    expect(TCP_STATE_NAMES[nextTcpState(0, 1, sent2)]).toBe('SYN_RECV');
  });

  it('knows which flags go together', () => {
    expect(areTcpFlagsValid(TCP_SYN)).toBe(true);
    expect(areTcpFlagsValid(TCP_SYN | TCP_FIN)).toBe(false);
    expect(areTcpFlagsValid(TCP_FIN)).toBe(false);
    expect(areTcpFlagsValid(0)).toBe(false);
    expect(areTcpFlagsValid(TCP_FIN | TCP_PSH | TCP_URG)).toBe(false);
    expect(areTcpFlagsValid(TCP_FIN | TCP_ACK | TCP_PSH)).toBe(true);
  });
});
