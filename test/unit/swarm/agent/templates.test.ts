import { expect, test } from 'vitest';
import { expandTemplate, type TemplateSource } from '../../../../src/swarm/agent/templates.ts';

const source = {
  task: { id: 't1', serviceId: 's1', serviceName: 'web', slot: 2, nodeId: 'n1' },
  taskName: 'web.2.t1',
  service: { spec: { labels: new Map([['tier', 'front']]) } },
  node: { description: { hostname: 'node3', os: 'linux', architecture: 'x86_64' } },
} as unknown as TemplateSource;

test('fields of service, node and task are filled in', () => {
  const text =
    '{{.Service.Name}} {{ .Service.ID }} {{.Node.Hostname}} {{.Node.ID}} {{.Task.Name}} {{.Task.Slot}} {{index .Service.Labels "tier"}} {{.Node.Platform.OS}}';
  expect(expandTemplate(text, source)).toBe('web s1 node3 n1 web.2.t1 2 front linux');
});

test('a global task has its node for a slot; what is no field stays', () => {
  const global = { ...source, task: { ...source.task, slot: 0 } };
  expect(expandTemplate('{{.Task.Slot}} {{.Nothing}}', global)).toBe('n1 {{.Nothing}}');
});
