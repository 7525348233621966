/**
 * `{{.Node.Hostname}}` and its like in a service's environment, hostname and mounts.
 * @source swarmkit template/context.go
 */
import type { NodeObject, ServiceObject, TaskObject } from '../objects.ts';

/** What the templates of a task may name. */
export interface TemplateSource {
  readonly task: TaskObject;
  readonly taskName: string;
  /** Null if it has been removed meanwhile. */
  readonly service: ServiceObject | null;
  readonly node: NodeObject | null;
}

const FIELD = /\{\{\s*\.([A-Za-z.]+)\s*\}\}/g;
const LABEL = /\{\{\s*index\s+\.Service\.Labels\s+"([^"]*)"\s*\}\}/g;

/** Fills the fields in; what is none stays as it is. */
export function expandTemplate(text: string, source: TemplateSource): string {
  if (!text.includes('{{')) return text;
  const labels = source.service?.spec.labels;
  return text
    .replace(LABEL, (_, key: string) => labels?.get(key) ?? '')
    .replace(FIELD, (whole, path: string) => fieldOf(path, source) ?? whole);
}

function fieldOf(path: string, { task, taskName, node }: TemplateSource): string | null {
  switch (path) {
    case 'Service.ID':
      return task.serviceId;
    case 'Service.Name':
      return task.serviceName;
    case 'Node.ID':
      return task.nodeId;
    case 'Node.Hostname':
      return node?.description.hostname ?? '';
    case 'Node.Platform.OS':
      return node?.description.os ?? '';
    case 'Node.Platform.Architecture':
      return node?.description.architecture ?? '';
    case 'Task.ID':
      return task.id;
    case 'Task.Name':
      return taskName;
    case 'Task.Slot':
      return task.slot > 0 ? String(task.slot) : task.nodeId;
    default:
      return null;
  }
}
