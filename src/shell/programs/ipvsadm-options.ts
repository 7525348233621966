/**
 * The words of ipvsadm's command line: commands, options, and which go together.
 * @source ipvsadm 1.31 ipvsadm.c options_table[], commands_v_options[]
 */
import type { IpvsForwarding } from '../../netfilter/ipvs/control.ts';

export type IpvsadmCommand =
  | 'add-service'
  | 'edit-service'
  | 'delete-service'
  | 'flush'
  | 'add-server'
  | 'edit-server'
  | 'delete-server'
  | 'list'
  | 'zero'
  | 'set'
  | 'start-daemon'
  | 'stop-daemon'
  | 'restore'
  | 'save'
  | 'help'
  | 'version';

/** Options beside the command, by the names that messages use. */
export type IpvsadmOption =
  | 'numeric'
  | 'connection'
  | 'service-address'
  | 'scheduler'
  | 'persistent'
  | 'netmask'
  | 'real-server'
  | 'forwarding-method'
  | 'weight'
  | 'u-threshold'
  | 'l-threshold'
  | 'mcast-interface'
  | 'timeout'
  | 'daemon'
  | 'stats'
  | 'rate'
  | 'thresholds'
  | 'persistent-conn'
  | 'nosort'
  | 'syncid'
  | 'exact'
  | 'ops'
  | 'pe';

export const COMMANDS: Readonly<Record<string, IpvsadmCommand>> = {
  '-A': 'add-service',
  '--add-service': 'add-service',
  '-E': 'edit-service',
  '--edit-service': 'edit-service',
  '-D': 'delete-service',
  '--delete-service': 'delete-service',
  '-C': 'flush',
  '--clear': 'flush',
  '-a': 'add-server',
  '--add-server': 'add-server',
  '-e': 'edit-server',
  '--edit-server': 'edit-server',
  '-d': 'delete-server',
  '--delete-server': 'delete-server',
  '-L': 'list',
  '-l': 'list',
  '--list': 'list',
  '-Z': 'zero',
  '--zero': 'zero',
  '--set': 'set',
  '--start-daemon': 'start-daemon',
  '--stop-daemon': 'stop-daemon',
  '-R': 'restore',
  '--restore': 'restore',
  '-S': 'save',
  '--save': 'save',
  '-h': 'help',
  '--help': 'help',
  '-v': 'version',
  '--version': 'version',
};

/** Options without a value. */
export const FLAGS: Readonly<Record<string, IpvsadmOption>> = {
  '-n': 'numeric',
  '--numeric': 'numeric',
  '-c': 'connection',
  '--connection': 'connection',
  '-m': 'forwarding-method',
  '--masquerading': 'forwarding-method',
  '-i': 'forwarding-method',
  '--ipip': 'forwarding-method',
  '-g': 'forwarding-method',
  '--gatewaying': 'forwarding-method',
  '--timeout': 'timeout',
  '--daemon': 'daemon',
  '--stats': 'stats',
  '--rate': 'rate',
  '--thresholds': 'thresholds',
  '--persistent-conn': 'persistent-conn',
  '--nosort': 'nosort',
  '-X': 'exact',
  '--exact': 'exact',
  '-o': 'ops',
  '--ops': 'ops',
};

export const METHODS: Readonly<Record<string, IpvsForwarding>> = {
  '-m': 'Masq',
  '--masquerading': 'Masq',
  '-i': 'Tunnel',
  '--ipip': 'Tunnel',
  '-g': 'Route',
  '--gatewaying': 'Route',
};

/** Options with a value, and the one letter by which readValue() knows them. */
export const VALUES: Readonly<Record<string, readonly [IpvsadmOption, string]>> = {
  '-t': ['service-address', 't'],
  '--tcp-service': ['service-address', 't'],
  '-u': ['service-address', 'u'],
  '--udp-service': ['service-address', 'u'],
  '--sctp-service': ['service-address', 'z'],
  '-f': ['service-address', 'f'],
  '--fwmark-service': ['service-address', 'f'],
  '-s': ['scheduler', 's'],
  '--scheduler': ['scheduler', 's'],
  '-M': ['netmask', 'M'],
  '--netmask': ['netmask', 'M'],
  '-r': ['real-server', 'r'],
  '--real-server': ['real-server', 'r'],
  '-w': ['weight', 'w'],
  '--weight': ['weight', 'w'],
  '-x': ['u-threshold', 'x'],
  '--u-threshold': ['u-threshold', 'x'],
  '-y': ['l-threshold', 'y'],
  '--l-threshold': ['l-threshold', 'y'],
  '--mcast-interface': ['mcast-interface', '-'],
  '--syncid': ['syncid', '-'],
  '--pe': ['pe', '-'],
};

/** Words of each command in messages, and which options it needs (+) and may have. */
export const RULES: Readonly<
  Record<string, readonly [string, readonly IpvsadmOption[], readonly IpvsadmOption[]]>
> = {
  'add-service': [
    'add-service',
    ['service-address'],
    ['scheduler', 'persistent', 'netmask', 'ops', 'pe'],
  ],
  'edit-service': [
    'edit-service',
    ['service-address'],
    ['scheduler', 'persistent', 'netmask', 'ops', 'pe'],
  ],
  'delete-service': ['delete-service', ['service-address'], []],
  flush: ['flush', [], []],
  'add-server': [
    'add-server',
    ['service-address', 'real-server'],
    ['forwarding-method', 'weight', 'u-threshold', 'l-threshold'],
  ],
  'edit-server': [
    'edit-server',
    ['service-address', 'real-server'],
    ['forwarding-method', 'weight', 'u-threshold', 'l-threshold'],
  ],
  'delete-server': ['delete-server', ['service-address', 'real-server'], []],
  list: [
    'list',
    [],
    [
      'numeric',
      'connection',
      'service-address',
      'timeout',
      'daemon',
      'stats',
      'rate',
      'thresholds',
      'persistent-conn',
      'nosort',
      'exact',
    ],
  ],
  set: ['set', [], []],
  'start-daemon': ['start-daemon', [], ['mcast-interface', 'syncid']],
  'stop-daemon': ['stop-daemon', [], ['syncid']],
  restore: ['restore', [], []],
  save: ['save', [], ['numeric']],
  zero: ['zero', [], ['service-address']],
};
