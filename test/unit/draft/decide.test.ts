/** From what was seen to a job: each row names what differs from a folder of photographs beside a classifier. */
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

import { readJob, unsupported } from '../../../src/api/index.js';
import { type Decision, decide, type Seen } from '../../../workers/draft/index.js';
import {
  column,
  dataWith,
  folder,
  foundWith,
  openedWith,
  pictureColumns,
  seenWith,
  teacherWith,
  trialWith,
} from './seen.js';

function jobOf(seen: Seen): Record<string, never> {
  const decision = decide(seen);
  if (decision.kind !== 'job') throw new Error(`expected a job, found ${JSON.stringify(decision)}`);
  const { text } = decision.draft;
  const read = readJob(text, { sourceName: 'job.yaml' });
  expect(read.ok ? unsupported(read.job, 'local') : read.problems).toEqual([]);
  return (parse(text) as { spec: Record<string, never> }).spec;
}

function questionOf(seen: Seen): { readonly option: string; readonly values: readonly string[] } {
  const decision = decide(seen);
  if (decision.kind !== 'ask') throw new Error(`expected a question, found ${JSON.stringify(decision)}`);
  const { option, choices } = decision.question;
  return { option, values: choices.map(({ value }) => value) };
}

function refusalOf(seen: Seen): string {
  const decision = decide(seen);
  if (decision.kind !== 'refuse') throw new Error(`expected a refusal, found ${JSON.stringify(decision)}`);
  return JSON.stringify(decision.fault);
}

const numbers = { inputs: [{ name: 'x', dtype: 'float32', shape: [null, 3] }] };
const oneNumber = [{ name: 'y', isFloat: true, shape: [null, 1], operator: 'Gemm' }];
const table = { path: `${folder}/t.csv`, format: 'csv', holds: '1 file' } as const;
const [a, b, c] = ['a', 'b', 'c'].map((name) => column(name));
const abc = [a!, b!, c!];
const row = { inputs: { input: { dtype: 'float32', shape: [3] } } } as const;
const texts = { path: `${folder}/t.jsonl`, format: 'jsonl', holds: '1 file' } as const;
const encoder = {
  inputs: ['input_ids', 'attention_mask'].map((name) => ({ name, dtype: 'int64', shape: [null, null] })),
  outputs: [{ name: 'last_hidden_state', isFloat: true, shape: [null, null, 384], operator: 'Add' }],
};
const files = { path: `${folder}/data`, format: 'files', holds: '400 files' } as const;
const labeled = [pictureColumns[0]!, column('label', { holds: 'text', distinct: 2, values: ['cat', 'dog'] })];
const catsAndDogs = { kind: 'class', classes: 2, names: ['cat', 'dog'] } as const;

const jobs: readonly (readonly [string, Partial<Seen>, object])[] = [
  [
    'unlabeled photographs and a classifier',
    {},
    {
      dataset: {
        format: 'imageFolder',
        uri: 'file://photos',
        fields: [{ name: 'image', type: 'image', height: 224, width: 224, channels: 3 }],
        onBadSample: 'Replace',
      },
      teacher: {
        model: { format: 'onnx', uri: 'file://teacher.onnx' },
        input: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      },
      student: {
        model: { uri: 'preset://mobilenet-tiny?stride=4&outputs=1000' },
        loss: { temperature: 4, softWeight: 1 },
      },
    },
  ],
  [
    'small pictures and a teacher of larger ones',
    {
      data: dataWith({ pictures: { height: 64, width: 64 } }),
      opened: openedWith({ inputs: { image: { dtype: 'float32', shape: [64, 64, 3] } } }),
    },
    {
      dataset: { fields: [{ name: 'image', height: 64, width: 64 }] },
      teacher: { input: { resize: { height: 224, width: 224 } } },
    },
  ],
  [
    'a size that the person names',
    {
      asked: { pixels: '0..1', size: { height: 32, width: 48 } },
      opened: openedWith({ inputs: { image: { dtype: 'float32', shape: [32, 48, 3] } } }),
    },
    {
      dataset: { fields: [{ height: 32, width: 48 }] },
      student: { model: { uri: 'preset://cnn-tiny?dense=32&outputs=1000' } },
    },
  ],
  [
    'a teacher of whole numbers, whose pixels are plain',
    { asked: {}, teacher: teacherWith({ inputs: [{ name: 'x', dtype: 'uint8', shape: [1, 224, 224, 3] }] }) },
    { teacher: { model: { uri: 'file://teacher.onnx' } } },
  ],
  [
    'pictures prepared as the settings beside the teacher say',
    { asked: {}, teacher: teacherWith({ beside: { pixels: { scale: 255, mean: [1, 2, 3], std: [4, 5, 6] } } }) },
    { teacher: { input: { scale: 255, mean: [1, 2, 3], std: [4, 5, 6] } } },
  ],
  [
    'labels by folder, in the order of the teacher',
    {
      teacher: teacherWith({
        outputs: [{ name: 'o', isFloat: true, shape: [null, 2], operator: 'Softmax' }],
        beside: { classes: ['dog', 'cat'] },
      }),
      data: dataWith({ columns: labeled }),
      opened: openedWith({ heldOut: 60, target: catsAndDogs }),
      trials: [trialWith({ columns: 2, score: { loss: 0.1, accuracy: 1, samples: 64 } })],
    },
    {
      dataset: {
        fields: [{}, { name: 'label', type: 'class', classes: ['dog', 'cat'] }],
        split: { testFraction: 0.1 },
      },
      student: { model: { uri: 'preset://mobilenet-tiny?stride=4' }, loss: { softWeight: 0.9 } },
    },
  ],
  [
    'numbers and a label of numbers',
    {
      asked: {},
      found: foundWith({ data: [table] }),
      teacher: teacherWith({ ...numbers, outputs: oneNumber }),
      data: dataWith({ columns: [...abc, column('target')] }),
      opened: openedWith({ ...row, target: { kind: 'values', width: 1 } }),
      trials: [trialWith({ columns: 1, kind: 'Logits' })],
    },
    {
      dataset: {
        format: 'csv',
        fields: [
          { type: 'tensor', columns: ['a', 'b', 'c'] },
          { type: 'target', columns: ['target'] },
        ],
      },
      student: { model: { uri: 'preset://mlp' }, loss: { kind: 'MSE', softWeight: 0.9 } },
    },
  ],
  [
    'names that are as many as the answers of a classifier',
    {
      asked: {},
      found: foundWith({ data: [table] }),
      teacher: teacherWith({
        ...numbers,
        outputs: [{ name: 'p', isFloat: true, shape: [null, 2], operator: 'Softmax' }],
      }),
      data: dataWith({ columns: [...abc, column('kind', { holds: 'text', distinct: 2, values: ['x', 'y'] })] }),
      opened: openedWith({ ...row, target: catsAndDogs }),
      trials: [trialWith({ columns: 2 })],
    },
    { dataset: { fields: [{}, { name: 'label', type: 'class', columns: ['kind'] }] } },
  ],
  [
    'labels that count from 1, up to the number of answers',
    {
      asked: {},
      found: foundWith({ data: [table] }),
      teacher: teacherWith({
        ...numbers,
        outputs: [{ name: 'p', isFloat: true, shape: [null, 9], operator: 'Softmax' }],
      }),
      data: dataWith({ columns: [...abc, column('class', { holds: 'whole', least: 1, most: 9 })] }),
      opened: openedWith({ ...row, target: { kind: 'class', classes: 9, names: null } }),
      trials: [trialWith({ columns: 9 })],
    },
    { dataset: { fields: [{}, { type: 'class', columns: ['class'], firstClass: 1 }] } },
  ],
  [
    'one probability of two classes, which has no column for labels',
    {
      asked: {},
      found: foundWith({ data: [table] }),
      teacher: teacherWith({
        ...numbers,
        outputs: [{ name: 'p', isFloat: true, shape: [null, 1], operator: 'Sigmoid' }],
      }),
      data: dataWith({ columns: [...abc, column('label', { holds: 'whole', least: 0, most: 1 })] }),
      opened: openedWith(row),
      trials: [trialWith({ columns: 1, kind: 'Sigmoid' })],
    },
    {
      dataset: { fields: [{ type: 'tensor' }] },
      teacher: { output: { kind: 'Sigmoid' } },
      student: { loss: { kind: 'BinaryCrossEntropy', softWeight: 1 } },
    },
  ],
  [
    'sentences and an encoder',
    {
      asked: {},
      found: foundWith({ data: [texts], tokenizers: [`${folder}/tokenizer.json`] }),
      teacher: teacherWith(encoder),
      data: dataWith({ columns: [column('id', { holds: 'whole' }), column('text', { holds: 'text', longest: 90 })] }),
      opened: openedWith({ inputs: { text: { dtype: 'text', shape: [] } }, tokens: { usual: 35, vocabulary: 30_522 } }),
      trials: [trialWith({ columns: 384, kind: 'Embedding' })],
    },
    {
      dataset: { format: 'jsonl', fields: [{ name: 'text', type: 'text' }] },
      teacher: {
        tokenizer: { uri: 'file://tokenizer.json', maxTokens: 48 },
        output: { kind: 'Embedding', pooling: 'Mean' },
      },
      student: {
        model: { uri: 'preset://text-cnn?outputs=384' },
        tokenizer: { uri: 'file://tokenizer.json', maxTokens: 48 },
        loss: { kind: 'Cosine', softWeight: 1 },
      },
    },
  ],
  [
    'plain files and a detector of their types',
    {
      asked: {},
      found: foundWith({ data: [files] }),
      teacher: teacherWith({ inputs: [{ name: 'bytes', dtype: 'int32', shape: [null, 2_048] }] }),
      data: dataWith({ columns: [column('bytes', { holds: 'mixed' }), column('size', { holds: 'whole' })] }),
      opened: openedWith({ inputs: { bytes: { dtype: 'int32', shape: [2_048], values: 257 } } }),
    },
    {
      dataset: { format: 'files', fields: [{ name: 'bytes', type: 'bytes', head: 1_024, tail: 1_024, padding: 256 }] },
      student: { model: { uri: 'preset://bytes-cnn?outputs=1000' } },
    },
  ],
  [
    'data outside of the folder of the job, with a name that needs escapes',
    { found: foundWith({ data: [{ path: '/data/my photos #1', format: 'imageFolder', holds: '9 pictures' }] }) },
    { dataset: { uri: 'file:///data/my%20photos%20%231' } },
  ],
  [
    'a student that the person names',
    { asked: { pixels: '0..1', student: 'cnn-tiny?filters=8,8' } },
    { student: { model: { uri: 'preset://cnn-tiny?filters=8,8&outputs=1000' } } },
  ],
];

const questions: readonly (readonly [string, Partial<Seen>, string, readonly string[]])[] = [
  [
    'two models',
    {
      found: foundWith({
        teachers: ['a', 'b'].map((name) => ({ path: `${folder}/${name}.onnx`, format: 'onnx' as const })),
      }),
    },
    'teacher',
    [`${folder}/a.onnx`, `${folder}/b.onnx`],
  ],
  [
    'two data sets that fit',
    {
      found: foundWith({
        data: ['x', 'y'].map((name) => ({ path: `${folder}/${name}`, format: 'imageFolder' as const, holds: '' })),
      }),
    },
    'data',
    [`${folder}/x`, `${folder}/y`],
  ],
  ['pixels without labels', { asked: {} }, 'pixels', ['0..1', '0..255', '-1..1', 'imagenet']],
  [
    'pixels that labels do not show clearly',
    {
      asked: {},
      data: dataWith({ columns: labeled }),
      opened: openedWith({ target: catsAndDogs }),
      trials: [1, 0.99, 2, 3].map((loss) => trialWith({ score: { loss, accuracy: 0.5, samples: 64 } })),
    },
    'pixels',
    ['0..1', '0..255', '-1..1', 'imagenet'],
  ],
  [
    'a table with one number too many',
    {
      asked: {},
      found: foundWith({ data: [table] }),
      teacher: teacherWith({ ...numbers, outputs: oneNumber }),
      data: dataWith({ columns: [...abc, column('price')] }),
    },
    'label',
    ['a', 'b', 'c', 'price'],
  ],
  [
    'answers that may be logits or a vector',
    {
      teacher: teacherWith({ outputs: [{ name: 'output', isFloat: true, shape: [null, 64], operator: 'MatMul' }] }),
      trials: [trialWith({ columns: 64, kind: 'Logits' })],
    },
    'task',
    ['classes', 'embedding', 'numbers'],
  ],
  [
    'several outputs without a usual name',
    {
      teacher: teacherWith({
        outputs: ['p', 'q'].map((name) => ({ name, isFloat: true, shape: [null, 3], operator: null })),
      }),
    },
    'answer',
    ['p', 'q'],
  ],
  [
    'a layout that is open',
    { teacher: teacherWith({ inputs: [{ name: 'x', dtype: 'float32', shape: [null, null, null, null] }] }) },
    'layout',
    ['NCHW', 'NHWC'],
  ],
];

const refusals: readonly (readonly [string, Partial<Seen>, string])[] = [
  ['no model', { found: foundWith({ teachers: [] }) }, 'no teacher lies among its 601 files'],
  ['no data', { found: foundWith({ data: [] }) }, 'the teacher takes pictures, and no data lie there'],
  [
    'a name that no uri can hold',
    { found: foundWith({ data: [{ path: `${folder}/x\ny`, format: 'imageFolder', holds: '' }] }) },
    'no uri can hold this name',
  ],
  ['data of another kind', { found: foundWith({ data: [table] }) }, 'what lies there is csv (1 file)'],
  [
    'tokens without a tokenizer',
    { teacher: teacherWith(encoder), found: foundWith({ data: [texts] }) },
    'no tokenizer.json lies beside it',
  ],
  [
    'fewer numbers than the teacher takes',
    {
      found: foundWith({ data: [table] }),
      teacher: teacherWith({ ...numbers, outputs: oneNumber }),
      data: dataWith({ columns: [a!] }),
    },
    'its columns of numbers give 1 value a row (a), and the teacher /work/project/teacher.onnx takes 3',
  ],
  [
    'more classes than answers',
    { opened: openedWith({ target: { kind: 'class', classes: 1_001, names: null } }) },
    'its labels are 1001 classes, and the teacher answers 1000',
  ],
  ['a column that is not there', { asked: { label: 'kind' } }, 'there is no column kind among image, label, path'],
  ['a preset that is not there', { asked: { pixels: '0..1', student: 'mobilenet-tny' } }, 'write mobilenet-tiny'],
  [
    'a student of another width',
    { asked: { pixels: '0..1', student: 'cnn-tiny?outputs=7' } },
    'it has 7 outputs, and the teacher answers 1000',
  ],
  [
    'pictures of four channels',
    {
      teacher: teacherWith({ inputs: [{ name: 'x', dtype: 'float32', shape: [null, 8, 8, 4] }] }),
      asked: { layout: 'NHWC' },
    },
    'it takes pictures of 4 channels',
  ],
  [
    'a teacher that fails',
    { trials: [{ ok: false, fault: { about: 'model', problem: 'it fails', remedy: '' } }] },
    'it fails',
  ],
];

describe('decide', () => {
  it.each(jobs)('writes a job for %s', (_, seen, want) => {
    expect(jobOf(seenWith(seen))).toMatchObject(want);
  });

  it.each(questions)('asks about %s', (_, seen, option, values) => {
    expect(questionOf(seenWith(seen))).toEqual({ option, values });
  });

  it.each(refusals)('refuses %s', (_, seen, sentence) => {
    expect(refusalOf(seenWith(seen))).toContain(sentence);
  });

  it.each([
    [1_000, 30],
    [10, 3],
    [0.1, 1],
  ])(
    'proposes as many epochs as a teacher of %s samples a second answers in some minutes',
    (samplesPerSecond, epochs) => {
      const seen = seenWith({ trials: [trialWith({ samplesPerSecond })] });
      expect(jobOf(seen)).toMatchObject({ training: { batchSize: 32, epochs } });
    },
  );

  it('names no fields of plain idx files, which are then read in place', () => {
    const stored = [
      column('image', { holds: 'whole', shape: [28, 28] }),
      column('label', { holds: 'whole', least: 0, most: 9 }),
    ];
    const outputs = [{ name: 'logits', isFloat: true, shape: [null, 10], operator: 'Gemm' }];
    const seen = seenWith({
      asked: { pixels: '0..1' },
      found: foundWith({ data: [{ path: `${folder}/mnist`, format: 'idx', holds: '4 files' }] }),
      teacher: teacherWith({ inputs: [{ name: 'x', dtype: 'float32', shape: [null, 1, 28, 28] }], outputs }),
      data: dataWith({ rows: 60_000, heldOut: 10_000, columns: stored }),
      opened: openedWith({
        rows: 60_000,
        heldOut: 10_000,
        inputs: { input: { dtype: 'float32', shape: [28, 28, 1] } },
        target: { kind: 'class', classes: 10, names: null },
      }),
      trials: [trialWith({ columns: 10, kind: 'Logits' })],
    });
    expect(jobOf(seen)).toMatchObject({ training: { batchSize: 128, epochs: 3 } });
    expect(Object.keys(jobOf(seen).dataset!)).toEqual(['format', 'uri']);
    const { dataset } = jobOf({ ...seen, asked: { ...seen.asked, label: 'label' } });
    expect(dataset).toMatchObject({
      fields: [
        { name: 'image', type: 'image' },
        { name: 'label', type: 'class' },
      ],
    });
  });

  it('takes the pixels of which the teacher is clearly surest', () => {
    const losses = [2, 5, 3, 0.4];
    const trials = losses.map((loss) => trialWith({ score: { loss, accuracy: loss < 1 ? 0.9 : 0.2, samples: 64 } }));
    const seen = seenWith({
      asked: {},
      data: dataWith({ columns: labeled }),
      opened: openedWith({ target: catsAndDogs }),
      trials,
    });
    expect(jobOf(seen)).toMatchObject({ teacher: { input: { mean: [0.485, 0.456, 0.406] } } });
  });

  it('warns of a teacher that is hardly right on the labels', () => {
    const trials = [trialWith({ columns: 2, score: { loss: 1, accuracy: 0.5, samples: 64 } })];
    const decision = decide(
      seenWith({ data: dataWith({ columns: labeled }), opened: openedWith({ target: catsAndDogs }), trials }),
    );
    expect(decision).toMatchObject({ kind: 'job' });
    const { draft } = decision as Extract<Decision, { kind: 'job' }>;
    expect(draft.text).toContain('# 600 rows');
    expect(draft.text).toContain('Check this first: the teacher is right on 50 %');
    expect(draft.summary.map(([word]) => word)).toContain('warning');
  });

  it('inspects one thing after the other', () => {
    const { folder: at, jobFolder, asked, found, teacher, data, opened } = seenWith();
    const steps: Seen[] = [{ folder: at, jobFolder, asked, found }];
    steps.push({ ...steps[0]!, teacher: teacher! }, { ...steps[0]!, teacher: teacher!, data: data! });
    steps.push({ ...steps[2]!, opened: opened! });
    const inspected = steps
      .map(decide)
      .map((decision) => (decision.kind === 'inspect' ? decision.inspection.what : decision.kind));
    expect(inspected).toEqual(['teacher', 'data', 'opened', 'trials']);
  });

  it('keeps the names of columns and files inside of comments and texts', () => {
    const name = 'a\nb: c # "\u2028 \\ \u{1F600}';
    const columns = [...abc.slice(1), column(name)];
    const seen = seenWith({
      asked: {},
      found: foundWith({ data: [table] }),
      teacher: teacherWith({ ...numbers, outputs: oneNumber }),
      data: dataWith({ columns }),
      opened: openedWith(row),
      trials: [trialWith({ columns: 1, kind: 'Logits' })],
    });
    expect(jobOf(seen)).toMatchObject({ dataset: { fields: [{ columns: ['b', 'c', name] }] } });
  });
});
