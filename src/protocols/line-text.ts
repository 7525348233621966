/** Protocols of text lines (HTTP and its like) in the words of tcpdump. @source tcpdump 4.99 print.c txtproto_print() */
import type { LineContext } from './line-context.ts';

const FIRST_WORDS: Readonly<Record<string, RegExp>> = {
  HTTP: /^(?:(?:GET|PUT|COPY|HEAD|LOCK|MOVE|POLL|POST|BCOPY|BMOVE|MKCOL|TRACE|LABEL|MERGE|DELETE|SEARCH|UNLOCK|REPORT|UPDATE|NOTIFY|BDELETE|CONNECT|OPTIONS|CHECKIN|PROPFIND|CHECKOUT|CCM_POST|SUBSCRIBE|PROPPATCH|BPROPFIND|BPROPPATCH|UNCHECKOUT|MKACTIVITY|MKWORKSPACE|UNSUBSCRIBE|RPC_CONNECT|VERSION-CONTROL|BASELINE-CONTROL)\s|HTTP\/\S+\s+\d{3}\b)/,
  FTP: /^(?:[A-Z]{3,4}\b|\d{3}[ -])/i,
  SMTP: /^(?:[A-Z]{4}\b|\d{3}[ -])/i,
  SSH: /^SSH-/,
};

/** The first line of a message, or with -v all lines of its head; only the name for other data. */
export function textLine(
  context: LineContext,
  start: number,
  sizeBytes: number,
  name: string,
): string {
  const { bytes, options } = context;
  const end = Math.min(context.end, start + sizeBytes);
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  const isMessage = FIRST_WORDS[name]?.test(text) === true;
  if (!isMessage) return name;
  const lines = text.split('\n');
  const clean = (line: string): string =>
    line.replace(/\r$/, '').replace(/[^\x20-\x7e\t]/g, visible);
  if (options.verbosity === 0) return `${name}: ${clean(lines[0]!)}`;
  let result = `${name}, length: ${sizeBytes}`;
  const rest = lines.at(-1) === '' ? lines.slice(0, -1) : lines;
  for (const line of rest) result += `\n\t${clean(line)}`;
  return result;
}

function visible(character: string): string {
  const code = character.charCodeAt(0);
  return code < 32 ? `^${String.fromCharCode(code + 64)}` : '.';
}
