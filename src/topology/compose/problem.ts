/** Mistakes in Compose files: all of them are collected, each with its place. */
import type { Place } from '../../base/errors.ts';

export interface ComposeProblem {
  readonly where: Place;
  /** `services.web.ports[0]`; empty for the whole file. */
  readonly path: string;
  /** `found X, expected Y`, or a sentence. */
  readonly message: string;
  readonly hint: string | null;
}

/** Names and indices that lead to a value. */
export type ValuePath = readonly (string | number)[];

/** Problems that are told one by one; the rest is counted. */
export const PROBLEMS_MAX = 100;

/** `services.web.ports[0]` */
export function pathText(path: ValuePath): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}

/** `compose.yaml:4:7 services.web.ports[0]: found "x", expected a port (hint)` */
export function problemText({ where, path, message, hint }: ComposeProblem): string {
  const { file, line, column } = where;
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  const name = path === '' ? '' : ` ${path}`;
  return `${place}${name}: ${message}${hint === null ? '' : ` (${hint})`}`;
}

/** A value as an error shows it. */
export function foundText(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}
