/** What holds for everything that `distill init` may see. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { readJob, unsupported } from '../../../src/api/index.js';
import { type Asked, decide, type Opened, type Seen, type SeenColumn } from '../../../workers/draft/index.js';
import {
  column,
  dataWith,
  folder,
  foundWith,
  openedWith,
  seenWith,
  teacherWith,
  trialWith,
} from '../../unit/draft/seen.js';
import { anyCharacter } from '../../kit/characters.js';

const name = fc.oneof(
  fc.constantFrom('label', 'text', 'image', 'class', 'input', 'a', 'y', 'yes', '1e3', '~', '*'),
  fc.string({ minLength: 1, maxLength: 20, unit: anyCharacter }).filter((text) => text.isWellFormed()),
);
const axis = fc.option(fc.constantFrom(1, 3, 4, 8, 28, 64, 224, 2_048), { nil: null });
const shape = fc.array(axis, { minLength: 1, maxLength: 4 });
const columns = fc.uniqueArray(
  fc.record({
    name,
    holds: fc.constantFrom<SeenColumn['holds']>(
      'picture',
      'bytes',
      'text',
      'whole',
      'fraction',
      'list',
      'nothing',
      'mixed',
    ),
    empty: fc.nat(4),
    distinct: fc.nat(9),
    values: fc.array(fc.string(), { maxLength: 3 }),
  }),
  { selector: (each) => each.name, minLength: 1, maxLength: 6 },
);
const formats = fc.constantFrom('imageFolder', 'csv', 'jsonl', 'parquet', 'npy', 'files', 'webdataset', 'idx');
const target = fc.constantFrom<Opened['target']>(
  null,
  { kind: 'class', classes: 3, names: null },
  { kind: 'classes', classes: 3, names: ['a', 'b', 'c'] },
  { kind: 'values', width: 1 },
);
const inputs = fc.constantFrom<Opened['inputs']>(
  { image: { dtype: 'float32', shape: [28, 28, 1] } },
  { image: { dtype: 'float32', shape: [224, 224, 3] } },
  { text: { dtype: 'text', shape: [] } },
  { bytes: { dtype: 'int32', shape: [2_048], values: 257 } },
  { input: { dtype: 'float32', shape: [4] } },
);
const asked: fc.Arbitrary<Asked> = fc.record(
  {
    label: fc.constantFrom('none', 'label', 'a'),
    task: fc.constantFrom('classes', 'embedding', 'numbers'),
    pixels: fc.constantFrom('0..1', '0..255', '-1..1', 'imagenet'),
    layout: fc.constantFrom('NCHW', 'NHWC'),
    student: fc.constantFrom('mlp', 'text-cnn', 'cnn-tiny?filters=4', '/work/project/student.json', 'nothing', 'a b'),
    size: fc.constant({ height: 32, width: 32 }),
  },
  { requiredKeys: [] },
);

const seen: fc.Arbitrary<Seen> = fc
  .record({
    asked,
    isFound: fc.boolean(),
    format: formats,
    path: fc.oneof(
      fc.constantFrom(`${folder}/data`, folder, '/data/my data'),
      name.map((each) => `${folder}/${each}`),
    ),
    hasTokenizer: fc.boolean(),
    inputs: fc.uniqueArray(fc.record({ name, dtype: fc.constantFrom('float32', 'int64', 'uint8'), shape }), {
      selector: (each) => each.name,
      minLength: 1,
      maxLength: 3,
    }),
    outputs: fc.array(
      fc.record({ name, isFloat: fc.boolean(), shape, operator: fc.constantFrom(null, 'Softmax', 'Sigmoid') }),
      { minLength: 1, maxLength: 2 },
    ),
    classes: fc.option(fc.array(name, { minLength: 1, maxLength: 4 }), { nil: undefined }),
    columns,
    opened: fc.record({
      inputs,
      target,
      heldOut: fc.option(fc.nat(9), { nil: null }),
      tokens: fc.constant({ usual: 9, vocabulary: 99 }),
    }),
    trial: fc.record({
      columns: fc.constantFrom(1, 3, 64),
      kind: fc.constantFrom('Logits', 'Probabilities', 'Sigmoid', 'Embedding'),
      unit: fc.boolean(),
    }),
  })
  .map((all) =>
    seenWith({
      asked: all.asked,
      found: foundWith({
        tokenizers: all.hasTokenizer ? [`${folder}/tokenizer.json`] : [],
        data: all.isFound ? [{ path: all.path, format: all.format, holds: '1 file' }] : [],
      }),
      teacher: teacherWith({
        inputs: all.inputs,
        outputs: all.outputs,
        beside: all.classes === undefined ? {} : { classes: all.classes },
      }),
      data: dataWith({ columns: all.columns.map(({ name: each, ...more }) => column(each, more)) }),
      opened: openedWith(all.opened),
      trials: ['0..1', '0..255', '-1..1', 'imagenet'].map(() => trialWith(all.trial as never)),
    }),
  );

/** Folders in which data and teacher fit, under any names. */
const fitting: fc.Arbitrary<Seen> = fc
  .record({
    names: fc.uniqueArray(name, { minLength: 3, maxLength: 3 }),
    what: fc.constantFrom('image', 'text', 'numbers', 'bytes'),
    path: name,
    output: fc.record({ name, operator: fc.constantFrom('Softmax', 'Sigmoid', null) }),
    task: fc.constantFrom('classes', 'embedding', 'numbers'),
    trial: fc.record({
      columns: fc.constantFrom(1, 3, 64),
      kind: fc.constantFrom('Logits', 'Probabilities', 'Sigmoid'),
    }),
    target,
    values: fc.array(name, { minLength: 1, maxLength: 4 }),
  })
  .map(({ names, what, path, output, task, trial, target: right, values }) => {
    const [first = '', second = '', third = ''] = names;
    const kinds = {
      image: { holds: 'picture', format: 'imageFolder', dtype: 'float32', shape: [null, 3, 64, 64] },
      text: { holds: 'text', format: 'csv', dtype: 'int64', shape: [null, null] },
      numbers: { holds: 'fraction', format: 'csv', dtype: 'float32', shape: [null, 1] },
      bytes: { holds: 'bytes', format: 'files', dtype: 'int32', shape: [null, 64] },
    } as const;
    const { holds, format, dtype, shape: axes } = kinds[what];
    const samples: Opened['inputs'] = {
      input:
        what === 'image'
          ? { dtype: 'float32', shape: [64, 64, 3] }
          : what === 'text'
            ? { dtype: 'text', shape: [] }
            : what === 'bytes'
              ? { dtype: 'int32', shape: [64], values: 257 }
              : { dtype: 'float32', shape: [1] },
    };
    return seenWith({
      asked: { pixels: '0..1', task },
      found: foundWith({
        tokenizers: what === 'text' ? [`${folder}/tokenizer.json`] : [],
        data: [{ path: `${folder}/${path}`, format, holds: '' }],
      }),
      teacher: teacherWith({
        inputs: [{ name: what === 'text' ? 'input_ids' : second, dtype, shape: axes }],
        outputs: [{ ...output, isFloat: true, shape: [null, trial.columns] }],
        beside: { classes: values },
      }),
      data: dataWith({
        columns: [
          column(first, { holds, shape: [] }),
          column(third, { holds: 'text', values, distinct: trial.columns }),
        ],
      }),
      opened: openedWith({ inputs: samples, target: right, tokens: { usual: 9, vocabulary: 99 } }),
      trials: [trialWith(trial)],
    });
  });

describe('decide', () => {
  it('writes only jobs that a local run accepts, asks or refuses, and never throws', () => {
    let jobs = 0;
    fc.assert(
      fc.property(fc.oneof(seen, fitting), (each) => {
        const decision = decide(each);
        expect(decide(each)).toEqual(decision);
        if (decision.kind === 'ask') expect(decision.question.choices.length).toBeGreaterThan(0);
        if (decision.kind !== 'job') return;
        jobs += 1;
        const read = readJob(decision.draft.text, { sourceName: 'job.yaml' });
        expect(read.ok ? unsupported(read.job, 'local') : read.problems.map(({ message }) => message)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
    expect(jobs).toBeGreaterThan(300);
  });

  it('asks nothing twice: an answer is as good as an option', () => {
    fc.assert(
      fc.property(fc.oneof(seen, fitting), fc.nat(), (each, pick) => {
        const first = decide(each);
        if (first.kind !== 'ask') return;
        const { option, choices } = first.question;
        const { value } = choices[pick % choices.length]!;
        const second = decide({ ...each, asked: { ...each.asked, [option]: option === 'inputs' ? [value] : value } });
        expect(second.kind === 'ask' && second.question.option === option).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });
});
