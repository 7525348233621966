/** `--ip`, `--mac-address` and aliases, read for the engine. */
import { parseIpv4 } from '../../../base/ipv4-address.ts';
import { parseMac } from '../../../base/mac-address.ts';
import { DockerError, type EndpointSpec } from '../../../docker/engine-record.ts';

/** @throws DockerError 400 as the engine says it of an address that is none. */
export function endpointSpecOf(
  network: string,
  texts: { readonly address: string; readonly mac: string; readonly aliases: readonly string[] },
): EndpointSpec {
  const address = texts.address === '' ? null : parseIpv4(texts.address);
  if (texts.address !== '' && address === null) {
    throw new DockerError(
      400,
      `invalid config for network ${network}: invalid endpoint settings:\ninvalid IPv4 address: ${texts.address}`,
    );
  }
  const mac = texts.mac === '' ? null : parseMac(texts.mac);
  return { address, mac, aliases: texts.aliases };
}
