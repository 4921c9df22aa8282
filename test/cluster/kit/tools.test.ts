/** Building the programs of a cluster, tried on a Go program that takes a second. */
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { buildTools } from '../../kit/cluster/tools.js';

let module: string;
let folder: string;
beforeAll(async () => {
  module = await mkdtemp(join(tmpdir(), 'distillery-tools-module-'));
  folder = await mkdtemp(join(tmpdir(), 'distillery-tools-'));
  await writeFile(join(module, 'go.mod'), 'module example.org/greeter/v2\n\ngo 1.24\n\n//example.org/pinned v1.2.3\n');
  await writeFile(join(module, 'go.sum'), '');
  await greet('hello');
});
afterAll(async () => {
  await rm(module, { recursive: true });
  await rm(folder, { recursive: true });
});

function greet(word: string): Promise<void> {
  return writeFile(
    join(module, 'main.go'),
    `package main\n\nvar version string\n\nfunc main() { println("${word}", version) }\n`,
  );
}

const binary = (): string => join(folder, 'bin', 'renamed');
const said = (): string => execFileSync('sh', ['-c', '"$0" 2>&1', binary()], { encoding: 'utf8' });

/** @returns the lines that were printed */
async function build(go?: string): Promise<string[]> {
  const lines: string[] = [];
  const group = {
    name: 'greeter',
    module,
    packages: { renamed: 'example.org/greeter/v2' },
    versions: { '//example.org/pinned': (version: string) => ({ 'main.version': version }) },
  };
  await buildTools({
    groups: [group],
    folder,
    progress: (line) => void lines.push(line),
    ...(go === undefined ? {} : { go }),
  });
  return lines;
}

test('without Go, the error says what is missing', async () => {
  await expect(build('/nowhere/go')).rejects.toThrow(
    '/nowhere/go: found no such command, expected Go 1.26 or newer on PATH; install it to build the cluster tools',
  );
});

test('of two concurrent requests, one builds and the other waits', async () => {
  const lines = (await Promise.all([build(), build()])).flat();
  expect(lines.filter((line) => line.includes('building'))).toHaveLength(1);
  expect(lines).toContain('cluster tools: another process builds them; waiting');
  expect(said()).toBe('hello v1.2.3\n');
});

test('a binary of the same pins is not built again', async () => {
  await greet('changed');
  expect(await build()).toEqual([]);
  expect(said()).toBe('hello v1.2.3\n');
});

test('other pins build again, in place', async () => {
  await appendFile(join(module, 'go.mod'), '\n// another pin\n');
  expect(await build()).toContainEqual(expect.stringContaining('building renamed'));
  expect(said()).toBe('changed v1.2.3\n');
});

test('a binary that is missing is built', async () => {
  await rm(binary());
  await build();
  expect(said()).toBe('changed v1.2.3\n');
});

test('a failed build says why, and keeps the previous binary', async () => {
  await appendFile(join(module, 'go.mod'), '\n// a third pin\n');
  await writeFile(join(module, 'main.go'), 'package main\n\nfunc main() { no() }\n');
  await expect(build()).rejects.toThrow(/undefined: no/);
  expect(said()).toBe('changed v1.2.3\n');
  expect((await readdir(folder)).filter((name) => name.startsWith('.building'))).toEqual([]);
});
