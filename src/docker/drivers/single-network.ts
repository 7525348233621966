/**
 * The drivers of the networks host and none: one network each, and no interfaces.
 * @source libnetwork/drivers/host/host.go, libnetwork/drivers/null/null.go
 */
import { DockerError, type NetworkDriverName } from '../engine-record.ts';
import type { NetworkDriver } from './driver.ts';

export const hostDriver: NetworkDriver = makeDriver('host');
export const noneDriver: NetworkDriver = makeDriver('null');

function makeDriver(name: NetworkDriverName): NetworkDriver {
  return {
    name,
    hasSubnets: false,
    createNetwork: (engine) => {
      for (const { driver } of engine.networks.values()) {
        if (driver !== name) continue;
        throw new DockerError(403, `only one instance of "${name}" network is allowed`);
      }
    },
    removeNetwork: () => {
      throw new DockerError(403, `network of type "${name}" cannot be deleted`);
    },
    createEndpoint: () => {},
    deleteEndpoint: () => {},
    hasGateway: () => false,
    hasDeviceRoute: () => false,
  };
}
