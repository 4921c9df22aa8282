/** Teachers in the SavedModel format, which TensorFlow computes: fixtures/saved-models.py makes the models. */
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Samples, SampleSpec, Tensor } from '../../../workers/samples/index.js';
import { type Inference, type InferenceSource, openInference } from '../../../workers/models/inference/index.js';
import { openRuntime, type Runtime, runtimeTable } from '../../../workers/runtimes/index.js';
import { builtNative } from '../../kit/native.js';
import { nativeTensors } from '../../kit/native-tensors.js';

const folder = builtNative();
const fixtures = join(import.meta.dirname, '../inference/fixtures');
const model = join(fixtures, 'saved-model');
const place = mkdtempSync(join(tmpdir(), 'distillery-saved-model-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const plain = (dtype: 'float32' | 'int32', shape: number[]): SampleSpec['inputs'][string] => ({
  dtype,
  shape,
  kind: 'plain',
});
const x: Tensor = {
  dtype: 'float32',
  shape: [4, 3],
  data: Float32Array.from({ length: 12 }, (_, at) => Math.sin(at)),
};
const ids: Tensor = { dtype: 'int32', shape: [4, 2], data: Int32Array.of(0, 1, 2, 3, 4, 0, 1, 1) };
const samples = (inputs: Samples['inputs'] = { x }): Samples => ({ count: 4, inputs });
const withIds = { x: plain('float32', [3]), ids: plain('int32', [2]) };
const sourceOf = (path: string, more: Partial<InferenceSource> = {}): InferenceSource => ({
  format: 'saved-model',
  path,
  input: {},
  inputs: { x: plain('float32', [3]) },
  threads: 1,
  ...more,
});

/** A copy of the model, which `change` may damage. */
let copies = 0;
function copy(change: (at: string) => void = () => undefined, from = model): string {
  const target = join(place, String(copies++));
  cpSync(from, target, { recursive: true });
  change(target);
  return target;
}
const values = 'variables/variables.data-00000-of-00001';
const index = 'variables/variables.index';
const changed =
  (name: string, change: (bytes: Buffer) => Buffer) =>
  (at: string): void => {
    writeFileSync(join(at, name), change(readFileSync(join(at, name))));
  };
const flipped = (position: number) => (bytes: Buffer) => {
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  return bytes;
};

(folder === null ? describe.skip : describe)('a teacher in the SavedModel format', () => {
  let native: Runtime;
  beforeAll(async () => {
    const table = runtimeTable({ folder, threads: 1, instructionSet: null });
    native = await openRuntime('auto', 'saved-model', table);
  });
  const opened = (source: InferenceSource): Promise<Inference> =>
    openInference(source, (file) => native.openSession(file));

  // The numbers are those of TensorFlow in Python.
  it.each([
    ['serving_default, unnamed', {}, [1.14805984, 1.45658636, 0.02298766, -3.35052562, 0.79641736, 1.19741917]],
    ['a loop and a branch', { signature: 'loop' }, [2.45767641, 0.96131682, 2.40606856, 0.76905298]],
    ['double in, bfloat16 out, a batch of 4', { signature: 'four' }, [1.1484375, 1.453125, 0.02294922, -3.34375]],
    [
      'two inputs, a table of ids, and the logarithm of probabilities',
      { signature: 'both', inputs: withIds, output: { name: 'probabilities' } },
      [-1.17699158, -0.36846498, -0.05496163, -2.92847492, -1.24186634],
    ],
    [
      'another output, in double',
      { signature: 'both', inputs: withIds, output: { name: 'vector' } },
      [3.29611969, 4.9131732, 5.04597521, -0.70105124],
    ],
  ])('answers as TensorFlow does: %s', async (_, settings: Partial<InferenceSource>, want) => {
    const teacher = await opened(sourceOf(model, settings));
    const given = samples('inputs' in settings ? { x, ids } : { x });
    const logits = await teacher.infer(given);
    want.forEach((value, at) => expect(logits[at]).toBeCloseTo(value, 5));
    expect([...(await teacher.infer(given))]).toEqual([...logits]);
    await teacher.close();
  });

  it('says what it recognized: a softmax in a function, and how many ids there are', async () => {
    const settings = { signature: 'both', inputs: withIds, output: { name: 'probabilities' } };
    const teacher = await opened(sourceOf(model, settings));
    expect(teacher).toMatchObject({
      kind: 'Probabilities',
      columns: 2,
      description: expect.stringMatching(
        /^saved-model by native \(TensorFlow [\d.]+, AVX\w*, 1 thread\), ids \[N, 2\]/,
      ),
      notes: [expect.stringContaining('the operator Softmax ends the model')],
    });
    await teacher.close();
    const file = { format: 'saved-model' as const, path: join(model, 'saved_model.pb'), threads: 1 };
    const bytes = readFileSync(file.path);
    const session = await native.openSession({ ...file, bytes, signature: 'both', note: () => undefined });
    expect(session.inputs).toMatchObject([{ name: 'ids', ids: 5 }, { name: 'x' }]);
    await session.close();
  });

  it('pads a batch that the model fixes, and cuts the answers', async () => {
    const teacher = await opened(sourceOf(model, { signature: 'four' }));
    const all = await teacher.infer(samples());
    const first = await teacher.infer({
      count: 1,
      inputs: { x: { ...x, shape: [1, 3], data: x.data.slice(0, 3) } },
    });
    expect([...first]).toEqual([...all.subarray(0, 2)]);
    await teacher.close();
  });

  it('is a folder or its saved_model.pb, and also one of TensorFlow 1', async () => {
    const [byFolder, byFile] = [await opened(sourceOf(model)), await opened(sourceOf(join(model, 'saved_model.pb')))];
    expect(byFile.digestHex).toBe(byFolder.digestHex);
    // Two models of the same file share no function and no variable.
    const answers = [await byFolder.infer(samples()), await byFile.infer(samples())];
    expect(answers[1]).toEqual(answers[0]);
    await byFolder.close();
    expect(await byFile.infer(samples())).toEqual(answers[0]);
    await byFile.close();
    const former = await opened(sourceOf(join(fixtures, 'saved-model-v1')));
    expect((await former.infer(samples()))[0]).toBeCloseTo(0.64805984, 5);
    await former.close();
  });

  it('leaves no tensor behind', async () => {
    const before = nativeTensors();
    const teacher = await opened(sourceOf(model));
    for (let batch = 0; batch < 5; batch++) await teacher.infer(samples());
    await teacher.close();
    expect(nativeTensors()).toBe(before);
  });

  it('has a digest of its graph, its variables and its signature', async () => {
    const digestOf = async (source: InferenceSource): Promise<string> => {
      const teacher = await opened(source);
      await teacher.close();
      return teacher.digestHex;
    };
    const own = await digestOf(sourceOf(model));
    expect(await digestOf(sourceOf(copy()))).toBe(own);
    // A field that no reader knows, at the end of the file.
    const grown = copy(changed('saved_model.pb', (bytes) => Buffer.concat([bytes, Buffer.of(0x58, 0)])));
    const longer = copy(changed(values, (bytes) => Buffer.concat([bytes, Buffer.of(0)])));
    const named = sourceOf(model, { signature: 'serving_default' });
    const digests = [own, await digestOf(sourceOf(grown)), await digestOf(sourceOf(longer)), await digestOf(named)];
    expect(new Set(digests).size).toBe(digests.length);
  });

  it.each([
    ['reads', 'found operators ReadFile, StringLength, expected operators that compute the same answer'],
    ['python', 'found the operator PyFunc, expected operators that compute the same answer'],
    ['counts', 'found the operator AssignAddVariableOp, expected operators that compute the same answer'],
    ['texts', 'found an input text of type string, expected tensors of float32'],
    ['shapeless', 'found an input x of unknown shape, expected tensors of float32'],
    [
      'none',
      'found the signatures both, counts, digits, endless, four, loop, python, reads, serving_default, shapeless, texts, expected none. Set teacher.model.signature to one of them',
    ],
  ])('is refused with a sentence: signature %s', async (signature, want) => {
    const opening = opened(sourceOf(model, { signature }));
    await expect(opening).rejects.toMatchObject({ kind: 'Model', retry: 'Never' });
    await expect(opening).rejects.toThrow(`model ${join(model, 'saved_model.pb')}: ${want}`);
  });

  it.each([
    ['without its variables', (at: string) => rmSync(join(at, values)), 'found nothing at'],
    ['without its index', (at: string) => rmSync(join(at, 'variables'), { recursive: true }), 'found nothing at'],
    ['with a cut index', changed(index, (bytes) => bytes.subarray(0, 100)), `found a file ${index} that is damaged`],
    ['with a changed index', changed(index, flipped(20)), `found a file ${index} that is damaged`],
    ['with a changed variable', changed(values, flipped(3)), `found a file ${values} without the right bytes of`],
    ['with cut variables', changed(values, (bytes) => bytes.subarray(0, 10)), 'without the right bytes of'],
    [
      'with variables behind a link that leads out',
      (at: string) => {
        renameSync(join(at, values), join(place, 'outside'));
        symlinkSync(join(place, 'outside'), join(at, values));
      },
      `found weights in "${values}", a link that leads out of the model's folder`,
    ],
    ['that is cut off', changed('saved_model.pb', (bytes) => bytes.subarray(0, 2_000)), 'cut off, or no SavedModel'],
    ['that is empty', changed('saved_model.pb', () => Buffer.alloc(0)), 'cut off, or no SavedModel'],
    ['that is text', changed('saved_model.pb', () => Buffer.from('version https://git-lfs')), 'or no SavedModel'],
  ])('%s is refused', async (_, change, want) => {
    const at = copy(change);
    const opening = opened(sourceOf(at));
    await expect(opening).rejects.toMatchObject({ kind: 'Model', retry: 'Never' });
    await expect(opening).rejects.toThrow(want);
  });
});
