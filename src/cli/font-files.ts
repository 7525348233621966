/** The font of drawings as files: PNG and PDF carry it, so that they look the same everywhere. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FontName } from '../draw/text.ts';

const FILES: Readonly<Record<FontName, string>> = {
  regular: 'DejaVuSansCondensed.ttf',
  bold: 'DejaVuSansCondensed-Bold.ttf',
  mono: 'DejaVuSansMono.ttf',
};

/** Absolute paths. */
export function fontFiles(): Readonly<Record<FontName, string>> {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('dejavu-fonts-ttf/package.json')), 'ttf');
  return {
    regular: join(folder, FILES.regular),
    bold: join(folder, FILES.bold),
    mono: join(folder, FILES.mono),
  };
}
