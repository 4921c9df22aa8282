/** The parts of the examples with texts: a linear teacher as ONNX, sentences of WordNet, and measures of similarity. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it } from '@jest/globals';

import { ranBesideExamples, root } from './beside.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-texts-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('the linear teacher learns, and answers in ONNX as it does in JavaScript', () => {
  const onnx = JSON.stringify(join(root, 'examples/topics/teacher-onnx.ts'));
  const { logits, answers } = ranBesideExamples(
    'topics/linear.ts',
    ['trainLinear', 'linearLogits', 'tfIdf'],
    `const texts = [[2, 3, 3, 4], [5, 6, 4], [2, 2, 4, 1], [6, 5, 5, 0]];
    const model = trainLinear({
      texts, classes: [0, 1, 0, 1], words: 7, classCount: 2, epochs: 20, learningRate: 0.2, decay: 0.001, firstWord: 2,
    });
    const { linearOnnx } = await import(${onnx});
    const { InferenceSession, Tensor } = await import('onnxruntime-node');
    const session = await InferenceSession.create(linearOnnx(model, 4), { logSeverityLevel: 4 });
    // Shorter texts end with padding.
    const ids = texts.flatMap((text) => [...text, 0].slice(0, 4)).map(BigInt);
    const answer = await session.run({ input_ids: new Tensor('int64', BigInt64Array.from(ids), [4, 4]) });
    say({
      logits: texts.flatMap((text) => linearLogits(model, tfIdf(text, model.idf))),
      answers: [...answer.logits.data],
    });`,
  ) as { logits: number[]; answers: number[] };
  const classes = [0, 2, 4, 6].map((at) => Number((logits[at] ?? 0) < (logits[at + 1] ?? 0)));
  expect(classes).toEqual([0, 1, 0, 1]);
  expect(answers).toEqual(logits.map((value) => expect.closeTo(value, 5) as unknown));
});

it('takes definitions and examples of WordNet, each once', () => {
  const line = (gloss: string): string => `00001740 03 n 01 entity 0 000 | ${gloss}  `;
  const shared = line('a thing that is; "there is such a thing"; "yes it is"');
  for (const name of ['data.noun', 'data.verb', 'data.adj', 'data.adv']) {
    writeFileSync(join(folder, name), ['  1 This software and database', shared, line('short: "no"'), ''].join('\n'));
  }
  const found = ranBesideExamples(
    'sentences/corpus.ts',
    ['readSentences'],
    `say(readSentences(${JSON.stringify(folder)}));`,
  ) as string[];
  expect(found.sort()).toEqual(['a thing that is', 'there is such a thing']);
});

it('correlates the ranks of similarities, and counts shared neighbors', () => {
  const found = ranBesideExamples(
    'sentences/similarity.ts',
    ['cosines', 'rankCorrelation', 'neighborOverlap'],
    `const angles = (...degrees) => cosines({
      count: degrees.length,
      values: Float32Array.from(degrees.flatMap((each) => [Math.cos(each * Math.PI / 180), Math.sin(each * Math.PI / 180)])),
    });
    const [a, wider, other] = [angles(0, 10, 30, 70), angles(0, 12, 40, 90), angles(0, 10, 70, 75)];
    say({
      cosine: a[1],
      same: rankCorrelation(4, a, wider),
      opposite: rankCorrelation(4, a, a.map((value) => -value)),
      ties: rankCorrelation(4, a, a.map((value) => Number(value > 0.9))),
      allNeighbors: neighborOverlap(4, a, wider, 1),
      fewNeighbors: neighborOverlap(4, a, other, 1),
    });`,
  );
  expect(found).toEqual({
    cosine: expect.closeTo(Math.cos(Math.PI / 18), 6),
    same: expect.closeTo(1, 9),
    opposite: expect.closeTo(-1, 9),
    ties: expect.closeTo(12 / Math.sqrt(17.5 * 12), 9),
    allNeighbors: 1,
    fewNeighbors: 0.75,
  });
});

it('the static model keeps the directions of the largest variance', () => {
  const found = ranBesideExamples(
    'sentences/static.ts',
    ['staticVectors', 'staticEmbeddings', 'tokenWeights'],
    `// The second column says nothing, the third little.
    const vectors = { rows: 4, columns: 3, values: Float32Array.of(5, 1, 0, -5, 1, 0, 3, 1, 1, -3, 1, -1) };
    const weights = tokenWeights([0, 0, 0, 1]);
    const all = staticVectors(vectors, weights, 2);
    say({ weights, ends: [all.values[0], all.values[2]], sum: [...staticEmbeddings(all, [[0, 1, 2], [2]])] });`,
  ) as { weights: number[]; ends: number[]; sum: number[] };
  expect(found.weights.slice(0, 3)).toEqual([1, 1, 1]);
  expect(found.weights[3]).toBeCloseTo(0.001 / 1.001, 9);
  expect(Math.abs(found.ends[0] ?? 0)).toBeGreaterThan(4.9);
  expect(found.ends[1]).toBeCloseTo(-(found.ends[0] ?? 0), 4);
  // Two opposite tokens leave the third.
  expect(found.sum[0]).toBeCloseTo(found.sum[2] ?? NaN, 4);
});

it('the student starts as the static model', () => {
  const found = ranBesideExamples(
    'sentences/student.ts',
    ['studentFiles'],
    `const { staticEmbeddings, staticVectors } = await import(${JSON.stringify(join(root, 'examples/sentences/static.ts'))});
    const { openRuntime } = await import(${JSON.stringify(join(root, 'dist/workers/runtimes/index.js'))});
    const { readStartingWeights } = await import(${JSON.stringify(join(root, 'dist/workers/models/training.js'))});
    const { writeFileSync } = await import('node:fs');
    const folder = ${JSON.stringify(folder)};
    const vectors = { rows: 4, columns: 3, values: Float32Array.of(5, 1, 0, -5, 2, 0, 3, 4, 1, -3, 1, -2) };
    const model = staticVectors(vectors, [1, 1, 1, 0.5], 2);
    const files = studentFiles(model, { vocabulary: 6, firstPiece: 2, maxTokens: 4, filters: 5, width: 3 });
    writeFileSync(folder + '/model.json', files.start);
    writeFileSync(folder + '/weights.bin', files.weights);
    const runtime = await openRuntime('cpu', 'training');
    const trainer = await runtime.openTrainer({
      modelJson: files.topology,
      seed: 1,
      totalSteps: 1,
      start: { weights: { weights: await readStartingWeights(folder + '/model.json'), except: ['phrases'] } },
      loss: { kind: 'Cosine', temperature: 1, softWeight: 1 },
      optimizer: {
        name: 'sgd', learningRate: 0.1, momentum: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weightDecay: 0,
        schedule: { name: 'Constant', warmupSteps: 0, finalFraction: 1 },
      },
    });
    // Padding is 0, and 1 is a special token: both say nothing at the start.
    const ids = Int32Array.of(1, 2, 4, 0, 1, 5, 3, 5);
    const logits = trainer.logits({ count: 2, inputs: { input: { dtype: 'int32', shape: [2, 4], data: ids } } });
    const sums = staticEmbeddings(model, [[0, 2], [3, 1, 3]]);
    const expected = [0, 1].flatMap((row) => [0, 1, 2].map((column) =>
      model.axes.reduce((sum, axis, at) => sum + axis[column] * sums[row * 2 + at], 0)));
    say({ logits: [...logits], expected });`,
  ) as { logits: number[]; expected: number[] };
  expect(found.logits.some((value) => Math.abs(value) > 1)).toBe(true);
  expect(found.logits).toEqual(found.expected.map((value) => expect.closeTo(value, 4) as unknown));
});
