import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { imageNativeFolder, nativeBuildFile } from '@distillery/protocol';
import { afterAll, expect, it } from '@jest/globals';

import { nativeMissing, noNative, openRuntime, runtimeTable } from '../../../workers/runtimes/index.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-native-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const flags =
  (...names: string[]) =>
  (): ReadonlySet<string> =>
    new Set(names);

it('is missing without a folder, and in a folder that is not whole', () => {
  for (const unnamed of [null, imageNativeFolder]) {
    expect(nativeMissing({ ...noNative, folder: unnamed })).toMatchObject({ problem: 'TensorFlow is not built here' });
  }
  expect(nativeMissing({ ...noNative, folder }, 'training', flags('avx2', 'fma'))).toMatchObject({
    found: `no ${nativeBuildFile} in ${folder}`,
    remedy: expect.stringContaining('npm run native'),
  });
});

it('is missing on a processor without its instructions', () => {
  writeFileSync(join(folder, nativeBuildFile), '{}');
  expect(nativeMissing({ ...noNative, folder }, 'training', flags('avx2', 'fma'))).toBeNull();
  expect(nativeMissing({ ...noNative, folder }, 'training', flags('sse4_1'))).toMatchObject({
    problem: 'the processor lacks AVX2',
    remedy: expect.stringContaining('student.runtime.instructionSet'),
  });
  expect(nativeMissing({ ...noNative, folder, instructionSet: 'SSE41' }, 'training', flags('sse4_1'))).toBeNull();
  // Where the flags cannot be read, nothing is refused for them.
  expect(nativeMissing({ ...noNative, folder }, 'training', () => null)).toBeNull();
});

it('that is named and missing is refused; `auto` passes over it silently', async () => {
  await expect(openRuntime('native', 'training')).rejects.toMatchObject({
    kind: 'Runtime',
    retry: 'Never',
    message: expect.stringContaining('TensorFlow is not built here'),
  });
  expect(await openRuntime('auto', 'training')).toMatchObject({ name: 'wasm', notes: [] });
});

it('that is there and does not load is passed over with a note, and refused where it is named', async () => {
  const table = runtimeTable({ ...noNative, folder, instructionSet: 'SSE41' });
  expect(await openRuntime('auto', 'training', table)).toMatchObject({
    name: 'wasm',
    notes: [expect.stringContaining('TensorFlow does not start')],
  });
  await expect(openRuntime('native', 'training', table)).rejects.toThrow(/npm run native/);
});
