/**
 * `--format` of the commands that list things: tables, JSON lines, templates.
 * @source docker cli command/formatter/formatter.go, command/formatter/custom.go
 */
import { parseGoTemplate, runGoTemplate } from './go-template.ts';
import { TEMPLATE_FUNCTIONS, type TemplateFunction } from './go-template-functions.ts';
import { TemplateError } from './go-template-lex.ts';
import { encodeJson, type GoValue, goPointer, goStruct, isStruct } from './go-value.ts';
import { alignColumns } from './tab-writer.ts';

/** What one command lists: its columns by the names that templates use. */
export interface ListFormat {
  /** As Go's messages call it: `formatter.ContainerContext`. */
  readonly type: string;
  /** The template of the table without `table `. */
  readonly table: string;
  /** What `-q` prints. */
  readonly quiet: string;
  /** Names of columns and their heads. */
  readonly heads: Readonly<Record<string, string>>;
}

/** One row: columns, and methods (`Label`). */
export type Row = Readonly<Record<string, GoValue>>;

export interface ListOptions {
  /** `--format`; empty: the table. */
  readonly format: string;
  readonly isQuiet: boolean;
}

/** In a table's head the functions leave their text as it is. @source templates.go HeaderFunctions */
const HEAD_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  json: ([value]) => value ?? null,
  title: ([value]) => value ?? null,
  lower: ([value]) => value ?? null,
  upper: ([value]) => value ?? null,
  truncate: ([value]) => value ?? null,
  split: ([value]) => value ?? null,
  join: ([value]) => value ?? null,
  pad: ([value, before, after]) => TEMPLATE_FUNCTIONS.pad!([value, before, after]),
};

const ROW_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  json: ([value]) => (isStruct(value) ? rowJson(value) : encodeJson(value)),
};

/** The text of a list. @throws TemplateError with the CLI's message. */
export function formatList(list: ListFormat, rows: readonly Row[], options: ListOptions): string {
  const { isTable, text } = templateOf(list, options);
  const template = parse(text);
  const lines = rows.map((row) => {
    const data = goPointer(list.type, sortedRow(row));
    return runRow(() => runGoTemplate(template, data, { functions: ROW_FUNCTIONS }));
  });
  if (!isTable) return lines.map((line) => `${line}\n`).join('');
  const head = runRow(() => runGoTemplate(template, headOf(list), { functions: HEAD_FUNCTIONS }));
  return alignColumns(`${[head, ...lines].join('\n')}\n`);
}

function templateOf(list: ListFormat, options: ListOptions): { isTable: boolean; text: string } {
  const { format, isQuiet } = options;
  const isDefault = format === '' || format === 'table';
  if (isDefault && isQuiet) return { isTable: false, text: list.quiet };
  if (isDefault) return { isTable: true, text: list.table };
  if (format === 'json') return { isTable: false, text: '{{json .}}' };
  const unescaped = format.replaceAll(/\\([tn])/g, (_all, c: string) => (c === 't' ? '\t' : '\n'));
  return unescaped.startsWith('table')
    ? { isTable: true, text: unescaped.slice('table'.length).trim() }
    : { isTable: false, text: unescaped.trim() };
}

function parse(text: string): ReturnType<typeof parseGoTemplate> {
  return runRow(() => parseGoTemplate(text));
}

function runRow<Result>(act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new TemplateError(`template parsing error: ${error.message}`);
  }
}

/** The row with its columns sorted by name, as JSON shows them. */
function sortedRow(row: Row): Row {
  return Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function headOf(list: ListFormat): GoValue {
  // `.Label "com.example.some-thing"` has the head "some thing".
  const label: GoValue = {
    kind: 'function',
    call: ([name]) => String(name).split('.').at(-1)!.replaceAll(/[-_]/g, ' '),
  };
  return goStruct('formatter.SubHeaderContext', { ...list.heads, Label: label });
}

/** Rows make their own JSON, with the escapes of HTML. @source docker cli formatter/reflect.go */
function rowJson(value: GoValue): string {
  return encodeJson(value).replaceAll(
    /[<>&]/g,
    (char) => `\\u00${char.charCodeAt(0).toString(16)}`,
  );
}
