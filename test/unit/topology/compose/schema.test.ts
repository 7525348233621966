import { join } from 'node:path';
import { expect, test } from 'vitest';
import { composeJsonSchema } from '../../../../src/topology/compose/schema.ts';

const FILE = join(import.meta.dirname, '../../../../schema/compose.schema.json');

test('schema/compose.schema.json is what the schema says (npm run golden writes it)', async () => {
  await expect(`${JSON.stringify(composeJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(FILE);
});
