/**
 * I1 for data as people have it: in each format, a student that learns from a teacher which an earlier job made. Processes are
 * killed at random moments, and the run ends with exactly the weights, and the same figures, of an undisturbed one.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { randomFrom } from '@distillery/base';
import { afterAll, describe, expect, it } from '@jest/globals';

import { DistillProcess, type ResultLine, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { parquetOf } from '../../kit/parquet.js';
import { mnistPictures } from '../../kit/pictures.js';
import { wordTokenizer } from '../../kit/tokenizer.js';
import { killVictims, type Victim } from './killing.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-formats-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface FormatCase {
  readonly format: string;
  readonly seed: number;
  readonly victims: readonly Victim[];
  /** Writes the data. @returns fields of spec.dataset */
  readonly make: (place: string) => Promise<Record<string, unknown>>;
  /** Model of teacher and student. */
  readonly model: string;
  readonly training: Readonly<Record<string, unknown>>;
  /** Rows that give way to others, in both splits. */
  readonly replacedRows?: number;
}

const split = { testFraction: 0.1 };
const flowers = Array.from({ length: 6_000 }, (_, row) => {
  const random = randomFrom(row);
  const label = random.below(3);
  return { width: label + random.unit(), height: label * random.unit(), label };
});
const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a', 'bird', 'sings', 'cat', 'sleeps', 'dog', 'barks'];

const cases: readonly FormatCase[] = [
  {
    format: 'csv',
    seed: 1,
    victims: ['student', 'teacher'],
    make: (place) => {
      const lines = flowers.map(({ width, height, label }) => `${String(width)},${String(height)},${String(label)}`);
      for (const [at, line] of [
        [100, '1,wide,0'],
        [3_000, '1,2'],
        [5_000, '1,NaN,1'],
      ] as const)
        lines[at] = line;
      writeFileSync(join(place, 'flowers.csv'), ['width,height,label', ...lines, ''].join('\n'));
      const fields = [
        { name: 'input', type: 'tensor', columns: ['width', 'height'] },
        { name: 'label', type: 'class' },
      ];
      return Promise.resolve({ uri: `file://${place}/flowers.csv`, fields, split, onBadSample: 'Replace' });
    },
    model: 'preset://mlp?hidden=32',
    training: { batchSize: 16, epochs: 4 },
    replacedRows: 3,
  },
  {
    format: 'parquet',
    seed: 2,
    victims: ['teacher', 'student'],
    make: (place) => {
      const column = (name: 'width' | 'height' | 'label', type: 'DOUBLE' | 'INT32') => ({
        name,
        type,
        data: flowers.map((row) => row[name]),
      });
      const bytes = parquetOf([column('width', 'DOUBLE'), column('height', 'DOUBLE'), column('label', 'INT32')], {
        rowGroupSize: 500,
      });
      writeFileSync(join(place, 'flowers.parquet'), bytes);
      return Promise.resolve({ uri: `file://${place}/flowers.parquet`, split });
    },
    model: 'preset://mlp?hidden=32',
    training: { batchSize: 16, epochs: 4, shuffle: 'Blocks' },
  },
  {
    format: 'jsonl',
    seed: 3,
    victims: ['student', 'nats'],
    make: (place) => {
      const lines = Array.from({ length: 3_000 }, (_, row) => {
        const random = randomFrom(row);
        const text = Array.from({ length: 1 + random.below(8) }, () => words[4 + random.below(7)]).join(' ');
        return `${JSON.stringify({ text, label: text.includes('bird') ? 'bird' : 'other' })}\n`;
      });
      writeFileSync(join(place, 'texts.jsonl'), lines.join(''));
      writeFileSync(join(place, 'tokenizer.json'), wordTokenizer(words));
      return Promise.resolve({ uri: `file://${place}/texts.jsonl`, split });
    },
    model: 'preset://text-cnn?embedding=8&filters=8&kernels=2',
    training: { batchSize: 16, epochs: 6 },
  },
  {
    format: 'imageFolder',
    seed: 4,
    victims: ['student'],
    make: async (place) => ({ uri: await mnistPictures(place, { count: 640, format: 'jpeg', labeled: true }), split }),
    model: 'preset://cnn-tiny?filters=4&dense=16',
    training: { batchSize: 8, epochs: 6, augment: { shift: 1, flip: true } },
  },
  {
    format: 'files',
    seed: 5,
    victims: ['student', 'teacher'],
    make: (place) => {
      for (let file = 0; file < 600; file++) {
        const random = randomFrom(file);
        const ending = ['csv', 'json', 'txt'][file % 3]!;
        const text = Array.from(
          { length: 40 + random.below(200) },
          () => `${String(random.below(100))}${',{ '[file % 3]!}`,
        );
        writeFileSync(join(place, `${String(file)}.${ending}`), text.join(''));
      }
      const fields = [
        { name: 'input', type: 'bytes', columns: ['bytes'], head: 48, tail: 16 },
        { name: 'kind', type: 'class', columns: ['extension'] },
      ];
      return Promise.resolve({ uri: `file://${place}`, fields, split });
    },
    model: 'preset://bytes-cnn?embedding=4&filters=8&dense=0',
    training: { batchSize: 8, epochs: 8 },
  },
];

describe.each(cases)('data of the format $format', (one) => {
  const home = join(folder, one.format);
  const run = (name: string, dataset: Record<string, unknown>, change: (spec: SmallSpec) => void): DistillProcess => {
    const place = join(home, name);
    mkdirSync(place);
    const job = writeSmallJob(place, '', (spec) => {
      spec.dataset = { format: one.format, ...dataset };
      spec.training = { seed: 7, ...one.training };
      spec.student.model = { uri: one.model };
      if (one.format === 'jsonl') {
        const tokenizer = { uri: `file://${home}/data/tokenizer.json`, maxTokens: 8 };
        Object.assign(spec.student, { tokenizer });
        Object.assign(spec.teacher, { tokenizer });
      }
      change(spec);
    });
    return new DistillProcess(['run', job, '--json', '--dir', join(place, 'run')]);
  };
  const completed = async (process: DistillProcess): Promise<ResultLine> => {
    const exitCode = await process.ended();
    expect({ exitCode, stderr: process.stderr, message: process.result?.message }).toEqual({ exitCode: 0, stderr: '' });
    expect(await process.survivors()).toEqual([]);
    return process.result!;
  };

  it('gives the same student, whatever is killed', async () => {
    mkdirSync(join(home, 'data'), { recursive: true });
    const dataset = await one.make(join(home, 'data'));
    const { model } = await completed(
      run('teacher', dataset, (spec) => {
        spec.training.epochs = 1;
        spec.student.loss = { softWeight: 0 };
      }),
    );
    const distill = (name: string): DistillProcess =>
      run(name, dataset, (spec) => {
        Object.assign(spec.teacher, { model: { format: 'onnx', uri: `file://${model!}/model.onnx` } });
      });
    const calm = await completed(distill('calm'));
    expect(calm.metrics).toMatchObject({ heldOutAgreement: expect.any(Number), agreement: expect.any(Number) });
    const fired = distill('fired');
    expect((await killVictims(fired, { ...one, pauseMs: 500 })).length).toBeGreaterThan(0);
    const { digest, metrics, replacedRows } = await completed(fired);
    expect({ digest, metrics, replacedRows }).toEqual({
      digest: calm.digest,
      metrics: calm.metrics,
      replacedRows: one.replacedRows,
    });
    expect(calm.replacedRows).toBe(one.replacedRows);
  });
});
