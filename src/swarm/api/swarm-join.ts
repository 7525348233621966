/**
 * `docker swarm join`: a certificate from the manager that was named, then a session, and for a manager
 * a place in Raft.
 * @source moby daemon/cluster/swarm.go Join(), noderunner.go; swarmkit ca/config.go DownloadRootCA()
 */
import type { Ipv4 } from '../../base/ipv4-address.ts';
import { NS_PER_MS, NS_PER_SEC } from '../../base/units.ts';
import { dockerdOf } from '../../docker/daemon-process.ts';
import { type DockerEngine, DockerError } from '../../docker/engine-record.ts';
import {
  makeWaitQueue,
  type Process,
  type Program,
  sleep,
  spawn,
  waitFor,
  wake,
} from '../../engine/process.ts';
import type { SwarmMember } from '../member.ts';
import type { NodeAvailability, NodeRole } from '../objects.ts';
import { closeEnd, dialErrorText, openChannel } from '../wire/channel.ts';
import { joinAsManager, startSession } from '../wire/member-wire.ts';
import type { Replies, RequestBody, WireEnd, WireMessage } from '../wire/messages.ts';
import { call, endCalls, rpcError, takeAnswer } from '../wire/rpc.ts';
import { wireOf } from '../wire/wire-state.ts';
import { describeNode, dissolveMember, makeMember } from './make-member.ts';
import { type PendingJoin, pendingJoins, requireNoSwarm } from './pending-join.ts';
import {
  parseRemote,
  resolveAdvertise,
  resolveDataPath,
  resolveListen,
  type SocketAddress,
} from './swarm-addresses.ts';
import { digestOfToken, hexOfDigest } from './swarm-tokens.ts';

/** `--listen-addr`, `--advertise-addr`, `--data-path-addr` as typed: ADDRESS or INTERFACE, with :PORT or not; '' if left out. */
export interface SwarmAddressOptions {
  readonly listen: string;
  readonly advertise: string;
  readonly dataPath: string;
}

export interface JoinOptions {
  readonly addresses: SwarmAddressOptions;
  readonly availability: NodeAvailability;
  readonly token: string;
  /** HOST[:PORT] as typed. */
  readonly remote: string;
}

const TIMED_OUT =
  'Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.';
/** @source moby daemon/cluster/cluster.go swarmConnectTimeout */
const CONNECT_TIMEOUT_NS = 20 * NS_PER_SEC;
/** @source swarmkit ca/config.go GetCertRetryInterval */
const CA_TRIES = 5;
const CA_RETRY_NS = 2 * NS_PER_SEC;
const CA_TIMEOUT_NS = 5 * NS_PER_SEC;
const ISSUE_TIMEOUT_NS = 20 * NS_PER_SEC;
/** Between attempts in the background. @source moby daemon/cluster/noderunner.go */
const RECONNECT_FIRST_NS = 500 * NS_PER_MS;
const RECONNECT_MAX_NS = 30 * NS_PER_SEC;
/** What comes up with the session a moment later. */
const INGRESS_WAIT_NS = NS_PER_SEC;
/** What making keys and starting the parts takes. */
const START_NS = 30 * NS_PER_MS;

interface Plan {
  readonly options: JoinOptions;
  readonly remote: SocketAddress;
  readonly digest: string;
  readonly listen: SocketAddress;
  /** Null: as the manager sees the node. */
  readonly advertise: SocketAddress | null;
  readonly dataPath: Ipv4 | null;
}

/** `docker swarm join`. @returns as what. */
export function* joinSwarm(
  engine: DockerEngine,
  process: Process,
  options: JoinOptions,
): Program<NodeRole> {
  requireNoSwarm(engine);
  const plan = makePlan(engine, options);
  const pending: PendingJoin = {
    outcome: null,
    isInBackground: false,
    isCancelled: false,
    waiters: makeWaitQueue(),
  };
  pendingJoins.set(engine, pending);
  const { sim } = engine.world;
  spawn(sim, engine.machine.cpu, 'dockerd', (own) => runJoin(own, engine, pending, plan));
  const isOver = (): boolean => pending.outcome !== null || pending.isCancelled;
  yield* waitFor(process, [pending.waiters], isOver, CONNECT_TIMEOUT_NS);
  const { outcome } = pending;
  if (outcome === null) {
    pending.isInBackground = true;
    throw new DockerError(503, TIMED_OUT);
  }
  pendingJoins.delete(engine);
  if (outcome instanceof DockerError) throw outcome;
  return outcome;
}

function makePlan(engine: DockerEngine, options: JoinOptions): Plan {
  const { addresses, token } = options;
  const listen = resolveListen(engine, addresses.listen);
  const advertise =
    addresses.advertise === '' ? null : resolveAdvertise(engine, addresses.advertise, listen.port);
  const dataPath = resolveDataPath(engine, addresses.dataPath);
  const digest = digestOfToken(token);
  if (digest === null) throw new DockerError(500, 'invalid join token');
  const remote = parseRemote(options.remote);
  if (remote === null) {
    const host = options.remote.replace(/:\d+$/, '');
    const text = `connection error: desc = "transport: Error while dialing: dial tcp: lookup ${host}: no such host"`;
    throw rpcError(503, 'Unavailable', text);
  }
  return { options, remote, digest, listen, advertise, dataPath };
}

function* runJoin(
  process: Process,
  engine: DockerEngine,
  pending: PendingJoin,
  plan: Plan,
): Program<number> {
  let delayNs = RECONNECT_FIRST_NS;
  while (!pending.isCancelled) {
    try {
      pending.outcome = yield* attempt(process, engine, pending, plan);
      if (pending.isInBackground) pendingJoins.delete(engine);
      break;
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      if (!pending.isInBackground) {
        pending.outcome = error;
        break;
      }
    }
    delayNs = Math.min(delayNs * 2, RECONNECT_MAX_NS);
    yield* waitFor(process, [pending.waiters], () => pending.isCancelled, delayNs);
  }
  wake(pending.waiters);
  return 0;
}

function* attempt(
  process: Process,
  engine: DockerEngine,
  pending: PendingJoin,
  plan: Plan,
): Program<NodeRole> {
  const end = yield* reachAuthority(process, engine, plan);
  let issued: Replies['issue'];
  try {
    const { token, availability } = plan.options;
    const body: RequestBody & { readonly kind: 'issue' } = {
      kind: 'issue',
      token,
      availability,
      description: describeNode(engine),
      address: plan.advertise?.address ?? 0,
    };
    issued = yield* call<'issue'>(process, end, body, ISSUE_TIMEOUT_NS);
  } finally {
    closeEnd(engine.world, end);
  }
  if (pending.isCancelled) throw new DockerError(500, 'context canceled');
  yield* sleep(process, START_NS);
  const { cluster, nodeId, role, address } = issued;
  const member = makeMember(engine, {
    cluster,
    nodeId,
    role,
    advertiseAddress: address,
    listenAddress: plan.listen.address,
    dataPathAddress: plan.dataPath ?? address,
    port: plan.advertise?.port ?? plan.listen.port,
    isFounder: false,
    managers: [{ nodeId: '', ...plan.remote }],
  });
  yield* becomeReady(process, member);
  return role;
}

/** Registered, in Raft if it is a manager, and on ingress. @throws DockerError; then it is no member. */
function* becomeReady(process: Process, member: SwarmMember): Program<void> {
  const state = wireOf(member);
  startSession(state);
  const { session } = state;
  yield* waitFor(process, [session.waiters], () => session.end !== null || state.isClosed);
  if (state.isClosed) throw new DockerError(500, 'context canceled');
  if (member.role === 'manager') {
    try {
      yield* joinAsManager(process, state);
    } catch (error) {
      dissolveMember(member);
      if (!(error instanceof DockerError)) throw error;
      const text = `manager stopped: can't initialize raft node: ${error.message}`;
      throw new DockerError(error.status, text);
    }
  }
  yield* awaitIngress(process, member);
}

/** The ingress network comes with the session's news, a moment later. */
export function* awaitIngress(process: Process, member: SwarmMember): Program<void> {
  const state = wireOf(member);
  const isThere = (): boolean => state.hasIngress || state.isClosed;
  yield* waitFor(process, [state.session.waiters], isThere, INGRESS_WAIT_NS);
}

/** A connection to the manager whose authority has the token's digest. @throws DockerError. */
function* reachAuthority(process: Process, engine: DockerEngine, plan: Plan): Program<WireEnd> {
  let failure = new DockerError(500, 'context canceled');
  for (let tries = 0; tries < CA_TRIES; tries++) {
    try {
      return yield* askAuthority(process, engine, plan);
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      failure = error;
      yield* sleep(process, CA_RETRY_NS);
    }
  }
  throw failure;
}

function* askAuthority(process: Process, engine: DockerEngine, plan: Plan): Program<WireEnd> {
  const { world, machine } = engine;
  const host = { world, netns: machine.root, cpu: machine.cpu, owner: dockerdOf(engine) };
  const end = yield* openChannel<WireMessage>(process, host, plan.remote, CA_TIMEOUT_NS);
  if (typeof end === 'string') {
    throw rpcError(503, 'Unavailable', dialErrorText(plan.remote, end));
  }
  end.onMessage = (message) => takeAnswer(end, message);
  end.onClose = () => endCalls(end);
  try {
    const { caDigest } = yield* call<'ca'>(process, end, { kind: 'ca' }, CA_TIMEOUT_NS);
    if (caDigest === plan.digest) return end;
  } catch (error) {
    closeEnd(world, end);
    throw error;
  }
  closeEnd(world, end);
  const expected = hexOfDigest(plan.digest);
  throw new DockerError(500, `remote CA does not match fingerprint. Expected: ${expected}`);
}
