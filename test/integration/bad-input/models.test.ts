/**
 * Models that cannot be used: teachers and students that are damaged or fit neither the data nor each other,
 * and a teacher that answers NaN.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from '@jest/globals';

import { distillExit, type SmallSpec } from '../../kit/distill.js';
import { specialTokens, wordTokenizer } from '../../kit/tokenizer.js';

import { changedCopy, endingOfRun, hasModel, nothingLeft, studentLog } from './ending.js';
import { openCases, withoutTeacher } from './refusal.js';

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

  it.each([
    { what: 'is truncated', change: (bytes: Buffer) => bytes.subarray(0, bytes.length / 2) },
    { what: 'is something else', change: () => Buffer.from('version https://git-lfs.github.com/spec/v1\n') },
    { what: 'is empty', change: () => Buffer.alloc(0) },
  ])('that $what is refused', async ({ change }) => {
    const place = caseFolder();
    const path = join(place, 'teacher.onnx');
    changedCopy(teacher, path, change);
    expect(await refusalOf(place, teacherOf(path))).toMatch(
      /model .*teacher\.onnx: found an? .*file.*, expected an ONNX model, its weights inside or as external data of its main graph. Check that the file is complete and not a Git LFS pointer/,
    );
  });

  it('whose weights are in a file that is missing is refused, also when the working folder has such a file', async () => {
    const place = caseFolder();
    const path = join(place, 'teacher.onnx');
    cpSync(join(fixtures, 'external.onnx'), path);
    expect(await refusalOf(place, teacherOf(path))).toContain(
      `model ${path}: found nothing at ${join(place, 'external.bin')}, expected the file of weights that the model names`,
    );
  });

  it('that never answers is refused after the time that the job allows', async () => {
    const message = await refusalOf(caseFolder(), (spec) => {
      teacherOf(join(fixtures, 'endless.onnx'))(spec);
      Object.assign(spec.teacher.model ?? {}, { timeoutSeconds: 3 });
    });
    expect(message).toContain(
      'found no answer to its first samples after 3 s, expected a model that loads and answers',
    );
  });

  it.each([
    {
      what: 'of a graph model',
      json: { format: 'graph-model', modelTopology: { node: [{ name: 'x'.repeat(1_600_000) }] }, weightsManifest: [] },
      want: 'found a tfjs graph model, expected a tfjs layers model, as teacher.model.format says. Set the format to tfjs-graph',
    },
    {
      what: 'whose layers refer to each other in a circle',
      json: {
        modelTopology: {
          class_name: 'Functional',
          config: {
            name: 'circle',
            layers: [
              {
                name: 'a',
                class_name: 'Activation',
                config: { name: 'a', activation: 'relu' },
                inbound_nodes: [[['a', 0, 0, {}]]],
              },
            ],
            input_layers: [['a', 0, 0]],
            output_layers: [['a', 0, 0]],
          },
        },
        weightsManifest: [],
      },
      want: 'found inputs of a that are never made in inbound_nodes, expected references without a circle',
    },
  ])('$what is refused at once, with a short log', async ({ json, want }) => {
    const place = caseFolder();
    const path = join(place, 'model.json');
    writeFileSync(path, JSON.stringify(json));
    const message = await refusalOf(place, (spec) => {
      spec.teacher.model = { format: 'tfjs-layers', uri: `file://${path}` };
    });
    expect(message).toContain(want);
    expect(statSync(join(place, 'run/logs/cpu-0.log')).size).toBeLessThan(10_000);
  });

  it('with the tokenizer of another model is refused', async () => {
    const place = caseFolder();
    const [texts, tokenizer] = [join(place, 'texts.jsonl'), join(place, 'tokenizer.json')];
    const lines = Array.from({ length: 64 }, (_, at) =>
      JSON.stringify({ text: `a bird sings ${'word '.repeat(at % 7)}` }),
    );
    writeFileSync(texts, lines.join('\n'));
    const words = Array.from({ length: 20 }, (_, at) => `word${String(at)}`);
    writeFileSync(tokenizer, wordTokenizer([...specialTokens, 'a', 'bird', 'sings', 'word', ...words]));
    const message = await refusalOf(place, (spec) => {
      spec.dataset = { format: 'jsonl', uri: `file://${texts}`, fields: [{ name: 'text', type: 'text' }] };
      spec.training = { batchSize: 16, epochs: 1 };
      spec.student.model = { uri: 'preset://text-cnn?outputs=3' };
      spec.student.tokenizer = { uri: `file://${tokenizer}` };
      teacherOf(join(fixtures, 'embedding.onnx'))(spec);
      spec.teacher.tokenizer = { uri: `file://${tokenizer}` };
    });
    expect(message).toContain(
      'found a tokenizer of 28 tokens, expected at most 9, as the model knows for its input input_ids. ' +
        'Set teacher.tokenizer.uri to the tokenizer.json of this model',
    );
  });

  it('made for samples of another shape is refused', async () => {
    const path = join(fixtures, 'nchw.onnx');
    expect(await refusalOf(caseFolder(), teacherOf(path))).toContain(
      `model ${path}: found an input of shape [N, 2, 3, 4], expected samples of 28 × 28 × 1 ` +
        '(height × width × channels). Use a model made for this data set',
    );
  });

  it("of another width than the student's is refused", async () => {
    expect(await refusalOf(caseFolder(), teacherOf(join(fixtures, 'ink-3.onnx')))).toContain(
      'teacher and student differ in width: found 3 logits a sample of the teacher, expected 10 as the student has, one for each class of the labels. ' +
        "Give the last layer of the student's model 3 units, or take another teacher",
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
          modelTopology.config.layers.splice(
            1,
            0,
            { class_name: 'Reshape', config: { name: 'steps', target_shape: [2, 7, 14, 8] } },
            { class_name: 'ConvLSTM2D', config: { name: 'fog', filters: 2, kernel_size: 2, dropout: 0.1 } },
          );
        }),
      want: 'student model, layer fog: found ConvLSTM2D with dropout, expected randomness that a seed repeats (Dropout)',
    },
    {
      what: 'has an unknown layer',
      text: () =>
        changedModel(({ modelTopology }) => {
          modelTopology.config.layers.splice(1, 0, { class_name: 'Capsule', config: { name: 'capsule' } });
        }),
      want:
        'student model, layer capsule: found a layer of the unknown class "Capsule", expected layers that tfjs-layers can ' +
        'build',
    },
    {
      what: 'pools its samples away',
      text: () =>
        changedModel(({ modelTopology }) => {
          const pools = Array.from({ length: 5 }, (_, at) => ({
            class_name: 'MaxPooling2D',
            config: { name: `pool${at}`, pool_size: 2 },
          }));
          Object.assign(pools[0]?.config ?? {}, { batch_input_shape: [null, 28, 28, 1] });
          modelTopology.config.layers = [
            ...pools,
            { class_name: 'Flatten', config: { name: 'flat' } },
            { class_name: 'Dense', config: { name: 'logits', units: 10 } },
          ];
        }),
      want: 'student model, layer pool4: found an output of shape [N, 0, 0, 1], expected whole numbers of at least 1 along each axis',
    },
    {
      what: 'has an input of another shape than the samples',
      text: () =>
        changedModel(({ modelTopology }) => {
          Object.assign(modelTopology.config.layers[0]?.config ?? {}, { batch_input_shape: [null, 32, 32, 3] });
        }),
      want: "found an input of shape [N, 32, 32, 3], expected samples of 28 × 28 × 1 (height × width × channels). Change the student model's",
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

  it('by a preset that cannot take the data is refused', async () => {
    const message = await refusalOf(caseFolder(), (spec) => {
      spec.student.model = { uri: 'preset://text-cnn' };
    });
    expect(message).toContain(
      'preset text-cnn: it takes token ids or bytes; the data has images of 28 × 28 × 1. ' +
        'Use mlp, cnn-tiny, resnet-tiny or mobilenet-tiny',
    );
  });

  it('by a preset of another width than the teacher is refused', async () => {
    const message = await refusalOf(caseFolder(), (spec) => {
      spec.student.model = { uri: 'preset://mlp?hidden=8&outputs=12' };
    });
    expect(message).toContain('found 10 logits a sample of the teacher, expected 12 as the student has.');
  });

  it('that is a pipe is refused instead of waited for', async () => {
    const place = caseFolder();
    const path = join(place, 'student.json');
    execFileSync('mkfifo', [path]);
    const message = await refusalOf(place, (spec) => {
      withoutTeacher(spec);
      spec.student.model = { uri: `file://${path}` };
    });
    expect(message).toContain(`student model ${path}: found a named pipe`);
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
      /step \d: no teacher could compute it in \d deliveries; the last error, from cpu-\d: logits: found NaN in row \d+, column 0, expected finite numbers. Check teacher\.input\.mean and std/,
    );
    expect(message).toContain('Set spec.teacher.onFailure to Skip to train such steps on labels alone');
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
    const logged = studentLog(run).match(
      /step \d: no teacher could compute it[^"]*found NaN[^"]*trained on labels alone/g,
    );
    expect(logged).toHaveLength(1);
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
