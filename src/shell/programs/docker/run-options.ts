/** The options of `docker run` and `create`. @source docker cli command/container/opts.go */
import { parseIpv4 } from '../../../base/ipv4-address.ts';
import { parseMac } from '../../../base/mac-address.ts';
import type { ContainerSpec, EndpointSpec } from '../../../docker/engine-record.ts';
import type { FileSystem } from '../../../world/file-system.ts';
import { type CommandLine, type FlagSpec, has, listOf, textOf } from './command-line.ts';
import { endpointSpecOf } from './endpoint-options.ts';
import { pairsOf } from './network-create.ts';
import { PortSpecError, parseExpose, parsePublish } from './publish-spec.ts';

/** Options that contradict each other or make no sense; the text is the CLI's. */
export class OptionError extends Error {
  override name = 'OptionError';
}

function checkHost(value: string): string | null {
  const at = value.search(/[=:]/);
  if (at <= 0) return `bad format for add-host: ${JSON.stringify(value)}`;
  const address = value.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
  if (address === 'host-gateway' || address.includes(':') || parseIpv4(address) !== null)
    return null;
  return `invalid IP address in add-host: ${JSON.stringify(address)}`;
}

function checkAddress(value: string): string | null {
  const isAddress = value.includes(':') || parseIpv4(value) !== null;
  return isAddress ? null : `IP address is not correctly formatted: ${value}`;
}

function checkLabel(value: string): string | null {
  return value.startsWith('=') ? `invalid label '${value}': empty name` : null;
}

function checkVariable(value: string): string | null {
  return value === '' || value.startsWith('=') ? `invalid environment variable: ${value}` : null;
}

const IGNORED_LISTS =
  'blkio-weight-device device device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops group-add label-file link link-local-ip log-opt mount security-opt storage-opt tmpfs ulimit volume:v volumes-from annotation';
const IGNORED_TEXTS =
  'blkio-weight cgroup-parent cgroupns cidfile cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares:c cpus cpuset-cpus cpuset-mems detach-keys gpus health-cmd health-interval health-retries health-start-interval health-start-period health-timeout ip6 ipc isolation kernel-memory log-driver memory:m memory-reservation memory-swap memory-swappiness oom-score-adj pid pids-limit platform pull runtime shm-size stop-signal userns uts volume-driver';
const IGNORED_SWITCHES =
  'disable-content-trust init no-healthcheck oom-kill-disable read-only sig-proxy';

function ignored(words: string, kind: FlagSpec['kind']): FlagSpec[] {
  return words.split(' ').map((word) => {
    const [name = '', short] = word.split(':');
    return { name, kind, isIgnored: true, ...(short === undefined ? {} : { short }) };
  });
}

/** Options that `run` and `create` both have. */
export const CREATE_FLAGS: readonly FlagSpec[] = [
  {
    name: 'add-host',
    kind: 'list',
    help: 'Add a custom host-to-IP mapping (host:ip)',
    check: checkHost,
  },
  { name: 'attach', short: 'a', kind: 'list', help: 'Attach to STDIN, STDOUT or STDERR' },
  { name: 'cap-add', kind: 'list', help: 'Add Linux capabilities' },
  { name: 'cap-drop', kind: 'list', help: 'Drop Linux capabilities' },
  { name: 'dns', kind: 'list', help: 'Set custom DNS servers', check: checkAddress },
  { name: 'dns-opt', kind: 'list' },
  { name: 'dns-option', kind: 'list', help: 'Set DNS options' },
  { name: 'dns-search', kind: 'list', help: 'Set custom DNS search domains' },
  { name: 'domainname', kind: 'string', help: 'Container NIS domain name' },
  { name: 'entrypoint', kind: 'string', help: 'Overwrite the default ENTRYPOINT of the image' },
  {
    name: 'env',
    short: 'e',
    kind: 'list',
    help: 'Set environment variables',
    check: checkVariable,
  },
  { name: 'env-file', kind: 'list', help: 'Read in a file of environment variables' },
  { name: 'expose', kind: 'list', help: 'Expose a port or a range of ports' },
  { name: 'hostname', short: 'h', kind: 'string', help: 'Container host name' },
  { name: 'interactive', short: 'i', kind: 'bool', help: 'Keep STDIN open even if not attached' },
  { name: 'ip', kind: 'string', help: 'IPv4 address (e.g., 172.30.100.104)' },
  {
    name: 'label',
    short: 'l',
    kind: 'list',
    help: 'Set meta data on a container',
    check: checkLabel,
  },
  { name: 'mac-address', kind: 'string', help: 'Container MAC address (e.g., 92:d0:c6:0a:29:33)' },
  { name: 'name', kind: 'string', help: 'Assign a name to the container' },
  { name: 'net', kind: 'list' },
  { name: 'net-alias', kind: 'list' },
  {
    name: 'network',
    kind: 'list',
    placeholder: 'network',
    help: 'Connect a container to a network',
  },
  { name: 'network-alias', kind: 'list', help: 'Add network-scoped alias for the container' },
  { name: 'privileged', kind: 'bool', help: 'Give extended privileges to this container' },
  { name: 'publish', short: 'p', kind: 'list', help: "Publish a container's port(s) to the host" },
  {
    name: 'publish-all',
    short: 'P',
    kind: 'bool',
    help: 'Publish all exposed ports to random ports',
  },
  { name: 'quiet', short: 'q', kind: 'bool', help: 'Suppress the pull output' },
  {
    name: 'restart',
    kind: 'string',
    initial: 'no',
    help: 'Restart policy to apply when a container exits',
  },
  { name: 'rm', kind: 'bool', help: 'Automatically remove the container when it exits' },
  {
    name: 'stop-timeout',
    kind: 'int',
    help: 'Timeout (in seconds) to stop a container',
    isIgnored: true,
  },
  { name: 'sysctl', kind: 'list', placeholder: 'map', help: 'Sysctl options' },
  { name: 'tty', short: 't', kind: 'bool', help: 'Allocate a pseudo-TTY' },
  {
    name: 'user',
    short: 'u',
    kind: 'string',
    help: 'Username or UID (format: <name|uid>[:<group|gid>])',
  },
  { name: 'workdir', short: 'w', kind: 'string', help: 'Working directory inside the container' },
  ...ignored(IGNORED_LISTS, 'list'),
  ...ignored(IGNORED_TEXTS, 'string'),
  ...ignored(IGNORED_SWITCHES, 'bool'),
];

/** What the container is to be. @throws OptionError with the CLI's text, DockerError with the engine's. */
export function containerSpecOf(
  line: CommandLine,
  fileSystem: FileSystem,
  shellEnvironment: ReadonlyMap<string, string>,
): ContainerSpec {
  const [image = '', ...command] = line.operands;
  const restart = textOf(line, 'restart');
  if (has(line, 'rm') && restart !== '' && restart !== 'no') {
    throw new OptionError('conflicting options: cannot specify both --restart and --rm');
  }
  const { mode, endpoints } = networksOf(line);
  const entrypoint = line.values.get('entrypoint')?.at(-1);
  const hostname = textOf(line, 'hostname');
  try {
    return {
      name: textOf(line, 'name'),
      image,
      command,
      entrypoint: entrypoint === undefined ? null : entrypoint === '' ? [] : [entrypoint],
      environment: environmentOf(line, fileSystem, shellEnvironment),
      hostname: hostname === '' ? null : hostname,
      domainname: textOf(line, 'domainname'),
      labels: pairsOf(listOf(line, 'label')),
      networkMode: mode,
      endpoints,
      publish: listOf(line, 'publish').flatMap(parsePublish),
      publishAll: has(line, 'publish-all'),
      expose: listOf(line, 'expose').flatMap(exposedPorts),
      dns: listOf(line, 'dns'),
      dnsSearch: listOf(line, 'dns-search'),
      dnsOptions: [...listOf(line, 'dns-option'), ...listOf(line, 'dns-opt')],
      extraHosts: listOf(line, 'add-host').map(splitHost),
      capAdd: listOf(line, 'cap-add').flatMap((text) => text.split(',')),
      capDrop: listOf(line, 'cap-drop').flatMap((text) => text.split(',')),
      isPrivileged: has(line, 'privileged'),
      restartPolicy: parseRestart(restart),
      autoRemove: has(line, 'rm'),
      isTty: has(line, 'tty'),
      isInteractive: has(line, 'interactive'),
      sysctls: pairsOf(listOf(line, 'sysctl')),
      workingDir: textOf(line, 'workdir'),
      user: textOf(line, 'user'),
    };
  } catch (error) {
    if (error instanceof PortSpecError) throw new OptionError(error.message);
    throw error;
  }
}

function exposedPorts(text: string): ContainerSpec['expose'] {
  const { first, last, protocol } = parseExpose(text);
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    protocol,
    port: first + index,
  }));
}

function splitHost(text: string): readonly [string, string] {
  const at = text.search(/[=:]/);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** @source docker cli opts/opts.go ParseRestartPolicy(); moby api/types/container ValidateRestartPolicy() */
function parseRestart(text: string): ContainerSpec['restartPolicy'] {
  const [name = '', count, ...more] = (text === '' ? 'no' : text).split(':');
  if (more.length > 0) {
    throw new OptionError('invalid restart policy format: maximum retry count must be an integer');
  }
  if (name === '')
    throw new OptionError('invalid restart policy format: no policy provided before colon');
  if (count !== undefined && !/^-?\d+$/.test(count)) {
    throw new OptionError('invalid restart policy format: maximum retry count must be an integer');
  }
  if (name !== 'no' && name !== 'always' && name !== 'on-failure' && name !== 'unless-stopped') {
    throw new OptionError(
      `Error response from daemon: invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  const maximumRetryCount = Number(count ?? 0);
  if (maximumRetryCount !== 0 && name !== 'on-failure') {
    throw new OptionError(
      "Error response from daemon: invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
  }
  return { name, maximumRetryCount };
}

export function environmentOf(
  line: CommandLine,
  fileSystem: FileSystem,
  shellEnvironment: ReadonlyMap<string, string>,
): string[] {
  const fromFiles = listOf(line, 'env-file').flatMap((path) => {
    const text = fileSystem.readFile(path);
    if (text === null) throw new OptionError(`open ${path}: no such file or directory`);
    return text
      .split('\n')
      .map((each) => each.trimStart())
      .filter((each) => each !== '' && !each.startsWith('#'));
  });
  return [...fromFiles, ...listOf(line, 'env')].flatMap((text) => {
    if (text.includes('=')) return [text];
    const value = shellEnvironment.get(text);
    return value === undefined ? [] : [`${text}=${value}`];
  });
}

interface NetworkOption {
  readonly name: string;
  readonly address: string;
  readonly mac: string;
  readonly aliases: readonly string[];
}

/** `--network mynet`, `--network name=mynet,alias=web,ip=10.0.0.9`. @source docker cli opts/network.go */
function readNetwork(text: string): NetworkOption {
  if (!text.includes('='))
    return { name: text === 'default' ? 'bridge' : text, address: '', mac: '', aliases: [] };
  let option: NetworkOption = { name: '', address: '', mac: '', aliases: [] };
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    const value = field.slice(equals + 1).trim();
    if (equals < 0) throw new OptionError(`invalid field ${field}`);
    if (key === 'name') option = { ...option, name: value };
    else if (key === 'alias') option = { ...option, aliases: [...option.aliases, value] };
    else if (key === 'ip') option = { ...option, address: value };
    else if (key === 'mac-address') option = { ...option, mac: value };
    else if (!['ip6', 'link-local-ip', 'driver-opt'].includes(key)) {
      throw new OptionError(`invalid field key ${key}`);
    }
  }
  if (option.name === '') throw new OptionError('network name/id is not specified');
  return option;
}

const NOT_USER_DEFINED = new Set(['bridge', 'default', 'host', 'none']);

function isUserDefined(name: string): boolean {
  return !NOT_USER_DEFINED.has(name) && !name.startsWith('container:');
}

/** The network mode, and what is asked of each network. */
function networksOf(line: CommandLine): {
  mode: string;
  endpoints: ReadonlyMap<string, EndpointSpec>;
} {
  const texts = [...listOf(line, 'network'), ...listOf(line, 'net')];
  const options = texts.length === 0 ? [readNetwork('bridge')] : texts.map(readNetwork);
  const aliases = [...listOf(line, 'network-alias'), ...listOf(line, 'net-alias')];
  const mac = textOf(line, 'mac-address');
  if (mac !== '' && parseMac(mac) === null)
    throw new OptionError(`${mac} is not a valid mac address`);
  const endpoints = new Map<string, EndpointSpec>();
  options.forEach((option, index) => {
    if (endpoints.has(option.name)) {
      throw new OptionError(`network "${option.name}" is specified multiple times`);
    }
    if (options.length > 1 && !isUserDefined(option.name)) {
      throw new OptionError(
        'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
      );
    }
    const isFirst = index === 0;
    const whole: NetworkOption = isFirst
      ? {
          ...option,
          address: textOf(line, 'ip') || option.address,
          mac: mac || option.mac,
          aliases: [...option.aliases, ...aliases],
        }
      : option;
    if (whole.aliases.length > 0 && !isUserDefined(option.name)) {
      throw new OptionError('network-scoped aliases are only supported for user-defined networks');
    }
    const isBare = whole.address === '' && whole.mac === '' && whole.aliases.length === 0;
    if (isBare && !isUserDefined(option.name)) return;
    endpoints.set(option.name, endpointSpecOf(option.name, whole));
  });
  return { mode: options[0]!.name, endpoints };
}
