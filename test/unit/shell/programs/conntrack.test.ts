import { describe, expect, it } from 'vitest';
import { kill, spawn } from '../../../../src/engine/process.ts';
import { runOn, runUntil } from '../../../../src/engine/simulator.ts';
import { confirmPacket, conntrackOf, trackPacket } from '../../../../src/netfilter/conntrack.ts';
import { FLOW_ASSURED } from '../../../../src/netfilter/conntrack-flow.ts';
import {
  makeNatRange,
  NAT_MAP_ADDRESS,
  natPacket,
  setupNat,
} from '../../../../src/netfilter/nat.ts';
import { HOOK_POSTROUTING, HOOK_PREROUTING } from '../../../../src/netfilter/netfilter-hooks.ts';
import { TCP_SYN } from '../../../../src/protocols/tcp.ts';
import type { ProgramContext } from '../../../../src/shell/program.ts';
import { conntrack } from '../../../../src/shell/programs/conntrack.ts';
import type { NetNamespace } from '../../../../src/stack/namespace.ts';
import {
  type Bench,
  ends,
  icmpPacket,
  ip,
  makeBench,
  tcpPacket,
  udpPacket,
} from '../../../support/netfilter.ts';

interface Output {
  out: string;
  err: string;
  code: number;
}

/** Runs `conntrack` with these words; a process of its own is interrupted after `traffic`. */
async function run(bench: Bench, line: string, traffic: () => void = () => {}): Promise<Output> {
  const { sim, netfilter } = bench;
  const output: Output = { out: '', err: '', code: 0 };
  const netns = { ...netfilter.netns, netfilter } as unknown as NetNamespace; // all that it looks at
  const context = {
    netns,
    machine: { release: 'debian-12' },
    args: line.split(' ').filter((word) => word !== ''),
    write: (text: string) => {
      output.out += text;
    },
    writeError: (text: string) => {
      output.err += text;
    },
    kernel: <Result>(act: () => Result) => runOn(sim, sim.cpu, act),
    run: async (name: string, main: Parameters<ProgramContext['run']>[1]) => {
      const process = spawn(sim, sim.cpu, name, main);
      runUntil(sim, sim.nowNs + 1_000_000);
      traffic();
      kill(process, 'SIGINT');
      runUntil(sim, sim.nowNs + 1_000_000);
      return process.exitCode ?? -1;
    },
  } as unknown as ProgramContext; // the rest of it is never asked for
  output.code = await conntrack.run(context);
  return output;
}

function send(bench: Bench, packet: ReturnType<typeof udpPacket>, source?: string): void {
  const { sim, netfilter } = bench;
  trackPacket(sim, netfilter, HOOK_PREROUTING, packet);
  natPacket(sim, netfilter, HOOK_PREROUTING, packet, null, null);
  const flow = conntrackOf(packet);
  if (source !== undefined && flow !== null) {
    const range = { ...makeNatRange(), flags: NAT_MAP_ADDRESS };
    range.minAddress = ip(source);
    range.maxAddress = ip(source);
    setupNat(sim, netfilter, flow, 'src', range, HOOK_POSTROUTING);
  }
  natPacket(sim, netfilter, HOOK_POSTROUTING, packet, null, null);
  confirmPacket(sim, netfilter, packet);
}

const BANNER = 'conntrack v1.4.7 (conntrack-tools)';
const TRY = "Try `conntrack -h' or 'conntrack --help' for more information.\n";
const TCP =
  'tcp      6 119 SYN_SENT src=10.1.0.2 dst=10.2.0.2 sport=20010 dport=80 [UNREPLIED] ' +
  'src=10.2.0.2 dst=10.1.0.2 sport=80 dport=20010 mark=0 use=1\n';
const UDP =
  'udp      17 29 src=10.1.0.2 dst=10.2.0.77 sport=20003 dport=9999 [UNREPLIED] ' +
  'src=10.2.0.77 dst=10.2.0.1 sport=9999 dport=20003 mark=0 use=1\n';
const ICMP =
  'icmp     1 29 src=10.1.0.2 dst=10.2.0.2 type=8 code=0 id=77 [UNREPLIED] ' +
  'src=10.2.0.2 dst=10.1.0.2 type=0 code=0 id=77 mark=0 use=1\n';

/** Three flows: TCP, UDP behind source NAT, ICMP. */
function busy(): Bench {
  const bench = makeBench();
  const { sim } = bench;
  send(bench, tcpPacket(sim, ends('10.1.0.2:20010 > 10.2.0.2:80'), { flags: TCP_SYN }));
  send(bench, udpPacket(sim, ends('10.1.0.2:20003 > 10.2.0.77:9999')), '10.2.0.1');
  send(bench, icmpPacket(sim, ip('10.1.0.2'), ip('10.2.0.2'), 8, 0, 77 << 16));
  sim.nowNs = 500_000_000;
  return bench;
}

describe('conntrack -L', () => {
  it('shows flows as the real program does, the count on standard error', async () => {
    expect(await run(busy(), '-L')).toEqual({
      out: TCP + UDP + ICMP,
      err: `${BANNER}: 3 flow entries have been shown.\n`,
      code: 0,
    });
  });

  it.each([
    ['-p tcp', TCP],
    ['-p udp --dport 9999', UDP],
    ['-p udp --orig-port-src 20003', UDP],
    ['-p udp --reply-port-dst 20003', UDP],
    ['-p udp --dport 1', ''],
    ['-p 17', UDP],
    ['-p icmp --icmp-id 77', ICMP],
    ['-p tcp --state SYN_SENT', TCP],
    ['-p tcp --state ESTABLISHED', ''],
    ['-d 10.2.0.2', TCP + ICMP],
    ['-d 10.2.0.0/26', TCP + ICMP],
    ['-d 10.2.0.2 --mask-dst 255.255.255.0', TCP + UDP + ICMP],
    ['-s 10.9.9.9', ''],
    ['-q 10.2.0.1', UDP],
    ['-r 10.2.0.77', UDP],
    ['-n 10.2.0.1', UDP],
    ['-n', UDP + ICMP], // ids count as ports there
    ['-m 0', TCP + UDP + ICMP],
    ['-m 5', ''],
    ['-u UNREPLIED', TCP + UDP + ICMP],
    ['-u ASSURED', ''],
    ['-f ipv4 -d 10.2.0.77', UDP],
    ['-f ipv6', ''],
    ['conntrack', TCP + UDP + ICMP],
    ['dying', ''],
  ])('%s picks flows', async (options, expected) => {
    expect((await run(busy(), `-L ${options}`)).out).toBe(expected);
  });

  it('adds the family and the id', async () => {
    const { out } = await run(busy(), '-L -p tcp -o extended,id');
    expect(out).toBe(`ipv4     2 ${TCP.trimEnd()} id=1\n`);
  });

  it('shows counters, ASSURED and marks', async () => {
    const bench = busy();
    const { conntrack: table } = bench.netfilter;
    table.settings.acct = 1;
    table.newest!.status |= FLOW_ASSURED;
    table.newest!.mark = 7;
    expect((await run(bench, '-L -p icmp')).out).toBe(
      'icmp     1 29 src=10.1.0.2 dst=10.2.0.2 type=8 code=0 id=77 packets=0 bytes=0 [UNREPLIED] ' +
        'src=10.2.0.2 dst=10.1.0.2 type=0 code=0 id=77 packets=0 bytes=0 [ASSURED] mark=7 use=1\n',
    );
  });
});

describe('conntrack', () => {
  it('deletes what the filter picks', async () => {
    const bench = busy();
    expect(await run(bench, '-D -p udp --dport 9999')).toEqual({
      out: UDP,
      err: `${BANNER}: 1 flow entries have been deleted.\n`,
      code: 0,
    });
    expect(await run(bench, '-D -s 9.9.9.9')).toMatchObject({ code: 1, out: '' });
    expect((await run(bench, '-C')).out).toBe('2\n');
  });

  it('empties the table', async () => {
    const bench = busy();
    const emptied = `${BANNER}: connection tracking table has been emptied.\n`;
    expect(await run(bench, '-F')).toEqual({ out: '', err: emptied, code: 0 });
    expect((await run(bench, '-C')).out).toBe('0\n');
  });

  it('gets one flow', async () => {
    const bench = busy();
    const line = '-G -p udp -s 10.1.0.2 -d 10.2.0.77 --sport 20003 --dport 9999';
    expect((await run(bench, line)).out).toBe(UDP);
    expect(await run(bench, '-G -p udp --sport 1 --dport 2')).toMatchObject({
      err: `${BANNER}: Operation failed: such conntrack doesn't exist\n`,
      code: 1,
    });
    expect(await run(bench, '-G -p udp')).toMatchObject({ code: 2 });
  });

  it('shows statistics and its version', async () => {
    const bench = busy();
    expect((await run(bench, '-S')).out).toBe(
      'cpu=0   \tfound=0 invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 ' +
        'search_restart=0 clash_resolve=0 chaintoolong=0 \n',
    );
    expect((await run(bench, '-V')).out).toBe(`${BANNER}\n`);
  });

  it('watches events until it is interrupted', async () => {
    const bench = makeBench();
    const { sim } = bench;
    const of = ends('10.1.0.2:20003 > 10.2.0.77:9999');
    const answer = ends('10.2.0.77:9999 > 10.1.0.2:20003');
    const { out, err, code } = await run(bench, '-E', () => {
      send(bench, udpPacket(sim, of));
      send(bench, udpPacket(sim, answer));
      send(bench, udpPacket(sim, answer));
    });
    const tuple = 'src=10.1.0.2 dst=10.2.0.77 sport=20003 dport=9999';
    const back = 'src=10.2.0.77 dst=10.1.0.2 sport=9999 dport=20003';
    expect(out).toBe(
      `    [NEW] udp      17 30 ${tuple} [UNREPLIED] ${back}\n` +
        ` [UPDATE] udp      17 30 ${tuple} ${back}\n`,
    );
    expect(err).toBe(`${BANNER}: 2 flow events have been shown.\n`);
    expect(code).toBe(0);
    expect(bench.netfilter.conntrack.onEvent).toBe(null);
  });

  it.each([
    ['-L --dport 80', "unknown option `--dport'"],
    ['-L -p foo', "`foo' unsupported protocol"],
    ['-L -s foo', "Invalid IP address `foo'"],
    ['-L -d 10.2.0.0/44', 'Invalid netmask'],
    ['-L -x', "unknown option `-x'"],
    ['-L -p', "option `-p' requires an argument"],
    ['-L foo', "unknown type `foo'"],
    ['-L -D', 'Invalid commands combination'],
    ['-p udp', "Illegal option `--protonum' with this command"],
    ['-F -p udp', "Illegal option `--protonum' with this command"],
    ['-L -e NEW', "Illegal option `--event-mask' with this command"],
    ['-L -p tcp --state foo', "unknown TCP state `foo'"],
    ['-L -u foo', "Bad parameter `foo'"],
    ['-L -o foo', "Bad parameter `foo'"],
  ])('%s is a mistake', async (line, message) => {
    const expected = { out: '', err: `${BANNER}: ${message}\n${TRY}`, code: 2 };
    expect(await run(makeBench(), line)).toEqual(expected);
  });

  it.each(['-I -p udp', '-U -m 7', '-L -o xml'])(
    '%s is not emulated, and says so',
    async (line) => {
      const { err, code } = await run(makeBench(), line);
      expect(err).toContain('is not emulated by netsim');
      expect(code).toBe(2);
    },
  );
});
