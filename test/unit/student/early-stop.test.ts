/** Early stop: the rules of Keras, and a student that ends by them whatever dies on the way. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type EarlyStop, type Manifest, resultReportSchema } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { checkEarlyStop, judge, type Measured } from '../../../workers/student/early-stop.js';
import type { EvaluationRecord } from '../../../workers/student/progress.js';
import { type Attempt, StudentHome } from '../../kit/student-home.js';
import { type FakeStreams, manifestWith } from '../../kit/worker-fakes.js';

interface KerasCase extends Omit<EarlyStop, 'restoreBestWeights'> {
  readonly scores: readonly number[];
  /** Evaluations after which Keras ended; null = it trained on. */
  readonly stopsAfter: number | null;
  /** Number of the best evaluation, from 1. */
  readonly best: number;
}

const kerasCases = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/keras-early-stopping.json'), 'utf8'),
) as readonly KerasCase[];

const recordsOf = (metric: EarlyStop['metric'], scores: readonly number[]): EvaluationRecord[] =>
  scores.map((score, at) => ({
    step: (at + 1) * 10,
    accuracy: metric === 'accuracy' ? score : 0.5,
    loss: metric === 'loss' ? score : 1,
    metrics: { [metric]: score },
  }));

const settings: EarlyStop = { metric: 'accuracy', patience: 1, minDelta: 0, restoreBestWeights: false };

describe('the judgment of evaluations', () => {
  test('is that of Keras', () => {
    expect(kerasCases.filter(({ stopsAfter }) => stopsAfter !== null).length).toBeGreaterThan(20);
    for (const { scores, stopsAfter, best, ...given } of kerasCases) {
      const records = recordsOf(given.metric, scores);
      const first = records.findIndex((_, at) => judge({ ...settings, ...given }, records.slice(0, at + 1)).stops);
      expect({ ...given, stopsAfter: first < 0 ? null : first + 1 }).toEqual({ ...given, stopsAfter });
      const seen = records.slice(0, stopsAfter ?? records.length);
      expect(judge({ ...settings, ...given }, seen).best?.step).toBe(best * 10);
    }
  });

  test('takes a score that is no number for no improvement', () => {
    expect(judge(settings, recordsOf('loss', [0.5])).best).not.toBeNull();
    const judged = judge({ ...settings, metric: 'loss', patience: 2 }, recordsOf('loss', [NaN, NaN]));
    expect(judged).toEqual({ best: null, stops: true });
  });

  test('needs a score that the evaluations have', () => {
    const check = (metric: EarlyStop['metric'], target: Measured['target']) => () =>
      checkEarlyStop({ ...settings, metric }, { target, teachers: null });
    expect(check('accuracy', 'class')).not.toThrow();
    expect(check('accuracy', 'values')).toThrow(
      'training.earlyStop.metric: found accuracy, expected a score of this data set: loss, meanAbsoluteError. Choose one of these.',
    );
    expect(check('accuracy', null)).toThrow('training.earlyStop: no samples with labels are held out');
    expect(() => checkEarlyStop(undefined, { target: null, teachers: null })).not.toThrow();
  });
});

describe('a job that stops by the agreement with its teacher', () => {
  const check = (metric: EarlyStop['metric'], teachers: Measured['teachers'], target: Measured['target'] = null) => {
    return () => checkEarlyStop({ ...settings, metric }, { target, teachers });
  };

  test('needs teachers that answer held-out samples, and no labels', () => {
    expect(check('heldOutAgreement', { kind: 'Logits', columns: 3 })).not.toThrow();
    expect(check('heldOutTopKOverlap', { kind: 'Sigmoid', columns: 6 })).not.toThrow();
    expect(check('heldOutAgreement', null)).toThrow('training.earlyStop: no samples with labels are held out');
    expect(check('heldOutAgreement', null, 'values')).toThrow(
      'expected a score of this data set: loss, meanAbsoluteError. Choose one of these, or have teachers answer held-out samples (student.evaluation.teacherSamples).',
    );
    expect(check('loss', { kind: 'Logits', columns: 3 })).toThrow(
      'found loss, expected a score of this data set: heldOutAgreement, heldOutKlDivergence. Choose one of these.',
    );
  });

  test('is refused a score that its teachers do not have', () => {
    expect(check('heldOutTopKOverlap', { kind: 'Logits', columns: 5 }, 'class')).toThrow('found heldOutTopKOverlap');
    expect(check('heldOutAgreement', { kind: 'Embedding', columns: 8 }, 'class')).toThrow('found heldOutAgreement');
  });

  test('takes a falling divergence for an improvement', () => {
    const judged = judge(
      { ...settings, metric: 'heldOutKlDivergence' },
      recordsOf('heldOutKlDivergence', [0.5, 0.4, 0.6]),
    );
    expect(judged).toMatchObject({ best: { step: 20 }, stops: true });
  });

  const byAgreement = (answer?: ConstructorParameters<typeof FakeStreams>[1]): StudentHome => {
    const manifest = manifestWith({ epochs: 30, everySteps: 4, keep: 3, teacherSamples: 5 });
    const earlyStop = { ...settings, metric: 'heldOutAgreement', patience: 2 } as const;
    return new StudentHome({
      manifest: { ...manifest, training: { ...manifest.training, earlyStop } },
      test: 7,
      labeled: false,
      ...(answer === undefined ? {} : { answer }),
    });
  };

  test('ends after the evaluation that says so, also when it was killed', async () => {
    const calm = byAgreement();
    await calm.finish(await calm.attempt());
    const { stoppedEarly, evaluations } = resultReportSchema.parse(calm.results.json('metrics.json'));
    expect(stoppedEarly).toMatchObject({ metric: 'heldOutAgreement' });
    expect(evaluations.at(-1)).toMatchObject({ accuracy: null, metrics: { heldOutAgreement: expect.any(Number) } });
    const home = byAgreement();
    const first = await home.attempt();
    void first.student.run().catch(() => undefined);
    await until(home, () => first.trainer.steps.length >= 9);
    first.kill();
    await home.finish(await home.attempt());
    expect(digestIn(home)).toBe(digestIn(calm));
    expect(resultReportSchema.parse(home.results.json('metrics.json')).stoppedEarly).toEqual(stoppedEarly);
  });

  test('fails where no teacher can answer a held-out sample', async () => {
    const home = byAgreement(({ split }) => (split === 'test' ? { afterMs: 5, fault: 'deadLetter' } : { afterMs: 5 }));
    const { student } = await home.attempt();
    await expect(home.clock.run(student.run())).rejects.toThrow(
      'training.earlyStop.metric: no teacher could answer a held-out sample, so the evaluations have no heldOutAgreement.',
    );
  });
});

/** 22 samples in batches of 4: 6 steps an epoch, and an evaluation after each. */
function manifestOf(earlyStop: Partial<EarlyStop>, epochs = 30): Manifest {
  const manifest = manifestWith({ epochs, everySteps: 4, keep: 3 });
  return { ...manifest, training: { ...manifest.training, earlyStop: { ...settings, ...earlyStop } } };
}

async function until(home: StudentHome, holds: () => boolean): Promise<void> {
  const wait = async (): Promise<void> => {
    while (!holds()) await home.clock.sleep(1);
  };
  await home.clock.run(wait(), 600_000);
}

function digestIn(home: StudentHome): string {
  return resultReportSchema.parse(home.results.json('metrics.json')).digest;
}

describe('a student that stops early', () => {
  test('ends after the evaluation that says so, and reports it', async () => {
    const home = new StudentHome({ manifest: manifestOf({ patience: 2 }) });
    const attempt = await home.attempt();
    await home.finish(attempt);
    const report = resultReportSchema.parse(home.results.json('metrics.json'));
    expect(report.steps).toBeLessThan(home.schedule.steps);
    expect(report.steps % 6).toBe(0);
    expect(attempt.trainer.steps).toHaveLength(report.steps);
    const bestStep = judge({ ...settings, patience: 2 }, report.evaluations).best?.step;
    expect(bestStep).toBe(report.steps - 12);
    const stoppedEarly = { metric: 'accuracy', plannedSteps: home.schedule.steps, bestStep };
    expect(report.stoppedEarly).toEqual(stoppedEarly);
    expect(home.state.reports.at(-1)).toMatchObject({
      phase: 'Done',
      step: report.steps,
      steps: report.steps,
      result: { stoppedEarly, accuracy: report.evaluations.at(-1)?.accuracy },
    });
    expect(home.journal).toContain(`checkpoint ${String(report.steps)}`);
  });

  test('feeds nothing more than its window behind the last step', async () => {
    const home = new StudentHome({ manifest: manifestOf({ patience: 1 }) });
    await home.finish(await home.attempt({ window: 4 }));
    const { steps } = resultReportSchema.parse(home.results.json('metrics.json'));
    const fed = home.streams.fed.length;
    await home.clock.pass(60_000);
    expect(home.streams.fed).toHaveLength(fed);
    expect(steps).toBeLessThan(home.schedule.steps);
  });

  test('exports the weights of the best evaluation where the job asks for it, and reports that evaluation', async () => {
    const last = new StudentHome({ manifest: manifestOf({ patience: 2 }) });
    await last.finish(await last.attempt());
    const best = new StudentHome({ manifest: manifestOf({ patience: 2, restoreBestWeights: true }) });
    await best.finish(await best.attempt());
    const report = resultReportSchema.parse(best.results.json('metrics.json'));
    const bestStep = report.stoppedEarly?.bestStep ?? 0;
    // The same run, ended where the best evaluation was.
    const short = new StudentHome({ manifest: manifestWith({ epochs: bestStep / 6, everySteps: 4 }) });
    await short.finish(await short.attempt());
    expect(digestIn(best)).toBe(digestIn(short));
    expect(digestIn(best)).not.toBe(digestIn(last));
    const record = report.evaluations.find(({ step }) => step === bestStep);
    expect(report).toMatchObject({ accuracy: record?.accuracy, loss: record?.loss });
    expect(report.metrics).toMatchObject({ accuracy: record?.accuracy });
  });

  test.each([false, true])(
    'ends with the same weights after kills, restoring the best: %s',
    async (restoreBestWeights) => {
      const manifest = manifestOf({ patience: 3, restoreBestWeights });
      const undisturbed = new StudentHome({ manifest });
      await undisturbed.finish(await undisturbed.attempt());
      const { stoppedEarly } = resultReportSchema.parse(undisturbed.results.json('metrics.json'));
      expect(stoppedEarly).toBeDefined();
      for (const kills of [[1], [5, 9], [13, 14, 20], [2, 7, 11, 17]]) {
        const home = new StudentHome({ manifest });
        for (const trained of kills) {
          const attempt: Attempt = await home.attempt();
          const running = attempt.student.run().catch(() => undefined);
          await until(home, () => attempt.trainer.steps.length >= trained || home.results.files.has('SHA256SUMS'));
          attempt.kill();
          void running;
        }
        await home.finish(await home.attempt());
        expect(digestIn(home)).toBe(digestIn(undisturbed));
        const report = resultReportSchema.parse(home.results.json('metrics.json'));
        expect(report.stoppedEarly).toEqual(stoppedEarly);
      }
    },
  );

  test('and is killed before its result is written, trains nothing more in the next attempt', async () => {
    const home = new StudentHome({ manifest: manifestOf({ patience: 2 }) });
    const first = await home.attempt();
    home.results.failure = new Error('cut');
    await expect(home.clock.run(first.student.run())).rejects.toThrow('cut');
    home.results.failure = null;
    const fed = home.streams.fed.length;
    const second = await home.attempt();
    await home.finish(second);
    expect(second.trainer.steps).toEqual([]);
    expect(home.streams.fed).toHaveLength(fed);
    expect(home.results.json('metrics.json')).toHaveProperty('stoppedEarly');
  });

  test('does so on labels alone, too', async () => {
    const manifest = manifestOf({ patience: 1 });
    const { loss } = manifest.student;
    const home = new StudentHome({
      manifest: { ...manifest, student: { ...manifest.student, loss: { ...loss, softWeight: 0 } } },
    });
    await home.finish(await home.attempt());
    expect(home.results.json('metrics.json')).toHaveProperty('stoppedEarly');
  });

  test('reports no early end when the last epoch is the one that ends it', async () => {
    const home = new StudentHome({ manifest: manifestOf({ patience: 500 }, 2) });
    await home.finish(await home.attempt());
    expect(home.results.json('metrics.json')).not.toHaveProperty('stoppedEarly');
    expect(home.results.json('metrics.json')).toMatchObject({ steps: 12 });
  });
});
