/**
 * Models that cannot be used: teachers and students that are missing, damaged, or fit neither the data nor each other,
 * and a teacher that answers NaN.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it, jest } from '@jest/globals';

import { distillExit, type SmallSpec } from '../../kit/distill.js';

import { changedCopy, endingOfRun, hasModel, nothingLeft, studentLog } from './ending.js';
import { openCases, withoutTeacher } from './refusal.js';

jest.setTimeout(120_000);

const root = join(import.meta.dirname, '../../..');
const student = join(root, 'examples/mnist/models/student.json');
const teacher = join(root, 'examples/mnist/models/teacher.onnx');
const fixtures = join(root, 'test/unit/inference/fixtures');

const { folder, data, caseFolder, writeJob, refusalOf } = openCases('models');

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a teacher model', () => {
  const teacherOf = (path: string) => (spec: SmallSpec) => {
    spec.teacher.model = { format: 'onnx', uri: `file://${path}` };
  };

  it('that is not there is refused', async () => {
    const place = caseFolder();
    const path = join(place, 'teacher.onnx');
    expect(await refusalOf(place, teacherOf(path))).toContain(
      `model ${path}: found nothing, expected a model file; check the path (teacher.model.uri)`,
    );
  });

  it.each([
    { what: 'is truncated', change: (bytes: Buffer) => bytes.subarray(0, bytes.length / 2) },
    { what: 'is something else', change: () => Buffer.from('version https://git-lfs.github.com/spec/v1\n') },
    { what: 'is empty', change: () => Buffer.alloc(0) },
  ])('that $what is refused', async ({ change }) => {
    const place = caseFolder();
    const path = join(place, 'teacher.onnx');
    changedCopy(teacher, path, change);
    const message = await refusalOf(place, teacherOf(path));
    expect(message).toContain(`model ${path}: found a file that the ONNX runtime refuses (`);
    expect(message).toContain(
      '), expected an ONNX model in one file; check that it is complete and not a Git LFS pointer, and that its ' +
        'weights are not in a file beside it',
    );
  });

  it('made for samples of another shape is refused', async () => {
    const path = join(fixtures, 'nchw.onnx');
    expect(await refusalOf(caseFolder(), teacherOf(path))).toContain(
      `model ${path}: found an input of shape [N, 2, 3, 4], expected samples of 28 × 28 × 1 ` +
        '(height × width × channels); use a model made for this data set',
    );
  });

  it("of another width than the student's is refused", async () => {
    expect(await refusalOf(caseFolder(), teacherOf(join(fixtures, 'ink-3.onnx')))).toContain(
      'teacher and student differ in width: found 3 logits a sample of the teacher, expected 10 as the student has; ' +
        'give the student model 3 outputs or take another teacher',
    );
  });
});

describe('a student model', () => {
  interface Layers {
    modelTopology: { config: { layers: { class_name: string; config: Record<string, unknown> }[] } };
  }
  const changedModel = (change: (model: Layers) => void): string => {
    const model = JSON.parse(readFileSync(student, 'utf8')) as Layers;
    change(model);
    return JSON.stringify(model);
  };

  it.each([
    {
      what: 'is cut off',
      text: () => readFileSync(student, 'utf8').slice(0, 700),
      want: 'student model, file: found text that is not JSON, expected a tfjs layers model.json',
    },
    {
      what: 'has a layer whose randomness no seed repeats',
      text: () =>
        changedModel(({ modelTopology }) => {
          modelTopology.config.layers.splice(1, 0, {
            class_name: 'GaussianNoise',
            config: { name: 'fog', stddev: 0.1 },
          });
        }),
      want: 'student model, layer fog: found GaussianNoise, expected randomness that a seed repeats (Dropout)',
    },
    {
      what: 'has a layer that nobody knows',
      text: () =>
        changedModel(({ modelTopology }) => {
          modelTopology.config.layers.splice(1, 0, { class_name: 'Capsule', config: { name: 'capsule' } });
        }),
      want:
        'student model, modelTopology: found "Unknown layer: Capsule", expected layers that tfjs-layers can build; ' +
        'change the file that spec.student.model.uri names',
    },
    {
      what: 'has an input of another shape than the samples',
      text: () =>
        changedModel(({ modelTopology }) => {
          Object.assign(modelTopology.config.layers[0]?.config ?? {}, { batch_input_shape: [null, 32, 32, 3] });
        }),
      want: "found samples of 28 × 28 × 1, expected 32 × 32 × 3, as the student's input is; change the student model's",
    },
  ])('that $what is refused', async ({ text, want }) => {
    const place = caseFolder();
    const path = join(place, 'student.json');
    writeFileSync(path, text());
    const message = await refusalOf(place, (spec) => {
      withoutTeacher(spec);
      spec.student.model = { uri: `file://${path}` };
    });
    expect(message).toContain(want);
  });

  it('that is not there is refused', async () => {
    const place = caseFolder();
    const path = join(place, 'student.json');
    const message = await refusalOf(place, (spec) => {
      withoutTeacher(spec);
      spec.student.model = { uri: `file://${path}` };
    });
    expect(message).toContain(
      `student model ${path}: found nothing, expected a tfjs layers model.json; check the path (spec.student.model.uri)`,
    );
  });
});

describe('a teacher that answers NaN', () => {
  /** A data folder whose one sample is blank: the only one that the teacher `ink-10` has no answer for. */
  const withBlankSample = (place: string, sample: number): string => {
    const own = join(place, 'data');
    cpSync(data, own, { recursive: true });
    const images = join(own, 'train-images-idx3-ubyte');
    changedCopy(images, images, (bytes) => bytes.fill(0, 16 + sample * 784, 16 + (sample + 1) * 784));
    return own;
  };
  const ink = (spec: SmallSpec): void => {
    spec.teacher.model = { format: 'onnx', uri: `file://${join(fixtures, 'ink-10.onnx')}` };
  };

  it('for one sample fails the job, with the step and the teacher', async () => {
    const place = caseFolder();
    const message = await refusalOf(place, ink, withBlankSample(place, 100));
    expect(message).toMatch(
      /step \d: no teacher could compute it in \d deliveries; the last, cpu-\d, said: logits: found NaN in row \d+, column 0, expected finite numbers; check teacher\.input\.mean and std/,
    );
    expect(message).toContain('spec.teacher.onFailure: Skip would train it on labels alone');
  });

  it('for one sample costs one step its logits with onFailure Skip', async () => {
    const place = caseFolder();
    const job = writeJob(
      place,
      (spec) => {
        ink(spec);
        spec.teacher.onFailure = 'Skip';
      },
      withBlankSample(place, 100),
    );
    const run = join(place, 'run');
    expect(await endingOfRun(job, run)).toMatchObject({ exitCode: distillExit.ok, ...nothingLeft });
    expect(hasModel(run)).toBe(true);
    const told = studentLog(run).match(
      /step \d: no teacher could compute it[^"]*found NaN[^"]*trained on labels alone/g,
    );
    expect(told).toHaveLength(1);
  });

  it('for every sample never joins and fails the job', async () => {
    const place = caseFolder();
    const own = join(place, 'data');
    cpSync(data, own, { recursive: true });
    const images = join(own, 'train-images-idx3-ubyte');
    changedCopy(images, images, (bytes) => bytes.fill(0, 16));
    expect(await refusalOf(place, ink, own)).toContain('found NaN in row 0, column 0, expected finite numbers');
  });
});
