/** Finding containers by what users type. */
import { type Container, type DockerEngine, DockerError } from './engine-record.ts';

/** By id, name or prefix of an id. @throws DockerError 404 `No such container: X`, 400 ambiguous prefix. */
export function findContainer(engine: DockerEngine, reference: string): Container {
  const { containers } = engine;
  const exact = containers.get(reference);
  if (exact !== undefined) return exact;
  const name = reference.replace(/^\//, '');
  for (const container of containers.values()) if (container.name === name) return container;
  const matches =
    reference === '' ? [] : [...containers.values()].filter(({ id }) => id.startsWith(reference));
  if (matches.length > 1) {
    throw new DockerError(400, `Multiple IDs found with provided prefix: ${reference}`);
  }
  const [match] = matches;
  if (match === undefined) throw new DockerError(404, `No such container: ${reference}`);
  return match;
}
