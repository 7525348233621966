/**
 * Aligns columns of text as Go's text/tabwriter does with Docker's settings: a column is as wide as
 * its widest cell and three blanks, at least ten.
 * @source Go src/text/tabwriter/tabwriter.go; docker cli command/formatter/formatter.go
 */

const WIDTH_MIN = 10;
const PADDING = 3;

/** Aligns a text whose cells are ended by tabs; the last cell of a line belongs to no column. */
export function alignColumns(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths: number[] = [];
  const out: string[] = lines.map(() => '');
  format(lines, 0, lines.length, widths, out);
  return out.join('\n');
}

/** Lines `[from, to)` with the widths of the columns so far. @source tabwriter.go format */
function format(
  lines: readonly (readonly string[])[],
  from: number,
  to: number,
  widths: number[],
  out: string[],
): void {
  const column = widths.length;
  let done = from;
  for (let line = from; line < to; line++) {
    if (column >= lines[line]!.length - 1) continue;
    for (let each = done; each < line; each++) out[each] = writeLine(lines[each]!, widths);
    let width = WIDTH_MIN;
    let end = line;
    while (end < to && column < lines[end]!.length - 1) {
      width = Math.max(width, widthOf(lines[end]![column]!) + PADDING);
      end++;
    }
    widths.push(width);
    format(lines, line, end, widths, out);
    widths.pop();
    done = end;
    line = end - 1;
  }
  for (let each = done; each < to; each++) out[each] = writeLine(lines[each]!, widths);
}

function writeLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, index) => {
      const width = widths[index];
      return width === undefined || index === cells.length - 1
        ? cell
        : cell + ' '.repeat(Math.max(0, width - widthOf(cell)));
    })
    .join('');
}

function widthOf(cell: string): number {
  return [...cell].length;
}
