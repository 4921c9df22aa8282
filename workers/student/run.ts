/** What a student process does: claim the attempt, load model and newest checkpoint, train to the end. */
import { join } from 'node:path';

import { decodeText, TextError } from '@distillery/base';
import { readFaultOf, readRegularSync } from '@distillery/platform';
import { jobNames, needsNoTeacher, schedule as scheduleOf, shardsOf, type StudentState } from '@distillery/protocol';

import {
  type Checkpoint,
  CheckpointError,
  type CheckpointKey,
  type CheckpointStore,
  decodeCheckpoint,
  loadNewest,
  openFileStore,
} from '../checkpoint/index.js';
import type { TrainerThread, TrainerThreadSource } from '../compute/index.js';
import { checkLabels, DataError, openDataset, pathOfUri } from '../data/index.js';
import { type Log, WorkerError } from '../base/index.js';
import { unlessStopped, type WorkerContext } from '../process/index.js';
import {
  claimAttempt,
  connectWorker,
  feed,
  logitsReader,
  objectPort,
  ObjectStore,
  ObjectWriter,
  probe,
  readReference,
} from '../stream/index.js';

import { widthSentence } from './frames.js';
import { LogitsSource } from './live-supply.js';
import { type Metrics, metricsSchema } from './progress.js';
import { objectCheckpoints, objectResults, openFileResults } from './stores.js';
import { type StartingPoint, Student } from './student.js';
import { stepBytesOf, windowSteps } from './window.js';

const connectWaitMs = 60_000;

type OpenTrainer = (source: TrainerThreadSource) => Promise<TrainerThread>;

/** @throws WorkerError with the ending; whatever it throws, the newest checkpoint is whole */
export async function runStudent(context: WorkerContext, openTrainer: OpenTrainer): Promise<void> {
  const { student, close } = await unlessStopped(context.stop, () => prepare(context, openTrainer));
  const result = await student.run();
  context.log.info(result, 'trained');
  await close();
}

/** Everything up to the first step. */
async function prepare(
  { env, log, clock, stop }: WorkerContext,
  openTrainer: OpenTrainer,
): Promise<{
  readonly student: Student;
  readonly close: () => Promise<void>;
}> {
  const { manifest, pod, runtime } = env;
  const names = jobNames(manifest.job.uid);
  const dataset = await openDataset(manifest.dataset);
  const { training, student } = manifest;
  const schedule = scheduleOf({ ...training, samples: dataset.train.length });
  const [trainer, link] = await Promise.all([
    openTrainer({
      runtime,
      modelJson: readModel(pathOfUri(student.model.uri)),
      seed: training.seed,
      loss: student.loss,
      optimizer: student.optimizer,
      totalSteps: schedule.steps,
      limitSeconds: student.model.timeoutSeconds,
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

  const objects = new ObjectStore(objectPort(link, `OBJ_${names.objectBucket}`), names.objectBucket);
  const checkpoints =
    student.checkpoint.store === 'file'
      ? await openFileStore(student.checkpoint.folder ?? join(env.folder, 'checkpoints'))
      : objectCheckpoints(objects);
  // Before the claim: a folder of another job is refused at once.
  const fileResults =
    student.output.store === 'file'
      ? await openFileResults(student.output.folder ?? join(env.folder, 'model'), manifest.job.uid)
      : null;
  const shards = shardsOf(manifest, trainer.columns);
  const { steps } = schedule;
  const { batchSize } = training;
  const { description } = trainer.runtime;
  const facts = { pod, runtime: description, shards, steps, batchSize };
  // In this order: the claim fences older attempts; then what they left half-written is swept, without taking anything
  // that one of them still reports as durable; then the newest sound checkpoint is the one that stays the newest.
  const highest = Math.max(0, ...(await checkpoints.list()).map(({ attempt }) => attempt));
  const claim = await claimAttempt(link, names, highest, (attempt, previous) => ({
    ...startingState({ ...facts, attempt, step: previous?.step ?? 0, resumedFromStep: null, nowMs: clock.now() }),
    loading: true,
  }));
  await checkpoints.sweep(claim.attempt);
  if (student.checkpoint.store === 'file') await new ObjectWriter(objects, claim.attempt).sweep();
  const resumed = await newestSound(checkpoints, manifest.job.uid, log);
  if (resumed !== null) await trainer.restore(resumed.checkpoint.state);
  const start: StartingPoint = {
    step: resumed?.checkpoint.step ?? 0,
    metrics: resumed?.metrics ?? null,
    loaded: resumed?.entry ?? null,
  };
  await claim.update(
    startingState({
      ...facts,
      attempt: claim.attempt,
      step: start.step,
      resumedFromStep: start.step === 0 ? null : start.step,
      nowMs: clock.now(),
    }),
  );
  log.info({ attempt: claim.attempt, step: start.step, steps, runtime: description }, 'starting');

  const reference = await readReference(link, names);
  if (reference !== null && reference.columns !== trainer.columns) {
    throw new WorkerError('terminal', widthSentence(reference.columns, trainer.columns));
  }
  const source = needsNoTeacher(manifest)
    ? null
    : new LogitsSource({
        stream: {
          feed: (item) => feed(link, names, item),
          probe: (shard, step) => probe(link, names, shard, step),
          frames: (signal) => logitsReader(link, names, signal),
          onReconnect: (callback) => void link.onReconnect(callback),
        },
        schedule,
        shards,
        columns: trainer.columns,
        firstStep: start.step,
        fedBefore: claim.previous?.fedSteps ?? 0,
        window: windowSteps({
          bufferTargetSeconds: manifest.teacher.bufferTargetSeconds,
          unstarvedStepsPerSecond: 0,
          answerSeconds: 0,
          stepBytes: stepBytesOf(manifest, trainer.columns, shards),
          maxBytes: manifest.logits.maxBytes,
        }),
        onFailure: manifest.teacher.onFailure,
        teacherDigest: reference?.teacherDigest ?? null,
        clock,
        log,
      });
  return {
    student: new Student({
      manifest,
      schedule,
      dataset,
      trainer,
      source,
      shards,
      attempt: claim.attempt,
      start,
      pod,
      runtime: description,
      state: claim,
      checkpoints,
      results: fileResults ?? objectResults(objects, claim.attempt),
      clock,
      log,
      stop,
    }),
    close: async () => {
      await trainer.close();
      await link.close();
      await dataset.close();
    },
  };
}

interface Resumed {
  readonly entry: CheckpointKey;
  readonly checkpoint: Checkpoint;
  readonly metrics: Metrics;
}

/** The newest checkpoint that is whole, its metrics included; null when there is none. */
async function newestSound(checkpoints: CheckpointStore, jobUid: string, log: Log): Promise<Resumed | null> {
  const { newest, skipped } = await loadNewest(checkpoints, (bytes): Omit<Resumed, 'entry'> => {
    const checkpoint = decodeCheckpoint(bytes, jobUid);
    const metrics = metricsSchema.safeParse(checkpoint.metrics);
    if (metrics.success) return { checkpoint, metrics: metrics.data };
    const field = metrics.error.issues[0]?.path.join('.') ?? '';
    throw new CheckpointError('malformed', `found metrics whose ${field} is wrong, expected those of this release`);
  });
  for (const { entry, error } of skipped) {
    log.warn(`checkpoint of step ${entry.step} is passed over: ${error.message}; falling back to the one before`);
  }
  if (newest === null && skipped.length > 0) log.warn('no checkpoint is sound; training starts over from step 0');
  return newest === null ? null : { entry: newest.entry, ...newest.checkpoint };
}

function readModel(path: string): string {
  try {
    return decodeText(readRegularSync(path));
  } catch (error) {
    if (error instanceof TextError) {
      throw new WorkerError('terminal', `student model ${path}: ${error.message}`, { cause: error });
    }
    const { found, remedy, passes } = readFaultOf(error, path);
    const sentence = `student model ${path}: found ${found}, expected a tfjs layers model.json; ${remedy} (spec.student.model.uri)`;
    throw new WorkerError(passes ? 'error' : 'terminal', sentence, { cause: error });
  }
}

function startingState(facts: {
  readonly attempt: number;
  readonly pod: string;
  readonly runtime: string;
  readonly shards: number;
  readonly step: number;
  readonly resumedFromStep: number | null;
  readonly steps: number;
  readonly batchSize: number;
  readonly nowMs: number;
}): StudentState {
  const { attempt, pod, runtime, shards, step, resumedFromStep, steps, batchSize, nowMs } = facts;
  return {
    attempt,
    pod,
    phase: 'Starting',
    runtime,
    step,
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
    fedSteps: step,
    shards,
    firstNeededSequence: 0,
    resumedFromStep,
    damaged: [],
    result: null,
    updatedAtMs: nowMs,
  };
}
