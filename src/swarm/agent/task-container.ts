/**
 * The container of a task.
 * Unlike Docker, mounts, limits, init and the stop signal of a service change nothing in it; secrets and
 * configs are files as any other.
 * @source moby daemon/cluster/executor/container/container.go
 */
import { createContainer } from '../../docker/container-create.ts';
import type { Container, ContainerSpec, PublishSpec } from '../../docker/engine-record.ts';
import type { SwarmMember } from '../member.ts';
import { attachTask, endpointsOfTask } from '../network/index.ts';
import type { PortConfig, TaskObject } from '../objects.ts';
import { expandTemplate, type TemplateSource } from './templates.ts';

const LABEL_PREFIX = 'com.docker.swarm.';
/** Says whose container it is. */
export const TASK_LABEL = `${LABEL_PREFIX}task.id`;
/** Networks of every node that a service may name instead of one of the swarm. */
const NODE_NETWORKS = ['host', 'none', 'bridge'];

/** NAME.SLOT.ID; for a global service NAME.NODE.ID. */
export function taskName({ serviceName, slot, nodeId, id }: TaskObject): string {
  return `${serviceName}.${slot > 0 ? slot : nodeId}.${id}`;
}

/** @throws DockerError: no such image, name in use. */
export function createTaskContainer(member: SwarmMember, task: TaskObject): Container {
  const { engine, cluster, nodeId } = member;
  const source: TemplateSource = {
    task,
    taskName: taskName(task),
    service: cluster.store.services.get(task.serviceId) ?? null,
    node: cluster.store.nodes.get(nodeId) ?? null,
  };
  const container = createContainer(engine, specOf(task, source));
  attachTask(member, container, task);
  writeFiles(member, container, task);
  return container;
}

/** The host-mode ports as they are bound. */
export function boundPorts(container: Container): PortConfig[] {
  const ports: PortConfig[] = [];
  for (const endpoint of container.endpoints.values()) {
    for (const { protocol, containerPort, hostPort } of endpoint.ports) {
      ports.push({
        name: '',
        protocol,
        targetPort: containerPort,
        publishedPort: hostPort,
        publishMode: 'host',
      });
    }
  }
  return ports;
}

function specOf(task: TaskObject, source: TemplateSource): ContainerSpec {
  const { container, networks } = task.spec;
  const endpoints = endpointsOfTask(task);
  const [first] = endpoints.keys();
  const onNode = networks.find(({ target }) => NODE_NETWORKS.includes(target))?.target;
  const expand = (text: string): string => expandTemplate(text, source);
  const published = (task.endpoint?.ports ?? []).filter((port) => port.publishMode === 'host');
  return {
    name: source.taskName,
    image: container.image,
    command: container.args.map(expand),
    entrypoint: container.command.length > 0 ? container.command.map(expand) : null,
    environment: container.environment.map(expand),
    hostname: container.hostname === '' ? null : expand(container.hostname),
    domainname: '',
    labels: labelsOf(task, source),
    networkMode: first ?? onNode ?? 'bridge',
    endpoints,
    publish: published.map(publishOf),
    publishAll: false,
    expose: published.map(({ protocol, targetPort }) => ({ protocol, port: targetPort })),
    dns: container.dns.nameservers,
    dnsSearch: container.dns.search,
    dnsOptions: container.dns.options,
    extraHosts: container.hosts.map(hostOf),
    capAdd: container.capabilityAdd,
    capDrop: container.capabilityDrop,
    isPrivileged: false,
    restartPolicy: { name: 'no', maximumRetryCount: 0 },
    autoRemove: false,
    isTty: container.isTty,
    isInteractive: false,
    sysctls: container.sysctls,
    workingDir: container.workingDir,
    user: container.user,
  };
}

function publishOf({ protocol, targetPort, publishedPort }: PortConfig): PublishSpec {
  const hostPorts = publishedPort === 0 ? null : ([publishedPort, publishedPort] as const);
  return { protocol, containerPort: targetPort, hostAddress: null, hostPorts };
}

/** `NAME:ADDRESS` of the CLI, or `ADDRESS NAME` of hosts(5) as the managers keep it. */
function hostOf(text: string): readonly [string, string] {
  const words = text.trim().split(/\s+/);
  if (words.length > 1) return [words[1]!, words[0]!];
  const colon = text.indexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}

function labelsOf(task: TaskObject, source: TemplateSource): Map<string, string> {
  const labels = new Map(task.spec.container.labels);
  labels.set(`${LABEL_PREFIX}node.id`, task.nodeId);
  labels.set(`${LABEL_PREFIX}service.id`, task.serviceId);
  labels.set(`${LABEL_PREFIX}service.name`, task.serviceName);
  labels.set(`${LABEL_PREFIX}task`, '');
  labels.set(TASK_LABEL, task.id);
  labels.set(`${LABEL_PREFIX}task.name`, source.taskName);
  return labels;
}

/** Secrets in /run/secrets, configs where they are asked for. */
function writeFiles({ cluster }: SwarmMember, container: Container, task: TaskObject): void {
  const { store } = cluster;
  const { secrets, configs } = task.spec.container;
  const write = (folder: string, fileName: string, data: string): void => {
    const path = fileName.startsWith('/') ? fileName : `${folder}/${fileName}`;
    container.machine.files.writeFile(path, data);
  };
  for (const { id, fileName } of secrets) {
    write('/run/secrets', fileName, store.secrets.get(id)?.data ?? '');
  }
  for (const { id, fileName } of configs) write('', fileName, store.configs.get(id)?.data ?? '');
}
