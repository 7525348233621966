// IPVS's own idea of a TCP connection, by flags alone, and how long it then lives.
import { expect, test } from 'vitest';
import { TICKS_PER_SEC } from '../../../../src/netfilter/conntrack-table.ts';
import {
  DIRECTION_INPUT,
  DIRECTION_INPUT_ONLY,
  DIRECTION_OUTPUT,
  IPVS_TCP_STATE_NAMES,
  isActiveState,
  makeTcpTimeouts,
  nextTcpState,
} from '../../../../src/netfilter/ipvs/tcp-state.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../../../src/protocols/tcp.ts';

const FLAGS: Readonly<Record<string, number>> = {
  S: TCP_SYN,
  SA: TCP_SYN | TCP_ACK,
  A: TCP_ACK,
  F: TCP_FIN | TCP_ACK,
  R: TCP_RST,
  none: 0,
};

/** `>S` is a SYN from the client, `<SA` the answer; `)` is from the client where no answer is seen. */
function states(packets: string): string[] {
  let state = 0;
  return packets.split(' ').map((packet) => {
    const direction = { '>': DIRECTION_INPUT, '<': DIRECTION_OUTPUT, ')': DIRECTION_INPUT_ONLY }[
      packet[0] as '>' | '<' | ')'
    ];
    state = nextTcpState(state, direction, FLAGS[packet.slice(1)]!);
    return IPVS_TCP_STATE_NAMES[state]!;
  });
}

test('a connection that the server closes ends in TIME_WAIT, as in L3 027', () => {
  expect(states('>S <SA >A >A <A <F >F <A')).toEqual([
    'SYN_RECV',
    'SYN_RECV',
    'ESTABLISHED',
    'ESTABLISHED',
    'ESTABLISHED',
    'FIN_WAIT',
    'TIME_WAIT',
    'TIME_WAIT',
  ]);
});

test('the client closes, or resets', () => {
  expect(states('>S <SA >A >F <F >A').slice(3)).toEqual(['CLOSE_WAIT', 'TIME_WAIT', 'TIME_WAIT']);
  expect(states('>S <SA >A >R').at(-1)).toBe('CLOSE');
  expect(states('>S <R').at(-1)).toBe('CLOSE');
  expect(states('>S <none').at(-1)).toBe('CLOSE');
});

test('direct routing sees the client only', () => {
  expect(states(')S )A )F )A')).toEqual(['SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'FIN_WAIT']);
});

test('an ended connection begins anew with a SYN', () => {
  expect(states('>S <SA >A >R >S').at(-1)).toBe('SYN_RECV');
});

test('every state has a timeout, and four count as active', () => {
  const seconds = makeTcpTimeouts().map((ticks) => ticks / TICKS_PER_SEC);
  expect(seconds).toEqual([2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120]);
  expect(IPVS_TCP_STATE_NAMES.filter((_name, state) => isActiveState(state))).toEqual([
    'ESTABLISHED',
    'SYN_SENT',
    'SYN_RECV',
    'SYNACK',
  ]);
});
