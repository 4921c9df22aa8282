/** What the runtime of NVIDIA devices says on a machine that lacks a part of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statementOf } from '@distillery/base';
import { afterAll, expect, it } from '@jest/globals';
import { cudaMissing, startCuda, usualCudaPaths } from '../../../workers/runtimes/cuda.js';
import { deviceFault } from '../../../workers/models/inference/index.js';

const folder = mkdtempSync(join(tmpdir(), 'distillery-cuda-'));
afterAll(() => rmSync(folder, { recursive: true }));

const said = (...given: Parameters<typeof cudaMissing>): string | null => {
  const reason = cudaMissing(...given);
  return reason === null ? null : statementOf({ about: 'runtime cuda', ...reason });
};

it('is for ONNX alone, and names the library or the device that is missing', () => {
  const places = { libraries: folder, device: join(folder, 'nvidiactl') };
  expect(said('training', places)).toMatch(/^runtime cuda: it computes teachers in ONNX alone/);
  expect(said('onnx', places)).toMatch(/^runtime cuda: libonnxruntime_providers_cuda\.so is not here/);
  writeFileSync(join(folder, 'libonnxruntime_providers_cuda.so'), '');
  expect(said('onnx', places)).toMatch(/^runtime cuda: this machine shows no NVIDIA device \(no .*nvidiactl\)/);
  writeFileSync(places.device, '');
  expect(said('onnx', places)).toBeNull();
});

it('looks for the libraries where the package has its own', () => {
  expect(usualCudaPaths().libraries).toMatch(/onnxruntime-node\/bin\/napi-v6\/\w+\/\w+$/);
});

it('ends in a sentence where the libraries do not start; the same question about the CPU does not', async () => {
  expect(await deviceFault('cpu')).toBeNull();
  await expect(startCuda()).rejects.toThrow(/^runtime cuda: onnxruntime does not start on CUDA \(.+\)\. See the line/);
});
