/** `ip xfrm`: states and policies of IPsec. @source iproute2 ip/ipxfrm.c do_xfrm() */
import type { IpCommand } from './ip-command.ts';
import { ipXfrmPolicy } from './ip-xfrm-policy.ts';
import { ipXfrmState } from './ip-xfrm-state.ts';
import { CommandError, findCommand, notEmulated, take } from './words.ts';

const USAGE =
  'Usage: ip xfrm XFRM-OBJECT { COMMAND | help }\nwhere  XFRM-OBJECT := state | policy | monitor\n';
const OBJECTS = ['state|sa', 'policy', 'monitor', 'help'] as const;

export function ipXfrm(command: IpCommand): number {
  const word = take(command.words);
  switch (word === null ? null : findCommand(word, OBJECTS)) {
    case 'state|sa':
      return ipXfrmState(command);
    case 'policy':
      return ipXfrmPolicy(command);
    case 'monitor':
      throw notEmulated('ip', 'xfrm monitor');
    default:
      throw new CommandError(USAGE, 255);
  }
}
