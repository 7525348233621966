// A routing mesh by hand: the same addresses, rules and services as Docker's ingress sandbox, and the
// frames of a real one (L3/pcap-mesh, node2) to compare with.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { formatIpv4 } from '../../../../src/base/ipv4-address.ts';
import { captureFiles } from '../../../../src/observe/capture.ts';
import { readPcap } from '../../../../src/observe/pcap.ts';
import { makeViewedBytes } from '../../../../src/protocols/checksum.ts';
import {
  ipHeaderBytes,
  ipId,
  ipProtocol,
  ipSource,
  ipTarget,
  ipTtl,
  isIpChecksumGood,
  PROTOCOL_TCP,
} from '../../../../src/protocols/ipv4.ts';
import {
  isTcpChecksumGood,
  tcpFlags,
  tcpSourcePort,
  tcpTargetPort,
} from '../../../../src/protocols/tcp.ts';
import { meshScript } from '../../../support/ipvs-mesh.ts';
import { type RecordedRun, runRecorded } from '../../../support/run-recorded.ts';

const DOCKER = join(import.meta.dirname, '../../../fixtures/docker');
const RECORDED = join(DOCKER, 'L3/pcap-mesh');
const TASKS = ['10.0.0.6', '10.0.0.7', '10.0.0.8'];

/** Where the IP header is in a frame. */
const IP = 14;

/** The TCP frames of a capture. */
function framesOf(file: Uint8Array): Uint8Array[] {
  return readPcap(file)
    .frames.map(({ bytes }) => bytes)
    .filter(
      (frame) => frame[12] === 8 && frame[13] === 0 && ipProtocol(frame, IP) === PROTOCOL_TCP,
    );
}

/** The MAC address at `at` if Docker derives it from an IPv4 address; others are random. */
function macAt(frame: Uint8Array, at: number): string {
  const bytes = [...frame.slice(at, at + 6)];
  const isDerived = bytes[0] === 2 && bytes[1] === 0x42 && bytes[2] === 10;
  return isDerived ? bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':') : 'MAC';
}

/** Lines like `MAC MAC 10.0.0.3:40100 > 10.0.0.8:3000 ttl 62 flags 2`, in order. */
function linesOf(file: Uint8Array): string[] {
  return framesOf(file).map((frame) => {
    const tcp = IP + ipHeaderBytes(frame, IP);
    const from = `${formatIpv4(ipSource(frame, IP))}:${tcpSourcePort(frame, tcp)}`;
    const to = `${formatIpv4(ipTarget(frame, IP))}:${tcpTargetPort(frame, tcp)}`;
    const macs = `${macAt(frame, 6)} ${macAt(frame, 0)}`;
    return `${macs} ${from} > ${to} ttl ${ipTtl(frame, IP)} flags ${tcpFlags(frame, tcp)}`;
  });
}

describe('a request through a node without a task', () => {
  let run: RecordedRun;
  const files = new Map<string, Uint8Array>();

  beforeAll(async () => {
    run = await runRecorded(`${meshScript(TASKS)}
      echo hello > /srv/index.html
      for t in 1 2 3; do ip netns exec task$t busybox httpd -p 3000 -h /srv; done
#@record
      ip netns exec client curl -s --local-port 40100 http://192.168.0.12:3000/index.html
      sleep 0.5
      ip netns exec sbox ipvsadm -lnc
      ip netns exec sbox conntrack -L`);
    for (const { name, bytes } of captureFiles(run.capture, { epochSec: run.world.epochS })) {
      files.set(name, bytes);
    }
  });

  for (const device of ['eth1', 'eth0']) {
    test(`has the frames of a real ingress sandbox on ${device}`, () => {
      const recorded = linesOf(readFileSync(join(RECORDED, `n2-ingress_sbox-${device}.pcap`)));
      expect(linesOf(files.get(`sbox.${device}.pcap`)!)).toEqual(recorded);
    });
  }

  test('keeps IP ids and good checksums on the way', () => {
    const ids = (name: string) =>
      framesOf(files.get(name)!).map((frame) => {
        const viewed = makeViewedBytes(frame.length);
        viewed.set(frame);
        const [source, target] = [ipSource(frame, IP), ipTarget(frame, IP)];
        const tcp = IP + ipHeaderBytes(frame, IP);
        expect(isIpChecksumGood(viewed, IP)).toBe(true);
        expect(isTcpChecksumGood(viewed, tcp, frame.length, source, target)).toBe(true);
        return ipId(frame, IP);
      });
    const inside = ids('sbox.eth0.pcap');
    expect(inside.length).toBe(12);
    expect(inside).toEqual(ids('sbox.eth1.pcap'));
  });

  test('leaves an entry in IPVS, and a flow with both translations', () => {
    expect(run.output).toBe(`hello
IPVS connection entries
pro expire state       source             virtual            destination
TCP 01:59  TIME_WAIT   192.168.0.1:40100  172.18.0.2:3000    10.0.0.8:3000
conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.
tcp      6 119 TIME_WAIT src=192.168.0.1 dst=172.18.0.2 sport=40100 dport=3000 src=10.0.0.8 dst=10.0.0.3 sport=3000 dport=40100 [ASSURED] mark=0 use=1
`);
  });
});

test('a service address on an overlay: the load balancer sends back by the way it came', async () => {
  // L2/pcap-curl-vip: task 10.0.1.3 asks 10.0.1.7, which its node's load balancer 10.0.1.5 has.
  const mac = (last: number) => `02:42:0a:00:01:0${last}`;
  const node = (name: string, last: number) => `ip netns add ${name}
    ip -n ${name} link add eth0 address ${mac(last)} type veth peer name p${last} netns switch
    ip -n switch link set p${last} master br0; ip -n switch link set p${last} up
    ip -n ${name} addr add 10.0.1.${last}/24 dev eth0; ip -n ${name} link set eth0 up`;
  const { capture, output } = await runRecorded(`ip netns add switch
    ip -n switch link add br0 type bridge; ip -n switch link set br0 up
    ${node('client', 3)}; ${node('lb', 5)}; ${node('task', 8)}
    ip -n lb addr add 10.0.1.7/32 dev eth0
    ip netns exec lb sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.vs.conntrack=1
    ip netns exec lb iptables -t mangle -A INPUT -d 10.0.1.7/32 -j MARK --set-mark 257
    ip netns exec lb iptables -t nat -A POSTROUTING -d 10.0.1.0/24 -m ipvs --ipvs -j SNAT --to-source 10.0.1.5
    ip netns exec lb ipvsadm -A -f 257 -s rr; ip netns exec lb ipvsadm -a -f 257 -r 10.0.1.8:0 -m
    echo hello > /srv/index.html; ip netns exec task busybox httpd -p 80 -h /srv
#@record
    ip netns exec client curl -s --local-port 47696 http://10.0.1.7/index.html`);
  expect(output).toBe('hello\n');
  const { bytes } = captureFiles(capture).find(({ name }) => name === 'lb.eth0.pcap')!;
  const file = readFileSync(join(DOCKER, 'L2/pcap-curl-vip/n2-lb_rlo0mt8g9-eth0.pcap'));
  expect(linesOf(bytes)).toEqual(linesOf(file));
});
