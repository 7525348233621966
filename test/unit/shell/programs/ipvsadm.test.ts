// The texts of ipvsadm 1.31: tables as recorded in L2 and L3, refusals in the words of libipvs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { meshScript } from '../../../support/ipvs-mesh.ts';
import { makeLab } from '../../../support/shell.ts';

const DOCKER = join(import.meta.dirname, '../../../fixtures/docker');
const E = 'ip netns exec a ipvsadm';

/** The recorded output of a lab's command. */
function recorded(lab: string, prefix: string): string {
  const folder = join(DOCKER, lab, 'out');
  const name = readdirSync(folder).find((each) => each.startsWith(prefix))!;
  return readFileSync(join(folder, name), 'utf8');
}

async function run(script: string): Promise<string> {
  const lab = await makeLab();
  return (await lab.run(`ip netns add a; ip -n a addr add 10.0.0.1/8 dev lo; ${script}`)).output;
}

describe('tables are those that were recorded', () => {
  test('no service: L2 069', async () => {
    expect(await run(`${E} -ln`)).toBe(recorded('L2', '069-'));
    expect(await run(`${E} -ln --stats`)).toBe(recorded('L2', '165-'));
    expect(await run(`${E} -lnc`)).toBe(recorded('L2', '166-'));
  });

  test('destinations in the order of their addresses: L3 045', async () => {
    const output = await run(`${E} -A -f 258 -s rr
      for t in 10.0.0.7 10.0.0.8 10.0.0.6; do ${E} -a -f 258 -r $t:0 -m; done; ${E} -ln`);
    expect(output).toBe(recorded('L3', '045-'));
  });

  test('weight 0 on scale-down to nothing: L3 092', async () => {
    const output = await run(`${E} -A -f 258 -s rr
      for t in 10.0.0.7 10.0.0.8; do ${E} -a -f 258 -r $t:0 -m; ${E} -e -f 258 -r $t:0 -m -w 0; done
      ${E} -ln`);
    expect(output).toBe(recorded('L3', '092-'));
  });

  test('connections and bytes of twelve requests: the shape of L3 046', async () => {
    const lab = await makeLab();
    const { output } = await lab.run(`${meshScript(['10.0.0.6', '10.0.0.7', '10.0.0.8'])}
      echo hello > /srv/index.html
      for t in 1 2 3; do ip netns exec task$t busybox httpd -p 3000 -h /srv; done
      for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
        ip netns exec client curl -s http://192.168.0.12:3000/index.html > /dev/null
      done
      sleep 0.1; ip netns exec sbox ipvsadm -ln --stats`);
    const numbers = (text: string) => text.replaceAll(/\d{2,}$|\d+(?= +\d+$)/gm, 'N');
    const head = (text: string) => text.split('\n').map((line) => numbers(line).slice(0, 43));
    expect(head(output)).toEqual(head(recorded('L3', '046-')));
    expect(output).toMatch(/^FWM {2}258 {32}12 {7}72 {7}72 /m);
  });
});

describe('commands', () => {
  test('services of both kinds, and what is saved is restored', async () => {
    const output = await run(`${E} -A -t 10.0.0.1:80 -s wrr -p 600 -M 255.255.255.0
      ${E} -a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 3 -x 100 -y 50; ${E} -a -t 10.0.0.1:80 -r 10.0.0.2 -g
      ${E} -A -u 10.0.0.1:53 -s sh -o; ${E} -a -u 10.0.0.1:53 -r 10.0.0.4 -i; ${E} -A -f 7
      ${E} -Sn > /srv/saved; ${E} -C; ${E} -R < /srv/saved; ${E} -Ln; cat /srv/saved`);
    expect(output).toBe(`IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.0.0.1:80 wrr persistent 600 mask 255.255.255.0
  -> 10.0.0.2:80                  Route   1      0          0         
  -> 10.0.0.3:8080                Masq    3      0          0         
UDP  10.0.0.1:53 sh ops
  -> 10.0.0.4:53                  Tunnel  1      0          0         
FWM  7 wlc
-A -t 10.0.0.1:80 -s wrr -p 600 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 1
-a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 3
-A -u 10.0.0.1:53 -s sh -o
-a -u 10.0.0.1:53 -r 10.0.0.4:53 -i -w 1
-A -f 7 -s wlc
`);
  });

  test('thresholds, persistent connections, rates', async () => {
    const output =
      await run(`${E} -A -t 10.0.0.1:80; ${E} -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -x 100 -y 50
      ${E} -Ln --thresholds | tail -1; ${E} -Ln --persistent-conn | tail -1; ${E} -Ln --rate | tail -2`);
    expect(output).toBe(
      '  -> 10.0.0.2:80                  100        50         0          0         \n' +
        '  -> 10.0.0.2:80                  1         0           0          0         \n' +
        'TCP  10.0.0.1:80                         0        0        0        0        0\n' +
        '  -> 10.0.0.2:80                         0        0        0        0        0\n',
    );
  });

  test('timeouts', async () => {
    const timeout = `${E} -L --timeout`;
    expect(
      await run(`${timeout}; ${E} --set 10 20 30; ${timeout}; ${E} --set 0 0 31; ${timeout}`),
    ).toBe(`Timeout (tcp tcpfin udp): 900 120 300
Timeout (tcp tcpfin udp): 10 20 30
Timeout (tcp tcpfin udp): 10 20 31
`);
  });

  test('sysctls of every namespace', async () => {
    const vs = 'net.ipv4.vs';
    const output = await run(`sysctl ${vs}.conntrack ${vs}.sync_threshold ${vs}.conn_reuse_mode
      sysctl -w ${vs}.conntrack=1; sysctl -w ${vs}.nothing=1; sysctl -w ${vs}.conntrack=x; cat /proc/sys/net/ipv4/vs/conntrack`);
    expect(output).toBe(`net.ipv4.vs.conntrack = 0
net.ipv4.vs.sync_threshold = 3\t50
net.ipv4.vs.conn_reuse_mode = 1
net.ipv4.vs.conntrack = 1
sysctl: cannot stat /proc/sys/net/ipv4/vs/nothing: No such file or directory
sysctl: setting key "net.ipv4.vs.conntrack": Invalid argument
1
`);
  });
});

test('/proc/net/ip_vs*', async () => {
  const output =
    await run(`${E} -A -f 258 -s rr -p 100; ${E} -a -f 258 -r 10.0.0.8 -m; ${E} -A -t 10.0.0.1:80 -s rr
    ip netns exec a cat /proc/net/ip_vs /proc/net/ip_vs_conn /proc/net/ip_vs_stats`);
  expect(output).toBe(`IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
FWM  00000102 rr persistent 25000 FFFFFFFF
  -> 0A000008:0000      Masq    1      0          0         
TCP  0A000001:0050 rr  
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
       0        0        0                0                0

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       0        0        0                0                0
`);
});

const REFUSED: ReadonlyArray<readonly [words: string, text: string, exitCode: number]> = [
  ['-A -t 10.0.0.1:80 -s foo', 'Scheduler or persistence engine not found', 255],
  ['-A -t 10.0.0.1:443', 'Service already exists', 255],
  ['-E -t 10.0.0.1:81', 'No such service', 255],
  ['-D -f 1', 'No such service', 255],
  ['-Z -f 1', 'No such service', 255],
  ['-Ln -f 1', 'No such service', 1],
  ['-a -t 10.0.0.1:81 -r 10.0.0.2', 'Service not defined', 255],
  ['-a -t 10.0.0.1:443 -r 10.0.0.2', 'Destination already exists', 255],
  ['-d -t 10.0.0.1:443 -r 10.0.0.3', 'No such destination', 255],
  ['-e -t 10.0.0.1:443 -r 10.0.0.3', 'No such destination', 255],
  [
    '-a -t 10.0.0.1:443 -r 224.0.0.1',
    'Invalid operation.  Possibly wrong module version, address not unicast, ...',
    255,
  ],
  ['-a -t 10.0.0.1:443 -r 10.0.0.4 -x 1 -y 2', 'Numerical result out of range', 255],
  ['-A -t 10.0.0.1', 'Zero port specified for non-persistent service', 2],
  ['-A -t 10.0.0.1:53 -o', 'One-Packet Scheduling is only for UDP virtual services', 2],
  ['-A -t 80', 'illegal virtual server address[:port] specified', 2],
  ['-A -f 0', "invalid fwmark value `0' specified", 2],
  ['-A', "You need to supply the 'service-address' option for the 'add-service' command", 2],
  ['-C -n', "Illegal 'numeric' option with the 'flush' command", 2],
  ['-A -C', 'multiple commands specified', 2],
  ['-a -f 1 -f 2', "multiple 'service-address' options specified", 2],
  ['-a -f 1 -r 10.0.0.2 -w 65536', 'illegal weight specified', 2],
  ['-L --stats --timeout', 'options conflicts in the list command', 2],
  ['-L what', 'unexpected argument what', 2],
  ['--set 1 2', '--set option requires 3 timeout values', 2],
  ['-n', "Try `ipvsadm -h' or 'ipvsadm --help' for more information.", 255],
];

test('refusals, and their exit codes', async () => {
  const lab = await makeLab();
  await lab.run(`ip netns add a; ip -n a addr add 10.0.0.1/8 dev lo; ip -n a link set lo up
    ${E} -A -t 10.0.0.1:443; ${E} -a -t 10.0.0.1:443 -r 10.0.0.2`);
  for (const [words, text, exitCode] of REFUSED) {
    const { output } = await lab.run(`${E} ${words}; echo $?`);
    expect(output, words).toBe(`${text}\n${exitCode}\n`);
  }
});
