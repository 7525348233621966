/**
 * Names of values of the TOS byte: the old types of service and the DSCP classes.
 * @source extensions/tos_values.c, dscp_helper.c of iptables; RFC 2597, RFC 3246
 */
import { ParameterProblem } from './extension.ts';
import { parseUnsigned } from './protocol-names.ts';

const TOS_NAMES: ReadonlyArray<readonly [string, number]> = [
  ['Minimize-Delay', 0x10],
  ['Maximize-Throughput', 0x08],
  ['Maximize-Reliability', 0x04],
  ['Minimize-Cost', 0x02],
  ['Normal-Service', 0x00],
];

/** `value[/mask]` or a name, which gets `nameMask`. */
export function tosOf(text: string, nameMask: number): { value: number; mask: number } {
  const named = TOS_NAMES.find(([name]) => name.toLowerCase() === text.toLowerCase());
  if (named !== undefined) return { value: named[1], mask: nameMask };
  const [valueText = '', maskText] = text.split('/');
  const value = parseUnsigned(valueText, 255);
  const mask = maskText === undefined ? 0xff : parseUnsigned(maskText, 255);
  if (value === null || mask === null) {
    throw new ParameterProblem(`Symbolic name "${text}" is unknown`);
  }
  return { value, mask };
}

/** The name of a value under the mask that names have, else null. */
export function tosText(value: number, mask: number): string | null {
  if (mask !== 0x3f) return null;
  return TOS_NAMES.find((entry) => entry[1] === value)?.[0] ?? null;
}

/** A DSCP class: CS0-CS7, BE, AF11-AF43, EF. */
export function dscpOf(name: string): number {
  const word = name.toUpperCase();
  const selector = /^CS([0-7])$/.exec(word);
  if (selector !== null) return Number(selector[1]) << 3;
  const assured = /^AF([1-4])([1-3])$/.exec(word);
  if (assured !== null) return (Number(assured[1]) << 3) | (Number(assured[2]) << 1);
  if (word === 'BE') return 0;
  if (word === 'EF') return 0x2e;
  throw new ParameterProblem(`Invalid DSCP value \`${name}'\n`);
}
