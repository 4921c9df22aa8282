/** A preset as the student of a job: through the whole engine, and the same weights when its process is killed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { distillProgram } from '../../kit/programs.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-presets-'));
const preset = 'resnet-tiny?blocks=1,1&width=4&stride=2&dropout=0.1';
let data = '';
let undisturbed = '';

/** Starts a run of the job with this student. */
function start(uri: string, name: string): DistillProcess {
  const job = writeSmallJob(folder, data, (spec) => {
    spec.student.model = { uri };
  });
  return new DistillProcess(['run', job, '--json', '--dir', join(folder, name)]);
}

/** @returns the digest of the weights */
async function digestOf(run: DistillProcess): Promise<string | undefined> {
  expect({ exitCode: await run.ended(), stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await run.survivors()).toEqual([]);
  return run.result?.digest;
}

beforeAll(async () => {
  data = smallMnist(join(folder, 'data'), { train: 2_048, test: 256 });
  undisturbed = (await digestOf(start(`preset://${preset}`, 'undisturbed'))) ?? '';
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('a student that is killed makes the same model again and ends with the same weights', async () => {
  const run = start(`preset://${preset}`, 'killed');
  await run.until('steps beyond a checkpoint are trained', () => (run.progress?.step ?? 0) > 25);
  const student = run.progress?.pids.student;
  expect(student).not.toBeNull();
  process.kill(student ?? 0, 'SIGKILL');
  await run.until('another student continues', () => {
    const next = run.progress?.pids.student ?? null;
    return next !== null && next !== student;
  });
  expect(await digestOf(run)).toBe(undisturbed);
});

it('the file that `distill models` prints is the same student', async () => {
  const file = join(folder, 'student.json');
  const { stdout } = spawnSync(
    process.execPath,
    [distillProgram, 'models', preset, '--input', '28x28x1', '--outputs', '10', '-o', 'topology'],
    { encoding: 'utf8' },
  );
  writeFileSync(file, stdout);
  expect(await digestOf(start(`file://${file}`, 'by-file'))).toBe(undisturbed);
});

it('the result is a model that names no preset', () => {
  const model = JSON.parse(readFileSync(join(folder, 'undisturbed', 'model', 'model.json'), 'utf8')) as {
    modelTopology: { class_name: string; config: { layers: { class_name: string }[] } };
  };
  expect(model.modelTopology.class_name).toBe('Functional');
  const classes = new Set(model.modelTopology.config.layers.map(({ class_name: name }) => name));
  expect([...classes].sort()).toEqual([
    'Activation',
    'Add',
    'BatchNormalization',
    'Conv2D',
    'Dense',
    'Dropout',
    'GlobalAveragePooling2D',
    'InputLayer',
  ]);
});
