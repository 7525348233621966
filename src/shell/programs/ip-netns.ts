/** `ip netns`: named namespaces. @source iproute2 ip/ipnetns.c */
import { deleteNamespace } from '../../stack/create-namespace.ts';
import { addNamespace, namedNamespaces } from '../../world/machine.ts';
import { prepareNamespace } from '../recorder.ts';
import { type IpCommand, namespaceByName, writeJson } from './ip-command.ts';
import { knownNetnsId } from './netns-ids.ts';
import { CommandError, notEmulated, take, takeValue } from './words.ts';

/** One command of `ip netns`. */
export async function ipNetns(command: IpCommand): Promise<number> {
  const { words } = command;
  const name = take(words);
  switch (name) {
    case null:
    case 'list':
    case 'show':
    case 'lst':
      return listNamespaces(command);
    case 'add':
      return addOne(command);
    case 'delete':
    case 'del':
      return deleteNamed(command);
    case 'exec':
      return execIn(command);
    case 'identify':
      return identify(command);
    case 'pids':
      return pids(command);
    case 'list-id':
    case 'set':
    case 'attach':
    case 'monitor':
      throw notEmulated('ip', `netns ${name}`);
    default:
      throw new CommandError(`Command "${name}" is unknown, try "ip netns help".\n`, 255);
  }
}

/** The newest first, as the folder /run/netns lists them. */
function listNamespaces(command: IpCommand): number {
  const { machine } = command.context;
  const entries = namedNamespaces(machine);
  if (command.options.isJson) {
    writeJson(
      command,
      entries.map(([name, netns]) => ({
        name,
        id: knownNetnsId(command.netns, netns) ?? undefined,
      })),
    );
    return 0;
  }
  for (const [name, netns] of entries) {
    const id = knownNetnsId(command.netns, netns);
    command.context.write(`${name}${id === null ? '' : ` (id: ${id})`}\n`);
  }
  return 0;
}

function takeName(command: IpCommand): string {
  const name = take(command.words);
  if (name === null) throw new CommandError('No netns name specified\n', 255);
  return name;
}

function addOne(command: IpCommand): number {
  const { context } = command;
  const name = takeName(command);
  if (name.includes('/') || name === '.' || name === '..' || name.length > 255) {
    throw new CommandError(`Invalid netns name "${name}"\n`, 255);
  }
  if (context.machine.namespaces.has(name)) {
    throw new CommandError(`Cannot create namespace file "/run/netns/${name}": File exists\n`, 1);
  }
  context.kernel(() => {
    const netns = addNamespace(context.machine, name);
    if (context.world.recorder) prepareNamespace(netns);
  });
  return 0;
}

function deleteNamed(command: IpCommand): number {
  const { context, options } = command;
  const { namespaces, files } = context.machine;
  const names = options.isAllNamespaces ? [...namespaces.keys()] : [takeName(command)];
  for (const name of names) {
    const netns = namespaces.get(name);
    if (netns === undefined) {
      throw new CommandError(
        `Cannot remove namespace file "/run/netns/${name}": No such file or directory\n`,
        1,
      );
    }
    namespaces.delete(name);
    files.remove(`/run/netns/${name}`);
    // As in Linux, a namespace lives on while a process is in it.
    const inside = context.machine.daemons.filter((daemon) => daemon.netns === netns);
    if (inside.length === 0) context.kernel(() => deleteNamespace(context.world.sim, netns));
  }
  return 0;
}

async function execIn(command: IpCommand): Promise<number> {
  const { context, words, options } = command;
  const { machine } = context;
  if (options.isAllNamespaces) {
    let last = 0;
    for (const [name, netns] of namedNamespaces(machine)) {
      context.write(`\nnetns: ${name}\n`);
      last = await context.call(words.list.slice(words.at), netns);
    }
    return last;
  }
  const name = take(words);
  if (name === null) throw new CommandError('No netns name specified\n', 255);
  const argv = words.list.slice(words.at);
  if (argv.length === 0) throw new CommandError('No command specified\n', 255);
  return context.call(argv, namespaceByName(machine, name));
}

/** The name of this namespace, or of a process's. */
function identify(command: IpCommand): number {
  const { context, words } = command;
  const pid = take(words);
  const { daemons } = context.machine;
  const netns =
    pid === null || pid === 'self'
      ? command.netns
      : daemons.find((daemon) => String(daemon.pid) === pid)?.netns;
  for (const [name, each] of namedNamespaces(context.machine).reverse())
    if (each === netns) context.write(`${name}\n`);
  return 0;
}

function pids(command: IpCommand): number {
  const { context } = command;
  const netns = namespaceByName(context.machine, takeValue(command.words));
  for (const daemon of context.machine.daemons) {
    if (daemon.netns === netns) context.write(`${daemon.pid}\n`);
  }
  return 0;
}
