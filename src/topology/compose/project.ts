/**
 * A Compose project in its long form: what the files say after merging, with Compose's own defaults
 * and names put in.
 * @source compose-go loader/normalize.go, transform/ports.go; docker compose create.go
 */
import { isMapping, listOf, type Mapping, namesOf, pairsOf } from './merge.ts';
import type { NetsimSettings } from './netsim-schema.ts';

export interface ProjectPort {
  /** First and last port in the container. */
  readonly target: readonly [number, number];
  /** First and last on the host; null: any. */
  readonly published: readonly [number, number] | null;
  readonly hostAddress: string | null;
  readonly protocol: string;
}

export interface ProjectEndpoint {
  /** The key in `networks`. */
  readonly network: string;
  readonly aliases: readonly string[];
  readonly address: string | null;
  readonly mac: string | null;
  readonly priority: number;
}

export interface ProjectService {
  readonly name: string;
  readonly node: string;
  /** container_name, if one is given. */
  readonly containerName: string | null;
  readonly replicas: number;
  readonly image: string | null;
  readonly hasBuild: boolean;
  readonly networkMode: string | null;
  /** Whether both network_mode and networks are given. */
  readonly hasTwoModes: boolean;
  /** In the order in which the container gets them. */
  readonly endpoints: readonly ProjectEndpoint[];
  readonly ports: readonly ProjectPort[];
  readonly dependsOn: readonly string[];
  /** As in the file, for what goes on to the container as it is. */
  readonly fields: Mapping;
}

export interface ProjectIpam {
  readonly subnet: string | null;
  readonly gateway: string | null;
  readonly range: string | null;
  readonly auxAddresses: ReadonlyMap<string, string>;
}

export interface ProjectNetwork {
  readonly key: string;
  /** What Docker calls it. */
  readonly name: string;
  readonly driver: string;
  readonly options: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly isInternal: boolean;
  readonly isAttachable: boolean;
  readonly isExternal: boolean;
  readonly ipam: readonly ProjectIpam[];
}

export interface ComposeProject {
  readonly name: string;
  /** Those of active profiles. */
  readonly services: readonly ProjectService[];
  /** Names of services that no active profile has. */
  readonly inactive: readonly string[];
  readonly networks: readonly ProjectNetwork[];
  readonly settings: NetsimSettings;
  readonly nodes: number;
  readonly warnings: readonly string[];
}

/** Compose's name of a project: what a folder is called, in its letters. */
export function projectNameOf(folder: string): string {
  return folder
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');
}

/** Builds the project of a merged and validated value. */
export function buildProject(
  value: Mapping,
  fallbackName: string,
  profiles: readonly string[],
): ComposeProject {
  const name =
    typeof value.name === 'string' ? value.name : projectNameOf(fallbackName) || 'default';
  const services = Object.entries(mappingOf(value.services));
  const isActive = (service: Mapping): boolean => {
    const wanted = listOf(service.profiles).map(String);
    return (
      wanted.length === 0 ||
      profiles.includes('*') ||
      wanted.some((each) => profiles.includes(each))
    );
  };
  const active = services.filter(([, service]) => isActive(mappingOf(service)));
  const built = active.map(([key, service]) => buildService(key, mappingOf(service)));
  // The schema has checked what is in it.
  const settings = mappingOf(value['x-netsim']) as NetsimSettings;
  const warnings: string[] = [];
  if (value.version !== undefined) {
    warnings.push('the attribute `version` is obsolete, it will be ignored');
  }
  return {
    name,
    services: built,
    inactive: services.filter((each) => !active.includes(each)).map(([key]) => key),
    networks: buildNetworks(name, mappingOf(value.networks), built),
    settings,
    nodes: settings.nodes ?? Math.max(1, ...built.map(({ node }) => Number(node.slice(4)))),
    warnings,
  };
}

function mappingOf(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

function textOf(value: unknown): string | null {
  return value === undefined || value === null ? null : String(value);
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

function buildService(name: string, fields: Mapping): ProjectService {
  const deploy = mappingOf(fields.deploy);
  const replicas = Number(fields.scale ?? deploy.replicas ?? 1);
  const networkMode = textOf(fields.network_mode);
  return {
    name,
    node: textOf(mappingOf(fields['x-netsim']).node) ?? 'node1',
    containerName: textOf(fields.container_name),
    replicas,
    image: textOf(fields.image),
    hasBuild: fields.build !== undefined,
    networkMode,
    hasTwoModes: networkMode !== null && fields.networks !== undefined,
    endpoints: networkMode === null ? buildEndpoints(name, fields) : [],
    ports: listOf(fields.ports).map(buildPort),
    dependsOn: dependenciesOf(fields, networkMode),
    fields,
  };
}

/** depends_on, and the service whose network this one shares. */
function dependenciesOf(fields: Mapping, networkMode: string | null): string[] {
  const shared = /^service:(.+)$/.exec(networkMode ?? '')?.[1];
  const named = Object.keys(namesOf(fields.depends_on));
  return shared === undefined || named.includes(shared) ? named : [...named, shared];
}

/** By priority, then by name; without `networks` the project's default one. */
function buildEndpoints(service: string, fields: Mapping): ProjectEndpoint[] {
  const asked = namesOf(fields.networks);
  const networks = Object.keys(asked).length === 0 ? { default: null } : asked;
  const mac = textOf(fields.mac_address);
  return Object.entries(networks)
    .map(([network, value], index) => {
      const settings = mappingOf(value);
      return {
        network,
        aliases: [service, ...listOf(settings.aliases).map(String)],
        address: textOf(settings.ipv4_address),
        mac: textOf(settings.mac_address) ?? (index === 0 ? mac : null),
        priority: Number(settings.priority ?? 0),
      };
    })
    .sort((a, b) => b.priority - a.priority || (a.network < b.network ? -1 : 1));
}

function buildPort(value: unknown): ProjectPort {
  if (isMapping(value)) {
    return {
      target: rangeOf(String(value.target)),
      published: value.published === undefined ? null : rangeOf(String(value.published)),
      hostAddress: textOf(value.host_ip),
      protocol: textOf(value.protocol) ?? 'tcp',
    };
  }
  const [ports = '', protocol = 'tcp'] = String(value).split('/');
  const parts = ports.split(':');
  const published = parts.at(-2) ?? '';
  return {
    target: rangeOf(parts.at(-1)!),
    published: published === '' ? null : rangeOf(published),
    hostAddress: parts.length === 3 ? parts[0]! : null,
    protocol,
  };
}

function rangeOf(text: string): readonly [number, number] {
  const [first = '', last = first] = text.split('-');
  return [Number(first), Number(last)];
}

/** The networks that services use, in the order of the file; `default` first if it is not named. */
function buildNetworks(
  project: string,
  declared: Mapping,
  services: readonly ProjectService[],
): ProjectNetwork[] {
  const used = new Set(
    services.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)),
  );
  const keys = Object.keys(declared).filter((key) => used.has(key));
  if (used.has('default') && !keys.includes('default')) keys.unshift('default');
  return keys.map((key) => buildNetwork(project, key, mappingOf(declared[key])));
}

function buildNetwork(project: string, key: string, fields: Mapping): ProjectNetwork {
  const { external } = fields;
  const isExternal = isMapping(external) || external === true;
  const externalName = textOf(mappingOf(external).name);
  const name = textOf(fields.name) ?? externalName ?? (isExternal ? key : `${project}_${key}`);
  const driver = textOf(fields.driver) ?? 'bridge';
  const ipam = mappingOf(fields.ipam);
  return {
    key,
    name,
    driver: driver === 'default' ? 'bridge' : driver,
    options: textMap(fields.driver_opts),
    labels: textMap(pairsOf(fields.labels)),
    isInternal: isTrue(fields.internal),
    isAttachable: isTrue(fields.attachable),
    isExternal,
    ipam: listOf(ipam.config).map((each) => {
      const range = mappingOf(each);
      return {
        subnet: textOf(range.subnet),
        gateway: textOf(range.gateway),
        range: textOf(range.ip_range),
        auxAddresses: textMap(range.aux_addresses),
      };
    }),
  };
}

/** A mapping as a map of texts. */
export function textMap(value: unknown): Map<string, string> {
  return new Map(
    Object.entries(mappingOf(value)).map(([name, each]) => [name, textOf(each) ?? '']),
  );
}
