/**
 * `x-netsim` in a Compose file: what netsim needs and Docker ignores, so that the file stays one that
 * can be deployed.
 *
 *     x-netsim:
 *       nodes: 2
 *       ping: { from: web, to: db }
 *       links:
 *         node2: { latency: 5ms, jitter: 1ms, loss: 1%, rate: 10mbit, mtu: 1400, queue: 100 }
 *       firewall:
 *         node1: [ "-I DOCKER-USER -s 192.168.0.12 -j DROP" ]
 *     services:
 *       db:
 *         x-netsim: { node: node2 }
 */
import { z } from 'zod';
import { ENGINE_PROFILES } from '../../docker/profile.ts';
import { NODES_MAX } from '../docker-world.ts';

const versions = Object.keys(ENGINE_PROFILES);
const version = z.enum(versions, { error: `one of ${versions.join(', ')}` });
const MACHINE = /^(?:node\d{1,3})$/;
const DURATION = /^\d+(?:\.\d+)?(?:us|ms|s)$/;
const node = z.string().regex(MACHINE, { error: 'node1, node2 ...' });
const duration = z.string().regex(DURATION, { error: 'a duration like 5ms' });
const nodeCount = `a number from 1 to ${NODES_MAX}`;

const linkSchema = z.strictObject({
  latency: duration.optional(),
  jitter: duration.optional(),
  loss: z
    .string()
    .regex(/^\d+(?:\.\d+)?%$/, { error: 'a share like 1%' })
    .optional(),
  rate: z
    .string()
    .regex(/^\d+(?:\.\d+)?(?:kbit|mbit|gbit)$/, { error: 'a rate like 10mbit' })
    .optional(),
  mtu: z
    .number()
    .int()
    .min(68, { error: '68 to 65535' })
    .max(65_535, { error: '68 to 65535' })
    .optional(),
  queue: z.number().int().min(1, { error: 'a number of packets' }).optional(),
});

export const netsimSchema = z.strictObject({
  nodes: z
    .number({ error: nodeCount })
    .int({ error: nodeCount })
    .min(1, { error: nodeCount })
    .max(NODES_MAX, { error: nodeCount })
    .optional(),
  internet: z.boolean({ error: 'true or false' }).optional(),
  engine: version.optional(),
  seed: z.number({ error: 'a whole number' }).int({ error: 'a whole number' }).min(0).optional(),
  ping: z.strictObject({ from: z.string(), to: z.string() }, { error: 'from and to' }).optional(),
  links: z.record(node, linkSchema, { error: 'a mapping of nodes' }).optional(),
  firewall: z
    .record(node, z.array(z.string(), { error: 'a list of iptables arguments' }), {
      error: 'a mapping of nodes',
    })
    .optional(),
});

export const netsimServiceSchema = z.strictObject({
  node: node.optional(),
});

export type NetsimSettings = z.infer<typeof netsimSchema>;
export type NetsimLink = z.infer<typeof linkSchema>;
