/** The student against fakes: what it writes when, what causes each ending, what a restart repeats. */
import { createHash } from 'node:crypto';

import { readResultSums, resultReportSchema, type TrainingMetrics, trainingMetricsSchema } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { NumericError } from '../../../workers/models/training.js';
import { decodeCheckpoint, StoreError } from '../../../workers/checkpoint/index.js';
import { endingOf } from '../../../workers/process/endings.js';
import { OnnxExportError } from '../../../workers/models/export.js';
import { WorkerError } from '../../../workers/base/exit.js';
import { type Attempt, StudentHome } from '../../kit/student-home.js';
import { answersFor, fakeColumns, manifestWith } from '../../kit/worker-fakes.js';

/** 22 samples in batches of 4, two epochs: 12 steps, the sixth and the last of them short. */
const steps = 12;

const uptoSteps = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

/** How the process of a run would end. */
async function endingAndMessage(home: StudentHome, attempt: Attempt): Promise<{ ending: string; message: string }> {
  try {
    await home.finish(attempt);
    return { ending: 'done', message: '' };
  } catch (error) {
    return { ending: endingOf(error), message: error instanceof Error ? error.message : String(error) };
  }
}

function metricsOf(home: StudentHome, step: number): TrainingMetrics | undefined {
  const stored = [...home.checkpoints.stored.values()].find(({ entry }) => entry.step === step);
  if (stored === undefined) return undefined;
  return trainingMetricsSchema.parse(decodeCheckpoint(stored.bytes, 'job-a').metrics);
}

async function until(home: StudentHome, holds: () => boolean): Promise<void> {
  const wait = async (): Promise<void> => {
    while (!holds()) await home.clock.sleep(1);
  };
  await home.clock.run(wait(), 600_000);
}

describe('an undisturbed student', () => {
  test('trains every step once and in order, on the batch and the logits of that step', async () => {
    const home = new StudentHome();
    const attempt = await home.attempt();
    await home.finish(attempt);
    expect(attempt.trainer.steps).toEqual(uptoSteps(0, steps));
    for (const { step, samples, targets, teacherLogits } of attempt.trainer.batches) {
      const indices = home.schedule.indices(step);
      expect(targets).toEqual(await home.dataset.train.targets(indices));
      expect(samples).toEqual(await home.dataset.train.read(indices));
      expect(teacherLogits).toEqual(answersFor(indices));
    }
  });

  test('evaluates after each epoch, and writes the result only after the last checkpoint', async () => {
    const home = new StudentHome();
    const result = await home.finish(await home.attempt());
    const written = home.journal.filter((line) => !line.startsWith('state'));
    expect(written).toEqual([
      'checkpoint 3',
      'checkpoint 6',
      'checkpoint 9',
      'checkpoint 12',
      'result model.json',
      'result weights.bin',
      'result model.onnx',
      'result metrics.json',
      'result SHA256SUMS',
    ]);
    expect(home.results.json('metrics.json')).toMatchObject({
      digest: result.digest,
      accuracy: result.accuracy,
      steps,
    });
    const report = resultReportSchema.parse(home.results.json('metrics.json'));
    expect(report.evaluations.map(({ step }) => step)).toEqual([6, 12]);
    expect(report.metrics).toEqual({ accuracy: result.accuracy, agreement: expect.any(Number) });
    expect(home.state.reports.at(-1)).toMatchObject({ metrics: report.metrics, result: { metrics: report.metrics } });
    expect([...home.checkpoints.stored.values()].map(({ entry }) => entry.step)).toEqual([9, 12]);
  });

  test('lists every result file with its SHA-256, and reports that of the list', async () => {
    const home = new StudentHome();
    await home.finish(await home.attempt());
    const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
    const { SHA256SUMS: list = new Uint8Array(), ...files } = Object.fromEntries(home.results.files);
    expect(readResultSums(new TextDecoder().decode(list))).toEqual(
      new Map(Object.entries(files).map(([name, bytes]) => [name, sha(bytes)])),
    );
    expect(home.state.reports.at(-1)?.result?.filesDigest).toBe(sha(list));
  });

  test('writes model.onnx only if it answers as the trainer; without it the job succeeds and says why', async () => {
    const home = new StudentHome();
    const usual = home.writeOnnx;
    home.writeOnnx = () => Promise.reject(new OnnxExportError('layer lines', 'Masking is not exported to ONNX'));
    const { digest } = await home.finish(await home.attempt());
    expect([...home.results.files.keys()]).toEqual(['model.json', 'weights.bin', 'metrics.json', 'SHA256SUMS']);
    const onnxLeftOut = 'layer lines: Masking is not exported to ONNX';
    expect(resultReportSchema.parse(home.results.json('metrics.json'))).toMatchObject({ digest, onnxLeftOut });
    expect(home.log.warnings).toEqual([`model.onnx is left out: ${onnxLeftOut}`]);

    const again = new StudentHome();
    again.writeOnnx = async (order) => {
      expect(order).toMatchObject({
        facts: { namespace: 'default', digest },
        samples: { count: 8 },
      });
      expect(order.logits).toHaveLength(8 * fakeColumns);
      return usual(order);
    };
    await again.finish(await again.attempt());
    expect(again.results.json('metrics.json')).not.toHaveProperty('onnxLeftOut');
  });

  test('keeps no model.onnx that the list does not name: one of an earlier attempt, one that finds no room', async () => {
    const home = new StudentHome();
    home.results.files.set('model.onnx', Uint8Array.of(1));
    home.writeOnnx = () => Promise.reject(new Error('no memory'));
    await home.finish(await home.attempt());
    expect(home.journal).toContain('no result model.onnx');
    expect(home.results.json('metrics.json')).toMatchObject({ onnxLeftOut: 'Error: no memory' });

    const full = new StudentHome();
    full.results.full = 'model.onnx';
    await full.finish(await full.attempt());
    expect([...full.results.files.keys()]).toEqual(['model.json', 'weights.bin', 'metrics.json', 'SHA256SUMS']);
    expect(full.results.json('metrics.json')).toMatchObject({ onnxLeftOut: expect.stringContaining('found no room') });
  });

  test('reports Done last, with the result, even when writes of the state are slow', async () => {
    const home = new StudentHome();
    let writes = 0;
    home.state.updateMs = () => (writes++ % 2 === 0 ? 900 : 1);
    const { digest } = await home.finish(await home.attempt());
    await home.clock.pass(5_000);
    expect(home.state.reports.at(-1)).toMatchObject({ phase: 'Done', step: steps, result: { digest } });
    const times = home.state.reports.map(({ updatedAtMs }) => updatedAtMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test('checks the fence before every checkpoint', async () => {
    const home = new StudentHome();
    await home.finish(await home.attempt());
    const before = home.journal.flatMap((line, at) =>
      line.startsWith('checkpoint') ? [home.journal[at - 1] ?? ''] : [],
    );
    expect(before.every((line) => line.startsWith('state Training'))).toBe(true);
  });

  test('trains on labels alone when the loss uses nothing else, and feeds no items', async () => {
    const home = new StudentHome({ manifest: manifestWith({ softWeight: 0 }) });
    const attempt = await home.attempt();
    await home.finish(attempt);
    expect(attempt.trainer.steps).toEqual(uptoSteps(0, steps));
    expect(attempt.trainer.batches.every(({ teacherLogits }) => teacherLogits === null)).toBe(true);
    expect(home.streams.fed).toEqual([]);
    expect(home.results.json('metrics.json')).toMatchObject({ skipped: 0, skippedSteps: [] });
  });

  test('reports waiting while it starves, and only while it trains', async () => {
    const home = new StudentHome({ answer: ({ step }) => ({ afterMs: step === 2 ? 20_000 : 1 }) });
    await home.finish(await home.attempt());
    const starving = home.state.reports.filter(({ step, phase }) => step === 2 && phase === 'Training');
    expect(starving.at(-1)?.waitFraction).toBe(1);
    expect(home.state.reports.at(-1)?.waitFraction).toBe(0);
  });
});

describe('a checkpoint', () => {
  test('at the end of an epoch holds its evaluation; one before does not', async () => {
    const home = new StudentHome({ manifest: manifestWith({ everySteps: 3, keep: 9 }) });
    await home.finish(await home.attempt());
    const evaluated = [3, 6, 9, 12].map((step) => metricsOf(home, step)?.evaluations.map((record) => record.step));
    expect(evaluated).toEqual([[], [6], [6], [6, 12]]);
  });

  test('is copied while the next step is on its way, and holds the steps before it alone', async () => {
    const home = new StudentHome({ manifest: manifestWith({ everySteps: 3, keep: 9 }) });
    const attempt = await home.attempt();
    await home.finish(attempt);
    const { trainer } = attempt;
    const at = (call: string): number => trainer.calls.indexOf(call);
    // Steps 6 and 12 end an epoch: the evaluation before the checkpoint waits for all steps.
    for (const step of [3, 9]) {
      expect(at(`answers state ${String(step)}`)).toBeGreaterThan(at(`asks train ${String(step)}`));
      const { losses = [], openStretch } = metricsOf(home, step) ?? {};
      expect(losses.length + (openStretch?.count ?? 0)).toBe(step);
    }
  });

  test('is written at the end even when it is not due', async () => {
    const home = new StudentHome({ manifest: manifestWith({ everySteps: 1_000 }) });
    await home.finish(await home.attempt());
    expect(home.journal.filter((line) => line.startsWith('checkpoint'))).toEqual(['checkpoint 12']);
  });

  const full = new StoreError('full', '/run', { problem: 'no space left', remedy: '' });

  test('that cannot be stored does not stop training; the end waits for room, then fails as a storage fault without a result', async () => {
    const home = new StudentHome();
    home.checkpoints.failure = full;
    const attempt = await home.attempt();
    expect(await endingAndMessage(home, attempt)).toEqual({
      ending: 'storage',
      message: 'checkpoint store /run: no space left',
    });
    expect(attempt.trainer.steps).toEqual(uptoSteps(0, steps));
    expect(home.clock.now()).toBeGreaterThan(100_000);
    expect(home.results.files.size).toBe(0);
    expect(home.state.reports.at(-1)).toMatchObject({ checkpointFault: 'checkpoint store /run: no space left' });
  });

  const away = new StoreError('away', 's3://runs/x', { problem: 'the server cannot answer now', remedy: '' });

  test('counts although the store is away when older ones are to be removed; they are removed later', async () => {
    const home = new StudentHome();
    home.checkpoints.removalFailure = away;
    home.checkpoints.afterPut = (step) => {
      if (step === 12) home.checkpoints.removalFailure = null;
    };
    await home.finish(await home.attempt());
    expect(home.journal.filter((line) => line.startsWith('checkpoint'))).toEqual(
      ['3', '6', '9', '12'].map((step) => `checkpoint ${step}`),
    );
    expect((await home.checkpoints.list()).map(({ step }) => step)).toEqual([12, 9]);
  });

  test.each([full, away])('waits while training goes on; then only the newest is stored: $reason', async (fault) => {
    const home = new StudentHome();
    home.checkpoints.failure = fault;
    const attempt = await home.attempt({ stepMs: 1_000 });
    const running = endingAndMessage(home, attempt);
    await until(home, () => attempt.trainer.steps.length === 8);
    expect(home.state.reports.at(-1)).toMatchObject({ checkpointFault: fault.message, checkpointStep: 0 });
    home.checkpoints.failure = null;
    expect((await running).ending).toBe('done');
    const written = home.journal.filter((line) => line.startsWith('checkpoint'));
    // The retry comes after five seconds: by then the state of step 9 has taken the place of those before.
    expect(written).toEqual(['checkpoint 9', 'checkpoint 12']);
    expect(home.state.reports.at(-1)).toMatchObject({ phase: 'Done', checkpointFault: null, checkpointStep: 12 });
  });

  test('does not stop training when the store never answers', async () => {
    const home = new StudentHome();
    home.checkpoints.silence = new Promise(() => undefined);
    const attempt = await home.attempt({ stepMs: 1_000 });
    expect(await endingAndMessage(home, attempt)).toEqual({
      ending: 'storage',
      message: 'checkpoint store step 12: gives no answer. Check the store and its disk.',
    });
    expect(attempt.trainer.steps).toEqual(uptoSteps(0, steps));
  });

  test('makes room before it fails: everything but the newest sound one is removed', async () => {
    const home = new StudentHome({ manifest: manifestWith({ keep: 3 }) });
    // Room for two at a time.
    home.checkpoints.room = 2;
    await home.finish(await home.attempt());
    expect(home.journal.filter((line) => line.startsWith('checkpoint'))).toHaveLength(4);
    expect([...home.checkpoints.stored.values()].map(({ entry }) => entry.step)).toEqual([9, 12]);
  });

  test('that can never fit ends the run at once as bad input', async () => {
    const home = new StudentHome();
    home.checkpoints.failure = new StoreError('tooSmall', 'x', { problem: 'does not hold two of them', remedy: '' });
    const attempt = await home.attempt();
    expect((await endingAndMessage(home, attempt)).ending).toBe('terminal');
    expect(attempt.trainer.steps.length).toBeLessThan(steps);
  });

  test('without room at a stop is reported, with the step that is durable', async () => {
    const home = new StudentHome();
    const attempt = await home.attempt({ stepMs: 1_000 });
    const running = endingAndMessage(home, attempt);
    await until(home, () => attempt.trainer.steps.length === 5);
    home.checkpoints.failure = full;
    attempt.stop();
    expect(await running).toEqual({
      ending: 'stopped',
      message: 'asked to stop; the next attempt continues at step 3, since checkpoint store /run: no space left',
    });
  });

  test('is removed to make room for a result, which is tried again', async () => {
    const home = new StudentHome();
    const attempt = await home.attempt();
    home.results.failure = full;
    const running = endingAndMessage(home, attempt);
    await until(home, () => home.checkpoints.stored.size === 1 && home.journal.includes('checkpoint 12'));
    home.results.failure = null;
    expect((await running).ending).toBe('done');
    expect([...home.results.files.keys()]).toContain('SHA256SUMS');
  });

  test('is not written while the fence does not answer', async () => {
    const home = new StudentHome();
    const attempt = await home.attempt();
    home.state.failure = new WorkerError('unreachable', {
      about: 'NATS',
      problem: 'the connection is closed',
      remedy: '',
    });
    expect((await endingAndMessage(home, attempt)).ending).toBe('unreachable');
    expect(home.journal).toEqual([]);
  });
});

describe('a student that is asked to stop', () => {
  test.each([1, 2, 4, 7, 11])('checkpoints what it trained and ends as stopped (near step %i)', async (near) => {
    const home = new StudentHome();
    const attempt = await home.attempt();
    const running = endingAndMessage(home, attempt);
    await until(home, () => attempt.trainer.steps.length >= near);
    attempt.stop();
    const { ending, message } = await running;
    const trained = attempt.trainer.steps.length;
    expect({ ending, message }).toEqual({
      ending: 'stopped',
      message: `asked to stop; the next attempt continues at step ${String(trained)}`,
    });
    expect((await home.checkpoints.list())[0]?.step).toBe(trained);
    expect(home.results.files.size).toBe(0);
  });

  test('before its first step ends without writing anything', async () => {
    const home = new StudentHome();
    const attempt = await home.attempt();
    attempt.stop();
    expect((await endingAndMessage(home, attempt)).ending).toBe('stopped');
    expect(attempt.trainer.steps).toEqual([]);
    expect(home.checkpoints.stored.size).toBe(0);
  });

  test('ends at once while it starves, even when the server is away', async () => {
    const home = new StudentHome({ answer: ({ step }) => (step < 2 ? { afterMs: 1 } : null) });
    const attempt = await home.attempt();
    const running = endingAndMessage(home, attempt);
    await until(home, () => attempt.trainer.steps.length === 2);
    home.streams.away = new Promise(() => undefined);
    await home.clock.pass(10_000);
    const askedAtMs = home.clock.now();
    attempt.stop();
    expect((await running).ending).toBe('stopped');
    expect(home.clock.now() - askedAtMs).toBeLessThan(100);
    expect((await home.checkpoints.list())[0]?.step).toBe(2);
  });

  test('during an evaluation leaves it to the next attempt, which evaluates once', async () => {
    const home = new StudentHome({ test: 5_000, manifest: manifestWith({ everySteps: 6 }) });
    const first = await home.attempt();
    const running = endingAndMessage(home, first);
    await until(home, () => first.trainer.evaluations === 2);
    first.stop();
    expect((await running).ending).toBe('stopped');
    expect(first.trainer.evaluations).toBeLessThan(10);
    expect(metricsOf(home, 6)?.evaluations).toEqual([]);

    const second = await home.attempt();
    expect(second.start.step).toBe(6);
    await home.finish(second);
    const undisturbed = new StudentHome({ test: 5_000, manifest: manifestWith({ everySteps: 6 }) });
    await undisturbed.finish(await undisturbed.attempt());
    expect(home.results.json('metrics.json')).toEqual(undisturbed.results.json('metrics.json'));
  });
});

describe('a student that resumes after the last step', () => {
  /** Trains to the end, but dies before it has exported. */
  async function diedBeforeExport(): Promise<StudentHome> {
    const home = new StudentHome();
    const first = await home.attempt();
    void first.student.run().catch(() => undefined);
    await until(home, () => home.journal.includes('checkpoint 12'));
    first.kill();
    return home;
  }

  test('trains nothing, evaluates nothing, and exports the same model', async () => {
    const home = await diedBeforeExport();
    const second = await home.attempt();
    const result = await home.finish(second);
    expect({ trained: second.trainer.steps, evaluations: second.trainer.evaluations }).toEqual({
      trained: [],
      evaluations: 0,
    });
    const undisturbed = new StudentHome();
    expect(result).toEqual(await undisturbed.finish(await undisturbed.attempt()));
    expect(home.results.files).toEqual(undisturbed.results.files);
    expect(home.state.reports.at(-1)).toMatchObject({ phase: 'Done', resumedFromStep: steps, result });
  });
});

describe('a student whose step fails', () => {
  test('ends with that error, even while it starves for a later step', async () => {
    const home = new StudentHome({ answer: ({ step }) => (step < 4 ? { afterMs: 1 } : null) });
    const attempt = await home.attempt();
    attempt.trainer.failAt = { step: 3, error: new NumericError('loss', 3) };
    expect(await endingAndMessage(home, attempt)).toEqual({
      ending: 'terminal',
      message: 'step 3: the loss is not finite. Lower the learning rate or check the data.',
    });
    expect([...home.checkpoints.stored.values()].map(({ entry }) => entry.step)).toEqual([3]);
  });

  test('ends with that error when it trains on labels alone', async () => {
    const home = new StudentHome({ manifest: manifestWith({ softWeight: 0 }) });
    const attempt = await home.attempt();
    attempt.trainer.failAt = { step: 5, error: new NumericError('loss', 5) };
    expect((await endingAndMessage(home, attempt)).ending).toBe('terminal');
    expect(attempt.trainer.steps.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
    expect(home.results.files.size).toBe(0);
  });
});

describe('a student that is fenced', () => {
  test('by a newer attempt stops without writing, even while it starves', async () => {
    const home = new StudentHome({ answer: ({ step }) => (step < 5 ? { afterMs: 1 } : null) });
    const attempt = await home.attempt();
    const running = endingAndMessage(home, attempt);
    await until(home, () => attempt.trainer.steps.length === 5);
    home.state.claim();
    const written = [...home.journal];
    expect(await running).toEqual({ ending: 'fenced', message: 'attempt 1: found attempt 2' });
    expect(home.journal).toEqual(written);
  });

  test('between the last checkpoint and the result writes no result', async () => {
    const home = new StudentHome();
    const attempt = await home.attempt();
    home.checkpoints.afterPut = (step) => {
      if (step === steps) home.state.claim();
    };
    expect((await endingAndMessage(home, attempt)).ending).toBe('fenced');
    expect(home.journal.filter((line) => line.startsWith('result'))).toEqual([]);
  });
});

describe('a step that no teacher could compute', () => {
  const poison = ({ step }: { step: number }) =>
    step === 4 || step === 5 ? ({ afterMs: 5, fault: 'deadLetter' } as const) : { afterMs: 5 };

  test('fails the job; the message names step, teacher and error', async () => {
    const home = new StudentHome({ answer: poison });
    const { ending, message } = await endingAndMessage(home, await home.attempt());
    expect(ending).toBe('terminal');
    expect(message).toMatch(
      /^step 4: no teacher could compute it in 5 deliveries; the last error, from teacher-1: found NaN/,
    );
  });

  test('is trained on labels alone when the job allows it, and is reported, also after a restart', async () => {
    const run = async (restarts: boolean): Promise<StudentHome> => {
      const home = new StudentHome({ answer: poison });
      if (restarts) {
        const first = await home.attempt({ onFailure: 'Skip' });
        const running = endingAndMessage(home, first);
        await until(home, () => first.trainer.steps.includes(5));
        first.kill();
        void running;
      }
      const attempt = await home.attempt({ onFailure: 'Skip' });
      await home.finish(attempt);
      const alone = attempt.trainer.batches.filter(({ teacherLogits }) => teacherLogits === null);
      expect(alone.map(({ step }) => step)).toEqual([4, 5]);
      return home;
    };
    const [undisturbed, restarted] = [await run(false), await run(true)];
    expect(undisturbed.results.json('metrics.json')).toMatchObject({ skipped: 2, skippedSteps: [4, 5] });
    expect(restarted.results.files).toEqual(undisturbed.results.files);
  });
});
