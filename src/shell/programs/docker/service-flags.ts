/** Flags of `docker service create` and `update`. @source docker cli command/service/opts.go, create.go, update.go */
import type { FlagSpec } from './command-line.ts';
import {
  checkBytes,
  checkCpus,
  checkDuration,
  checkFloat,
  checkPositiveDuration,
  checkUnsigned,
} from './duration-flags.ts';
import { checkPortFlag } from './service-ports.ts';

type Rest = Omit<FlagSpec, 'name' | 'kind' | 'help'>;

const bool = (name: string, help: string, rest: Rest = {}): FlagSpec => ({
  name,
  kind: 'bool',
  help,
  ...rest,
});
const text = (name: string, help: string, rest: Rest = {}): FlagSpec => ({
  name,
  kind: 'string',
  help,
  ...rest,
});
const list = (name: string, help: string, rest: Rest = {}): FlagSpec => ({
  name,
  kind: 'list',
  help,
  ...rest,
});
const duration = (name: string, help: string, check = checkDuration): FlagSpec =>
  text(name, help, { placeholder: 'duration', check });
const unsigned = (name: string, help: string): FlagSpec =>
  text(name, help, { placeholder: 'uint', check: checkUnsigned });
const ignored = (flag: FlagSpec): FlagSpec => ({ ...flag, isIgnored: true });

/** `update` or `rollback`. */
function updateFlags(prefix: string, actions: string): FlagSpec[] {
  const simultaneously =
    prefix === 'update'
      ? 'Maximum number of tasks updated simultaneously (0 to update all at once) (default 1)'
      : 'Maximum number of tasks rolled back simultaneously (0 to roll back all at once) (default 1)';
  const what = prefix === 'update' ? 'update' : 'rollback';
  return [
    unsigned(`${prefix}-parallelism`, simultaneously),
    duration(
      `${prefix}-delay`,
      `Delay between ${prefix === 'update' ? 'updates' : 'task rollbacks'} (ns|us|ms|s|m|h) (default 0s)`,
    ),
    duration(
      `${prefix}-monitor`,
      `Duration after each task ${what} to monitor for failure (ns|us|ms|s|m|h) (default 5s)`,
    ),
    text(`${prefix}-failure-action`, `Action on ${what} failure (${actions}) (default "pause")`),
    text(
      `${prefix}-max-failure-ratio`,
      `Failure rate to tolerate during ${prefix === 'update' ? 'an update' : 'a rollback'} (default 0)`,
      { placeholder: 'float', check: checkFloat },
    ),
    text(
      `${prefix}-order`,
      `${prefix === 'update' ? 'Update' : 'Rollback'} order ("start-first", "stop-first") (default "stop-first")`,
    ),
  ];
}

const RESOURCE_FLAGS: readonly FlagSpec[] = [
  text('limit-cpu', 'Limit CPUs', { placeholder: 'decimal', check: checkCpus }),
  text('limit-memory', 'Limit Memory', { placeholder: 'bytes', check: checkBytes }),
  {
    name: 'limit-pids',
    kind: 'int',
    help: 'Limit maximum number of processes (default 0 = unlimited)',
  },
  text('reserve-cpu', 'Reserve CPUs', { placeholder: 'decimal', check: checkCpus }),
  text('reserve-memory', 'Reserve Memory', { placeholder: 'bytes', check: checkBytes }),
];

const HEALTH_FLAGS: readonly FlagSpec[] = [
  ignored(text('health-cmd', 'Command to run to check health')),
  ignored(duration('health-interval', 'Time between running the check (ms|s|m|h)')),
  ignored({
    name: 'health-retries',
    kind: 'int',
    help: 'Consecutive failures needed to report unhealthy',
  }),
  ignored(
    duration(
      'health-start-interval',
      'Time between running the check during the start period (ms|s|m|h)',
    ),
  ),
  ignored(
    duration(
      'health-start-period',
      'Start period for the container to initialize before counting retries towards unstable (ms|s|m|h)',
    ),
  ),
  ignored(duration('health-timeout', 'Maximum time to allow one check to run (ms|s|m|h)')),
  bool('no-healthcheck', 'Disable any container-specified HEALTHCHECK'),
];

/** What both commands take. */
const COMMON_FLAGS: readonly FlagSpec[] = [
  bool('detach', 'Exit immediately instead of waiting for the service to converge', { short: 'd' }),
  bool('quiet', 'Suppress progress output', { short: 'q' }),
  list('cap-add', 'Add Linux capabilities'),
  list('cap-drop', 'Drop Linux capabilities'),
  ignored(
    text('credential-spec', 'Credential spec for managed service account (Windows only)', {
      placeholder: 'credential-spec',
    }),
  ),
  text('endpoint-mode', 'Endpoint mode (vip or dnsrr)'),
  text('entrypoint', 'Overwrite the default ENTRYPOINT of the image', { placeholder: 'command' }),
  ...HEALTH_FLAGS,
  text('hostname', 'Container hostname'),
  bool('init', 'Use an init inside each service container to forward signals and reap processes'),
  ignored(text('isolation', 'Service container isolation mode')),
  ...RESOURCE_FLAGS,
  text('log-driver', 'Logging driver for service'),
  ignored(list('log-opt', 'Logging driver options')),
  unsigned(
    'max-concurrent',
    'Number of job tasks to run concurrently (default equal to --replicas)',
  ),
  bool(
    'no-resolve-image',
    'Do not query the registry to resolve image digest and supported platforms',
  ),
  bool('read-only', "Mount the container's root filesystem as read only"),
  unsigned('replicas', 'Number of tasks'),
  unsigned('replicas-max-per-node', 'Maximum number of tasks per node (default 0 = unlimited)'),
  text(
    'restart-condition',
    'Restart when condition is met ("none", "on-failure", "any") (default "any")',
  ),
  duration(
    'restart-delay',
    'Delay between restart attempts (ns|us|ms|s|m|h) (default 5s)',
    checkPositiveDuration,
  ),
  unsigned('restart-max-attempts', 'Maximum number of restarts before giving up'),
  duration(
    'restart-window',
    'Window used to evaluate the restart policy (ns|us|ms|s|m|h)',
    checkPositiveDuration,
  ),
  ...updateFlags('rollback', '"pause", "continue"'),
  duration(
    'stop-grace-period',
    'Time to wait before force killing a container (ns|us|ms|s|m|h) (default 10s)',
    checkPositiveDuration,
  ),
  text('stop-signal', 'Signal to stop the container'),
  bool('tty', 'Allocate a pseudo-TTY', { short: 't' }),
  ...updateFlags('update', '"pause", "continue", "rollback"'),
  text('user', 'Username or UID (format: <name|uid>[:<group|gid>])', { short: 'u' }),
  bool('with-registry-auth', 'Send registry authentication details to swarm agents'),
  text('workdir', 'Working directory inside the container', { short: 'w' }),
];

export const SERVICE_CREATE_FLAGS: readonly FlagSpec[] = [
  ...COMMON_FLAGS,
  list('config', 'Specify configurations to expose to the service', { placeholder: 'config' }),
  list('constraint', 'Placement constraints'),
  list('container-label', 'Container labels'),
  list('dns', 'Set custom DNS servers'),
  list('dns-option', 'Set DNS options'),
  list('dns-search', 'Set custom DNS search domains'),
  list('env', 'Set environment variables', { short: 'e' }),
  list('env-file', 'Read in a file of environment variables'),
  ignored(list('generic-resource', 'User defined resources')),
  list('group', 'Set one or more supplementary user groups for the container'),
  list('host', 'Set one or more custom host-to-IP mappings (host:ip)'),
  list('label', 'Service labels', { short: 'l' }),
  text('mode', 'Service mode ("replicated", "global", "replicated-job", "global-job")', {
    initial: 'replicated',
  }),
  list('mount', 'Attach a filesystem mount to the service', { placeholder: 'mount' }),
  text('name', 'Service name'),
  list('network', 'Network attachments', { placeholder: 'network' }),
  list('placement-pref', 'Add a placement preference', { placeholder: 'pref' }),
  list('publish', 'Publish a port as a node port', {
    short: 'p',
    placeholder: 'port',
    check: checkPortFlag,
  }),
  list('secret', 'Specify secrets to expose to the service', { placeholder: 'secret' }),
  list('sysctl', 'Sysctl options'),
  ignored(list('ulimit', 'Ulimit options', { placeholder: 'ulimit' })),
];

export const SERVICE_UPDATE_FLAGS: readonly FlagSpec[] = [
  ...COMMON_FLAGS,
  text('args', 'Service command args', { placeholder: 'command' }),
  bool('force', 'Force update even if no changes require it'),
  text('image', 'Service image tag'),
  bool('rollback', 'Rollback to previous specification'),
  list('config-add', 'Add or update a config file on a service', { placeholder: 'config' }),
  list('config-rm', 'Remove a configuration file'),
  list('constraint-add', 'Add or update a placement constraint'),
  list('constraint-rm', 'Remove a constraint'),
  list('container-label-add', 'Add or update a container label'),
  list('container-label-rm', 'Remove a container label by its key'),
  list('dns-add', 'Add or update a custom DNS server'),
  list('dns-option-add', 'Add or update a DNS option'),
  list('dns-option-rm', 'Remove a DNS option'),
  list('dns-rm', 'Remove a custom DNS server'),
  list('dns-search-add', 'Add or update a custom DNS search domain'),
  list('dns-search-rm', 'Remove a DNS search domain'),
  list('env-add', 'Add or update an environment variable'),
  list('env-rm', 'Remove an environment variable'),
  ignored(list('generic-resource-add', 'Add a Generic resource')),
  ignored(list('generic-resource-rm', 'Remove a Generic resource')),
  list('group-add', 'Add an additional supplementary user group to the container'),
  list('group-rm', 'Remove a previously added supplementary user group from the container'),
  list('host-add', 'Add a custom host-to-IP mapping ("host:ip")'),
  list('host-rm', 'Remove a custom host-to-IP mapping ("host:ip")'),
  list('label-add', 'Add or update a service label'),
  list('label-rm', 'Remove a label by its key'),
  list('mount-add', 'Add or update a mount on a service', { placeholder: 'mount' }),
  list('mount-rm', 'Remove a mount by its target path'),
  list('network-add', 'Add a network', { placeholder: 'network' }),
  list('network-rm', 'Remove a network'),
  list('placement-pref-add', 'Add a placement preference', { placeholder: 'pref' }),
  list('placement-pref-rm', 'Remove a placement preference', { placeholder: 'pref' }),
  list('publish-add', 'Add or update a published port', {
    placeholder: 'port',
    check: checkPortFlag,
  }),
  list('publish-rm', 'Remove a published port by its target port', { placeholder: 'port' }),
  list('secret-add', 'Add or update a secret on a service', { placeholder: 'secret' }),
  list('secret-rm', 'Remove a secret'),
  list('sysctl-add', 'Add or update a Sysctl option'),
  list('sysctl-rm', 'Remove a Sysctl option'),
  ignored(list('ulimit-add', 'Add or update a ulimit option', { placeholder: 'ulimit' })),
  ignored(list('ulimit-rm', 'Remove a ulimit option')),
];
