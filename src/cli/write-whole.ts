/** Writes a file as a whole or not at all. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { NetsimError } from '../base/errors.ts';
import { pathKind } from './path-kind.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'a part of the path is no folder',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'the name is too long',
};

/** @throws NetsimError with a plain reason; then the file is as it was before. */
export function writeWhole(path: string, content: string | Uint8Array, shown: string): void {
  if (pathKind(path) === 'folder') {
    throw new NetsimError('output-write', `cannot write ${shown}: it is a folder`);
  }
  // In the same folder, so that the last step is a rename.
  const draft = join(dirname(path), `.${basename(path).slice(0, 100)}.${process.pid}.part`);
  try {
    writeFileSync(draft, content);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    const code = (error as NodeJS.ErrnoException).code ?? ''; // node:fs throws nothing else
    throw new NetsimError('output-write', `cannot write ${shown}: ${REASONS[code] ?? code}`, {
      hint: '-o takes a file in a folder that exists and may be written',
    });
  }
}
