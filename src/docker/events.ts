/** What `docker events` shows. */
import { timeNs } from '../engine/simulator.ts';
import type { Container, DockerEngine, EngineEvent } from './engine-record.ts';

/** Events that an engine keeps; the oldest go first. @source moby daemon/events eventsLimit */
const EVENTS_MAX = 256;

/** Notes an event and tells those who follow. */
export function noteEvent(
  engine: DockerEngine,
  type: EngineEvent['type'],
  action: string,
  id: string,
  attributes: ReadonlyMap<string, string>,
): void {
  const event: EngineEvent = { timeNs: timeNs(engine.world.sim), type, action, id, attributes };
  engine.events.push(event);
  if (engine.events.length > EVENTS_MAX) engine.events.shift();
  for (const listener of engine.eventListeners) listener(event);
}

/** Tells of a container; `attributes` beside its image, its labels and its name. */
export function noteContainerEvent(
  engine: DockerEngine,
  container: Container,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const own = Object.entries({ ...attributes, image: container.spec.image, name: container.name });
  const all = [...own, ...container.spec.labels].sort(([one], [two]) => (one < two ? -1 : 1));
  noteEvent(engine, 'container', action, container.id, new Map(all));
}
