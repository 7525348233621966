/** `ipvsadm`, `ipvsadm-save` and `ipvsadm-restore`, of ipvsadm 1.31. */
import { ERRNO, type Errno, KernelError } from '../../base/errors.ts';
import {
  addIpvsDestination,
  addIpvsService,
  deleteIpvsDestination,
  deleteIpvsService,
  findIpvsService,
  flushIpvsServices,
  type IpvsDestinationSpec,
  type IpvsServiceKey,
  type IpvsServiceOptions,
  readIpvsTimeouts,
  updateIpvsDestination,
  updateIpvsService,
  writeIpvsTimeouts,
  zeroIpvsStatistics,
} from '../../netfilter/ipvs/control.ts';
import type { NetNamespace } from '../../stack/namespace.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';
import { connectionsText, listText, nowOf, saveText, servicesText } from './ipvsadm-list.ts';
import { type IpvsadmRequest, parseIpvsadm } from './ipvsadm-request.ts';
import { IPVSADM_USAGE, IPVSADM_VERSION } from './ipvsadm-usage.ts';
import { CommandError } from './words.ts';

/** Restoring from within a restored command is refused; this bounds what is read. */
const RESTORE_LINES_MAX = 100_000;

export const ipvsadm: ProgramDefinition = {
  name: 'ipvsadm',
  async run(context) {
    return runWords(context, context.args.length === 0 ? ['-L'] : context.args, true);
  },
};

export const ipvsadmSave: ProgramDefinition = {
  name: 'ipvsadm-save',
  async run(context) {
    return runWords(context, ['-S', ...context.args], true);
  },
};

export const ipvsadmRestore: ProgramDefinition = {
  name: 'ipvsadm-restore',
  async run(context) {
    return runWords(context, ['-R', ...context.args], true);
  },
};

function runWords(context: ProgramContext, words: readonly string[], mayRestore: boolean): number {
  try {
    return execute(context, parseIpvsadm(words), mayRestore);
  } catch (error) {
    if (error instanceof CommandError) {
      context.writeError(error.message);
      return error.exitCode;
    }
    if (!(error instanceof KernelError)) throw error;
    return 255;
  }
}

function execute(context: ProgramContext, request: IpvsadmRequest, mayRestore: boolean): number {
  switch (request.command) {
    case 'list':
      return list(context, request);
    case 'save':
      context.write(saveText(context.netns, request.options));
      return 0;
    case 'restore':
      return mayRestore ? restore(context) : 255;
    case 'help':
      context.write(IPVSADM_USAGE);
      return 0;
    case 'version':
      context.write(IPVSADM_VERSION);
      return 0;
    case 'start-daemon':
    case 'stop-daemon':
      return refuse(context, 'ipvsadm', `--${request.command}`);
    default:
      return change(context, request);
  }
}

function list(context: ProgramContext, request: IpvsadmRequest): number {
  const { netns } = context;
  const { options, key } = request;
  if (options.has('connection')) {
    context.write(connectionsText(netns, options));
  } else if (key !== null) {
    const service = findIpvsService(netns, key);
    if (service === null) {
      context.writeError('No such service\n');
      return 1;
    }
    context.write(servicesText([service], options, nowOf(netns)));
  } else if (options.has('timeout')) {
    const { tcp, tcpFin, udp } = readIpvsTimeouts(netns);
    context.write(`Timeout (tcp tcpfin udp): ${tcp} ${tcpFin} ${udp}\n`);
  } else if (!options.has('daemon')) {
    context.write(listText(netns, options));
  }
  return 0;
}

/** The words of libipvs for a refusal. @source libipvs.c ipvs_strerror() */
const REFUSALS: Readonly<Record<string, string>> = {
  'add-service EEXIST': 'Service already exists',
  'add-service ENOENT': 'Scheduler or persistence engine not found',
  'edit-service ENOENT': 'Scheduler or persistence engine not found',
  'edit-service ESRCH': 'No such service',
  'delete-service ESRCH': 'No such service',
  'zero ESRCH': 'No such service',
  'add-server ESRCH': 'Service not defined',
  'add-server EEXIST': 'Destination already exists',
  'edit-server ESRCH': 'Service not defined',
  'edit-server ENOENT': 'No such destination',
  'delete-server ESRCH': 'Service not defined',
  'delete-server ENOENT': 'No such destination',
};
const REFUSALS_OF_ALL: Readonly<Partial<Record<Errno, string>>> = {
  EPERM: 'Permission denied (you must be root)',
  EINVAL: 'Invalid operation.  Possibly wrong module version, address not unicast, ...',
};

function refusalText(request: IpvsadmRequest, errno: Errno): string {
  return REFUSALS[`${request.command} ${errno}`] ?? REFUSALS_OF_ALL[errno] ?? ERRNO[errno];
}

function change(context: ProgramContext, request: IpvsadmRequest): number {
  try {
    context.kernel(() => changeKernel(context, request));
    return 0;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    context.writeError(`${refusalText(request, error.errno)}\n`);
    return 255;
  }
}

function changeKernel(context: ProgramContext, request: IpvsadmRequest): void {
  const { netns } = context;
  const { command, key } = request;
  switch (command) {
    case 'flush':
      flushIpvsServices(netns);
      return;
    case 'zero':
      zeroIpvsStatistics(netns, key);
      return;
    case 'set': {
      const [tcp = 0, tcpFin = 0, udp = 0] = request.timeouts;
      writeIpvsTimeouts(netns, { tcp, tcpFin, udp });
      return;
    }
    default:
      if (key !== null) changeService(netns, key, request);
  }
}

function changeService(netns: NetNamespace, key: IpvsServiceKey, request: IpvsadmRequest): void {
  switch (request.command) {
    case 'add-service':
      addIpvsService(netns, key, serviceOptions(request));
      break;
    case 'edit-service':
      updateIpvsService(netns, key, serviceOptions(request));
      break;
    case 'delete-service':
      deleteIpvsService(netns, key);
      break;
    case 'add-server':
      addIpvsDestination(netns, key, destinationSpec(request));
      break;
    case 'edit-server':
      updateIpvsDestination(netns, key, destinationSpec(request));
      break;
    case 'delete-server':
      deleteIpvsDestination(netns, key, destinationSpec(request));
      break;
    default:
      break;
  }
}

function serviceOptions(request: IpvsadmRequest): IpvsServiceOptions {
  const { scheduler, persistenceSec, netmask, options } = request;
  return {
    scheduler: scheduler ?? 'wlc',
    persistenceSec,
    netmask,
    isOnePacket: options.has('ops'),
  };
}

function destinationSpec(request: IpvsadmRequest): IpvsDestinationSpec {
  const { server, key, forwarding, weight, upperThreshold, lowerThreshold } = request;
  const isMark = key !== null && 'fwmark' in key;
  // Only NAT can change the port.
  const servicePort = key !== null && 'port' in key ? key.port : 0;
  const isFixed = !isMark && forwarding !== 'Masq' && request.command !== 'delete-server';
  return {
    address: server?.address ?? 0,
    port: isFixed ? servicePort : (server?.port ?? 0),
    weight,
    forwarding,
    upperThreshold,
    lowerThreshold,
  };
}

/** One command a line, without the program's name. */
function restore(context: ProgramContext): number {
  let result = 0;
  for (const line of context.stdin.split('\n').slice(0, RESTORE_LINES_MAX)) {
    const words = line.trim().split(/\s+/);
    if (words[0] === '' || words[0]!.startsWith('#')) continue;
    result = runWords(context, words, false);
  }
  return result;
}
