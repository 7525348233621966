// Same seed, same bytes: within one process, and (by the golden hash) on every version of Node.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { captureFiles } from '../../src/observe/capture.ts';
import { type RecordedRun, runRecorded, twinText } from '../support/run-recorded.ts';

/** SHA-256 over all captures with their names, and over what was printed. */
function hashOf({ world, capture, output }: RecordedRun): string {
  const hash = createHash('sha256');
  for (const { name, bytes } of captureFiles(capture, { epochSec: world.epochS })) {
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return hash.update(output).digest('hex');
}

for (const name of ['t2-masquerade', 't4-overlay', 't7-mesh-by-hand']) {
  test(`${name} gives the same bytes each time, and others with another seed`, async () => {
    const text = twinText(name);
    const first = hashOf(await runRecorded(text, { seed: 7 }));
    expect(hashOf(await runRecorded(text, { seed: 7 }))).toBe(first);
    expect(hashOf(await runRecorded(text, { seed: 8 }))).not.toBe(first);
  });
}

/** A little of everything that draws random numbers or counts time: ids, ports, sequence numbers, timers. */
const SCRIPT = `
ip netns add sw; ip -n sw link add br0 address 02:00:00:00:ff:01 type bridge; ip -n sw link set br0 up
for i in 1 2 3; do
  ip netns add h$i
  ip -n h$i link add eth0 address 02:00:00:00:00:0$i type veth peer name p$i address 5a:00:00:00:00:0$i netns sw
  ip -n sw link set p$i master br0; ip -n sw link set p$i up
  ip -n h$i addr add 10.0.0.$i/24 dev eth0; ip -n h$i link set eth0 up; ip -n h$i link set lo up
done
ip netns exec h3 tc qdisc add dev eth0 root netem delay 20ms 5ms loss 5%
echo hello > /srv/index.html
ip netns exec h2 busybox httpd -p 80 -h /srv
#@record
ip netns exec h1 ping -c 3 -i 0.2 10.0.0.3
ip netns exec h1 curl -s http://10.0.0.2/index.html
ip netns exec h1 traceroute -n -w 1 10.0.0.9
ip netns exec h1 iptables -A OUTPUT -m statistic --mode random --probability 0.5 -j DROP
ip netns exec h1 ping -c 6 -i 0.2 -W 1 10.0.0.2
`;

test('a small script gives these very bytes, whatever the version of Node', async () => {
  const run = await runRecorded(SCRIPT);
  expect(run.exitCode).toBe(0);
  // Changes with whatever changes a frame or its time: look at the difference, then `npm run golden`.
  expect(hashOf(run)).toMatchInlineSnapshot(
    `"6cb19078290e4da3a4cf67397d8409513017fa6dadcc7b09e522a2a2fc379f19"`,
  );
});
