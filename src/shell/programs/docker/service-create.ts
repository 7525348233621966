/** `docker service create`. @source docker cli command/service/create.go */
import { makeName } from '../../../docker/names.ts';
import { createService } from '../../../swarm/api/services.ts';
import type { ServiceSpec } from '../../../swarm/objects.ts';
import type { ProgramContext } from '../../program.ts';
import { type CommandLine, type CommandSpec, has } from './command-line.ts';
import { engineFor } from './daemon.ts';
import { pinImage } from './registry-lookup.ts';
import { environmentOf } from './run-options.ts';
import { SERVICE_CREATE_FLAGS } from './service-flags.ts';
import { watchService } from './service-progress.ts';
import { serviceSpecOf } from './service-spec.ts';
import { asManager } from './swarm-request.ts';

export const serviceCreate: CommandSpec = {
  path: 'docker service create',
  operands: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  short: 'Create a new service',
  flags: SERVICE_CREATE_FLAGS,
  count: [1, Number.POSITIVE_INFINITY],
  stopsAtOperand: true,
  async run(context, line) {
    const environment = latestOnly(environmentOf(line, context.fileSystem, context.env));
    const service = await asManager(context, function* (view) {
      const asked = serviceSpecOf(line, view.cluster, environment);
      const engine = engineFor(context);
      const isTaken = (name: string): boolean =>
        [...view.cluster.store.services.values()].some(({ spec }) => spec.name === name);
      const name = asked.name === '' ? makeName(engine.stream, isTaken) : asked.name;
      const isPinned = !has(line, 'no-resolve-image');
      const spec = { ...asked, name };
      if (!isPinned) return yield* createService(view.member, view.process, spec);
      const { image, warning } = yield* pinImage(engine, view.process, spec.task.container.image);
      const created = yield* createService(view.member, view.process, withImage(spec, image));
      context.writeError(warning);
      return created;
    });
    context.write(`${service.id}\n`);
    return waitForService(context, line, service.id, service.id);
  },
};

export function withImage(spec: ServiceSpec, image: string): ServiceSpec {
  return {
    ...spec,
    task: { ...spec.task, container: { ...spec.task.container, image } },
  };
}

/** Of several settings of one variable the last one counts. */
function latestOnly(environment: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const text of environment) {
    const name = text.split('=')[0]!;
    if (byName.get(name) === text) continue;
    byName.delete(name);
    byName.set(name, text);
  }
  return [...byName.values()];
}

/** Unless `--detach`: until the service has converged. @param name as the user wrote it. */
export async function waitForService(
  context: ProgramContext,
  line: CommandLine,
  serviceId: string,
  name: string,
): Promise<number> {
  if (has(line, 'detach')) return 0;
  const write = has(line, 'quiet') ? () => {} : (text: string) => context.write(text);
  const progress = await asManager(context, ({ cluster, process }) =>
    watchService(cluster, process, serviceId, name, write),
  );
  if (progress.problem !== '') context.writeError(`${progress.problem}\n`);
  return progress.exitCode;
}
