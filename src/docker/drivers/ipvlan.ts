/**
 * The ipvlan driver: containers share the parent's MAC; in l3 modes the host routes for them.
 * @source libnetwork/drivers/ipvlan/ipvlan_network.go, ipvlan_joinleave.go
 */
import {
  IPVLAN_FLAGS,
  IPVLAN_MODES,
  type IpvlanFlag,
  type IpvlanMode,
} from '../../devices/device-kind.ts';
import { createLink, deleteLink } from '../../stack/link.ts';
import {
  type DockerEndpoint,
  type DockerEngine,
  DockerError,
  type DockerNetwork,
} from '../engine-record.ts';
import { shortId } from '../ids.ts';
import type { NetworkDriver } from './driver.ts';
import { makeVethName } from './interface-names.ts';
import { attempt } from './options.ts';
import { checkParentIsFree, claimParent, parentNameOf, releaseParent } from './parent-link.ts';

const DUMMY_PREFIX = 'di-';

export const ipvlanDriver: NetworkDriver = {
  name: 'ipvlan',
  hasSubnets: true,
  createNetwork: (engine, network) => {
    modeOf(network);
    flagOf(network);
    checkParentIsFree(engine, network, DUMMY_PREFIX);
    claimParent(engine, network, `${DUMMY_PREFIX}${shortId(network.id)}`);
  },
  removeNetwork: releaseParent,
  createEndpoint,
  deleteEndpoint: (_engine, endpoint) => {
    if (endpoint.containerDevice?.isRegistered) deleteLink(endpoint.containerDevice);
    endpoint.containerDevice = null;
  },
  hasGateway: (network) => isExternal(network) && modeOf(network) === 'l2',
  hasDeviceRoute: (network) => isExternal(network) && modeOf(network) !== 'l2',
};

/** A network without a parent reaches nobody else. */
function isExternal(network: DockerNetwork): boolean {
  return !network.isInternal && parentNameOf(network) !== '';
}

/** `-o ipvlan_mode=`; l2 if it was not given. @throws DockerError 500 */
function modeOf(network: DockerNetwork): IpvlanMode {
  const text = network.options.get('ipvlan_mode') ?? 'l2';
  const mode = IPVLAN_MODES.find((each) => each === text);
  if (mode !== undefined) return mode;
  throw new DockerError(
    500,
    `requested ipvlan mode '${text}' is not valid, 'l2' mode is the ipvlan driver default`,
  );
}

/** `-o ipvlan_flag=`; bridge if it was not given. @throws DockerError 500 */
function flagOf(network: DockerNetwork): IpvlanFlag {
  const text = network.options.get('ipvlan_flag') ?? 'bridge';
  const flag = IPVLAN_FLAGS.find((each) => each === text);
  if (flag !== undefined) return flag;
  throw new DockerError(
    500,
    `requested ipvlan flag '${text}' is not valid, 'bridge' is the ipvlan driver default`,
  );
}

function createEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const { network } = endpoint;
  const { root } = engine.machine;
  const parent = network.device;
  if (parent === null) throw new DockerError(500, 'the ipvlan network has no parent');
  const name = makeVethName(engine, root);
  const ipvlan = { mode: modeOf(network), flag: flagOf(network) };
  const device = attempt('failed to create the ipvlan port', () =>
    createLink(root, { kind: 'ipvlan', name, link: parent, ipvlan }),
  );
  device.txQueueLength = 0;
  endpoint.containerDevice = device;
}
