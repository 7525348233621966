import { describe, expect, test } from 'vitest';
import { parseMac } from '../../../../src/base/mac-address.ts';
import { setNetem } from '../../../../src/devices/netem.ts';
import { type Process, type Program, sleep } from '../../../../src/engine/process.ts';
import { addNeighbour } from '../../../../src/stack/neighbour.ts';
import {
  bindTcp,
  closeTcp,
  connectTcp,
  listenTcp,
  listTcpSockets,
  openTcp,
  readTcp,
  sendFileTcp,
  setNoDelayTcp,
  shutdownTcp,
  type TcpSocket,
  writeTcp,
} from '../../../../src/stack/tcp/tcp-socket.ts';
import { call, ip, pass } from '../../../support/stack-lab.ts';
import {
  connect,
  differenceOf,
  listen,
  makeTcpLab,
  pattern,
  readAll,
  run,
  settle,
  watchTcp,
} from '../../../support/tcp-lab.ts';

const REQUEST_BYTES = 69;
const HEADER_BYTES = 209;

/** A web server's child: reads a request, writes a header, sends a file, closes (busybox httpd). */
function serveFile(bodyBytes: number) {
  return function* (process: Process, socket: TcpSocket): Program<void> {
    yield* readTcp(process, socket);
    yield* writeTcp(process, socket, pattern(HEADER_BYTES));
    yield* sendFileTcp(process, socket, pattern(bodyBytes));
    shutdownTcp(socket, 'write');
  };
}

describe('a small exchange', () => {
  test('has the segments of the recorded one, in the same order', () => {
    const world = makeTcpLab();
    const lines = watchTcp(world.clientDevice);
    listen(world.server, serveFile(19));
    pass(world.lab, 1);
    connect(world.client, function* (process, socket) {
      setNoDelayTcp(socket, true);
      yield* writeTcp(process, socket, pattern(REQUEST_BYTES));
      yield* readAll(process, socket);
    });
    pass(world.lab, 2);
    expect(lines).toEqual([
      '> S 0 0 0',
      '< S. 0 1 0 id0',
      '> . 1 1 0',
      '> P. 1 1 69',
      '< . 1 70 0',
      '< P. 1 70 209',
      '> . 70 210 0',
      '< P. 210 70 19',
      '> . 70 229 0',
      '< F. 229 70 0',
      '> F. 70 230 0',
      '< . 230 71 0',
    ]);
    expect(listTcpSockets(world.server).map((each) => each.state)).toEqual(['LISTEN', 'TIME-WAIT']);
    expect(listTcpSockets(world.client)).toEqual([]);
  });

  test('pushes the end of what was cut by segmentation, as recorded for 4320 bytes', () => {
    const world = makeTcpLab();
    const lines = watchTcp(world.clientDevice);
    listen(world.server, serveFile(4320));
    connect(world.client, function* (process, socket) {
      setNoDelayTcp(socket, true);
      yield* writeTcp(process, socket, pattern(REQUEST_BYTES));
      yield* readAll(process, socket);
    });
    pass(world.lab, 2);
    expect(lines.filter((line) => /^< .* [1-9]\d*$/.test(line))).toEqual([
      '< P. 1 70 209',
      '< . 210 70 1448',
      '< P. 1658 70 1448',
      '< . 3106 70 1424',
    ]);
  });

  test('a closed port answers RST,ACK with IP id 0, and connect is refused', () => {
    const world = makeTcpLab();
    const lines = watchTcp(world.clientDevice);
    const client = connect(world.client, function* () {}, 81);
    pass(world.lab, 1);
    expect(client.exitCode).toBe(7);
    expect(lines).toEqual(['> S 0 0 0', '< R. 0 1 0 id0']);
  });
});

describe('bulk data', () => {
  test('a megabyte each way at once arrives whole', () => {
    const world = makeTcpLab();
    const sent = pattern(1 << 20);
    const got: Array<Uint8Array | string> = [];
    const talk = (netns: typeof world.client) =>
      function* (process: Process, socket: TcpSocket): Program<void> {
        const writer = run(netns, 'writer', function* (self) {
          yield* writeTcp(self, socket, sent);
          shutdownTcp(socket, 'write');
          return 0;
        });
        got.push(yield* readAll(process, socket));
        while (writer.exitCode === null) yield* sleep(process, 1e8);
      };
    listen(world.server, talk(world.server));
    connect(world.client, talk(world.client));
    settle(world);
    expect(got).toHaveLength(2);
    for (const each of got) expect(differenceOf(each, sent)).toBe('none');
    expect(world.lab.sim.pool.outstanding).toBe(0);
  });

  test.each([1, 2, 3, 4, 5])('survives loss, reordering and duplicates (seed %i)', (seed) => {
    const world = makeTcpLab(seed);
    const sent = pattern(200_000);
    let got: Uint8Array | string = 'nothing';
    const bad = { delayNs: 2e6, jitterNs: 1e6, lossRate: 0.05, duplicateRate: 0.05 };
    call(world.lab, () => {
      setNetem(world.lab.sim, world.clientDevice, bad);
      setNetem(world.lab.sim, world.serverDevice, bad);
    });
    listen(world.server, function* (process, socket) {
      got = yield* readAll(process, socket);
      yield* writeTcp(process, socket, pattern(1000));
    });
    let answer: Uint8Array | string = 'nothing';
    connect(world.client, function* (process, socket) {
      yield* writeTcp(process, socket, sent);
      shutdownTcp(socket, 'write');
      answer = yield* readAll(process, socket);
    });
    settle(world, 600);
    expect(differenceOf(got, sent)).toBe('none');
    expect(differenceOf(answer, pattern(1000))).toBe('none');
    expect(world.lab.sim.pool.outstanding).toBe(0);
  });

  test('a reader that stops closes the window, and probes open it again', () => {
    const world = makeTcpLab();
    const sent = pattern(600_000);
    let got: Uint8Array | string = 'nothing';
    listen(world.server, function* (process, socket) {
      yield* sleep(process, 5e9);
      got = yield* readAll(process, socket);
    });
    connect(world.client, function* (process, socket) {
      yield* writeTcp(process, socket, sent);
      shutdownTcp(socket, 'write');
      yield* readAll(process, socket);
    });
    settle(world);
    expect(differenceOf(got, sent)).toBe('none');
    expect(world.lab.sim.pool.outstanding).toBe(0);
  });
});

describe('half-close and abort', () => {
  test('data still comes after our FIN', () => {
    const world = makeTcpLab();
    let answer: Uint8Array | string = '';
    listen(world.server, function* (process, socket) {
      yield* readAll(process, socket);
      yield* sleep(process, 1e9);
      yield* writeTcp(process, socket, pattern(5000));
    });
    connect(world.client, function* (process, socket) {
      yield* writeTcp(process, socket, pattern(10));
      shutdownTcp(socket, 'write');
      answer = yield* readAll(process, socket);
    });
    settle(world);
    expect(differenceOf(answer, pattern(5000))).toBe('none');
  });

  test('close with unread data sends RST, and the peer reads ECONNRESET', () => {
    const world = makeTcpLab();
    const lines = watchTcp(world.clientDevice);
    let answer: Uint8Array | string = '';
    listen(world.server, function* (process) {
      yield* sleep(process, 1e8);
    });
    connect(world.client, function* (process, socket) {
      yield* writeTcp(process, socket, pattern(10));
      answer = yield* readAll(process, socket);
    });
    settle(world);
    expect(answer).toBe('ECONNRESET');
    expect(lines.at(-1)).toBe('< R. 1 11 0');
  });

  test('writing after the peer has gone fails with EPIPE', () => {
    const world = makeTcpLab();
    const results: Array<string | null> = [];
    listen(world.server, function* (process, socket) {
      yield* readTcp(process, socket);
    });
    connect(world.client, function* (process, socket) {
      yield* writeTcp(process, socket, pattern(10));
      yield* sleep(process, 1e9);
      results.push(yield* writeTcp(process, socket, pattern(10)));
      yield* sleep(process, 1e9);
      results.push(yield* writeTcp(process, socket, pattern(10)));
    });
    settle(world);
    expect(results).toEqual([null, 'EPIPE']);
  });
});

describe('ports', () => {
  test('one port is bound once, and TIME-WAIT holds it against who does not reuse', () => {
    const world = makeTcpLab();
    const results = call(world.lab, () => {
      const one = openTcp(world.server);
      const other = openTcp(world.server);
      const found = [bindTcp(one, 0, 80), bindTcp(other, ip('10.0.0.2'), 80)];
      found.push(bindTcp(other, ip('10.0.0.9'), 80), bindTcp(other, 0, 81), bindTcp(other, 0, 82));
      closeTcp(one);
      closeTcp(other);
      return found;
    });
    expect(results).toEqual([null, 'EADDRINUSE', 'EADDRNOTAVAIL', null, 'EINVAL']);
    const server = listen(world.server, function* (process, socket) {
      yield* readTcp(process, socket);
    });
    connect(world.client, function* (process, socket) {
      yield* writeTcp(process, socket, pattern(10));
      yield* readAll(process, socket);
    });
    pass(world.lab, 2);
    server.signal = 'SIGTERM';
    call(world.lab, () => {
      for (const info of listTcpSockets(world.server)) {
        if (info.state === 'LISTEN' && info.socket !== null) closeTcp(info.socket);
      }
    });
    const after = call(world.lab, () => {
      const plain = openTcp(world.server);
      const reusing = openTcp(world.server);
      reusing.reuseAddress = true;
      const first = bindTcp(plain, 0, 80);
      const second = bindTcp(reusing, 0, 80);
      return [first, second, listenTcp(reusing, 5)];
    });
    expect(after).toEqual(['EADDRINUSE', null, null]);
  });

  test('connect takes even ports, bind to port 0 odd ones', () => {
    const world = makeTcpLab();
    listen(world.server, function* () {});
    const ports: number[] = [];
    run(world.client, 'client', function* (process) {
      for (let i = 0; i < 5; i++) {
        const socket = openTcp(world.client);
        yield* connectTcp(process, socket, ip('10.0.0.2'), 80);
        ports.push(socket.localPort);
        closeTcp(socket);
        const bound = openTcp(world.client);
        bindTcp(bound, 0, 0);
        ports.push(bound.localPort);
        closeTcp(bound);
      }
      return 0;
    });
    settle(world);
    expect(ports.map((port) => port % 2)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(32768);
  });
});

describe('patience', () => {
  test('a SYN that nobody answers is repeated as tcp_syn_linear_timeouts and tcp_syn_retries say', () => {
    const world = makeTcpLab();
    const { lab } = world;
    const times: number[] = [];
    let error: string | null = null;
    // The neighbour is known for good, so that it is TCP that waits.
    call(lab, () => {
      const mac = parseMac('02:00:00:00:00:02');
      addNeighbour(world.client, { device: world.clientDevice, address: ip('10.0.0.2'), mac });
      setNetem(lab.sim, world.serverDevice, { lossRate: 1 });
    });
    const before = watchTcp(world.clientDevice);
    run(world.client, 'client', function* (process) {
      const socket = openTcp(world.client);
      error = yield* connectTcp(process, socket, ip('10.0.0.2'), 80);
      times.push(Math.round(lab.sim.nowNs / 1e9));
      return 0;
    });
    settle(world, 400);
    expect(before.filter((line) => line === '> S 0 0 0')).toHaveLength(11);
    expect(error).toBe('ETIMEDOUT');
    expect(times).toEqual([135]);
  });
});
