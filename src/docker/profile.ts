/**
 * What differs between versions of Docker Engine, as data: the rest of src/docker asks the profile
 * and never compares version numbers.
 * @source moby release notes; libnetwork of each tag
 */

/** How the engine lays out its chains and rules; src/docker/firewall has one file each. */
export type FirewallLayout =
  /** Up to 27: DOCKER-ISOLATION-STAGE-1 and -2, all other rules in FORWARD. */
  | 'isolation'
  /** 28: DOCKER-FORWARD, DOCKER-CT, DOCKER-BRIDGE beside the isolation chains. */
  | 'forward'
  /** 29: no isolation chains any more, DOCKER-INTERNAL. */
  | 'internal';

export interface EngineProfile {
  /** `docker version`: Server Version. */
  readonly version: string;
  readonly apiVersion: string;
  readonly firewall: FirewallLayout;
  /** Which predefined pool a new network gets: the next one in turn (to 26) or the lowest free. */
  readonly poolOrder: 'round-robin' | 'lowest-free';
  /** MAC addresses of containers on bridge and macvlan networks. */
  readonly containerMac: 'from-address' | 'random';
  /** Where a container's end of a veth pair is made: beside the host's, or in the container (28). */
  readonly vethBirthplace: 'host' | 'sandbox';
  /** The bridge gets the network's MTU when it is made (26), or only from its ports. */
  readonly setsBridgeMtu: boolean;
  /** The program whose `iptables-save` the distribution of the engine has. */
  readonly iptablesVersion: '1.8.9' | '1.8.11';
  /** Whether resolv.conf says in comments how it was made. */
  readonly hasResolvConfComments: boolean;
  /** From which namespace the embedded DNS asks the host's servers. */
  readonly namesAskedFrom: 'container' | 'host';
  /** Whether the embedded DNS says SERVFAIL if no server answered, or nothing (20.10). */
  readonly answersFailedQueries: boolean;
  /** Whether macvlan networks may share a parent (27); ipvlan networks never do. */
  readonly sharesMacvlanParent: boolean;
  /** Which network of a container gets eth0. */
  readonly ethOrder: 'network-name' | 'joined';
  /** How DOCKER-INGRESS lets answers of the routing mesh through. */
  readonly ingressReplyMatch: 'state' | 'conntrack';
  /** How packets of an encrypted overlay are told from others: by xt_u32 (20.10 to 25) or xt_bpf. */
  readonly vniMatch: 'u32' | 'bpf';
  readonly texts: {
    readonly poolOverlap: string;
    readonly poolsExhausted: string;
    readonly subnetFull: string;
    readonly addressInUse: string;
    readonly addressOutOfRange: string;
  };
}

const TEXTS_26 = {
  poolOverlap: 'Pool overlaps with other one on this address space',
  poolsExhausted:
    'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
  subnetFull: 'no available addresses on this pool',
  addressInUse: 'Address already in use',
  addressOutOfRange: 'requested address is out of range',
} as const;

const TEXTS_20 = {
  ...TEXTS_26,
  subnetFull: 'No available addresses on this pool',
  addressOutOfRange: 'Requested address is out of range',
} as const;

const TEXTS_27 = {
  ...TEXTS_26,
  poolOverlap: 'invalid pool request: Pool overlaps with other one on this address space',
  poolsExhausted: 'all predefined address pools have been fully subnetted',
} as const;

const DOCKER_26: EngineProfile = {
  version: '26.1.5+dfsg1',
  apiVersion: '1.45',
  firewall: 'isolation',
  poolOrder: 'round-robin',
  containerMac: 'from-address',
  vethBirthplace: 'host',
  setsBridgeMtu: true,
  iptablesVersion: '1.8.11',
  hasResolvConfComments: true,
  namesAskedFrom: 'container',
  answersFailedQueries: true,
  sharesMacvlanParent: false,
  ethOrder: 'network-name',
  ingressReplyMatch: 'conntrack',
  vniMatch: 'bpf',
  texts: TEXTS_26,
};

const DOCKER_20: EngineProfile = {
  ...DOCKER_26,
  version: '20.10.24+dfsg1',
  apiVersion: '1.41',
  setsBridgeMtu: false,
  ingressReplyMatch: 'state',
  vniMatch: 'u32',
  iptablesVersion: '1.8.9',
  texts: TEXTS_20,
  hasResolvConfComments: false,
  answersFailedQueries: false,
};

const DOCKER_27: EngineProfile = {
  ...DOCKER_26,
  version: '27.5.1',
  sharesMacvlanParent: true,
  namesAskedFrom: 'host',
  apiVersion: '1.47',
  poolOrder: 'lowest-free',
  texts: TEXTS_27,
};

const DOCKER_28: EngineProfile = {
  ...DOCKER_27,
  version: '28.5.2',
  apiVersion: '1.51',
  firewall: 'forward',
  containerMac: 'random',
  vethBirthplace: 'sandbox',
};

const DOCKER_29: EngineProfile = {
  ...DOCKER_28,
  version: '29.0.0',
  ethOrder: 'joined',
  apiVersion: '1.52',
  firewall: 'internal',
};

/** By the name that a world or a topology uses: `engine: 26.1`. */
export const ENGINE_PROFILES = {
  '20.10': DOCKER_20,
  '26.1': DOCKER_26,
  '27.5': DOCKER_27,
  '28.5': DOCKER_28,
  '29.0': DOCKER_29,
} as const satisfies Record<string, EngineProfile>;

export type EngineVersion = keyof typeof ENGINE_PROFILES;

export const DEFAULT_ENGINE_VERSION: EngineVersion = '26.1';
