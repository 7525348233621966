/**
 * The macvlan driver: each container is a host of its own on the parent's link.
 * @source libnetwork/drivers/macvlan/macvlan_network.go, macvlan_endpoint.go, macvlan_joinleave.go
 */
import { MACVLAN_MODES, type MacvlanMode } from '../../devices/device-kind.ts';
import { createLink, deleteLink } from '../../stack/link.ts';
import {
  type DockerEndpoint,
  type DockerEngine,
  DockerError,
  type DockerNetwork,
} from '../engine-record.ts';
import { shortId } from '../ids.ts';
import type { NetworkDriver } from './driver.ts';
import { endpointMac, makeVethName } from './interface-names.ts';
import { attempt } from './options.ts';
import { checkParentIsFree, claimParent, parentNameOf, releaseParent } from './parent-link.ts';

const DUMMY_PREFIX = 'dm-';

export const macvlanDriver: NetworkDriver = {
  name: 'macvlan',
  hasSubnets: true,
  createNetwork,
  removeNetwork: releaseParent,
  createEndpoint,
  deleteEndpoint: (_engine, endpoint) => {
    if (endpoint.containerDevice?.isRegistered) deleteLink(endpoint.containerDevice);
    endpoint.containerDevice = null;
  },
  hasGateway: (network) => !network.isInternal && parentNameOf(network) !== '',
  hasDeviceRoute: () => false,
};

/** `-o macvlan_mode=`; bridge if it was not given. @throws DockerError 400 */
function modeOf(network: DockerNetwork): MacvlanMode {
  const text = network.options.get('macvlan_mode') ?? 'bridge';
  const mode = MACVLAN_MODES.find((each) => each === text);
  if (mode !== undefined) return mode;
  throw new DockerError(
    500,
    `requested macvlan mode '${text}' is not valid, 'bridge' mode is the macvlan driver default`,
  );
}

function createNetwork(engine: DockerEngine, network: DockerNetwork): void {
  const mode = modeOf(network);
  const parent = parentNameOf(network);
  if (!engine.profile.sharesMacvlanParent) checkParentIsFree(engine, network, DUMMY_PREFIX);
  for (const other of engine.networks.values()) {
    if (parent === '' || other.driver !== 'macvlan' || parentNameOf(other) !== parent) continue;
    if (mode === 'passthru' || modeOf(other) === 'passthru') {
      const subject =
        mode === 'passthru'
          ? `cannot use mode passthru, macvlan network ${other.id}`
          : `macvlan network ${other.id}`;
      const how = mode === 'passthru' ? '' : ' in mode passthru';
      throw new DockerError(500, `${subject} is already using parent interface ${parent}${how}`);
    }
  }
  claimParent(engine, network, `${DUMMY_PREFIX}${shortId(network.id)}`);
}

function createEndpoint(engine: DockerEngine, endpoint: DockerEndpoint): void {
  const { network, wantedMac } = endpoint;
  const { root } = engine.machine;
  const parent = network.device;
  if (parent === null) throw new DockerError(500, 'the macvlan network has no parent');
  endpoint.mac = endpointMac(engine, wantedMac, endpoint.address!); // it has a subnet
  const name = makeVethName(engine, root);
  const mode = modeOf(network);
  const device = attempt('failed to create the macvlan port', () =>
    createLink(root, { kind: 'macvlan', name, link: parent, macvlan: { mode } }),
  );
  device.txQueueLength = 0;
  endpoint.containerDevice = device;
}
