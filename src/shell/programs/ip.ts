/** `ip`, of iproute2 6.1. @source iproute2 ip/ip.c */
import type { NetNamespace } from '../../stack/namespace.ts';
import type { ProgramContext, ProgramDefinition } from '../program.ts';
import { ipAddress } from './ip-address.ts';
import { type IpCommand, namespaceByName, parseIpOptions } from './ip-command.ts';
import { ipLink } from './ip-link.ts';
import { ipNeighbour } from './ip-neighbour.ts';
import { ipNetns } from './ip-netns.ts';
import { ipRoute } from './ip-route.ts';
import { ipRule } from './ip-rule.ts';
import { ipXfrm } from './ip-xfrm.ts';
import { CommandError, findCommand, notEmulated, runCommand } from './words.ts';

/** In the order in which `ip` tries abbreviations: `ip r` is a route, `ip n` a neighbour. */
const OBJECTS = [
  'address',
  'addrlabel',
  'maddress',
  'route',
  'rule',
  'neighbor|neighbour',
  'ntable|ntbl',
  'link',
  'l2tp',
  'fou',
  'ila',
  'macsec',
  'tunnel|tunl',
  'tuntap|tap',
  'token',
  'tcpmetrics|tcp_metrics',
  'monitor',
  'xfrm',
  'mroute',
  'mrule',
  'netns',
  'netconf',
  'vrf',
  'sr',
  'nexthop',
  'mptcp',
  'ioam',
  'help',
  'stats',
] as const;

const USAGE =
  'Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n' +
  'where  OBJECT := { address | link | neighbor | netns | route | rule | xfrm }\n' +
  '       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -4 | -6 | -o[neline] |\n' +
  '                    -br[ief] | -j[son] | -p[retty] | -n[etns] name | -a[ll] }\n';

export const ip: ProgramDefinition = {
  name: 'ip',
  run: (context) =>
    runCommand(
      (text) => context.writeError(text),
      2,
      () => runIp(context),
    ),
};

async function runIp(context: ProgramContext): Promise<number> {
  let { netns } = context;
  const setNamespace = (name: string): void => {
    netns = namespaceByName(context.machine, name);
  };
  const { options, rest, isVersion } = parseIpOptions(context.args, setNamespace);
  if (isVersion) {
    context.write('ip utility, iproute2-6.1.0, libbpf 1.1.2\n');
    return 0;
  }
  const [object, ...words] = rest;
  if (object === undefined) throw new CommandError(USAGE, 255);
  const command: IpCommand = {
    context: inNamespace(context, netns),
    netns,
    options,
    words: { list: words, at: 0 },
  };
  return runObject(command, object);
}

/** System calls of `ip -n NS` are made in that namespace. */
function inNamespace(context: ProgramContext, netns: NetNamespace): ProgramContext {
  return netns === context.netns ? context : { ...context, netns };
}

function runObject(command: IpCommand, object: string): number | Promise<number> {
  switch (findCommand(object, OBJECTS)) {
    case 'address':
      return ipAddress(command);
    case 'link':
      return ipLink(command);
    case 'route':
      return ipRoute(command);
    case 'rule':
      return ipRule(command);
    case 'neighbor|neighbour':
      return ipNeighbour(command);
    case 'netns':
      return ipNetns(command);
    case 'xfrm':
      return ipXfrm(command);
    case 'help':
      throw new CommandError(USAGE, 255);
    case null:
      throw new CommandError(`Object "${object}" is unknown, try "ip help".\n`, 1);
    default:
      throw notEmulated('ip', `object ${object}`);
  }
}
