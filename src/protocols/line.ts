/**
 * One packet as tcpdump prints it, without the time. Keeps the state that relative TCP sequence
 * numbers need, so use one printer per capture.
 * @source tcpdump 4.99 print.c pretty_print_packet()
 */
import { type LineContext, type LineOptions, TruncatedError } from './line-context.ts';
import { frameLine } from './line-frame.ts';
import { ipLine } from './line-ip.ts';

export type { LineOptions } from './line-context.ts';

export interface LinePrinter {
  /** The text of the frame in bytes[start, end), which had `wireBytes` on the wire. */
  readonly print: (bytes: Uint8Array, start: number, end: number, wireBytes?: number) => string;
}

export const DEFAULT_LINE_OPTIONS: LineOptions = {
  isNumeric: true,
  verbosity: 0,
  showsLink: false,
  isQuick: false,
  isAbsolute: false,
  nameOf: null,
};

/** A printer with these options. */
export function makeLinePrinter(options: LineOptions = DEFAULT_LINE_OPTIONS): LinePrinter {
  const context: LineContext = {
    options,
    flows: new Map(),
    bytes: new Uint8Array(0),
    end: 0,
    frameText: cutShort(frameLine),
    ipText: cutShort(ipLine),
  };
  return {
    print(bytes, start, end, wireBytes = end - start) {
      context.bytes = bytes;
      context.end = end;
      return context.frameText(context, start, wireBytes);
    },
  };
}

/** Lets a printer end with `[|protocol]` where the captured bytes end. */
function cutShort(
  print: (context: LineContext, start: number, sizeBytes: number) => string,
): LineContext['frameText'] {
  return (context, start, sizeBytes) => {
    const { end } = context;
    try {
      return print(context, start, sizeBytes);
    } catch (error) {
      if (!(error instanceof TruncatedError)) throw error;
      context.end = end;
      return ` [|${error.protocol}]`;
    }
  };
}
