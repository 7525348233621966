/**
 * `--constraint`: what a node must be.
 * @source swarmkit manager/constraint/constraint.go
 */
import { type Ipv4, maskOf, parseIpv4 } from '../../../base/ipv4-address.ts';
import type { NodeObject } from '../../objects.ts';

export interface Constraint {
  readonly key: string;
  readonly isEqual: boolean;
  readonly value: string;
}

const KEY = /^[a-z_][a-z0-9\-_.]+$/i;
const VALUE = /^[a-z0-9:\-_\s.*()?+[\]\\^$|/]+$/i;
const NODE_LABELS = 'node.labels.';
const ENGINE_LABELS = 'engine.labels.';

const parsed = new WeakMap<readonly string[], readonly Constraint[]>();

/** Reads constraints. @returns the first fault as text instead. */
export function parseConstraints(texts: readonly string[]): readonly Constraint[] | string {
  const constraints: Constraint[] = [];
  for (const text of texts) {
    const operator = ['==', '!='].find((each) => text.includes(each));
    if (operator === undefined) return 'constraint expected one operator from ==, !=';
    const at = text.indexOf(operator);
    const key = text.slice(0, at).trim();
    const value = text.slice(at + operator.length).trim();
    if (!KEY.test(key)) return `key '${key}' is invalid`;
    if (!VALUE.test(value)) return `value '${value}' is invalid`;
    constraints.push({ key, isEqual: operator === '==', value });
  }
  return constraints;
}

/** Whether a node meets a spec's constraints; those with a fault (the API refuses them) count as none. */
export function meetsConstraints(node: NodeObject, texts: readonly string[]): boolean {
  if (texts.length === 0) return true;
  let constraints = parsed.get(texts);
  if (constraints === undefined) {
    const result = parseConstraints(texts);
    constraints = typeof result === 'string' ? [] : result;
    parsed.set(texts, constraints);
  }
  return constraints.every((constraint) => isMet(node, constraint));
}

/** The label that a descriptor (`node.labels.zone`) names; null if it names none, '' if it is not set. */
export function labelOf(node: NodeObject, descriptor: string): string | null {
  const lower = descriptor.toLowerCase();
  if (lower.startsWith(NODE_LABELS) && descriptor.length > NODE_LABELS.length) {
    return node.spec.labels.get(descriptor.slice(NODE_LABELS.length)) ?? '';
  }
  if (lower.startsWith(ENGINE_LABELS) && descriptor.length > ENGINE_LABELS.length) {
    return node.description.engineLabels.get(descriptor.slice(ENGINE_LABELS.length)) ?? '';
  }
  return null;
}

function isMet(node: NodeObject, constraint: Constraint): boolean {
  const key = constraint.key.toLowerCase();
  if (key === 'node.ip') return isAddressMet(node.status.address, constraint);
  const actual = attributeOf(node, key, constraint.key);
  if (actual === null) return false;
  return (actual.toLowerCase() === constraint.value.toLowerCase()) === constraint.isEqual;
}

function attributeOf(node: NodeObject, key: string, descriptor: string): string | null {
  if (key === 'node.id') return node.id;
  if (key === 'node.hostname') return node.description.hostname;
  if (key === 'node.role') return node.spec.role;
  if (key === 'node.platform.os') return node.description.os;
  if (key === 'node.platform.arch') return node.description.architecture;
  return labelOf(node, descriptor);
}

/** An address or a subnet. */
function isAddressMet(address: Ipv4, { value, isEqual }: Constraint): boolean {
  const [text = '', length] = value.split('/');
  const wanted = parseIpv4(text);
  const prefixLength = length === undefined ? 32 : Number(length);
  if (wanted === null || !Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > 32) {
    return false;
  }
  const mask = maskOf(prefixLength);
  return ((address & mask) === (wanted & mask)) === isEqual;
}
