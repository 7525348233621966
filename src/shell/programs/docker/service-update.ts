/** `docker service update`, `scale`, `rollback`. @source docker cli command/service/update.go, scale.go, rollback.go */
import { DockerError } from '../../../docker/engine-record.ts';
import { updateService } from '../../../swarm/api/services.ts';
import type { ServiceMode, ServiceSpec } from '../../../swarm/objects.ts';
import type { ProgramContext } from '../../program.ts';
import {
  type CommandLine,
  type CommandSpec,
  type FlagSpec,
  has,
  UsageError,
  usageLine,
} from './command-line.ts';
import { daemonText, engineFor } from './daemon.ts';
import { pinImage } from './registry-lookup.ts';
import { changedSpec } from './service-change.ts';
import { waitForService, withImage } from './service-create.ts';
import { SERVICE_UPDATE_FLAGS } from './service-flags.ts';
import { asManager, findService } from './swarm-request.ts';

const WAIT_FLAGS: readonly FlagSpec[] = [
  {
    name: 'detach',
    short: 'd',
    kind: 'bool',
    help: 'Exit immediately instead of waiting for the service to converge',
  },
  { name: 'quiet', short: 'q', kind: 'bool', help: 'Suppress progress output' },
];

export const serviceUpdate: CommandSpec = {
  path: 'docker service update',
  operands: '[OPTIONS] SERVICE',
  short: 'Update a service',
  flags: SERVICE_UPDATE_FLAGS,
  count: [1, 1],
  async run(context, line) {
    const name = line.operands[0]!;
    const isRollback = has(line, 'rollback');
    if (isRollback) {
      const others = [...line.values.keys()].filter(
        (flag) => flag !== 'rollback' && flag !== 'detach' && flag !== 'quiet',
      );
      if (others.length > 0) {
        throw new UsageError('other flags may not be combined with --rollback\n', 1);
      }
    }
    const id = await asManager(context, function* (view) {
      const service = findService(view.cluster, name);
      let spec = isRollback ? service.spec : changedSpec(line, view.cluster, service.spec);
      let warnings = '';
      if (line.values.has('image') && !has(line, 'no-resolve-image')) {
        const engine = engineFor(context);
        const pinned = yield* pinImage(engine, view.process, spec.task.container.image);
        spec = withImage(spec, pinned.image);
        warnings = pinned.warning;
      }
      const { member, process } = view;
      yield* updateService(member, process, service.id, service.versionIndex, spec, { isRollback });
      context.writeError(warnings);
      return service.id;
    });
    context.write(`${name}\n`);
    return waitForService(context, line, id, name);
  },
};

export const serviceRollback: CommandSpec = {
  path: 'docker service rollback',
  operands: '[OPTIONS] SERVICE',
  short: "Revert changes to a service's configuration",
  flags: WAIT_FLAGS,
  count: [1, 1],
  async run(context, line) {
    const name = line.operands[0]!;
    const id = await asManager(context, function* ({ cluster, member, process }) {
      const { id: serviceId, versionIndex, spec } = findService(cluster, name);
      const options = { isRollback: true };
      yield* updateService(member, process, serviceId, versionIndex, spec, options);
      return serviceId;
    });
    context.write(`${name}\n`);
    return waitForService(context, line, id, name);
  },
};

export const serviceScale: CommandSpec = {
  path: 'docker service scale',
  operands: 'SERVICE=REPLICAS [SERVICE=REPLICAS...]',
  short: 'Scale one or multiple replicated services',
  flags: WAIT_FLAGS.slice(0, 1),
  count: [1, Number.POSITIVE_INFINITY],
  async run(context, line) {
    for (const word of line.operands) if (!/^[^=]+=./.test(word)) refuseSpecifier(word);
    const problems: string[] = [];
    const scaled: { readonly id: string; readonly name: string }[] = [];
    for (const word of line.operands) {
      const equals = word.indexOf('=');
      const name = word.slice(0, equals);
      try {
        const id = await scale(context, name, word.slice(equals + 1));
        context.write(`${name} scaled to ${Number(word.slice(equals + 1))}\n`);
        scaled.push({ id, name });
      } catch (error) {
        problems.push(problemText(name, error));
      }
    }
    for (const { id, name } of scaled) {
      const exitCode = await waitQuietly(context, line, id, name);
      if (exitCode !== null) problems.push(exitCode);
    }
    if (problems.length > 0) context.writeError(`${problems.join('\n')}\n`);
    return problems.length === 0 ? 0 : 1;
  },
};

function refuseSpecifier(word: string): never {
  throw new UsageError(
    `Invalid scale specifier '${word}'.\nSee '${serviceScale.path} --help'.\n\nUsage:  ${usageLine(serviceScale)}\n\n${serviceScale.short}\n`,
    1,
  );
}

function problemText(name: string, error: unknown): string {
  if (error instanceof DockerError) return `${name}: ${daemonText(error).trimEnd()}`;
  if (error instanceof UsageError) return `${name}: ${error.message.trimEnd()}`;
  throw error;
}

/** Waits; what goes wrong is told at the end. */
async function waitQuietly(
  context: ProgramContext,
  line: CommandLine,
  id: string,
  name: string,
): Promise<string | null> {
  try {
    let problem = '';
    const listening: ProgramContext = {
      ...context,
      writeError: (text) => {
        problem += text;
      },
    };
    const exitCode = await waitForService(listening, line, id, name);
    return exitCode === 0 ? null : `${name}: ${problem.trimEnd()}`;
  } catch (error) {
    return problemText(name, error);
  }
}

function scale(context: ProgramContext, name: string, text: string): Promise<string> {
  if (!/^\d+$/.test(text)) {
    throw new UsageError(
      `invalid replicas value ${text}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
      1,
    );
  }
  return asManager(context, function* ({ cluster, member, process }) {
    const { id, versionIndex, spec } = findService(cluster, name);
    const changed: ServiceSpec = { ...spec, mode: scaledMode(spec.mode, Number(text)) };
    yield* updateService(member, process, id, versionIndex, changed);
    return id;
  });
}

function scaledMode(mode: ServiceMode, replicas: number): ServiceMode {
  if (mode.kind === 'replicated') return { kind: 'replicated', replicas };
  if (mode.kind === 'replicated-job') return { ...mode, totalCompletions: replicas };
  throw new UsageError('scale can only be used with replicated or replicated-job mode', 1);
}
