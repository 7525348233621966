/** `systemctl VERB docker`, `service docker VERB`: the one unit that netsim has is dockerd; and `dockerd`. */
import { dockerdOf } from '../../docker/daemon-process.ts';
import { startDaemon, stopDaemon } from '../../docker/daemon-restart.ts';
import { engineOf, installedEngineOf } from '../../docker/engine.ts';
import type { DockerEngine } from '../../docker/engine-record.ts';
import { kill, makeWaitQueue, waitFor, wake } from '../../engine/process.ts';
import { type ProgramContext, type ProgramDefinition, refuse } from '../program.ts';

/** Exit codes of systemctl. */
const EXIT_NOT_RUNNING = 3;
const EXIT_NO_UNIT = 5;

export const systemctl: ProgramDefinition = {
  name: 'systemctl',
  async run(context) {
    const [verb = '', unit = ''] = context.args.filter((word) => !word.startsWith('-'));
    if (verb === 'daemon-reload') return 0;
    return control(context, 'systemctl', verb, unit);
  },
};

export const service: ProgramDefinition = {
  name: 'service',
  async run(context) {
    const [unit = '', verb = ''] = context.args;
    return control(context, 'service', verb, unit);
  },
};

/** In the foreground until somebody ends it. Unlike Docker, it logs nothing. */
export const dockerd: ProgramDefinition = {
  name: 'dockerd',
  async run(context) {
    const { machine } = context;
    const engine = installedEngineOf(machine);
    if (engine === null) return refuse(context, 'dockerd', 'a machine without Docker');
    if (engineOf(machine) !== null) {
      const pid = machine.daemons.find(({ process }) => process.name === 'dockerd')?.pid ?? 0;
      context.writeError(
        `failed to start daemon, ensure docker is not running or delete /var/run/docker.pid: process with PID ${pid} is still running\n`,
      );
      return 1;
    }
    context.kernel(() => startDaemon(engine));
    return context.run('dockerd in front', function* (process) {
      const daemon = dockerdOf(engine);
      const ends = makeWaitQueue();
      daemon.onExit.push(() => wake(ends));
      const hasEnded = (): boolean => daemon.exitCode !== null;
      while (!(yield* waitFor(process, [ends], hasEnded)) && !hasEnded()) {
        process.signal = null;
        kill(daemon, 'SIGTERM');
      }
      return 0;
    });
  },
};

async function control(
  context: ProgramContext,
  program: string,
  verb: string,
  unit: string,
): Promise<number> {
  const engine = installedEngineOf(context.machine);
  const isDocker = unit === 'docker' || unit === 'docker.service' || unit === 'docker.socket';
  if (!isDocker || engine === null) {
    const name = unit.includes('.') ? unit : `${unit}.service`;
    context.writeError(
      program === 'service' ? `${unit}: unrecognized service\n` : `Unit ${name} not found.\n`,
    );
    return program === 'service' ? 1 : EXIT_NO_UNIT;
  }
  const isRunning = engineOf(context.machine) !== null;
  switch (verb) {
    case 'status':
      context.write(statusText(isRunning));
      return isRunning ? 0 : EXIT_NOT_RUNNING;
    case 'is-active':
      context.write(isRunning ? 'active\n' : 'inactive\n');
      return isRunning ? 0 : EXIT_NOT_RUNNING;
    case 'enable':
    case 'reload':
      return 0;
    case 'stop':
      if (isRunning) await stop(context, engine);
      return 0;
    case 'restart':
      if (isRunning) await stop(context, engine);
      context.kernel(() => startDaemon(engine));
      return 0;
    case 'start':
      if (!isRunning) context.kernel(() => startDaemon(engine));
      return 0;
    default:
      return refuse(context, program, `command ${verb}`);
  }
}

function stop(context: ProgramContext, engine: DockerEngine): Promise<number> {
  return context.run('dockerd', function* (process) {
    yield* stopDaemon(process, engine);
    return 0;
  });
}

function statusText(isRunning: boolean): string {
  const [mark, state] = isRunning ? ['●', 'active (running)'] : ['○', 'inactive (dead)'];
  return [
    `${mark} docker.service - Docker Application Container Engine`,
    '     Loaded: loaded (/usr/lib/systemd/system/docker.service; enabled; preset: enabled)',
    `     Active: ${state}`,
    'TriggeredBy: ● docker.socket',
    '       Docs: https://docs.docker.com',
    '',
  ].join('\n');
}
