import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import { version } from '../../../src/lib/version.js';

test('the command says the version of the package', () => {
  const manifest = readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8');
  expect(JSON.parse(manifest)).toMatchObject({ version });
});
