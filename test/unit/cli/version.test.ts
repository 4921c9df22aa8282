import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { version } from '@distillery/base';
import { expect, test } from '@jest/globals';

test('the command says the version of the package', () => {
  const manifest = readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8');
  expect(JSON.parse(manifest)).toMatchObject({ version });
});
