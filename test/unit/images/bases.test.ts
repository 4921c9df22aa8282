/** What our images start from: bytes that a digest names, not whatever a tag names on the day of the build. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');

/** Images of other people that a Dockerfile starts stages from, each once: arguments replaced, its own stages left out. */
function bases(dockerfile: string): string[] {
  const lines = dockerfile.split('\n');
  const values = new Map(
    lines.flatMap((line) => {
      const [, name = '', value = ''] = /^ARG (\w+)=(\S+)$/.exec(line) ?? [];
      return name === '' ? [] : [[name, value] as const];
    }),
  );
  const stages = new Set(lines.flatMap((line) => /^FROM \S+ AS (\S+)$/.exec(line)?.[1] ?? []));
  const images = lines
    .flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? [])
    .map((image) => image.replace(/^\$\{(\w+)\}$/, (_all, name: string) => values.get(name) ?? name))
    .filter((image) => !stages.has(image));
  return [...new Set(images)];
}

test('The Dockerfile starts from images with a digest', () => {
  const found = bases(readFileSync(join(root, 'Dockerfile'), 'utf8'));
  expect(found).toHaveLength(2);
  for (const image of found) expect(image).toMatch(/^[a-z0-9./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
});
