/** Teachers in the SavedModel format through the whole engine, and how a run without TensorFlow refuses one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';

import { distillExit, DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { builtNative } from '../../kit/native.js';
import { startS3Server } from '../../kit/s3-server.js';

const built = builtNative();
const folder = mkdtempSync(join(tmpdir(), 'distill-saved-model-'));
const model = join(import.meta.dirname, '../../unit/inference/fixtures/saved-model');
let data = '';

beforeAll(() => {
  data = smallMnist(join(folder, 'data'), { train: 2_048, test: 256 });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** @param more of the model, instead of the usual */
function start(
  name: string,
  signature: string,
  nativeFolder = built ?? 'none',
  more: object = {},
  variables: Readonly<Record<string, string>> = {},
): DistillProcess {
  const job = writeSmallJob(folder, data, (spec) => {
    spec.teacher.model = {
      format: 'saved-model',
      uri: `file://${model}`,
      signature,
      ...more,
    };
    spec.student.runtime = { name: 'wasm' };
  });
  return new DistillProcess(['run', job, '--json', '--dir', join(folder, name)], {
    DISTILL_NATIVE_FOLDER: nativeFolder,
    ...variables,
  });
}

(built === null ? describe.skip : describe)('a SavedModel', () => {
  it('teaches a student, to the same weights when a teacher is killed', async () => {
    const whole = start('whole', 'digits');
    expect({ exitCode: await whole.ended(), stderr: whole.stderr }).toEqual({ exitCode: 0, stderr: '' });
    const killed = start('killed', 'digits');
    await killed.until('steps are trained', () => (killed.progress?.step ?? 0) > 5);
    for (const pid of killed.progress?.pids.teachers ?? []) process.kill(pid, 'SIGKILL');
    expect({ exitCode: await killed.ended(), stderr: killed.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(killed.result?.digest).toBe(whole.result?.digest);
    expect(await killed.survivors()).toEqual([]);
  });

  it('in a bucket teaches the same student, with its variables', async () => {
    const bucket = await startS3Server();
    try {
      await bucket.makeBucket('models');
      for (const name of ['saved_model.pb', 'variables/variables.index', 'variables/variables.data-00000-of-00001']) {
        await bucket.put('models', `digits/${name}`, readFileSync(join(model, name)));
      }
      const variables = { ...bucket.variables(), DISTILL_CACHE_FOLDER: join(folder, 'cache') };
      const local = start('local', 'digits');
      expect({ exitCode: await local.ended(), stderr: local.stderr }).toEqual({ exitCode: 0, stderr: '' });
      const remote = start('remote', 'digits', built ?? 'none', { uri: 's3://models/digits' }, variables);
      expect({ exitCode: await remote.ended(), stderr: remote.stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(remote.result?.digest).toBe(local.result?.digest);
      expect(remote.result?.digest).toMatch(/^[0-9a-f]{64}$/);
    } finally {
      await bucket.stop();
    }
  });

  it('that never answers is refused after the time that the job allows', async () => {
    const run = start('endless', 'endless', undefined, { timeoutSeconds: 5 });
    expect(await run.ended()).toBe(distillExit.badInput);
    expect(run.result?.message).toContain(
      `model ${model}: found no answer to its first samples after 5 s, expected a model that loads and answers`,
    );
    expect(await run.survivors()).toEqual([]);
  });
});

test('where TensorFlow is not built, a SavedModel ends the run with what to do', async () => {
  const run = start('missing', 'digits', 'none');
  expect(await run.ended()).not.toBe(0);
  expect(run.result?.message ?? run.stderr).toContain('runtime native: TensorFlow is not built here. Build it with');
  expect(await run.survivors()).toEqual([]);
});
