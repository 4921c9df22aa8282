/**
 * A stranger's path: a model and data in a folder, `distill init`, `distill validate`, `distill run`, and nothing edited in
 * between.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';

import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

import { distillExit, DistillProcess, isAlive } from '../../kit/distill.js';
import { bytesClassifier, digitClassifier, rowClassifier, textEncoder, wordTokenizer } from '../../kit/onnx.js';
import { mnistPictures } from '../../kit/pictures.js';

const top = mkdtempSync(join(tmpdir(), 'distill-init-'));

afterAll(() => {
  rmSync(top, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
  readonly stderr: string;
}

async function distill(folder: string, ...args: readonly string[]): Promise<Ended> {
  const child = new DistillProcess(args, {}, join(top, folder));
  const code = await child.ended();
  return { code, lines: child.plain, stderr: child.stderr };
}

function project(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = join(top, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return folder;
}

function specOf(folder: string, file = 'job.yaml'): Record<string, unknown> {
  return (parse(readFileSync(join(top, folder, file), 'utf8')) as { spec: Record<string, unknown> }).spec;
}

/** Runs the written job as it is, and returns what the run ended with. */
async function trained(folder: string): Promise<DistillProcess['result']> {
  expect(await distill(folder, 'validate', 'job.yaml', '--engine', 'local')).toMatchObject({ code: 0, stderr: '' });
  const run = new DistillProcess(['run', 'job.yaml', '--json', '--dir', 'result'], {}, join(top, folder));
  expect({ code: await run.ended(), stderr: run.stderr }).toEqual({ code: 0, stderr: '' });
  expect(run.result).toMatchObject({ outcome: 'complete' });
  return run.result;
}

const words = ['cat', 'dog', 'house', 'tree', 'runs', 'sleeps', 'big', 'small', 'red', 'blue'];
const sentences = Array.from({ length: 120 }, (_, at) =>
  Array.from({ length: 3 + (at % 5) }, (__, word) => words[(at * 7 + word * 3) % words.length]).join(' '),
);
const kernel = Float32Array.of(2, -1, 0, 1, 0, -2);
const rows = Array.from({ length: 240 }, (_, at) => [((at * 37) % 101) / 50 - 1, ((at * 53) % 97) / 48 - 1] as const);
const kinds = ['blue', 'green', 'red'];
const table = rows.map(([a, b]) => {
  const scores = kinds.map((_, kind) => a * (kernel[kind] ?? 0) + b * (kernel[3 + kind] ?? 0));
  return `${String(a)},${String(b)},${kinds[scores.indexOf(Math.max(...scores))] ?? ''}`;
});

beforeAll(async () => {
  project('digits', { 'classifier.onnx': digitClassifier(8) });
  await mnistPictures(join(top, 'digits/photos'), { count: 240, format: 'jpeg', labeled: true });
  project('unlabeled', { 'classifier.onnx': digitClassifier(8) });
  await mnistPictures(join(top, 'unlabeled/photos'), { count: 120, format: 'jpeg', labeled: false });
  project('rows', { 'model.onnx': rowClassifier(kernel, 2, 3), 'rows.csv': ['a,b,kind', ...table, ''].join('\n') });
  project('texts', {
    'encoder.onnx': textEncoder(
      Float32Array.from({ length: 14 * 8 }, (_, at) => Math.sin(at + 1)),
      12,
      8,
    ),
    'tokenizer.json': wordTokenizer(words),
    'texts.jsonl': sentences.map((text, id) => JSON.stringify({ id, text })).join('\n'),
  });
  project('files', { 'detector.onnx': bytesClassifier(64, 7) });
  project(
    'files/data',
    Object.fromEntries(sentences.slice(0, 40).map((text, at) => [`${String(at)}.txt`, text.repeat(at + 1)])),
  );
});

describe('distill init', () => {
  it('writes a job for pictures and a classifier with softmax and a fixed batch, which trains as it is', async () => {
    const { code, lines, stderr } = await distill('digits', 'init');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines.join('\n')).toContain('classifier.onnx: 10 numbers a sample, taken as classes');
    expect(specOf('digits')).toMatchObject({
      dataset: {
        format: 'imageFolder',
        uri: 'file://photos',
        fields: [{ type: 'image', height: 28, width: 28, channels: 1 }, { type: 'class' }],
        split: { testFraction: 0.1 },
      },
      // Of the usual ways, the teacher is surest of the labels with pixels in [0, 1].
      teacher: { model: { uri: 'file://classifier.onnx' } },
    });
    expect(Object.keys(specOf('digits').teacher as object)).toEqual(['model']);
    expect((await trained('digits'))?.studentAccuracy).toBeGreaterThan(0.3);
  });

  it('writes a job for pictures without labels, once it knows their pixels', async () => {
    const open = await distill('unlabeled', 'init');
    expect(open).toMatchObject({ code: distillExit.usage, lines: [] });
    expect(open.stderr).toContain('it cannot infer which values of pixels the teacher was trained on');
    expect(open.stderr).toContain('Add --pixels with 0..1');
    expect(readdirSync(join(top, 'unlabeled'))).toEqual(['classifier.onnx', 'photos']);
    expect(await distill('unlabeled', 'init', '--pixels', '0..1', '--output', 'photos.yaml')).toMatchObject({
      code: 0,
    });
    expect(await distill('unlabeled', 'validate', 'photos.yaml')).toMatchObject({ code: 0 });
    expect(specOf('unlabeled', 'photos.yaml')).toMatchObject({ student: { loss: { softWeight: 1 } } });
  });

  it('writes a job for a table and a classifier of its rows, which trains as it is', async () => {
    expect(await distill('.', 'init', 'rows')).toMatchObject({ code: 0, stderr: '' });
    expect(specOf('rows')).toMatchObject({
      dataset: {
        format: 'csv',
        uri: 'file://rows.csv',
        fields: [{ columns: ['a', 'b'] }, { type: 'class', columns: ['kind'] }],
      },
      student: { model: { uri: 'preset://mlp' } },
    });
    expect((await trained('rows'))?.studentAccuracy).toBeGreaterThan(0.6);
  });

  it('writes a job for texts and an encoder, which trains as it is', async () => {
    expect(await distill('texts', 'init')).toMatchObject({ code: 0, stderr: '' });
    expect(specOf('texts')).toMatchObject({
      dataset: { format: 'jsonl', fields: [{ type: 'text' }] },
      teacher: {
        tokenizer: { uri: 'file://tokenizer.json', maxTokens: 12 },
        output: { kind: 'Embedding', pooling: 'Mean' },
      },
      student: { model: { uri: 'preset://text-cnn?outputs=8' }, loss: { kind: 'Cosine' } },
    });
    await trained('texts');
  });

  it('writes a job for plain files and a detector', async () => {
    expect(await distill('files', 'init')).toMatchObject({ code: 0, stderr: '' });
    expect(specOf('files')).toMatchObject({
      dataset: { format: 'files', uri: 'file://data', fields: [{ type: 'bytes', head: 32, tail: 32, padding: 256 }] },
      student: { model: { uri: 'preset://bytes-cnn?outputs=7' } },
    });
    expect(await distill('files', 'validate', 'job.yaml')).toMatchObject({ code: 0 });
  });
});

/** What is wrong, in which folder, with which options; the exit code and a part of the sentence. */
const faults: readonly (readonly [string, readonly string[], number, string])[] = [
  ['a folder that is not there', ['nowhere'], distillExit.badInput, 'nowhere: found nothing'],
  ['an empty folder', ['empty'], distillExit.badInput, 'no teacher lies among its 0 files'],
  ['an invalid model', ['broken'], distillExit.badInput, 'expected an ONNX model'],
  [
    'a teacher that is not there',
    ['files', '--output', 'x.yaml', '--teacher', 'none.onnx'],
    distillExit.badInput,
    'model TOP/none.onnx: found nothing',
  ],
  [
    'data that are not there',
    ['files', '--output', 'x.yaml', '--data', 'none'],
    distillExit.badInput,
    'TOP/none: found nothing',
  ],
  ['data at a remote place', ['files', '--data', 's3://bucket/data'], distillExit.usage, 'reads files on this machine'],
  [
    'a column that is not there',
    ['rows', '--label', 'color', '--output', 'x.yaml'],
    distillExit.badInput,
    'there is no column color among a, b, kind',
  ],
  ['a file that exists', ['exists'], distillExit.badInput, 'the file exists, and distill init replaces none'],
  [
    'a folder for the job that is not there',
    ['rows', '--output', 'no/job.yaml'],
    distillExit.badInput,
    '--output TOP/no/job.yaml: found nothing',
  ],
  ['an unknown format', ['rows', '--format', 'xlsx'], distillExit.usage, "argument 'xlsx' is invalid"],
  ['an invalid size', ['rows', '--size', 'big'], distillExit.usage, 'expected height and width'],
];

describe('distill init refuses', () => {
  beforeAll(() => {
    project('empty', {});
    project('broken', { 'teacher.onnx': 'no model', 'data.csv': 'a,b\n1,2\n' });
    project('exists', { 'job.yaml': 'mine' });
  });

  it.each(faults)(
    '%s',
    async (_, args, code, sentence) => {
      const ended = await distill('.', 'init', ...args);
      expect({ code: ended.code, lines: ended.lines }).toEqual({ code, lines: [] });
      expect(ended.stderr.replaceAll(top, 'TOP')).toContain(sentence);
      expect(ended.stderr).not.toMatch(/^\s+at /m);
      expect(readFileSync(join(top, 'exists/job.yaml'), 'utf8')).toBe('mine');
      expect(readdirSync(top).filter((name) => name.endsWith('.partial'))).toEqual([]);
    },
    120_000,
  );

  it('a link in the place of the job, and leaves what it leads to', async () => {
    project('linked', { 'model.onnx': rowClassifier(kernel, 2, 3), 'rows.csv': ['a,b', '1,2', '3,4', ''].join('\n') });
    symlinkSync(join(top, 'linked/target.yaml'), join(top, 'linked/job.yaml'));
    expect(await distill('linked', 'init')).toMatchObject({ code: distillExit.badInput });
    expect(existsSync(join(top, 'linked/target.yaml'))).toBe(false);
  });

  it('to go on after Ctrl-C, and leaves no process and no file', async () => {
    const endless = readFileSync(join(import.meta.dirname, '../../unit/inference/fixtures/endless.onnx'));
    project('stopped', { 'model.onnx': endless, 'rows.csv': ['a,b', '1,2', '3,4', ''].join('\n') });
    const run = new DistillProcess(['init'], {}, join(top, 'stopped'));
    const pid = run.child.pid ?? 0;
    let looking: number[] = [];
    await run.until('a process opens the model', () => {
      looking = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
        .split(' ')
        .filter(Boolean)
        .map(Number);
      return looking.length > 0;
    });
    run.child.kill('SIGINT');
    expect(await run.ended()).toBe(distillExit.interrupted);
    expect(looking.filter(isAlive)).toEqual([]);
    expect(readdirSync(join(top, 'stopped')).sort()).toEqual(['model.onnx', 'rows.csv']);
  });
});
