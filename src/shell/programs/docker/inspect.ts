/** `inspect`: documents as JSON or through a template. @source docker cli command/inspect/inspector.go */
import { DockerError } from '../../../docker/engine-record.ts';
import type { ProgramContext } from '../../program.ts';
import { UsageError } from './command-line.ts';
import { daemonText } from './daemon.ts';
import { parseGoTemplate, runGoTemplate } from './go-template.ts';
import { TemplateError } from './go-template-lex.ts';
import type { ParsedTemplate } from './go-template-tree.ts';
import { encodeIndentedJson, encodeJson, type GoStruct, rawOf } from './go-value.ts';

/**
 * Prints the documents of all names; stops at the first that there is not, which stderr then tells.
 * @param find throws DockerError.
 */
export function inspect(
  context: ProgramContext,
  names: readonly string[],
  format: string,
  find: (name: string) => GoStruct,
  explain: (error: DockerError) => string = daemonText,
): number {
  const template = format === '' || format === 'json' ? null : parse(format);
  const documents: GoStruct[] = [];
  let problem = '';
  let text = '';
  for (const name of names) {
    try {
      const document = find(name);
      documents.push(document);
      if (template !== null) text += `${runTemplate(template, document)}\n`;
    } catch (error) {
      if (error instanceof TemplateError) {
        problem += `template parsing error: ${error.message}\n`;
        break;
      }
      if (!(error instanceof DockerError)) throw error;
      problem += explain(error);
    }
  }
  if (template !== null) context.write(text === '' ? '\n' : text);
  else if (format === 'json') context.write(`${encodeJson(documents)}\n`);
  else context.write(`${encodeIndentedJson(documents)}\n`);
  context.writeError(problem);
  return problem === '' ? 0 : 1;
}

function parse(format: string): ParsedTemplate {
  try {
    return parseGoTemplate(format);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new UsageError(`template parsing error: ${error.message}\n`, 64);
  }
}

/** By Go's names of fields first; if that fails, by those of the JSON text. */
export function runTemplate(template: ParsedTemplate, document: GoStruct): string {
  try {
    return runGoTemplate(template, document);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return runGoTemplate(template, rawOf(document), { isStrict: true });
  }
}
