/** What the command line gets from the process it runs in; a test gives something else. */
export interface Surroundings {
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** Relative paths start here. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether colours may be used on standard output. */
  readonly isTerminal: boolean;
  readonly stdin: NodeJS.ReadableStream;
  /** Registers what has to be done when the user presses Ctrl-C, before the process ends. */
  readonly onInterrupt: (act: () => void) => void;
}

/** Exit codes of netsim's own; programs that it runs have theirs. */
export const EXIT_USAGE = 2;
export const EXIT_INTERNAL = 4;
export const EXIT_INTERRUPTED = 130;
