/**
 * The device below a macvlan or ipvlan network: one that is there, a VLAN sub-interface made for it
 * (`-o parent=eth0.100`), or a dummy if none was named.
 * @source libnetwork/drivers/macvlan/macvlan_setup.go, drivers/ipvlan/ipvlan_setup.go
 */
import type { Device } from '../../engine/device.ts';
import { createLink, deleteLink, setLinkUp } from '../../stack/link.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { type DockerEngine, DockerError, type DockerNetwork } from '../engine-record.ts';
import { shortId } from '../ids.ts';
import { attempt } from './options.ts';

const VLAN_ID_MAX = 4094;

/** The parent's name as the user gave it; empty if none. */
export function parentNameOf(network: DockerNetwork): string {
  return network.options.get('parent') ?? '';
}

/**
 * Networks of one driver that each want a parent for themselves.
 * @throws DockerError 500 that names the other by the dummy it would have had.
 */
export function checkParentIsFree(
  engine: DockerEngine,
  network: DockerNetwork,
  dummyPrefix: string,
): void {
  const parent = parentNameOf(network);
  if (parent === '') return;
  for (const other of engine.networks.values()) {
    if (other.driver !== network.driver || parentNameOf(other) !== parent) continue;
    const holder = `${dummyPrefix}${shortId(other.id)}`;
    throw new DockerError(500, `network ${holder} is already using parent interface ${parent}`);
  }
}

/** Finds or makes the parent and enters it in the network. */
export function claimParent(engine: DockerEngine, network: DockerNetwork, dummyName: string): void {
  const { root } = engine.machine;
  const name = parentNameOf(network);
  if (name === 'lo') {
    throw new DockerError(500, `loopback interface is not a valid ${network.driver} parent link`);
  }
  const existing = root.deviceByName.get(name === '' ? dummyName : name);
  network.device = existing ?? (name === '' ? makeDummy(root, dummyName) : makeVlan(root, name));
  network.ownsDevice = existing === undefined || wasMadeHere(engine, existing);
}

/** Lets the parent go; what the engine made goes with the last network on it. */
export function releaseParent(engine: DockerEngine, network: DockerNetwork): void {
  const { device, ownsDevice } = network;
  network.device = null;
  if (device === null || !ownsDevice || !device.isRegistered) return;
  for (const other of engine.networks.values()) if (other.device === device) return;
  deleteLink(device);
}

/** Whether another network had this device made. */
function wasMadeHere(engine: DockerEngine, device: Device): boolean {
  for (const other of engine.networks.values()) {
    if (other.device === device && other.ownsDevice) return true;
  }
  return false;
}

/** @source createDummyLink() */
function makeDummy(root: NetNamespace, name: string): Device {
  const dummy = attempt(`failed to create ${name} dummy link`, () =>
    createLink(root, { kind: 'dummy', name }),
  );
  dummy.txQueueLength = 0;
  setLinkUp(dummy);
  return dummy;
}

/** @source createVlanLink() */
function makeVlan(root: NetNamespace, name: string): Device {
  if (!name.includes('.')) {
    throw new DockerError(
      500,
      `invalid subinterface vlan name ${name}, example formatting is eth0.10`,
    );
  }
  const { parent, id } = parseVlanName(root, name);
  if (id < 1 || id > VLAN_ID_MAX) {
    throw new DockerError(500, `vlan id must be between 1-4094, received: ${id}`);
  }
  const link = root.deviceByName.get(parent)!; // parseVlanName has looked
  const vlan = attempt(`failed to create ${name} vlan link`, () =>
    createLink(root, { kind: 'vlan', name, link, vlan: { id } }),
  );
  vlan.txQueueLength = 0;
  attempt(`failed to enable ${name} the macvlan parent link`, () => setLinkUp(vlan));
  return vlan;
}

/** @source parseVlan() */
function parseVlanName(root: NetNamespace, name: string): { parent: string; id: number } {
  const parts = name.split('.');
  if (parts.length !== 2) {
    throw new DockerError(
      500,
      'required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, ' +
        `instead received ${name}`,
    );
  }
  const [parent, digits] = parts as [string, string]; // its length is 2
  if (!/^[+-]?\d+$/.test(digits)) {
    throw new DockerError(
      500,
      `unable to parse a valid vlan id from: ${digits} (ex. eth0.10 for vlan 10)`,
    );
  }
  if (!root.deviceByName.has(parent)) {
    throw new DockerError(500, `-o parent interface was not found on the host: ${parent}`);
  }
  return { parent, id: Number(digits) };
}
