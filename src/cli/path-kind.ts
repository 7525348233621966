/** What a path leads to. */
import { statSync } from 'node:fs';

/** Null if there is nothing that can be looked at. */
export function pathKind(path: string): 'file' | 'folder' | null {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file';
  } catch {
    return null; // ENOENT, ENOTDIR, EACCES, ELOOP, a path with a zero byte: nothing to read there
  }
}
