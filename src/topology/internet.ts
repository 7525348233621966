/**
 * The internet of a Docker lab: one machine with the addresses of a few well-known names. It answers
 * ping, DNS and HTTP. The client reaches it through its own eth0, translates the LAN's sources as any
 * home router does, and answers the LAN's DNS questions.
 */
import { answerAsBusybox } from '../apps/busybox-httpd.ts';
import { type DnsFinding, openDnsServer, serveDns } from '../apps/dns-server.ts';
import { openHttpServer, serveHttp } from '../apps/http-server.ts';
import { assert } from '../base/assert.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from '../base/ipv4-address.ts';
import { spawn } from '../engine/process.ts';
import { runOn } from '../engine/simulator.ts';
import { runIptables } from '../netfilter/iptables/iptables.ts';
import {
  addressOfReverseName,
  DNS_PORT,
  DNS_RCODES,
  DNS_TYPES,
  type DnsQuestion,
  type DnsRecord,
} from '../protocols/dns.ts';
import { addAddress } from '../stack/address.ts';
import { addRoute } from '../stack/fib.ts';
import { createLink, findDevice, setLinkUp } from '../stack/link.ts';
import { writeSysctl } from '../stack/sysctl.ts';
import { addDaemon, type Machine } from '../world/machine.ts';
import { addMachine, type World } from '../world/world.ts';

/** Names that the internet knows. The first name of an address is what its PTR record says. */
export const INTERNET_NAMES: ReadonlyMap<string, string> = new Map([
  ['www.google.com', '142.250.184.4'],
  ['google.com', '142.250.184.14'],
  ['dns.google', '8.8.8.8'],
  ['one.one.one.one', '1.1.1.1'],
  ['www.google.com.ar', '142.250.184.67'],
  ['www.amazon.com', '18.165.190.12'],
  ['amazon.com', '54.239.28.85'],
  ['www.facebook.com', '157.240.5.35'],
  ['www.example.com', '93.184.215.14'],
  ['example.com', '93.184.215.15'],
  ['www.example.org', '93.184.215.16'],
  ['example.org', '93.184.215.17'],
  ['www.docker.com', '141.193.213.20'],
  ['docker.com', '141.193.213.21'],
  ['hub.docker.com', '44.193.57.117'],
  ['registry-1.docker.io', '54.227.20.253'],
  ['github.com', '140.82.121.4'],
  ['www.github.com', '140.82.121.5'],
  ['www.wikipedia.org', '185.15.58.224'],
  ['deb.debian.org', '151.101.130.132'],
  ['archive.ubuntu.com', '185.125.190.82'],
]);

const TTL_SEC = 300;
const NO_SUCH_NAME = DNS_RCODES.indexOf('NXDOMAIN');
/** The link between the two. */
const CLIENT_OUTSIDE = '203.0.113.1';
const PROVIDER = '203.0.113.50';
const LINK_PREFIX_LENGTH = 24;
const HOME = '/srv/www';

/** Adds the machine `internet` behind the client's eth0. */
export function addInternet(world: World, client: Machine): Machine {
  const internet = addMachine(world, 'internet', client.cpu);
  wire(client, internet);
  startDns(client, addressOf('192.168.0.1'));
  startDns(internet, addressOf('8.8.8.8'));
  startDns(internet, addressOf('1.1.1.1'));
  startWeb(internet);
  client.files.writeFile('/etc/resolv.conf', 'nameserver 192.168.0.1\n');
  internet.files.writeFile('/etc/resolv.conf', 'nameserver 8.8.8.8\n');
  return internet;
}

function wire(client: Machine, internet: Machine): void {
  const { sim } = client.world;
  runOn(sim, client.cpu, () => {
    const here = client.root;
    const there = internet.root;
    setLinkUp(there.loopback);
    const peer = { name: 'eth0', netns: there };
    const outside = createLink(here, { kind: 'veth', name: 'eth0', peer });
    const far = findDevice(there, 'eth0');
    setLinkUp(outside);
    setLinkUp(far);
    const ends = [
      [here, outside, CLIENT_OUTSIDE],
      [there, far, PROVIDER],
    ] as const;
    for (const [netns, device, text] of ends) {
      addAddress(netns, device, { address: addressOf(text), prefixLength: LINK_PREFIX_LENGTH });
    }
    for (const text of INTERNET_NAMES.values()) {
      addAddress(there, there.loopback, { address: addressOf(text), prefixLength: 32 });
    }
    addRoute(here, { prefix: 0, prefixLength: 0, gateway: addressOf(PROVIDER) });
    writeSysctl(here, 'net.ipv4.ip_forward', '1');
    const rule = '-t nat -A POSTROUTING -o eth0 -j MASQUERADE';
    const result = runIptables(here.netfilter, rule.split(' '));
    assert(result.exitCode === 0, 'the rule of the client is one');
  });
}

function startDns(machine: Machine, address: Ipv4): void {
  const { sim } = machine.world;
  const options = { address: 0, port: DNS_PORT, recursionAvailable: true, lookup: findName };
  runOn(sim, machine.cpu, () => {
    const socket = openDnsServer(machine.root, { ...options, address });
    assert(typeof socket !== 'string', 'nobody else has the port');
    const process = spawn(sim, machine.cpu, 'dnsmasq', (self) => serveDns(self, socket, options));
    addDaemon(machine, process, machine.root, 'dnsmasq');
  });
}

function startWeb(machine: Machine): void {
  const { sim, epochS } = machine.world;
  machine.files.makeDirectory(HOME);
  machine.files.writeFile(`${HOME}/index.html`, 'hello from outside\n');
  const site = { files: machine.files, home: HOME, epochSec: epochS };
  const options = {
    address: 0,
    port: 80,
    readsBody: false,
    respond: (request: Parameters<typeof answerAsBusybox>[1], nowNs: number) =>
      answerAsBusybox(site, request, nowNs),
  };
  runOn(sim, machine.cpu, () => {
    const listener = openHttpServer(machine.root, options);
    assert(!('call' in listener), 'nobody else has the port');
    const process = spawn(sim, machine.cpu, 'httpd', (self) => serveHttp(self, listener, options));
    addDaemon(machine, process, machine.root, 'httpd');
  });
}

/** What the internet's name servers answer. */
function findName(question: DnsQuestion): DnsFinding {
  const name = question.name.replace(/\.$/, '').toLowerCase();
  const answer = (data: DnsRecord['data']): DnsFinding => ({
    answers: [{ ...question, ttlSec: TTL_SEC, data }],
    rcode: 0,
    isAuthoritative: false,
  });
  const nothing = (rcode: number): DnsFinding => ({ answers: [], rcode, isAuthoritative: false });
  if (question.type === DNS_TYPES.PTR) {
    const wanted = addressOfReverseName(name);
    if (wanted === null) return nothing(NO_SUCH_NAME);
    for (const [known, text] of INTERNET_NAMES) {
      if (text === formatIpv4(wanted)) return answer({ kind: 'name', name: known });
    }
    return nothing(NO_SUCH_NAME);
  }
  const address = INTERNET_NAMES.get(name);
  if (address === undefined) return nothing(NO_SUCH_NAME);
  return question.type === DNS_TYPES.A ? answer({ kind: 'address', address }) : nothing(0);
}

function addressOf(text: string): Ipv4 {
  const address = parseIpv4(text);
  assert(address !== null, 'a constant of this file is an address');
  return address;
}
