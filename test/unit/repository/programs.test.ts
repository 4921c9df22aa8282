/** The programs that ship (docs/adr/0068). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from '@jest/globals';

import { program } from '../../kit/programs.js';

interface Bundle {
  readonly files: ReadonlyMap<string, string>;
  readonly inputs: readonly string[];
  readonly packages: readonly string[];
}

const root = join(import.meta.dirname, '../../..');
const script = (name: string): string => new URL(`../../../scripts/programs/${name}.ts`, import.meta.url).href;
const { programs } = (await import(script('programs'))) as { programs: Readonly<Record<string, readonly string[]>> };
const { bundle } = (await import(script('bundle'))) as { bundle: (entries: readonly string[]) => Promise<Bundle> };

test.each([...new Set(Object.values(programs).flat())])('%s is a source, and a program', (name) => {
  expect(existsSync(join(root, `${name}.ts`))).toBe(true);
  expect(existsSync(program(name))).toBe(true);
});

describe.each(Object.entries(programs))('the bundle of %s', (of, entries) => {
  let made: Bundle;
  beforeAll(async () => {
    made = await bundle(entries);
  });

  test('has each program, and each module in one file', () => {
    for (const entry of entries) expect([...made.files.keys()]).toContain(`${entry}.js`);
    const modules = [...made.files.values()].flatMap((text) => [
      ...new Set(Array.from(text.matchAll(/^\/\/ (\S+\.js)$/gm), ([, path = '']) => path)),
    ]);
    expect(modules.length).toBeGreaterThan(100);
    expect(modules.filter((path, at) => modules.indexOf(path) !== at)).toEqual([]);
  });

  test('imports nothing of ours, and the operator nothing that computes', () => {
    expect(made.packages).toContain('pino');
    expect(made.packages.filter((name) => name.startsWith('@distillery/'))).toEqual([]);
    const computing = made.packages.filter((name) => /tensorflow|onnx|sharp/.test(name));
    expect(computing.length > 0).toBe(of !== 'operator');
  });
});
