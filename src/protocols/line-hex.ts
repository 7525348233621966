/** Hexadecimal dumps as tcpdump prints them for -x and -X. @source tcpdump 4.99 print-ascii.c */

const BYTES_PER_LINE = 16;
const HEX_WIDTH = 40;

/** Lines of offset and hex words of bytes[start, end), each with a newline and a tab before it. */
export function hexDump(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += BYTES_PER_LINE) {
    text += `\n\t${offsetText(at - start)}${hexWords(bytes, at, Math.min(end, at + BYTES_PER_LINE))}`;
  }
  return text;
}

/** The same with the characters on the right. */
export function hexAndAscii(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += BYTES_PER_LINE) {
    const stop = Math.min(end, at + BYTES_PER_LINE);
    let characters = '';
    for (let i = at; i < stop; i++) {
      const byte = bytes[i]!;
      characters += byte > 32 && byte < 127 ? String.fromCharCode(byte) : '.';
    }
    const words = hexWords(bytes, at, stop).padEnd(HEX_WIDTH);
    text += `\n\t${offsetText(at - start)}${words}  ${characters}`;
  }
  return text;
}

/** The characters alone, as -A prints them. */
export function asciiDump(bytes: Uint8Array, start: number, end: number): string {
  let text = '\n';
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === 13) {
      if (end - i > 2 && bytes[i + 1] !== 10) text += '.';
    } else if ((byte > 32 && byte < 127) || byte === 9 || byte === 10 || byte === 32) {
      text += String.fromCharCode(byte);
    } else {
      text += '.';
    }
  }
  return text;
}

function offsetText(offset: number): string {
  return `0x${offset.toString(16).padStart(4, '0')}: `;
}

function hexWords(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) {
    if ((i - start) % 2 === 0) text += ' ';
    text += bytes[i]!.toString(16).padStart(2, '0');
  }
  return text;
}
