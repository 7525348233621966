/**
 * The namespace of a network's load balancer on a node: `lb_<network>`, or `ingress_sbox`, which has a
 * leg on docker_gwbridge too.
 * @source libnetwork/network.go createLoadBalancerSandbox(), deleteLoadBalancerSandbox()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { makeContainer } from '../../docker/container-create.ts';
import {
  joinEndpoint,
  leaveEndpoint,
  legsOf,
  makeLeg,
  releaseEndpoint,
} from '../../docker/endpoint.ts';
import type { Container, ContainerSpec, DockerEngine } from '../../docker/engine-record.ts';
import { updateGatewayLeg } from '../../docker/gateway-leg.ts';
import type { DockerImage } from '../../docker/images.ts';
import { startResolver, stopResolver } from '../../docker/resolver.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { readSysctl, writeSysctl } from '../../stack/sysctl.ts';
import { settle } from './deferral.ts';
import type { NodeNetworking, Overlay } from './overlay-record.ts';
import { closeNamespace, openNamespace, sandboxPathOf } from './overlay-sandbox.ts';

/** @source osl/namespace_linux.go loadBalancerConfig */
const BALANCER_SYSCTLS = [
  ['net.ipv4.vs.expire_nodest_conn', '1'],
  ['net.ipv4.vs.expire_quiescent_template', '1'],
  ['net.ipv4.vs.conn_reuse_mode', '0'],
] as const;

/** Makes the sandbox with its leg on the network. @throws DockerError */
export function openBalancer(node: NodeNetworking, overlay: Overlay, address: Ipv4): void {
  const { engine } = node;
  const { id, name, isIngress } = overlay.object;
  const owner = makeOwner(engine, isIngress ? 'ingress-sbox' : `lb-${name}`);
  owner.sandboxId = isIngress ? 'ingress_sbox' : `lb_${id}`;
  owner.sandboxKey = sandboxPathOf(owner.sandboxId);
  const netns = openNamespace(node, owner.sandboxKey);
  owner.netns = netns;
  owner.machine.root = netns;
  setUpBalancing(netns);
  const wish = { address, mac: null, aliases: [] };
  const leg = makeLeg(engine, owner, overlay.local, wish, `${name}-endpoint`);
  owner.endpoints.set(name, leg);
  joinEndpoint(engine, leg, netns, 0);
  overlay.balancer = leg;
  if (isIngress) updateGatewayLeg(engine, owner);
  settle(node, overlay); // what waits does not watch the new legs
  owner.resolver = startResolver(engine, owner, [], false);
}

export function closeBalancer(node: NodeNetworking, overlay: Overlay): void {
  const { balancer } = overlay;
  if (balancer === null) return;
  const { engine } = node;
  const owner = balancer.container;
  if (owner.resolver !== null) stopResolver(owner.resolver);
  for (const leg of legsOf(owner)) {
    leaveEndpoint(engine, leg);
    releaseEndpoint(engine, leg);
  }
  overlay.balancer = null;
  if (owner.netns !== null) closeNamespace(node, owner.sandboxKey, owner.netns);
  owner.netns = null;
}

/** The kernel's settings for load balancing, as the engine writes them. */
export function setUpBalancing(netns: NetNamespace): void {
  for (const [key, value] of BALANCER_SYSCTLS) {
    if (readSysctl(netns, key) !== null) writeSysctl(netns, key, value);
  }
}

/** A container in no list that never runs: it has the sandbox. */
function makeOwner(engine: DockerEngine, id: string): Container {
  return makeContainer(engine, { ...NO_SPEC, name: id }, NO_IMAGE, id, id);
}

const NO_IMAGE: DockerImage = {
  id: '',
  repository: '',
  tag: '',
  digest: '',
  createdNs: 0,
  sizeBytes: 0,
  config: {
    command: [],
    entrypoint: [],
    environment: [],
    exposed: [],
    workingDir: '',
    user: '',
    stopSignal: 'SIGTERM',
    labels: new Map(),
  },
  behaviour: { kind: 'shell' },
  isUnknown: false,
  hasBusybox: false,
};

const NO_SPEC: ContainerSpec = {
  name: '',
  image: '',
  command: [],
  entrypoint: null,
  environment: [],
  hostname: null,
  domainname: '',
  labels: new Map(),
  networkMode: 'none',
  endpoints: new Map(),
  publish: [],
  publishAll: false,
  expose: [],
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  extraHosts: [],
  capAdd: [],
  capDrop: [],
  isPrivileged: false,
  restartPolicy: { name: 'no', maximumRetryCount: 0 },
  autoRemove: false,
  isTty: false,
  isInteractive: false,
  sysctls: new Map(),
  workingDir: '',
  user: '',
};
