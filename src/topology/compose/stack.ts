/**
 * A Compose file as a stack of a swarm: networks, files and services.
 * @source docker cli cli/compose/convert/service.go, compose.go; cli/compose/loader
 */
import { parseCidr, parseIpv4 } from '../../base/ipv4-address.ts';
import { splitWords } from '../../base/split-words.ts';
import type { NetworkSpec } from '../../docker/network-create.ts';
import { NETWORK_DEFAULTS } from '../../docker/network-create.ts';
import type { PortConfig, ServiceSpec } from '../../swarm/objects.ts';
import { isMapping, listOf, type Mapping, namesOf, pairsOf } from './merge.ts';
import { textMap } from './project.ts';
import { deployOf } from './stack-deploy.ts';
import { durationOf, mappingOf, textOf } from './stack-values.ts';

export const NAMESPACE_LABEL = 'com.docker.stack.namespace';
export const IMAGE_LABEL = 'com.docker.stack.image';

/** A secret or config of a stack. */
export interface StackFile {
  readonly key: string;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly isExternal: boolean;
  /** As the file names it; empty if it holds the text itself. */
  readonly path: string;
  readonly content: string;
}

export interface StackFileUse {
  readonly key: string;
  readonly target: string;
}

export interface StackService {
  readonly key: string;
  /** Its networks are named, and it has no secrets and configs: these have ids only in a swarm. */
  readonly spec: ServiceSpec;
  readonly secrets: readonly StackFileUse[];
  readonly configs: readonly StackFileUse[];
}

export interface Stack {
  readonly networks: readonly NetworkSpec[];
  /** Names of networks that must be there. */
  readonly externalNetworks: readonly string[];
  readonly secrets: readonly StackFile[];
  readonly configs: readonly StackFile[];
  readonly services: readonly StackService[];
  /** Names of members that swarms make no use of, sorted. */
  readonly unsupported: readonly string[];
  /** Sentences about members that swarms refuse, by name. */
  readonly deprecated: ReadonlyMap<string, string>;
}

export interface StackOptions {
  /** Variables of the shell, for `environment` without a value. */
  readonly variables: ReadonlyMap<string, string>;
  /** An `env_file`; null if there is none. */
  readonly readFile: (path: string) => string | null;
}

const UNSUPPORTED = new Set(
  'build cgroupns_mode cgroup_parent devices domainname external_links ipc links mac_address network_mode pid privileged restart security_opt shm_size userns_mode'.split(
    ' ',
  ),
);
const DEPRECATED: Readonly<Record<string, string>> = {
  container_name: 'Setting the container name is not supported.',
  expose:
    "Exposing ports is unnecessary - services on the same network can access each other's containers on any port.",
};

/** Networks of each node, which belong to no stack. */
const NODE_NETWORKS = new Set(['bridge', 'host', 'none', 'default']);

/** Converts a merged Compose file. */
export function stackOf(file: Mapping, namespace: string, options: StackOptions): Stack {
  const services = Object.entries(mappingOf(file.services)).map(
    ([key, value]) => [key, mappingOf(value)] as const,
  );
  const declared = mappingOf(file.networks);
  const used = new Set(services.flatMap(([, service]) => networkKeys(service)));
  const all = [...used].map((key) => networkOf(namespace, key, mappingOf(declared[key])));
  const names = new Set(services.flatMap(([, service]) => Object.keys(service)));
  return {
    networks: all.flatMap(({ spec }) => (spec === null ? [] : [spec])),
    externalNetworks: all.flatMap(({ name, spec }) => (spec === null ? [name] : [])),
    secrets: filesOf(namespace, mappingOf(file.secrets)),
    configs: filesOf(namespace, mappingOf(file.configs)),
    services: services.map(([key, service]) =>
      serviceOf(namespace, key, service, declared, options),
    ),
    unsupported: [...names].filter((name) => UNSUPPORTED.has(name)).sort(),
    deprecated: new Map(
      [...names].sort().flatMap((name) => {
        const why = Object.hasOwn(DEPRECATED, name) ? DEPRECATED[name] : undefined;
        return why === undefined ? [] : [[name, why] as const];
      }),
    ),
  };
}

function networkKeys(service: Mapping): string[] {
  const keys = Object.keys(namesOf(service.networks));
  return keys.length === 0 ? ['default'] : keys;
}

function networkName(namespace: string, key: string, fields: Mapping): string {
  const { external } = fields;
  if (isMapping(external)) return textOf(external.name) || textOf(fields.name) || key;
  if (external === true) return textOf(fields.name) || key;
  return textOf(fields.name) || `${namespace}_${key}`;
}

/** @returns no spec for an external network. */
function networkOf(
  namespace: string,
  key: string,
  fields: Mapping,
): { readonly name: string; readonly spec: NetworkSpec | null } {
  const name = networkName(namespace, key, fields);
  if (fields.external !== undefined && fields.external !== false) return { name, spec: null };
  const ipam = mappingOf(fields.ipam);
  const spec: NetworkSpec = {
    ...NETWORK_DEFAULTS,
    name,
    driver: textOf(fields.driver) || 'overlay',
    isInternal: fields.internal === true,
    isAttachable: fields.attachable === true,
    options: textMap(fields.driver_opts),
    labels: withNamespace(namespace, textMap(pairsOf(fields.labels))),
    ipamDriver: textOf(ipam.driver) || 'default',
    ipam: listOf(ipam.config).flatMap((each) => {
      const range = mappingOf(each);
      const subnet = parseCidr(textOf(range.subnet));
      const gateway = parseIpv4(textOf(range.gateway));
      return subnet === null ? [] : [{ subnet, gateway, range: null, auxAddresses: new Map() }];
    }),
  };
  return { name, spec };
}

function withNamespace(
  namespace: string,
  labels: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  return new Map([...labels, [NAMESPACE_LABEL, namespace]]);
}

function filesOf(namespace: string, declared: Mapping): StackFile[] {
  return Object.entries(declared).map(([key, value]) => {
    const fields = mappingOf(value);
    const { external } = fields;
    const isExternal = isMapping(external) || external === true;
    const given = textOf(fields.name) || (isMapping(external) ? textOf(external.name) : '');
    return {
      key,
      name: given || (isExternal ? key : `${namespace}_${key}`),
      labels: withNamespace(namespace, textMap(pairsOf(fields.labels))),
      isExternal,
      path: textOf(fields.file),
      content: textOf(fields.content),
    };
  });
}

function usesOf(value: unknown): StackFileUse[] {
  const uses = listOf(value).map((each) => {
    const fields = isMapping(each) ? each : { source: each };
    const key = textOf(fields.source);
    return { key, target: textOf(fields.target) || key };
  });
  return uses.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function serviceOf(
  namespace: string,
  key: string,
  fields: Mapping,
  declared: Mapping,
  options: StackOptions,
): StackService {
  const image = textOf(fields.image);
  const deploy = mappingOf(fields.deploy);
  const { mode, update, rollback, resources, restart, placement } = deployOf(deploy, fields);
  const labels = textMap(pairsOf(deploy.labels));
  const name = `${namespace}_${key}`;
  const spec: ServiceSpec = {
    name,
    labels: new Map([...withNamespace(namespace, labels), [IMAGE_LABEL, image]]),
    task: {
      container: containerOf(namespace, fields, options),
      resources,
      restart,
      placement,
      networks: serviceNetworks(namespace, key, fields, declared),
      forceUpdate: 0,
      logDriver: textOf(mappingOf(fields.logging).driver),
    },
    mode,
    update,
    rollback,
    endpoint: {
      mode: textOf(deploy.endpoint_mode).toLowerCase() === 'dnsrr' ? 'dnsrr' : 'vip',
      ports: listOf(fields.ports)
        .flatMap(portsOf)
        .sort((a, b) => a.publishedPort - b.publishedPort),
    },
  };
  return { key, spec, secrets: usesOf(fields.secrets), configs: usesOf(fields.configs) };
}

/** Sorted by name; the service's own name is an alias on each. */
function serviceNetworks(
  namespace: string,
  key: string,
  fields: Mapping,
  declared: Mapping,
): ServiceSpec['task']['networks'] {
  const asked = namesOf(fields.networks);
  const attachments = networkKeys(fields).map((network) => {
    const target = networkName(namespace, network, mappingOf(declared[network]));
    const aliases = listOf(mappingOf(asked[network]).aliases).map(String);
    return {
      target,
      aliases: NODE_NETWORKS.has(target) ? aliases : [...aliases, key],
      driverOptions: new Map<string, string>(),
    };
  });
  return attachments.sort((a, b) => (a.target < b.target ? -1 : 1));
}

function containerOf(
  namespace: string,
  fields: Mapping,
  options: StackOptions,
): ServiceSpec['task']['container'] {
  return {
    image: textOf(fields.image),
    labels: withNamespace(namespace, textMap(pairsOf(fields.labels))),
    command: wordsOf(fields.entrypoint),
    args: wordsOf(fields.command),
    hostname: textOf(fields.hostname),
    environment: environmentOf(fields, options),
    workingDir: textOf(fields.working_dir),
    user: textOf(fields.user),
    groups: [],
    isTty: fields.tty === true,
    isReadOnly: fields.read_only === true,
    stopSignal: textOf(fields.stop_signal),
    stopGraceNs: durationOf(fields.stop_grace_period) ?? 10e9,
    hosts: Object.entries(pairsOf(fields.extra_hosts)).flatMap(([host, addresses]) =>
      listOf(addresses).map((address) => `${textOf(address)} ${host}`),
    ),
    dns: {
      nameservers: listOf(fields.dns).map(String),
      search: listOf(fields.dns_search).map(String),
      options: [],
    },
    mounts: listOf(fields.volumes).map((each) => mountOf(namespace, each)),
    secrets: [],
    configs: [],
    sysctls: textMap(pairsOf(fields.sysctls)),
    capabilityAdd: listOf(fields.cap_add).map(capabilityName).sort(),
    capabilityDrop: listOf(fields.cap_drop).map(capabilityName).sort(),
    init: typeof fields.init === 'boolean' ? fields.init : null,
  };
}

function capabilityName(value: unknown): string {
  const upper = String(value).toUpperCase();
  return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}

function wordsOf(value: unknown): readonly string[] {
  return typeof value === 'string' ? splitWords(value) : listOf(value).map(String);
}

/** Files first, then `environment`; sorted. A name without a value takes that of the shell. */
function environmentOf(fields: Mapping, { variables, readFile }: StackOptions): string[] {
  const values = new Map<string, string | null>();
  for (const each of listOf(fields.env_file)) {
    const path = isMapping(each) ? textOf(each.path) : String(each);
    for (const line of (readFile(path) ?? '').split('\n')) {
      const text = line.trim();
      if (text === '' || text.startsWith('#')) continue;
      const equals = text.indexOf('=');
      if (equals > 0) values.set(text.slice(0, equals), text.slice(equals + 1));
    }
  }
  for (const [name, value] of Object.entries(pairsOf(fields.environment))) {
    values.set(name, value === null ? (variables.get(name) ?? null) : String(value));
  }
  return [...values].map(([name, value]) => (value === null ? name : `${name}=${value}`)).sort();
}

/** `data:/var/lib`, `./site:/usr/share:ro`, or the long form. */
function mountOf(namespace: string, value: unknown): ReadonlyMap<string, string> {
  if (isMapping(value)) {
    const entries: [string, string][] = [
      ['type', textOf(value.type) || 'volume'],
      ['target', textOf(value.target)],
    ];
    if (value.source !== undefined) entries.push(['source', textOf(value.source)]);
    if (value.read_only === true) entries.push(['readonly', 'true']);
    return new Map(entries);
  }
  const parts = String(value).split(':');
  const [source, target, mode] = parts.length === 1 ? ['', parts[0]!, ''] : parts;
  const isBind = /^[./~]/.test(source!);
  return new Map([
    ['type', isBind ? 'bind' : 'volume'],
    ...(source === '' ? [] : [['source', isBind ? source! : `${namespace}_${source}`] as const]),
    ['target', target!],
    ...(mode === 'ro' ? [['readonly', 'true'] as const] : []),
  ]);
}

/** `8080:80`, `9000-9001:9000-9001/udp`, `80`, or the long form. */
function portsOf(value: unknown): PortConfig[] {
  if (isMapping(value)) {
    return [
      {
        name: textOf(value.name),
        protocol: protocolOf(textOf(value.protocol)),
        targetPort: Number(value.target),
        publishedPort: Number(value.published ?? 0),
        publishMode: value.mode === 'host' ? 'host' : 'ingress',
      },
    ];
  }
  const [ports = '', protocol = ''] = String(value).split('/');
  const parts = ports.split(':');
  const target = rangeOf(parts.at(-1)!);
  const published = parts.length > 1 && parts.at(-2) !== '' ? rangeOf(parts.at(-2)!) : null;
  return Array.from({ length: target[1] - target[0] + 1 }, (_, index) => ({
    name: '',
    protocol: protocolOf(protocol),
    targetPort: target[0] + index,
    publishedPort: published === null ? 0 : published[0] + index,
    publishMode: 'ingress' as const,
  }));
}

function protocolOf(text: string): PortConfig['protocol'] {
  return text === 'udp' || text === 'sctp' ? text : 'tcp';
}

function rangeOf(text: string): readonly [number, number] {
  const [first = '', last = first] = text.split('-');
  return [Number(first), Number(last)];
}
