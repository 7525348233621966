// IPsec between hosts: what is on the wire, which hooks see it, what policies and windows let through.
import { describe, expect, test } from 'vitest';
import { checkLaws } from '../../../../src/observe/invariants.ts';
import { type Lab, makeLab } from '../../../support/shell.ts';

const WIRE = `
  ip netns add a; ip netns add b
  ip -n a link add eth0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns b
  ip -n a addr add 10.0.0.1/24 brd + dev eth0; ip -n a link set eth0 up; ip -n a link set lo up
  ip -n b addr add 10.0.0.2/24 brd + dev eth0; ip -n b link set eth0 up; ip -n b link set lo up
  ip netns exec a ping -c 1 10.0.0.2 > /dev/null`;

const KEY = '0x000102030405060708090a0b0c0d0e0f10111213';
const AEAD = `aead "rfc4106(gcm(aes))" ${KEY} 64`;

/** States of both directions on both hosts, with these words. */
const states = (words: string): string =>
  ['a', 'b']
    .map(
      (host) => `
  ip -n ${host} xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x101 ${words} ${AEAD}
  ip -n ${host} xfrm state add src 10.0.0.2 dst 10.0.0.1 proto esp spi 0x202 ${words} ${AEAD}`,
    )
    .join('');

/** Transport mode for all between a and b, and nothing else let in. */
const TRANSPORT = `${states('reqid 5 mode transport replay-window 32')}
  ip -n a xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out tmpl proto esp reqid 5 mode transport
  ip -n a xfrm policy add src 10.0.0.2 dst 10.0.0.1 dir in tmpl proto esp reqid 5 mode transport
  ip -n b xfrm policy add src 10.0.0.2 dst 10.0.0.1 dir out tmpl proto esp reqid 5 mode transport
  ip -n b xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir in tmpl proto esp reqid 5 mode transport`;

/** Tunnel mode between the networks behind a and b, which are on their lo. */
const TUNNEL = `${states('reqid 5 mode tunnel')}
  ip -n a addr add 172.16.1.1/32 dev lo; ip -n b addr add 172.16.2.1/32 dev lo
  ip -n a route add 172.16.2.0/24 via 10.0.0.2 src 172.16.1.1
  ip -n b route add 172.16.1.0/24 via 10.0.0.1 src 172.16.2.1
  T12="tmpl src 10.0.0.1 dst 10.0.0.2 proto esp reqid 5 mode tunnel"
  T21="tmpl src 10.0.0.2 dst 10.0.0.1 proto esp reqid 5 mode tunnel"
  ip -n a xfrm policy add src 172.16.1.0/24 dst 172.16.2.0/24 dir out $T12
  ip -n a xfrm policy add src 172.16.2.0/24 dst 172.16.1.0/24 dir in $T21
  ip -n b xfrm policy add src 172.16.2.0/24 dst 172.16.1.0/24 dir out $T21
  ip -n b xfrm policy add src 172.16.1.0/24 dst 172.16.2.0/24 dir in $T12`;

async function labOf(...scripts: string[]): Promise<Lab> {
  const lab = await makeLab();
  const { output } = await lab.run(scripts.join('\n'));
  expect(output).toBe('');
  return lab;
}

async function say(lab: Lab, command: string): Promise<string> {
  const { output } = await lab.run(command);
  checkLaws(lab.world.sim);
  return output;
}

/** The lines of the capture in what was said. */
const packetsIn = (output: string): string[] =>
  output.split('\n').filter((line) => line.startsWith('IP '));

const ping = (words: string): string => `ip netns exec a ping -n -c 1 -W 1 ${words} 10.0.0.2`;
/** What comes in at b while the command runs, as tcpdump shows it. */
const seenDuring = (command: string): string =>
  `ip netns exec b tcpdump -t -n -i eth0 -w /tmp/x -Q in > /dev/null 2>&1 & P=$!
   sleep 0.1; ${command} > /dev/null; kill $P; sleep 0.1; tcpdump -t -n -r /tmp/x`;

describe('transport mode', () => {
  test('puts ESP on the wire: 84 bytes of ping become 112', async () => {
    const lab = await labOf(WIRE, TRANSPORT);
    expect(packetsIn(await say(lab, seenDuring(ping(''))))).toEqual([
      'IP 10.0.0.1 > 10.0.0.2: ESP(spi=0x00000101,seq=0x1), length 92',
    ]);
    expect(await say(lab, ping(''))).toContain('1 received');
  });

  test('takes 26 bytes and the rounding off the path MTU', async () => {
    const lab = await labOf(WIRE, TRANSPORT);
    expect(await say(lab, ping('-M do -s 1446'))).toContain('1 received');
    expect(await say(lab, ping('-M do -s 1447'))).toContain('message too long, mtu=1474');
    expect(await say(lab, ping('-s 3000'))).toContain('1 received');
  });

  test('shows both packets to the hooks, the plain one in PREROUTING again', async () => {
    const lab = await labOf(
      WIRE,
      TRANSPORT,
      `ip netns exec a iptables -A OUTPUT -p esp; ip netns exec a iptables -A OUTPUT -p icmp
      ip netns exec a iptables -A OUTPUT -p icmp -m policy --dir out --pol ipsec --reqid 5
      ip netns exec a iptables -t mangle -A POSTROUTING -p esp
      ip netns exec a iptables -t mangle -A POSTROUTING -p icmp
      ip netns exec b iptables -t raw -A PREROUTING -p esp
      ip netns exec b iptables -t raw -A PREROUTING -p icmp
      ip netns exec b iptables -A INPUT -p esp; ip netns exec b iptables -A INPUT -p icmp
      ip netns exec b iptables -A INPUT -p icmp -m policy --dir in --pol ipsec --strict --mode transport --spi 0x101
      ip netns exec b iptables -A INPUT -p icmp -m policy --dir in --pol none`,
    );
    await say(lab, ping(''));
    const counters = await say(
      lab,
      `for t in filter mangle; do ip netns exec a iptables -t $t -nvL | awk '/esp|50 |1  |icmp/ {print $1, $2}'; done
      for t in raw filter; do ip netns exec b iptables -t $t -nvL | awk '/esp|50 |1  |icmp/ {print $1, $2}'; done`,
    );
    const [esp, icmp] = ['1 112', '1 84'];
    expect(counters.trim().split('\n')).toEqual([
      esp,
      icmp,
      icmp,
      esp,
      icmp,
      esp,
      icmp,
      esp,
      icmp,
      icmp,
      '0 0',
    ]);
  });

  test('drops what comes unprotected, and counts it', async () => {
    const lab = await labOf(WIRE, TRANSPORT, 'ip -n a xfrm policy flush');
    expect(await say(lab, ping(''))).toContain('0 received');
    expect(await say(lab, 'ip netns exec b grep TmplMismatch /proc/net/xfrm_stat')).toMatch(
      /\t1$/m,
    );
  });

  test('lets no packet pass twice', async () => {
    const lab = await labOf(
      WIRE,
      TRANSPORT,
      'ip netns exec a tc qdisc add dev eth0 root netem duplicate 100%',
    );
    expect(await say(lab, ping(''))).not.toContain('DUP');
    expect(await say(lab, 'ip -n b -s xfrm state get dst 10.0.0.2 proto esp spi 0x101')).toContain(
      'replay-window 0 replay 1 failed 0',
    );
  });

  test('receives with an old and a new key while the sender changes over', async () => {
    const lab = await labOf(WIRE, TRANSPORT);
    const fresh = `spi 0x303 reqid 5 mode transport ${AEAD.replace('0x00', '0x77')}`;
    const added = await say(
      lab,
      `ip -n b xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp ${fresh}
      ip -n a xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp ${fresh}
      ip -n a xfrm policy update src 10.0.0.1 dst 10.0.0.2 dir out tmpl proto esp spi 0x101 reqid 5`,
    );
    expect(added).toBe('');
    expect(await say(lab, seenDuring(ping('')))).toContain('spi=0x00000101');
    await say(
      lab,
      'ip -n a xfrm policy update src 10.0.0.1 dst 10.0.0.2 dir out tmpl proto esp spi 0x303 reqid 5',
    );
    expect(await say(lab, seenDuring(ping('')))).toContain('spi=0x00000303');
    await say(lab, 'ip -n b xfrm state delete dst 10.0.0.2 proto esp spi 0x101');
    expect(await say(lab, ping(''))).toContain('1 received');
  });
});

describe('tunnel mode', () => {
  test('carries whole packets between the ends; a capture sees them once more inside', async () => {
    const lab = await labOf(WIRE, TUNNEL);
    const seen = await say(lab, seenDuring('ip netns exec a ping -n -c 1 -e 7 172.16.2.1'));
    expect(packetsIn(seen)).toEqual([
      'IP 10.0.0.1 > 10.0.0.2: ESP(spi=0x00000101,seq=0x1), length 112',
      'IP 172.16.1.1 > 172.16.2.1: ICMP echo request, id 7, seq 1, length 64',
    ]);
  });

  test('takes 46 bytes and the rounding off the path MTU', async () => {
    const lab = await labOf(WIRE, TUNNEL);
    const text = await say(lab, 'ip netns exec a tracepath -n 172.16.2.1');
    expect(text).toContain('pmtu 1454');
  });
});

describe('a mark set in OUTPUT', () => {
  test('decides whether the packet is encrypted', async () => {
    const lab = await labOf(
      WIRE,
      states('reqid 5'),
      `ip -n a xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out mark 0xd0c4e3 tmpl proto esp reqid 5
      ip netns exec a iptables -t mangle -A OUTPUT -p icmp -m length --length 100:200 -j MARK --set-mark 0xd0c4e3`,
    );
    expect(await say(lab, seenDuring(ping('-e 7')))).toContain('ICMP echo request');
    expect(await say(lab, seenDuring(ping('-e 7 -s 100')))).toContain('ESP(spi=0x00000101');
  });
});
