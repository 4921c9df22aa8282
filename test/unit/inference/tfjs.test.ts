/** @jest-environment ./test/unit/inference/environment.js */
import { describe, expect, test } from '@jest/globals';

import { imageInputs, imageSamples } from '../../../workers/samples/index.js';
import { type Inference, ModelError } from '../../../workers/models/inference/index.js';
import { opened } from './opened.js';
import { tinyModelFiles, withModelFolder } from './tfjs-model.js';

const shape = [2, 2, 3] as const;
const size = 12;
/** Small multiples of 1/8: sums are exact in any order. */
const kernel = Float32Array.from({ length: size * 2 }, (_, at) => (((at * 7) % 13) - 6) / 8);
const bias = Float32Array.of(0.5, -2);
const samples = Float32Array.from({ length: 40 * size }, (_, at) => ((at * 5) % 9) / 8);

const expected = Array.from({ length: 40 }, (_, row) =>
  [0, 1].map((k) => {
    let sum = bias[k]!;
    for (let at = 0; at < size; at++) sum += samples[row * size + at]! * kernel[at * 2 + k]!;
    return sum;
  }),
).flat();

const open = (path: string, sampleShape: readonly number[] = shape): Promise<Inference> =>
  opened({ format: 'tfjs-layers', path, input: {}, inputs: imageInputs(sampleShape), threads: 1 });

describe('a tfjs layers teacher', () => {
  test('is read from disk, its weights in parts, and answers what they say, twice the same bits', async () => {
    await withModelFolder(tinyModelFiles({ shape, kernel, bias }), async (path) => {
      const teacher = await open(path);
      expect(teacher.columns).toBe(2);
      expect(teacher.description).toMatch(/^tfjs-layers by (wasm|cpu).*\[N, 2, 2, 3\] NHWC → \[N, 2\]$/);
      // 40 rows: more than the 32 that tfjs would cut a batch at.
      expect([...(await teacher.infer(imageSamples(shape, samples)))]).toEqual(expected);
      expect([...(await teacher.infer(imageSamples(shape, samples)))]).toEqual(expected);
      await teacher.close();
    });
  });

  test('has another digest when any weight changes', async () => {
    const digests = new Set<string>();
    for (const first of [0, 0.125]) {
      const changed = kernel.slice();
      changed[0] = first;
      await withModelFolder(tinyModelFiles({ shape, kernel: changed, bias }), async (path) => {
        const teacher = await open(path);
        digests.add(teacher.digestHex);
        await teacher.close();
      });
    }
    expect(digests.size).toBe(2);
  });

  const sound = tinyModelFiles({ shape, kernel, bias });
  const changed = (from: string, to: string): string => {
    const json = String(sound['model.json']).replace(from, to);
    expect(json).not.toBe(sound['model.json']);
    return json;
  };
  test.each<[string, () => Record<string, string | Uint8Array | null>, string]>([
    ['no model.json', () => ({ 'model.json': null }), 'nothing'],
    ['no JSON', () => ({ 'model.json': '{"a":' }), 'a file that is no JSON'],
    ['other JSON', () => ({ 'model.json': '{"a":1}' }), 'JSON whose modelTopology is wrong'],
    ['a missing weight file', () => ({ 'part2.bin': null }), 'nothing'],
    ['a truncated weight file', () => ({ 'part2.bin': Uint8Array.of(1, 2) }), '20 bytes of weights'],
    [
      'a weight file outside its folder',
      () => ({ 'model.json': changed('part1.bin', '../part1.bin') }),
      'a weight file named "../part1.bin"',
    ],
    [
      'a graph model',
      () => ({ 'model.json': JSON.stringify({ format: 'graph-model', modelTopology: { node: [] } }) }),
      'a tfjs graph model',
    ],
    [
      'a graph model that does not say so',
      () => ({ 'model.json': JSON.stringify({ modelTopology: { node: [{ name: 'x'.repeat(2_000_000) }] } }) }),
      'a tfjs graph model',
    ],
    [
      'an unknown layer',
      () => ({ 'model.json': changed('Flatten', 'Flatter') }),
      'a layer of the unknown class "Flatter"',
    ],
    [
      'a weight renamed',
      () => ({ 'model.json': changed('logits/kernel', 'other/kernel') }),
      'a weight other/kernel of shape [12, 2]',
    ],
  ])('is refused for %s', async (_, files, found) => {
    await withModelFolder({ ...sound, ...files() }, async (path) => {
      const error = await open(path).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ModelError);
      expect((error as ModelError).fault.found).toContain(found);
    });
  });

  test('is refused for samples of another shape, and says both shapes', async () => {
    await withModelFolder(sound, async (path) => {
      await expect(open(path, [28, 28, 1])).rejects.toThrow(
        'found an input of shape [N, 2, 2, 3], expected samples of 28 × 28 × 1 (height × width × channels)',
      );
    });
  });
});
