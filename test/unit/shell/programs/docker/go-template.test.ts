import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  parseGoTemplate,
  runGoTemplate,
} from '../../../../../src/shell/programs/docker/go-template.ts';
import { TemplateError } from '../../../../../src/shell/programs/docker/go-template-lex.ts';
import {
  type GoStruct,
  type GoValue,
  goMap,
  goPointer,
  goStruct,
  NIL_MAP,
  NIL_POINTER,
  NIL_SLICE,
} from '../../../../../src/shell/programs/docker/go-value.ts';
import { runTemplate } from '../../../../../src/shell/programs/docker/inspect.ts';

const FOLDER = join(import.meta.dirname, '../../../../fixtures/docker/templates');

interface Case {
  readonly template: string;
  readonly output: string;
  readonly error: string;
}

const CASES: readonly Case[] = JSON.parse(readFileSync(join(FOLDER, 'cases.json'), 'utf8'));
const MAPS = new Set(['Labels', 'Ports', 'PortBindings', 'Networks']);
const SLICES = new Set(['SecondaryIPAddresses', 'SecondaryIPv6Addresses', 'Links', 'Aliases']);

/** The document with the types that it has in Go. */
function typed(name: string, value: unknown): GoValue {
  if (value === null) {
    return SLICES.has(name) ? NIL_SLICE : name === 'DriverOpts' ? NIL_MAP : NIL_POINTER;
  }
  if (Array.isArray(value)) return value.map((each) => typed('', each));
  if (typeof value !== 'object') return value as string | number | boolean;
  const fields = Object.entries(value).map(([key, each]) => [key, typed(key, each)] as const);
  if (MAPS.has(name)) return goMap<GoValue>(fields, name === 'Labels' ? '' : NIL_SLICE);
  const make = name === '' ? goStruct : goPointer;
  return make('types.Test', {
    ...Object.fromEntries(fields),
    ...(name === 'Config' ? DEFAULTS : {}),
  });
}

/** A field that the JSON text leaves out. */
const DEFAULTS = { Domainname: undefined };

const DOCUMENT = typed(
  '',
  JSON.parse(readFileSync(join(FOLDER, 'container.json'), 'utf8')),
) as GoStruct;

function render(template: string): { output: string; error: string } {
  try {
    return { output: `${runTemplate(parseGoTemplate(template), DOCUMENT)}\n`, error: '' };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return { output: '', error: error.message };
  }
}

test.each(CASES)('$template', ({ template, output, error }) => {
  expect(render(template)).toEqual({ output, error });
});

test('a template that never ends is ended', () => {
  const loops = '{{define "x"}}{{template "x"}}{{end}}{{template "x"}}';
  expect(render(loops).error).toContain('exceeded maximum template depth');
  const many = `${'{{range 1000}}'.repeat(4)}x${'{{end}}'.repeat(4)}`;
  expect(render(many).error).toContain('takes too long');
  expect(render('('.repeat(500)).error).toBe('');
  expect(render(`{{${'('.repeat(500)}1${')'.repeat(500)}}}`).error).toContain(
    'max expression depth',
  );
});

test('columns keep their HTML', () => {
  const value = goMap<GoValue>([['a', '<b>&c']]);
  expect(runGoTemplate(parseGoTemplate('{{json .}}'), value)).toBe('{"a":"<b>&c"}');
});
