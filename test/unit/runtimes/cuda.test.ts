/** What the runtime of NVIDIA devices says on a machine that lacks a part of it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statementOf } from '@distillery/base';
import { afterAll, expect, it } from '@jest/globals';
import { nativeBuildFile, nativeCudaFolder } from '@distillery/protocol';
import { cudaMissing, deviceModels, startCuda, usualCudaPaths } from '../../../workers/runtimes/cuda.js';
import { noNative } from '../../../workers/runtimes/index.js';
import { deviceFault } from '../../../workers/models/inference/index.js';

const folder = mkdtempSync(join(tmpdir(), 'distillery-cuda-'));
afterAll(() => rmSync(folder, { recursive: true }));

const said = (...given: Parameters<typeof cudaMissing>): string | null => {
  const reason = cudaMissing(...given);
  return reason === null ? null : statementOf({ about: 'runtime cuda', ...reason });
};

const places = { libraries: folder, device: join(folder, 'nvidiactl'), descriptions: join(folder, 'gpus') };
const native = { ...noNative, folder };

it('needs a provider for ONNX, a build for CUDA for all else, and a device, and names what is missing', () => {
  expect(said('onnx', native, places)).toMatch(/^runtime cuda: libonnxruntime_providers_cuda\.so is not here/);
  const noBuild = /^runtime cuda: TensorFlow is not built for NVIDIA devices here$/;
  expect(said('training', noNative, places)).toMatch(noBuild);
  expect(said('training', native, places)).toMatch(noBuild);
  writeFileSync(join(folder, nativeBuildFile), '{}');
  expect(said('saved-model', native, places)).toMatch(noBuild);
  mkdirSync(join(folder, nativeCudaFolder));
  writeFileSync(join(folder, 'libonnxruntime_providers_cuda.so'), '');
  for (const work of ['onnx', 'training', 'tfjs-layers', 'saved-model'] as const) {
    expect(said(work, native, places)).toMatch(/^runtime cuda: this machine shows no NVIDIA device \(no .*nvidiactl\)/);
  }
  writeFileSync(places.device, '');
  for (const work of ['onnx', 'training', 'tfjs-layers', 'saved-model'] as const) {
    expect(said(work, native, places)).toBeNull();
  }
});

it('names the models of its devices, each once', () => {
  expect(deviceModels(places.descriptions)).toBe('a device of unknown model');
  for (const [bus, model] of [
    ['0000:01:00.0', 'NVIDIA H200'],
    ['0000:02:00.0', 'NVIDIA H200'],
    ['0000:03:00.0', 'NVIDIA L4'],
  ] as const) {
    mkdirSync(join(places.descriptions, bus), { recursive: true });
    writeFileSync(join(places.descriptions, bus, 'information'), `Model: \t\t ${model}\nIRQ:   \t\t 0\n`);
  }
  expect(deviceModels(places.descriptions)).toBe('NVIDIA H200 and NVIDIA L4');
});

it('looks for the libraries where the package has its own', () => {
  expect(usualCudaPaths().libraries).toMatch(/onnxruntime-node\/bin\/napi-v6\/\w+\/\w+$/);
});

it('ends in a sentence where the libraries do not start; the same question about the CPU does not', async () => {
  expect(await deviceFault('cpu')).toBeNull();
  await expect(startCuda('onnx', noNative)).rejects.toThrow(
    /^runtime cuda: onnxruntime does not start on CUDA \(.+\)\. See the line/,
  );
});
