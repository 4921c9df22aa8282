import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { imageNativeFolder, type InstructionSet, nativeBuildFile } from '@distillery/protocol';
import { afterAll, expect, it } from '@jest/globals';

import { nativeMissing, noNative, openRuntime, runtimeTable } from '../../../workers/runtimes/index.js';
import { instructionSetOf } from '../../../workers/runtimes/native/settings.js';

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
  expect(nativeMissing({ ...noNative, folder }, 'training', flags('avx'))).toBeNull();
  expect(nativeMissing({ ...noNative, folder }, 'training', flags('sse4_1'))).toMatchObject({
    problem: 'the processor lacks AVX',
    remedy: 'use runtime wasm',
  });
  const named = { ...noNative, folder, instructionSet: 'AVX512_CORE' } as const;
  expect(nativeMissing(named, 'training', flags('avx', 'avx2', 'fma'))).toMatchObject({
    problem: 'the processor lacks AVX512_CORE',
    remedy: 'leave student.runtime.instructionSet out, or use runtime wasm',
  });
  expect(nativeMissing({ ...noNative, folder, instructionSet: 'SSE41' }, 'training', flags('sse4_1'))).toBeNull();
  // Where the flags cannot be read, nothing is refused for them.
  expect(nativeMissing({ ...noNative, folder }, 'training', () => null)).toBeNull();
});

const avx2 = ['sse4_1', 'avx', 'avx2', 'fma'];
const avx512 = [...avx2, 'avx512f', 'avx512bw', 'avx512dq', 'avx512vl'];

it.each<[string, Parameters<typeof instructionSetOf>[0], readonly string[] | null, InstructionSet]>([
  ['the newest of the processor', { instructionSet: null }, avx512, 'AVX512_CORE'],
  ['the newest of an older one', { instructionSet: null }, avx2, 'AVX2'],
  ['the one that the job names', { instructionSet: 'SSE41', trainedWith: 'AVX2' }, avx512, 'SSE41'],
  ['the one that trained so far', { instructionSet: null, trainedWith: 'AVX2' }, avx512, 'AVX2'],
  ['a lesser one, as it lacks that', { instructionSet: null, trainedWith: 'AVX512_CORE' }, avx2, 'AVX2'],
  ['the usual one of a processor that is not known', { instructionSet: null }, null, 'AVX2'],
  ['the one so far, of a processor that is not known', { instructionSet: null, trainedWith: 'AVX' }, null, 'AVX'],
])('an instruction set is %s', (_which, settings, names, expected) => {
  expect(instructionSetOf(settings, () => (names === null ? null : new Set(names)))).toBe(expected);
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
