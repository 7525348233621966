/** Where a program's text goes: its standard output and standard error, piece by piece. */
export interface ProgramOutput {
  write(text: string): void;
  writeError(text: string): void;
}
