/** Where the package lies: the same from src/cli, from dist/cli and from dist/bundle. */
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../..');

/** A path in the package: packagePath('topologies'). */
export function packagePath(...parts: readonly string[]): string {
  return join(FOLDER, ...parts);
}
