/**
 * Where the output of a script goes: keeps the line that runs, puts file and line into the shell's
 * messages, puts stdout and stderr of one program in the order in which they were written, and
 * ends a script that writes without end.
 */
import { NetsimError } from '../base/errors.ts';
import type { TerminalSink } from './bash-files.ts';
import { type Shell, textOf } from './shell.ts';

/** Bytes that one script may write. */
export const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export interface Terminal extends TerminalSink {
  /** The line of the command that runs. */
  line: number;
  /** Shows what is held back; at the end of a script. */
  flush(): void;
}

export interface TerminalOptions {
  /** The script's name in messages; null for the messages of an interactive bash. */
  readonly fileName: string | null;
  readonly write: (text: string) => void;
  /** `line` is that of the command that wrote it, 0 if it is not known. */
  readonly writeError: (text: string, line: number) => void;
  /**
   * `set -x` occurs: stdout of each command is held back until it is known what the command wrote
   * to stderr, because its trace comes first. Needs a flush at the end.
   */
  readonly isTraced?: boolean;
}

/** A terminal that writes to the two functions. */
export function makeTerminal(shell: Shell, options: TerminalOptions): Terminal {
  const decoder = new TextDecoder();
  let byteCount = 0;
  /** What the last program wrote to stderr, if that was shown with its stdout already. */
  let shownError = '';
  const toError = (text: string, line: number): void =>
    options.writeError(placeMessages(text, options.fileName, line), line);
  let held = '';
  const flush = (): void => {
    if (held !== '') options.write(held);
    held = '';
  };
  const toOutput = (text: string): void => {
    if (options.isTraced === true) held += text;
    else options.write(text);
  };
  return {
    line: 0,
    flush,
    atLine(line) {
      flush();
      this.line = line;
    },
    output(fd, line, bytes, program = '') {
      byteCount += bytes.length;
      if (byteCount > OUTPUT_BYTES_MAX) {
        shell.failure ??= new NetsimError('output-limit', 'the script writes more than 16 MiB');
        shell.abort.abort();
        return;
      }
      const text = decoder.decode(bytes);
      const chunks = program === shell.lastProgram ? shell.lastChunks : [];
      if (fd === 2) {
        if (text !== shownError) toError(text, line);
        shownError = '';
        flush();
        return;
      }
      shownError = '';
      if (chunks.some((chunk) => chunk.fd === 2) && textOf(chunks, 1) === text) {
        shownError = textOf(chunks, 2);
        flush();
        for (const chunk of chunks) {
          if (chunk.fd === 1) options.write(chunk.text);
          else toError(chunk.text, line);
        }
        shell.lastChunks = [];
      } else toOutput(text);
    },
  };
}

/** `lab.sh: line 7: foo: command not found` of `bash: foo: command not found`. */
export function placeMessages(text: string, fileName: string | null, line: number): string {
  if (fileName === null || line === 0) return text;
  return text.replaceAll(/^bash: (?:line \d+: )?/gm, `${fileName}: line ${line}: `);
}
