/** @jest-environment ./test/unit/inference/environment.js */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { imageInputs, imageSamples, type Samples } from '../../../workers/samples/index.js';
import { ModelError } from '../../../workers/models/inference/index.js';
import { opened } from './opened.js';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);
const shape = [3, 4, 2];
const inputs = imageInputs(shape);
const samples = (): Samples =>
  imageSamples(
    shape,
    Float32Array.from({ length: 2 * 24 }, (_, at) => (at % 7) / 8),
  );

interface Answer {
  readonly logits: number[];
  readonly digest: string;
}

async function answerOf(path: string): Promise<Answer> {
  const model = await opened({ format: 'onnx', path, input: { layout: 'NCHW' }, inputs, threads: 1 });
  try {
    return { logits: [...(await model.infer(samples()))], digest: model.digestHex };
  } finally {
    await model.close();
  }
}

async function errorOf(path: string): Promise<ModelError> {
  const error = await answerOf(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ModelError);
  return error as ModelError;
}

let root: string;
let before: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'distillery-external-'));
  before = process.cwd();
});
afterEach(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

/** A folder with the model and its file of weights. @returns the path of the model */
function modelIn(name: string): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  copyFileSync(fixture('external.onnx'), join(folder, 'model.onnx'));
  copyFileSync(fixture('external.bin'), join(folder, 'external.bin'));
  return join(folder, 'model.onnx');
}

/** As the fixture, with another name of the same length for the file of weights. */
function writeNamed(path: string, location: string): void {
  expect(location).toHaveLength('external.bin'.length);
  const bytes = readFileSync(fixture('external.onnx')).toString('latin1').replace('external.bin', location);
  writeFileSync(path, bytes, 'latin1');
}

describe('weights in a file beside the model', () => {
  test('give the answers of the model that has them inside', async () => {
    expect((await answerOf(modelIn('model'))).logits).toEqual((await answerOf(fixture('nchw.onnx'))).logits);
  });

  test('come from beside the model, whatever lies in the working folder', async () => {
    const path = modelIn('model');
    const want = await answerOf(path);
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'external.bin'), Buffer.alloc(304));
    process.chdir(elsewhere);
    expect(await answerOf(path)).toEqual(want);
    rmSync(join(root, 'model/external.bin'));
    expect((await errorOf(path)).message).toBe(
      `model ${path}: found nothing at ${join(root, 'model/external.bin')}, expected the file of weights that the model ` +
        'names. Copy "external.bin" into the folder of the model.',
    );
  });

  test('are part of the digest', async () => {
    const path = modelIn('model');
    const { digest } = await answerOf(path);
    const weights = readFileSync(fixture('external.bin'));
    writeFileSync(join(root, 'model/external.bin'), weights.fill(1, 20, 21));
    expect((await answerOf(path)).digest).not.toBe(digest);
  });

  test('are found in a mounted ConfigMap, whose entries are links inside the mount', async () => {
    const path = modelIn('mount/..2026_11_29');
    symlinkSync('..2026_11_29', join(root, 'mount/..data'));
    for (const name of ['model.onnx', 'external.bin']) symlinkSync(`..data/${name}`, join(root, 'mount', name));
    expect(await answerOf(join(root, 'mount/model.onnx'))).toEqual(await answerOf(path));
  });

  test('are found in the cache of a model hub, where model and weights are links into one folder', async () => {
    modelIn('blobs');
    mkdirSync(join(root, 'snapshots/main'), { recursive: true });
    const path = join(root, 'snapshots/main/model.onnx');
    symlinkSync('../../blobs/model.onnx', path);
    symlinkSync('../../blobs/external.bin', join(root, 'snapshots/main/external.bin'));
    expect((await answerOf(path)).logits).toEqual((await answerOf(fixture('nchw.onnx'))).logits);
  });

  test('may lie in a folder below the model', async () => {
    const path = modelIn('model');
    mkdirSync(join(root, 'model/w'));
    copyFileSync(fixture('external.bin'), join(root, 'model/w/weight.bin'));
    writeNamed(path, 'w/weight.bin');
    expect((await answerOf(path)).logits).toEqual((await answerOf(fixture('nchw.onnx'))).logits);
  });

  test.each([
    ['the folder above', '../other.bin'],
    ['a folder above, by way of one below', 'w/../../w.bi'],
    ['an absolute path', '/etc/passwd0'],
    ['a path of Windows', '..\\other.bin'.slice(0, 12)],
    ['no name', './././././//'],
  ])('are refused from %s', async (_, location) => {
    const path = modelIn('model');
    writeFileSync(join(root, 'other.bin'), readFileSync(fixture('external.bin')));
    writeNamed(path, location);
    const { found, expected } = (await errorOf(path)).fault;
    expect(found).toMatch(/^weights in a file named "/);
    expect(expected).toBe("a relative path inside the model's folder");
  });

  test.each(['the file', 'a folder'])('are refused where %s is a link that leads out of the folder', async (what) => {
    const path = modelIn('model');
    modelIn('secret');
    if (what === 'the file') {
      rmSync(join(root, 'model/external.bin'));
      symlinkSync('../secret/external.bin', join(root, 'model/external.bin'));
    } else {
      copyFileSync(fixture('external.bin'), join(root, 'secret/weight.bin'));
      symlinkSync('../secret', join(root, 'model/w'));
      writeNamed(path, 'w/weight.bin');
    }
    expect((await errorOf(path)).fault.found).toMatch(/^weights in ".*", a link that leads out of the model's folder$/);
  });

  test('are refused when the file is cut off, with the range that is missing', async () => {
    const path = modelIn('model');
    writeFileSync(join(root, 'model/external.bin'), readFileSync(fixture('external.bin')).subarray(0, 300));
    expect((await errorOf(path)).message).toBe(
      `model ${path}: found 300 bytes in "external.bin", expected bytes 16 to 304 for the weight "W". Copy that file again: ` +
        'it is cut off, or belongs to another model.',
    );
  });

  test('are refused where the library would look for them itself', async () => {
    modelIn('model');
    const path = join(root, 'model/in-node.onnx');
    copyFileSync(fixture('external-in-node.onnx'), path);
    expect((await errorOf(path)).fault.found).toBe(
      'a tensor "W" inside a node or a subgraph whose data lie in another file',
    );
  });

  test.each(['the model.', 'its weights'])('are no pipe, and neither is the model: %s', async (which) => {
    const path = modelIn('model');
    const pipe = which === 'the model.' ? path : join(root, 'model/external.bin');
    rmSync(pipe);
    execFileSync('mkfifo', [pipe]);
    expect((await errorOf(path)).fault.found).toMatch(/^a named pipe/);
  });
});
