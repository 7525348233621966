// The small programs of images that have busybox's, against what busybox prints.
import { describe, expect, test } from 'vitest';
import { buildDockerWorld } from '../../../../src/topology/docker-world.ts';
import { runOnMachine } from '../../../support/run-on-machine.ts';

const BOOT = `docker network create --subnet 10.5.0.0/24 net > /dev/null
docker run -dt --name one --network net alpine > /dev/null
docker run -d --name web --network net nginx > /dev/null`;

async function inOne(command: string, image = 'one'): Promise<string> {
  const { nodes } = buildDockerWorld({ nodes: 1, internet: false });
  const { stdout } = await runOnMachine(
    nodes[0]!,
    `${BOOT}\ndocker exec ${image} ${command} 2>&1; echo "[$?]"`,
  );
  return stdout;
}

describe('busybox', () => {
  test('wget sends four lines and draws a bar', async () => {
    const text = await inOne('wget -O - http://web/');
    // The shell puts what a command writes to stderr behind its output.
    expect(text).toMatch(
      /^[0-9a-f]{12} from 10\.5\.0\.2\nConnecting to web \(10\.5\.0\.3:80\)\nwriting to stdout\n- {20}100% \|\*{32}\| {4}\d\d {2}0:00:00 ETA\nwritten to stdout\n\[0\]\n$/,
    );
    expect(await inOne('wget -q -O - http://10.5.0.1:81/')).toBe(
      "wget: can't connect to remote host (10.5.0.1): Connection refused\n[1]\n",
    );
    expect(await inOne('wget -q nosuch:8080')).toBe("wget: bad address 'nosuch:8080'\n[1]\n");
  });

  test('ip says less than iproute2', async () => {
    expect(await inOne('ip addr show eth0')).toMatch(
      /^\d+: eth0@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue state UP \n {4}link\/ether 02:42:0a:05:00:02 brd ff:ff:ff:ff:ff:ff\n {4}inet 10\.5\.0\.2\/24 brd 10\.5\.0\.255 scope global eth0\n/,
    );
    expect(await inOne('ip route')).toBe(
      'default via 10.5.0.1 dev eth0 \n10.5.0.0/24 dev eth0 scope link  src 10.5.0.2 \n[0]\n',
    );
  });

  test('ifconfig, arp and nslookup have forms of their own', async () => {
    expect(await inOne('ifconfig eth0')).toMatch(
      /^eth0 {6}Link encap:Ethernet {2}HWaddr 02:42:0A:05:00:02 {2}\n {10}inet addr:10\.5\.0\.2 {2}Bcast:10\.5\.0\.255 {2}Mask:255\.255\.255\.0\n {10}UP BROADCAST RUNNING MULTICAST {2}MTU:1500 {2}Metric:1\n/,
    );
    expect(await inOne('sh -c "ping -c 1 -q web > /dev/null; arp"')).toBe(
      '? (10.5.0.3) at 02:42:0a:05:00:03 [ether]  on eth0\n[0]\n',
    );
    expect(await inOne('nslookup web')).toBe(
      'Server:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n\nNon-authoritative answer:\nName:\tweb\nAddress: 10.5.0.3\n\nNon-authoritative answer:\n\n[0]\n',
    );
  });

  test('has no bash', async () => {
    expect(await inOne('bash -c true')).toBe(
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "bash": executable file not found in $PATH: unknown\n[127]\n',
    );
  });
});
