/**
 * What a Compose file may contain: what netsim emulates is checked field by field, the rest of the
 * specification is let through, anything else is a mistake. The JSON Schema in schema/ comes from here.
 * @source compose-spec schema/compose-spec.json
 */
import { z } from 'zod';
import { netsimSchema, netsimServiceSchema } from './netsim-schema.ts';

/** A value of which netsim makes no use. */
const ignored = z.unknown().optional();

function ignoredFields(names: string): Record<string, typeof ignored> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, ignored]));
}

const text = z.string({ error: 'a text' });
const flag = z.union([z.boolean(), z.enum(['true', 'false'])], { error: 'true or false' });
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: 'a text or a number',
});
const textOrList = z.union([z.string(), z.array(z.string())], {
  error: 'a text or a list of texts',
});
const listOrMap = z.union([z.array(z.string()), z.record(z.string(), scalar)], {
  error: 'a list of NAME=VALUE or a mapping',
});

const ADDRESS = '(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const PORTS = '\\d{1,5}(?:-\\d{1,5})?';
const address = z.string().regex(new RegExp(`^${ADDRESS}$`), { error: 'an IPv4 address' });
const subnet = z.string().regex(new RegExp(`^${ADDRESS}/(?:3[0-2]|[12]?\\d)$`), {
  error: 'an IPv4 subnet like 10.5.0.0/16',
});
const mac = z
  .string()
  .regex(/^[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}$/, { error: 'a MAC address' });
const PORT_TEXT = 'a port like 80, 8080:80, 127.0.0.1:8080:80/tcp or 9000-9002:9000-9002';
const portText = z
  .string()
  .regex(new RegExp(`^(?:(?:${ADDRESS}:)?(?:${PORTS})?:)?${PORTS}(?:/(?:tcp|udp|sctp))?$`), {
    error: PORT_TEXT,
  });
const portNumber = z
  .number()
  .int({ error: 'a port from 1 to 65535' })
  .min(1, { error: 'a port from 1 to 65535' })
  .max(65_535, { error: 'a port from 1 to 65535' });
const portMapping = z.strictObject({
  target: z.union([portNumber, z.string().regex(/^\d{1,5}$/)], { error: 'a port' }),
  published: z
    .union([portNumber, z.string().regex(/^\d{1,5}(-\d{1,5})?$/)], { error: 'a port or a range' })
    .optional(),
  host_ip: address.optional(),
  protocol: z.enum(['tcp', 'udp', 'sctp'], { error: 'tcp, udp or sctp' }).optional(),
  ...ignoredFields('mode name app_protocol'),
});

const serviceNetwork = z.strictObject({
  aliases: z.array(text, { error: 'a list of names' }).optional(),
  ipv4_address: address.optional(),
  mac_address: mac.optional(),
  priority: z.number({ error: 'a number' }).optional(),
  ...ignoredFields('ipv6_address link_local_ips driver_opts gw_priority interface_name'),
});

const dependency = z.strictObject({
  condition: z
    .enum(['service_started', 'service_healthy', 'service_completed_successfully'], {
      error: 'service_started, service_healthy or service_completed_successfully',
    })
    .optional(),
  ...ignoredFields('restart required'),
});

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const NETWORK_MODE = /^(?:bridge|host|none|service:.+|container:.+)$/;

export const serviceSchema = z.strictObject({
  image: text.optional(),
  command: z
    .union([z.string(), z.array(z.string()), z.null()], { error: 'a text or a list' })
    .optional(),
  entrypoint: z
    .union([z.string(), z.array(z.string()), z.null()], { error: 'a text or a list' })
    .optional(),
  container_name: z
    .string()
    .regex(NAME, { error: `a name ${NAME.source}` })
    .optional(),
  hostname: text.optional(),
  domainname: text.optional(),
  environment: listOrMap.optional(),
  labels: listOrMap.optional(),
  ports: z
    .array(z.union([portNumber, portText, portMapping], { error: PORT_TEXT }), {
      error: 'a list of ports',
    })
    .optional(),
  expose: z
    .array(
      z.union([portNumber, z.string().regex(new RegExp(`^${PORTS}(?:/(?:tcp|udp))?$`))], {
        error: 'a port or a range',
      }),
    )
    .optional(),
  networks: z
    .union([z.array(z.string()), z.record(z.string(), serviceNetwork.nullable())], {
      error: 'a list of networks or a mapping',
    })
    .optional(),
  network_mode: z
    .string()
    .regex(NETWORK_MODE, { error: 'bridge, host, none, service:NAME or container:NAME' })
    .optional(),
  mac_address: mac.optional(),
  dns: z
    .union([address, z.array(address)], { error: 'an address or a list of addresses' })
    .optional(),
  dns_search: textOrList.optional(),
  dns_opt: z.array(text, { error: 'a list of texts' }).optional(),
  extra_hosts: z
    .union([z.array(z.string()), z.record(z.string(), textOrList)], {
      error: 'a list of HOST=ADDRESS or a mapping',
    })
    .optional(),
  cap_add: z.array(text, { error: 'a list of capabilities' }).optional(),
  cap_drop: z.array(text, { error: 'a list of capabilities' }).optional(),
  privileged: flag.optional(),
  sysctls: listOrMap.optional(),
  restart: z
    .string()
    .regex(/^(?:no|always|unless-stopped|on-failure(?::\d+)?)$/, {
      error: 'no, always, on-failure or unless-stopped',
    })
    .optional(),
  depends_on: z
    .union([z.array(z.string()), z.record(z.string(), dependency)], {
      error: 'a list of services or a mapping',
    })
    .optional(),
  profiles: z.array(text, { error: 'a list of names' }).optional(),
  extends: z
    .union([z.string(), z.strictObject({ service: text, file: text.optional() })], {
      error: 'the name of a service, or a mapping with service and file',
    })
    .optional(),
  scale: z.number().int().min(0).max(100).optional(),
  deploy: z
    .looseObject({ replicas: z.number().int().min(0).max(100).optional() }, { error: 'a mapping' })
    .nullable()
    .optional(),
  tty: flag.optional(),
  stdin_open: flag.optional(),
  user: scalar.optional(),
  working_dir: text.optional(),
  'x-netsim': netsimServiceSchema.optional(),
  ...ignoredFields(
    `annotations attach blkio_config build cgroup cgroup_parent configs cpu_count cpu_percent cpu_period
     cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec develop
     device_cgroup_rules devices env_file external_links gpus group_add healthcheck init ipc isolation
     label_file links logging mem_limit mem_reservation mem_swappiness memswap_limit models
     oom_kill_disable oom_score_adj pid pids_limit platform post_start pre_stop provider pull_policy
     read_only runtime secrets security_opt shm_size stop_grace_period stop_signal storage_opt tmpfs
     ulimits use_api_socket userns_mode uts volumes volumes_from`,
  ),
});

const ipamRange = z.strictObject({
  subnet: subnet.optional(),
  gateway: address.optional(),
  ip_range: subnet.optional(),
  aux_addresses: z.record(z.string(), address).optional(),
});

export const networkSchema = z
  .strictObject({
    name: text.optional(),
    driver: z
      .enum(['bridge', 'host', 'none', 'null', 'macvlan', 'ipvlan', 'overlay', 'default'], {
        error: 'bridge, macvlan, ipvlan, host or none',
      })
      .optional(),
    driver_opts: z.record(z.string(), scalar, { error: 'a mapping' }).optional(),
    ipam: z
      .strictObject({
        driver: text.optional(),
        config: z.array(ipamRange, { error: 'a list of subnets' }).optional(),
        options: ignored,
      })
      .optional(),
    internal: flag.optional(),
    attachable: flag.optional(),
    external: z
      .union([z.boolean(), z.strictObject({ name: text.optional() })], { error: 'true or false' })
      .optional(),
    labels: listOrMap.optional(),
    enable_ipv6: flag.optional(),
    enable_ipv4: flag.optional(),
  })
  .nullable();

export const composeSchema = z.strictObject({
  version: ignored,
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]*$/, { error: 'a project name: a-z, 0-9, _ and -' })
    .optional(),
  services: z
    .record(z.string().regex(NAME), serviceSchema, { error: 'a mapping of services' })
    .optional(),
  networks: z
    .record(z.string().regex(NAME), networkSchema, { error: 'a mapping of networks' })
    .nullable()
    .optional(),
  'x-netsim': netsimSchema.optional(),
  ...ignoredFields('configs include models secrets volumes'),
});

/** The JSON Schema for editors. */
export function composeJsonSchema(): unknown {
  const options = {
    unrepresentable: 'any',
    target: 'draft-7',
    // Other programs have extensions of their own.
    override({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }) {
      if (jsonSchema.additionalProperties === false) jsonSchema.patternProperties = { '^x-': {} };
    },
  } as const;
  return {
    ...z.toJSONSchema(composeSchema, options),
    title: 'Compose file with x-netsim',
  };
}
