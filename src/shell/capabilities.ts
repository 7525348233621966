/**
 * What programs say in a machine whose processes may not do everything (a container): without NET_RAW
 * nothing that opens raw sockets runs, without NET_ADMIN nothing that changes the network.
 * @source include/uapi/linux/capability.h; net/core/rtnetlink.c rtnetlink_rcv_msg()
 */
import type { Machine } from '../world/machine.ts';

/** Why a program is not allowed to run: its words on stderr, its exit code. */
export interface Refusal {
  readonly text: string;
  readonly exitCode: number;
}

const CHANGING_VERBS =
  /^(a|ad|add|app|append|c|ch|change|d|de|del|delete|f|fl|flush|mod|modify|repl|replace|s|se|set|attach|detach|exec)$/;

/** Null if the machine's capabilities suffice for this command line. */
export function refusalOf(
  machine: Machine,
  program: string,
  args: readonly string[],
): Refusal | null {
  const { capabilities } = machine;
  if (capabilities === null) return null;
  if (!capabilities.has('NET_RAW')) {
    const refusal = withoutRaw(machine, program, args);
    if (refusal !== null) return refusal;
  }
  if (program === 'sysctl' && args.some((each) => each === '-w' || /^[\w./-]+=/.test(each))) {
    return readOnlySysctl(args);
  }
  return capabilities.has('NET_ADMIN') ? null : withoutAdmin(program, args);
}

function withoutRaw(machine: Machine, program: string, args: readonly string[]): Refusal | null {
  switch (program) {
    case 'ping':
      if (machine.hasBusybox) {
        return { text: 'ping: permission denied (are you root?)\n', exitCode: 1 };
      }
      // Its file has a capability that its process cannot get: the kernel does not execute it.
      return { text: 'bash: /usr/bin/ping: Operation not permitted\n', exitCode: 126 };
    case 'arping':
      return { text: 'arping: socket: Operation not permitted\n', exitCode: 2 };
    case 'tcpdump': {
      const at = args.indexOf('-i');
      const device = at < 0 ? 'eth0' : (args[at + 1] ?? 'eth0');
      return {
        text: `tcpdump: ${device}: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)\n`,
        exitCode: 1,
      };
    }
    default:
      return null;
  }
}

function isNeighbourFlush(args: readonly string[]): boolean {
  const [object = '', verb = ''] = args.filter((word) => !word.startsWith('-'));
  return /^n(e(i(g(h(b(o(u?r)?)?)?)?)?)?)?$/.test(object) && /^fl(u(s(h)?)?)?$/.test(verb);
}

function withoutAdmin(program: string, args: readonly string[]): Refusal | null {
  const rtnetlink = { text: 'RTNETLINK answers: Operation not permitted\n', exitCode: 2 };
  if (program === 'ip' && isNeighbourFlush(args)) {
    // @source iproute2 ip/ipneigh.c flush_update()
    return { text: 'Failed to send flush request: Operation not permitted\n', exitCode: 1 };
  }
  switch (program) {
    case 'ip': {
      const [object = '', verb = ''] = args.filter((each) => !each.startsWith('-'));
      if (/^netns?$/.test(object)) {
        if (!/^(add|del|delete|attach|exec)$/.test(verb)) return null;
        const text = 'mount --make-shared /run/netns failed: Operation not permitted\n';
        return { text, exitCode: 1 };
      }
      return CHANGING_VERBS.test(verb) ? rtnetlink : null;
    }
    case 'bridge':
    case 'tc': {
      const [, verb = ''] = args.filter((each) => !each.startsWith('-'));
      return CHANGING_VERBS.test(verb) ? rtnetlink : null;
    }
    case 'brctl': {
      const [verb = ''] = args;
      const texts: Readonly<Record<string, string>> = {
        addbr: 'add bridge failed',
        delbr: `can't delete bridge ${args[1] ?? ''}`,
        addif: `can't add ${args[2] ?? ''} to bridge ${args[1] ?? ''}`,
        delif: `can't delete ${args[2] ?? ''} from ${args[1] ?? ''}`,
      };
      const text = texts[verb];
      return text === undefined
        ? null
        : { text: `${text}: Operation not permitted\n`, exitCode: 1 };
    }
    case 'ifconfig':
      return args.length > 1 && !args.includes('-a')
        ? { text: 'SIOCSIFADDR: Operation not permitted\n', exitCode: 255 }
        : null;
    case 'route':
      return args.includes('add') || args.includes('del')
        ? { text: 'SIOCADDRT: Operation not permitted\n', exitCode: 7 }
        : null;
    case 'iptables':
    case 'iptables-save':
    case 'iptables-restore':
      if (args.includes('-V') || args.includes('--version')) return null;
      return {
        text: `${program} v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n`,
        exitCode: 4,
      };
    default:
      return null;
  }
}

/** /proc/sys is read-only in a container that is not privileged, whatever its capabilities. */
function readOnlySysctl(args: readonly string[]): Refusal {
  const lines = args
    .filter((each) => each.includes('='))
    .map((each) => {
      const key = each.slice(0, each.indexOf('=')).replaceAll('/', '.');
      return `sysctl: setting key "${key}": Read-only file system\n`;
    });
  return { text: lines.join(''), exitCode: 1 };
}
