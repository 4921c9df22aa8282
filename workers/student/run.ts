/** What a student process does: it claims the attempt, loads the model and the newest checkpoint, and trains to the end. */
import { join } from 'node:path';

import { type Clock, statementOf } from '@distillery/base';
import {
  firstRank,
  jobNames,
  type JobNames,
  type Manifest,
  needsNoTeacher,
  type Schedule,
  schedule as scheduleOf,
  shardsOf,
  type TrainingMetrics,
  trainingMetricsSchema,
} from '@distillery/protocol';

import { type Log, Notes, WorkerError } from '../base/index.js';
import {
  type Checkpoint,
  CheckpointError,
  type CheckpointKey,
  type CheckpointStore,
  decodeCheckpoint,
  loadNewest,
  openFileStore,
} from '../checkpoint/index.js';
import { type ExportLimits, noNative, type TrainerThread, type TrainerThreadSource } from '../compute/index.js';
import { blockRowsOf, checkLabels, type Dataset, openDataset, ReplacedRows } from '../data/index.js';
import type { OnnxOrder } from '../models/export.js';
import { answersFor, type LossSettings } from '../models/training.js';
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
  type StreamLink,
  type StudentClaim,
} from '../stream/index.js';

import { openBucketCheckpoints, openBucketResults } from './bucket-stores.js';
import { checkEarlyStop } from './early-stop.js';
import type { JobShape } from './frames.js';
import { heldOutItems } from './held-out.js';
import { labelNote } from './label-note.js';
import { LiveSupply } from './live-supply.js';
import { checkLoss, fittingTargets, lossSettingsOf } from './loss-settings.js';
import { studentModelText } from './model.js';
import { runtimeChange } from './runtime-change.js';
import { type AttemptFacts, startingState } from './reporting.js';
import type { ResultStore, SweptResults } from './results.js';
import { checkSameData } from './same-data.js';
import { checkSameTexts } from './same-texts.js';
import { objectCheckpoints, objectResults, openFileResults } from './stores.js';
import { checkStart, startDigest, studentStart } from './start.js';
import { type StartingPoint, Student } from './student.js';
import { labelsAlone, type LogitsSupply } from './supply.js';
import { studentView } from './view.js';
import { checkTargetWidth, type StudentWidth, widen, widthFault } from './widths.js';
import { stepBytesOf, windowSteps } from './window.js';

const connectWaitMs = 60_000;

type OpenTrainer = (source: TrainerThreadSource) => Promise<TrainerThread>;

/** What the program gives: how threads are started, and what the machine has. */
export interface StudentParts {
  readonly openTrainer: OpenTrainer;
  readonly exportOnnx: (order: OnnxOrder, limits: ExportLimits) => Promise<Uint8Array>;
  /** Memory that the process may still take, bytes. */
  readonly freeMemory: () => number;
}

/** @throws WorkerError with the ending; the newest checkpoint is whole in any case */
export async function runStudent(context: WorkerContext, parts: StudentParts): Promise<void> {
  const { student, close } = await unlessStopped(context.stop, () => prepare(context, parts));
  const result = await student.run();
  context.log.info(result, 'trained');
  await close();
}

/** Does everything up to the first step. */
async function prepare(
  context: WorkerContext,
  { openTrainer, exportOnnx, freeMemory }: StudentParts,
): Promise<{
  readonly student: Student;
  readonly close: () => Promise<void>;
}> {
  const { log, clock, places, stop } = context;
  const { manifest } = context.env;
  const notes = new Notes(log);
  const replaced = new ReplacedRows({ note: (message) => notes.add(message), warn: (message) => log.warn(message) });
  const opened = await openDataset(manifest.dataset, {
    placeOf: (uri) => places.data(uri),
    replaced: (row) => replaced.add(row),
  });
  const loss = lossSettingsOf(manifest, opened.train.spec.target?.kind);
  const { dataset, notes: left } = fittingTargets(opened, loss);
  const { positions } = dataset.train.spec;
  const blockRows = manifest.training.shuffle === 'Blocks' ? blockRowsOf(dataset.train) : undefined;
  const schedule = scheduleOf({ ...manifest.training, samples: dataset.train.length, positions, blockRows });
  const modelJson = await studentModelText(manifest, dataset, places);
  const start = await studentStart(manifest, places);
  const [trainer, link] = await Promise.all([
    openTrainer({ ...trainerSourceOf(context, modelJson, schedule, loss), start }),
    connect(context),
  ]);
  const { view, notes: mistakes } = await studentView(manifest, trainer.inputs, dataset.train.spec.inputs, places);
  const labels = labelNote(manifest, dataset);
  for (const note of [...dataset.notes, ...left, ...trainer.notes, ...mistakes, ...(labels === null ? [] : [labels])]) {
    notes.add(note);
  }
  checkLoss(loss, trainer.columns);
  const width = { uri: manifest.student.model.uri, target: dataset.train.spec.target };
  checkTargetWidth(trainer.columns, width);
  await checkClasses(trainer, dataset, width);
  const answers = loss.answers ?? answersFor(loss.kind ?? 'KL');
  checkEarlyStop(manifest.training.earlyStop, {
    target: dataset.test?.spec.target?.kind ?? null,
    teachers: asksTeachers(manifest, dataset, schedule, trainer.columns)
      ? { kind: answers, columns: trainer.columns }
      : null,
  });
  const names = jobNames(manifest.job.uid);
  const stores = await openStores(context, link, names);
  const attempt = await claimAndLoad({ context, link, names, stores, trainer, schedule, notes });
  const { facts, from, claim } = attempt;
  log.info({ attempt: facts.attempt, step: from.step, steps: facts.steps, runtime: facts.runtime }, 'starting');

  const job = { schedule, shards: facts.shards, columns: trainer.columns, width };
  const supply = await openSupply({ manifest, link, names, job, dataset, start: from, claim, clock, log });
  return {
    student: new Student({
      manifest,
      schedule,
      dataset,
      view,
      trainer,
      supply,
      facts,
      start: from,
      answers,
      replaced: () => replaced.record,
      state: claim,
      checkpoints: stores.checkpoints,
      results: stores.resultsOf(facts.attempt),
      writeOnnx: (order) =>
        exportOnnx(order, { limitSeconds: manifest.student.model.timeoutSeconds, freeBytes: freeMemory() }),
      clock,
      log,
      note: (message) => notes.add(message),
      stop,
    }),
    close: async () => {
      await trainer.close();
      await link.close();
      await dataset.close();
    },
  };
}

function trainerSourceOf(
  { env: { manifest, runtime, nativeFolder } }: WorkerContext,
  modelJson: string,
  schedule: Schedule,
  loss: LossSettings,
): TrainerThreadSource {
  const { training, student } = manifest;
  const { name = 'auto', threads, instructionSet } = student.runtime ?? {};
  return {
    // The person or the image that sets the variable knows the machine.
    runtime: runtime === 'auto' ? name : runtime,
    native: {
      folder: nativeFolder,
      threads: threads ?? noNative.threads,
      instructionSet: instructionSet ?? noNative.instructionSet,
    },
    modelJson,
    seed: training.seed,
    loss,
    optimizer: student.optimizer,
    totalSteps: schedule.steps,
    keepsWeights: training.earlyStop?.restoreBestWeights ?? false,
    limitSeconds: student.model.timeoutSeconds,
  };
}

function connect({ env, clock, log }: WorkerContext): Promise<StreamLink> {
  const inboxPrefix = jobNames(env.manifest.job.uid).inboxPrefix('student');
  return connectWorker({ ...env.nats, inboxPrefix, name: env.pod, waitMs: connectWaitMs, clock, log });
}

/** @throws DataError when the model has no column for a label */
async function checkClasses(
  { columns }: TrainerThread,
  { train, test }: Dataset,
  { uri }: StudentWidth,
): Promise<void> {
  for (const split of test === null ? [train] : [train, test]) {
    await checkLabels(split, columns, (outputs) => widen(uri, outputs));
  }
}

/** Whether teachers answer held-out samples. */
function asksTeachers(manifest: Manifest, { test }: Dataset, schedule: Schedule, columns: number): boolean {
  if (needsNoTeacher(manifest)) return false;
  return heldOutItems({ ...schedule, manifest, samples: test?.length ?? 0, columns }).length > 0;
}

interface Stores {
  readonly checkpoints: CheckpointStore;
  readonly resultsOf: (attempt: number) => ResultStore;
  /** Removes what older attempts left half-written. */
  readonly sweep: (attempt: number) => Promise<void>;
}

/** Runs before the claim, so that a folder of another job is refused at once. */
async function openStores(context: WorkerContext, link: StreamLink, names: JobNames): Promise<Stores> {
  const { checkpoint } = context.env.manifest.student;
  const objects = new ObjectStore(objectPort(link, names.bucketStreams.objects), names.objectBucket);
  const checkpoints = await openCheckpoints(context, objects);
  const results = await openResults(context);
  return {
    checkpoints,
    resultsOf: (attempt) => results ?? objectResults(objects, attempt),
    sweep: async (attempt) => {
      await checkpoints.sweep(attempt);
      if (checkpoint.store !== 'nats') await new ObjectWriter(objects, attempt).sweep();
      await results?.sweep();
    },
  };
}

async function openCheckpoints({ env, places }: WorkerContext, objects: ObjectStore): Promise<CheckpointStore> {
  const { job, student } = env.manifest;
  const { store, folder = join(env.folder, 'checkpoints'), uri = '' } = student.checkpoint;
  switch (store) {
    case 'nats':
      return objectCheckpoints(objects);
    case 'file':
      return openFileStore(folder);
    case 's3':
      return openBucketCheckpoints(places.bucket(uri, 'checkpoint'), job.uid);
  }
}

/** Null: results go into the job's object store. */
async function openResults({ env, places }: WorkerContext): Promise<SweptResults | null> {
  const { job, student } = env.manifest;
  const { store, folder = join(env.folder, 'model'), uri = '' } = student.output;
  switch (store) {
    case 'nats':
      return null;
    case 'file':
      return openFileResults(folder, job.uid);
    case 's3':
      return openBucketResults(places.bucket(uri, 'output'), job.uid);
  }
}

/**
 * The order matters: the claim fences older attempts. Then what they left half-written is swept, except what one of them
 * still reports as durable. Then the newest sound checkpoint is read, and it stays the newest.
 */
async function claimAndLoad(parts: {
  readonly context: WorkerContext;
  readonly link: StreamLink;
  readonly names: JobNames;
  readonly stores: Stores;
  readonly trainer: TrainerThread;
  readonly schedule: Schedule;
  readonly notes: Notes;
}): Promise<{ readonly claim: StudentClaim; readonly facts: AttemptFacts; readonly from: StartingPoint }> {
  const { context, link, names, stores, trainer, schedule, notes } = parts;
  const { clock } = context;
  const { manifest, pod } = context.env;
  const known = {
    pod,
    runtime: trainer.runtime.description,
    shards: shardsOf(manifest, trainer.columns, schedule.positions),
    steps: schedule.steps,
    batchSize: manifest.training.batchSize,
    notes: notes.list,
  };
  const highest = Math.max(0, ...(await stores.checkpoints.list()).map(({ attempt }) => attempt));
  const claim = await claimAttempt(link, names, highest, (attempt, previous) => ({
    ...startingState({ ...known, attempt, resumedFromStep: null }, previous?.step ?? 0, clock.now()),
    loading: true,
  }));
  await stores.sweep(claim.attempt);
  const resumed = await newestSound(stores.checkpoints, manifest.job.uid, notes);
  const startedFrom = await startDigest(manifest, trainer);
  if (resumed !== null) {
    checkStart(manifest, resumed.metrics.startedFrom, startedFrom);
    await trainer.restore(resumed.checkpoint.state);
    const change = runtimeChange(resumed.metrics, trainer.runtime.description, resumed.checkpoint.step);
    if (change !== null) notes.add(change);
  }
  const step = resumed?.checkpoint.step ?? 0;
  const facts = { ...known, attempt: claim.attempt, resumedFromStep: step === 0 ? null : step };
  await claim.update(startingState(facts, step, clock.now()));
  const metrics = resumed?.metrics ?? null;
  return { claim, facts, from: { step, metrics, loaded: resumed?.entry ?? null, startedFrom } };
}

/** @throws WorkerError terminal when the teacher's answers do not fit the student */
async function openSupply(parts: {
  readonly manifest: Manifest;
  readonly link: StreamLink;
  readonly names: JobNames;
  readonly job: JobShape;
  readonly dataset: Dataset;
  readonly start: StartingPoint;
  readonly claim: StudentClaim;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<LogitsSupply> {
  const { manifest, link, names, job, dataset, start, claim, clock, log } = parts;
  const reference = await readReference(link, names);
  if (reference !== null && reference.columns !== job.columns) {
    throw new WorkerError('terminal', widthFault(reference.columns, job.columns, job.width));
  }
  if (needsNoTeacher(manifest)) return labelsAlone();
  const { bufferTargetSeconds, onFailure } = manifest.teacher;
  const { maxBytes } = manifest.logits;
  const { steps, positions } = job.schedule;
  // An attempt that has nothing left to evaluate asks for nothing.
  const isEvaluated = start.metrics?.evaluations.at(-1)?.step === steps;
  const samples = isEvaluated ? 0 : (dataset.test?.length ?? 0);
  return new LiveSupply({
    ...job,
    stream: {
      feed: (item) => feed(link, names, item),
      probe: (shard, step) => probe(link, names, shard, step),
      frames: (signal) => logitsReader(link, names, firstRank, signal),
      onReconnect: (callback) => void link.onReconnect(callback),
    },
    firstStep: start.step,
    fedBefore: claim.previous?.fedSteps ?? 0,
    stepBytes: stepBytesOf({ manifest, columns: job.columns, shards: job.shards, positions: job.schedule.positions }),
    windowFor: (measures) => windowSteps({ ...measures, bufferTargetSeconds, maxBytes }),
    onFailure,
    hasLabels: dataset.train.spec.target !== null,
    teacherDigest: reference?.teacherDigest ?? null,
    heldOutItems: heldOutItems({ manifest, samples, steps, columns: job.columns, positions }),
    // The first frame comes after the reference: a teacher takes no item before it is compared.
    checkTeachers: async () => {
      const reference = await readReference(link, names);
      // Texts first: this names a sample.
      await checkSameTexts(dataset.train, reference);
      await checkSameData(reference, () => dataset.identity());
    },
    clock,
    log,
  });
}

interface Resumed {
  readonly entry: CheckpointKey;
  readonly checkpoint: Checkpoint;
  readonly metrics: TrainingMetrics;
}

/** Returns the newest checkpoint that is whole and whose metrics can be read; null when there is none. */
async function newestSound(checkpoints: CheckpointStore, jobUid: string, notes: Notes): Promise<Resumed | null> {
  const { newest, skipped } = await loadNewest(checkpoints, (bytes): Omit<Resumed, 'entry'> => {
    const checkpoint = decodeCheckpoint(bytes, jobUid);
    const metrics = trainingMetricsSchema.safeParse(checkpoint.metrics);
    if (metrics.success) return { checkpoint, metrics: metrics.data };
    const field = metrics.error.issues[0]?.path.join('.') ?? '';
    throw new CheckpointError('malformed', {
      found: `metrics whose ${field} is wrong`,
      expected: 'those of this release',
      remedy: '',
    });
  });
  for (const { entry, error } of skipped) {
    notes.add(
      `checkpoint of step ${entry.step} is passed over: ${statementOf(error.fault)}; falling back to the one before`,
    );
  }
  if (newest === null && skipped.length > 0) notes.add('no checkpoint is sound; training starts over from step 0');
  return newest === null ? null : { entry: newest.entry, ...newest.checkpoint };
}
