/** Names and addresses that the engine draws for devices. @source libnetwork/netutils/utils.go */
import { type Mac, macOf } from '../../base/mac-address.ts';
import { nextInt32, type Prng } from '../../base/prng.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import type { DockerEngine } from '../engine-record.ts';
import { makeHexId } from '../ids.ts';

const VETH_DIGITS = 7;
/** The first two octets of addresses that engines up to 27 give. */
const DOCKER_MAC_HI = 0x0242;

/** `veth` and seven digits, of no device in the namespace. @source GenerateIfaceName() */
export function makeVethName(engine: DockerEngine, netns: NetNamespace): string {
  for (;;) {
    const name = `veth${makeHexId(engine.stream, VETH_DIGITS)}`;
    if (!netns.deviceByName.has(name)) return name;
  }
}

/** 02:42 and the four octets of an address. @source GenerateMACFromIP() */
export function macFromAddress(address: number): Mac {
  return macOf(DOCKER_MAC_HI, address);
}

/** A bridge's address, or a container's from Engine 28 on. @source GenerateRandomMAC() */
export function makeRandomMac(engine: DockerEngine): Mac {
  const { stream, profile } = engine;
  const hi = profile.containerMac === 'from-address' ? DOCKER_MAC_HI : localHi(stream);
  return macOf(hi, nextInt32(stream));
}

/** Locally administered, unicast. */
function localHi(stream: Prng): number {
  return ((nextInt32(stream) >>> 16) & 0xfeff) | 0x0200;
}

/** The MAC of an endpoint on a bridge or a macvlan network. */
export function endpointMac(engine: DockerEngine, wanted: Mac | null, address: number): Mac {
  if (wanted !== null) return wanted;
  if (engine.profile.containerMac === 'from-address') return macFromAddress(address);
  return makeRandomMac(engine);
}
