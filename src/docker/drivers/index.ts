/** The network drivers by name: a new driver is one file and one line here. */
import type { NetworkDriverName } from '../engine-record.ts';
import { bridgeDriver } from './bridge.ts';
import type { NetworkDriver } from './driver.ts';
import { ipvlanDriver } from './ipvlan.ts';
import { macvlanDriver } from './macvlan.ts';
import { hostDriver, noneDriver } from './single-network.ts';

const DRIVERS: NetworkDriver[] = [
  bridgeDriver,
  hostDriver,
  ipvlanDriver,
  macvlanDriver,
  noneDriver,
];

/** Adds the driver of a layer above: overlay, of the swarm. */
export function registerDriver(driver: NetworkDriver): void {
  if (!DRIVERS.includes(driver)) DRIVERS.push(driver);
}

/** The driver of this name; null if there is none. */
export function findDriver(name: string): NetworkDriver | null {
  return DRIVERS.find((driver) => driver.name === name) ?? null;
}

/** The driver of a network. */
export function driverOf(network: { readonly driver: NetworkDriverName }): NetworkDriver {
  const driver = findDriver(network.driver);
  if (driver === null) throw new Error(`no driver ${network.driver}`); // createNetwork has looked
  return driver;
}
