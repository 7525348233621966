/**
 * Networks that are a configuration for others only: `docker network create --config-only`, and
 * `--config-from`, which takes it over.
 * @source libnetwork/network.go validateConfiguration(), applyConfigurationTo(); controller.go NewNetwork()
 */
import { type DockerEngine, DockerError, type DockerNetwork } from './engine-record.ts';
import type { NetworkSpec } from './network-create.ts';

/** What each configuration network was made with. */
const specs = new WeakMap<DockerNetwork, NetworkSpec>();

/** @throws DockerError 403: what a configuration may not say, or may say only without `--config-from`. */
export function checkConfiguration(spec: NetworkSpec): void {
  const refuse = (text: string): never => {
    throw new DockerError(403, text);
  };
  if (spec.isConfigOnly) {
    if (spec.isIngress || spec.isInternal || spec.isAttachable || spec.scope !== '') {
      refuse(
        'configuration network can only contain network specific fields. Network operator fields ' +
          'like [ ingress | internal | attachable | scope ] are not supported.',
      );
    }
    if (spec.configFrom !== '') {
      refuse('a configuration network cannot depend on another configuration network');
    }
  }
  if (spec.configFrom === '') return;
  const isIpamSet = spec.ipam.length > 0 || (spec.ipamOptions?.size ?? 0) > 0;
  if (isIpamSet || spec.enableIpv6 || spec.labels.size > 0) {
    refuse(
      'user specified configurations are not supported if the network depends on a configuration ' +
        'network',
    );
  }
  if (spec.options.size > 0) {
    refuse(
      'network driver options are not supported if the network depends on a configuration network',
    );
  }
}

/** Remembers what a configuration network was made with. */
export function noteConfiguration(network: DockerNetwork, spec: NetworkSpec): void {
  specs.set(network, spec);
}

/** The spec with what it takes over from a configuration network. @throws DockerError 404 */
export function withConfiguration(engine: DockerEngine, spec: NetworkSpec): NetworkSpec {
  if (spec.configFrom === '') return spec;
  const found = [...engine.networks.values()].find(({ name }) => name === spec.configFrom);
  const config = found === undefined ? undefined : specs.get(found);
  if (config === undefined) {
    throw new DockerError(404, `configuration network "${spec.configFrom}" does not exist`);
  }
  const { enableIpv6, labels, ipamDriver, ipamOptions, ipam, options } = config;
  return { ...spec, enableIpv6, labels, ipamDriver, ipamOptions, ipam, options };
}

/** @throws DockerError 403 while another network depends on it. */
export function checkConfigurationIsFree(engine: DockerEngine, { name }: DockerNetwork): void {
  for (const { configFrom } of engine.networks.values()) {
    if (configFrom !== name) continue;
    throw new DockerError(
      403,
      `error while removing network: configuration network "${name}" is in use`,
    );
  }
}
