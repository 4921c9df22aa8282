/** The student process: a composition root. Claim the attempt, load model and newest checkpoint, train to the end. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { jobNames, needsNoTeacher, schedule as scheduleOf, type StudentState } from '../../src/protocol/index.js';
import { decodeCheckpoint, loadNewest, openFileStore } from '../checkpoint/index.js';
import { openTrainerThread } from '../compute/index.js';
import { checkLabels, DataError, openDataset, pathOfUri } from '../data/index.js';
import { WorkerError } from '../shell/exit.js';
import { runWorker } from '../shell/process.js';
import { claimAttempt, connectWorker, feed, logitsReader, ObjectStore, probe, readReference } from '../stream/index.js';
import { shardsOf } from '../teacher/teacher.js';

import { LogitsSource, widthSentence } from './logits-source.js';
import { metricsSchema } from './progress.js';
import { fileResults, objectCheckpoints, objectResults } from './stores.js';
import { Student } from './student.js';
import { windowSteps } from './window.js';

const connectWaitMs = 60_000;

await runWorker(async ({ env, log, clock, stop }) => {
  const { manifest, pod, runtime } = env;
  const names = jobNames(manifest.job.uid);
  const dataset = await openDataset(manifest.dataset);
  const { training, student } = manifest;
  const schedule = scheduleOf({ ...training, samples: dataset.train.length });
  const [trainer, link] = await Promise.all([
    openTrainerThread({
      runtime,
      modelJson: await readModel(pathOfUri(student.model.uri)),
      seed: training.seed,
      loss: student.loss,
      optimizer: student.optimizer,
      totalSteps: schedule.steps,
    }),
    connectWorker({
      ...env.nats,
      inboxPrefix: names.inboxPrefix('student'),
      name: pod,
      waitMs: connectWaitMs,
      clock,
      log,
    }),
  ]);
  for (const note of trainer.notes) log.warn(note);
  if (trainer.inputShape.join() !== dataset.train.shape.join()) {
    throw new DataError({
      path: manifest.dataset.uri,
      found: `samples of ${dataset.train.shape.join(' × ')}`,
      expected: `${trainer.inputShape.join(' × ')}, as the student's input is`,
      remedy: "change the student model's input shape or take another data set",
    });
  }
  checkLabels(dataset.train, trainer.columns);
  checkLabels(dataset.test, trainer.columns);

  const objects = new ObjectStore(link, names);
  await objects.sweep();
  const checkpoints =
    student.checkpoint.store === 'file'
      ? await openFileStore(join(env.folder, 'checkpoints'))
      : objectCheckpoints(objects);
  const { newest, skipped } = await loadNewest(checkpoints, (bytes) => decodeCheckpoint(bytes, manifest.job.uid));
  for (const { entry, error } of skipped) {
    log.warn(`checkpoint of step ${entry.step} is passed over: ${error.message}; falling back to the one before`);
  }
  const checkpoint = newest?.checkpoint ?? null;
  if (checkpoint !== null) await trainer.restore(checkpoint.state);
  const start = {
    step: checkpoint?.step ?? 0,
    metrics: checkpoint === null ? null : metricsSchema.parse(checkpoint.metrics),
  };
  const shards = shardsOf(manifest, trainer.columns);
  const claim = await claimAttempt(link, names, checkpoint?.attempt ?? 0, (attempt) =>
    startingState({ attempt, pod, runtime: trainer.runtime.description, shards, start, steps: schedule.steps, batchSize: training.batchSize, nowMs: clock.now() }),
  );
  log.info({ attempt: claim.attempt, step: start.step, steps: schedule.steps, runtime: trainer.runtime.description }, 'starting');

  const reference = await readReference(link, names);
  if (reference !== null && reference.columns !== trainer.columns) {
    throw new WorkerError(
      'terminal',
      widthSentence(reference.columns, trainer.columns),
    );
  }
  const source = needsNoTeacher(manifest)
    ? null
    : new LogitsSource({
        stream: {
          feed: async (item) => {
            await feed(link, names, item);
          },
          probe: (shard, step) => probe(link, names, shard, step),
          frames: (signal) => logitsReader(link, names, signal),
          onReconnect: (callback) => void link.onReconnect(callback),
        },
        schedule,
        shards,
        columns: trainer.columns,
        firstStep: start.step,
        window: windowSteps({
          bufferTargetSeconds: manifest.teacher.bufferTargetSeconds,
          unstarvedStepsPerSecond: 0,
          stepBytes: 1,
          maxBytes: manifest.logits.maxBytes,
        }),
        onFailure: manifest.teacher.onFailure,
        teacherDigest: reference?.teacherDigest ?? null,
        clock,
        log,
      });
  const run = new Student({
    manifest,
    schedule,
    dataset,
    trainer,
    source,
    shards,
    attempt: claim.attempt,
    start,
    pod,
    runtime: trainer.runtime.description,
    state: claim,
    checkpoints,
    results: student.output.store === 'file' ? fileResults(join(env.folder, 'model')) : objectResults(objects),
    clock,
    log,
    stop,
  });
  const result = await run.run();
  log.info(result, 'trained');
  await trainer.close();
  await link.close();
  await dataset.close();
});

async function readModel(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WorkerError('terminal', `student model ${path}: cannot be read (${reason}); check spec.student.model.uri`, {
      cause: error,
    });
  }
}

function startingState(facts: {
  readonly attempt: number;
  readonly pod: string;
  readonly runtime: string;
  readonly shards: number;
  readonly start: { readonly step: number };
  readonly steps: number;
  readonly batchSize: number;
  readonly nowMs: number;
}): StudentState {
  const { attempt, pod, runtime, shards, start, steps, batchSize, nowMs } = facts;
  return {
    attempt,
    pod,
    phase: 'Starting',
    runtime,
    step: start.step,
    steps,
    epoch: 0,
    batchSize,
    samplesPerSecond: 0,
    unstarvedSamplesPerSecond: 0,
    waitFraction: 0,
    loss: null,
    accuracy: null,
    buffer: { frames: 0, bytes: 0 },
    window: 0,
    fedSteps: start.step,
    shards,
    firstNeededSequence: 0,
    resumedFromStep: start.step === 0 ? null : start.step,
    damaged: [],
    result: null,
    updatedAtMs: nowMs,
  };
}
