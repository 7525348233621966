// States with keys as the real iproute2 6.1 prints them. Recorded with messages made by hand and sent to
// `ip xfrm monitor`, on a kernel without ESP.
import { expect, test } from 'vitest';
import { stateLines } from '../../../../src/shell/programs/ip-xfrm-text.ts';
import { addXfrmState } from '../../../../src/stack/xfrm/control.ts';
import { makeLab } from '../../../support/shell.ts';

const KEY = Uint8Array.from([...Array(16).keys(), 0x10, 0, 0, 1]);
const AEAD = { kind: 'aead', name: 'rfc4106(gcm(aes))', key: KEY, icvBits: 64 } as const;

const DOCKER_STATE = `src 192.168.0.1 dst 192.168.0.2
	proto esp spi 0x10000001 reqid 13681891 mode transport
	replay-window 0 
	aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10000001 64
	anti-replay context: seq 0x0, oseq 0x9, bitmap 0x00000000
	sel src 0.0.0.0/0 dst 0.0.0.0/0 `;

const TUNNEL_STATE = `src 10.0.0.1 dst 10.0.0.2
	proto esp spi 0x00000100(256) reqid 5(0x00000005) mode tunnel
	replay-window 32 seq 0x00000000 flag nopmtudisc af-unspec (0x00100100)
	mark 0x5/0xff output-mark 0x7/0xf
	aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10000001 (160 bits) 64
	anti-replay context: seq 0xd, oseq 0x0, bitmap 0x00001fff
	sel src 0.0.0.0/0 dst 0.0.0.0/0 proto udp uid 0
	lifetime config:
	  limit: soft 1000(bytes), hard 2000(bytes)
	  limit: soft 30(packets), hard 40(packets)
	  expire add: soft 5(sec), hard 6(sec)
	  expire use: soft 7(sec), hard 8(sec)
	lifetime current:
	  0(bytes), 0(packets)
	  add 2025-01-01 00:00:00 use -
	stats:
	  replay-window 1 replay 2 failed 3`;

test("Docker's state", async () => {
  const netns = (await makeLab()).machine.root;
  const state = addXfrmState(netns, {
    source: 0xc0a80001 | 0,
    target: 0xc0a80002 | 0,
    spi: 0x10000001,
    reqid: 0xd0c4e3,
    algorithms: [AEAD],
    sequenceOut: 9,
  });
  const style = {
    isWithStatistics: false,
    hasKeys: true,
    epochSec: 1735689600,
    deviceName: () => '',
  };
  expect(stateLines(state, style).join('\n')).toBe(DOCKER_STATE);
  expect(stateLines(state, { ...style, hasKeys: false })[3]).toBe(
    '\taead rfc4106(gcm(aes)) <<Keys hidden>> 64',
  );
});

test('all that a state can have, with statistics', async () => {
  const netns = (await makeLab()).machine.root;
  const state = addXfrmState(netns, {
    source: 0x0a000001,
    target: 0x0a000002,
    spi: 0x100,
    reqid: 5,
    mode: 'tunnel',
    replayWindow: 32,
    flags: 0x24,
    mark: { value: 5, mask: 0xff },
    outputMark: { value: 7, mask: 0xf },
    algorithms: [AEAD],
    selector: { protocol: 17 },
    sequenceIn: 13,
    limits: {
      softBytes: 1000,
      hardBytes: 2000,
      softPackets: 30,
      hardPackets: 40,
      softAddSec: 5,
      hardAddSec: 6,
      softUseSec: 7,
      hardUseSec: 8,
    },
  });
  state.replayBitmap = 0x1fff;
  state.windowMissCount = 1;
  state.replayCount = 2;
  state.integrityFailedCount = 3;
  const style = {
    isWithStatistics: true,
    hasKeys: true,
    epochSec: 1735689600,
    deviceName: () => '',
  };
  expect(stateLines(state, style).join('\n')).toBe(TUNNEL_STATE);
});
