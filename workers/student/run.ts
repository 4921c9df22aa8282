/** What a student process does: it claims the attempt, loads the model and the newest checkpoint, and trains to the end. */
import {
  type InstructionSet,
  jobNames,
  type Manifest,
  needsNoTeacher,
  type Schedule,
  schedule as scheduleOf,
} from '@distillery/protocol';

import { Notes } from '../base/index.js';
import { type ExportLimits, noNative, type TrainerThread, type TrainerThreadSource } from '../compute/index.js';
import { blockRowsOf, checkLabels, type Dataset, openDataset, ReplacedRows } from '../data/index.js';
import type { OnnxOrder } from '../models/export.js';
import { answersIn, type LossSettings } from '../models/training.js';
import { unlessStopped, type WorkerContext } from '../process/index.js';
import { connectWorker, readReference, type StreamLink } from '../stream/index.js';

import { claimAndLoad } from './attempt.js';
import { checkEarlyStop } from './early-stop.js';
import { heldOutItems } from './held-out.js';
import { labelNote } from './label-note.js';
import { checkLoss, fittingTargets, lossSettingsOf } from './loss-settings.js';
import { studentModelText } from './model.js';
import { openStores } from './open-stores.js';
import { openSupply } from './open-supply.js';
import { studentStart } from './start.js';
import { StepTraces, tracedSupply, tracedTrainer } from './step-traces.js';
import { Student } from './student.js';
import { teacherWidth, widthNote } from './teacher-width.js';
import { studentView } from './view.js';
import { trainedWith } from './trained-with.js';
import { checkTargetWidth, type StudentWidth, widen } from './widths.js';

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
  const { student, traces, close } = await unlessStopped(context.stop, () => prepare(context, parts));
  try {
    const result = await student.run();
    context.log.info(result, 'trained');
  } finally {
    traces?.abandon();
  }
  await close();
}

/** Does everything up to the first step. */
async function prepare(
  context: WorkerContext,
  { openTrainer, exportOnnx, freeMemory }: StudentParts,
): Promise<{
  readonly student: Student;
  readonly traces: StepTraces | null;
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
  // Before anything waits: this refuses a job without anything to learn from.
  const labels = labelNote(manifest, dataset);
  const modelJson = await studentModelText(manifest, dataset, places, {
    note: (message) => notes.add(message),
    ...(needsNoTeacher(manifest) ? {} : { teacherColumns: () => widthOfTeacher(context, notes) }),
  });
  const start = await studentStart(manifest, places);
  const names = jobNames(manifest.job.uid);
  const link = await connect(context);
  const before = await trainedWith(context, link, names);
  const source = trainerSourceOf(context, { modelJson, schedule, loss, trainedWith: before });
  const trainer = await openTrainer({ ...source, start });
  const { view, notes: mistakes } = await studentView(manifest, trainer.inputs, dataset.train.spec.inputs, places);
  for (const note of [...dataset.notes, ...left, ...trainer.notes, ...mistakes, ...(labels === null ? [] : [labels])]) {
    notes.add(note);
  }
  checkLoss(loss, trainer.columns);
  const width = { uri: manifest.student.model.uri, target: dataset.train.spec.target };
  checkTargetWidth(trainer.columns, width);
  await checkClasses(trainer, dataset, width);
  const answers = answersIn(loss);
  checkEarlyStop(manifest.training.earlyStop, {
    target: dataset.test?.spec.target?.kind ?? null,
    teachers: asksTeachers(manifest, dataset, schedule, trainer.columns)
      ? { kind: answers, columns: trainer.columns }
      : null,
  });
  const stores = await openStores(context, link, names);
  const attempt = await claimAndLoad({ context, link, names, stores, trainer, schedule, notes });
  const { facts, from, claim } = attempt;
  log.info({ attempt: facts.attempt, step: from.step, steps: facts.steps, runtime: facts.runtime }, 'starting');

  const job = { schedule, shards: facts.shards, columns: trainer.columns, width };
  const traces = context.tracer === null ? null : new StepTraces(context.tracer);
  const supply = await openSupply({ manifest, link, names, job, dataset, start: from, claim, traces, clock, log });
  return {
    student: new Student({
      manifest,
      schedule,
      dataset,
      view,
      trainer: traces === null ? trainer : tracedTrainer(trainer, traces),
      supply: traces === null ? supply : tracedSupply(supply, traces),
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
    traces,
    close: async () => {
      await trainer.close();
      await link.close();
      await dataset.close();
    },
  };
}

interface Training {
  readonly modelJson: string;
  readonly schedule: Schedule;
  readonly loss: LossSettings;
  readonly trainedWith: InstructionSet | null;
}

function trainerSourceOf(
  { env: { manifest, runtime, nativeFolder } }: WorkerContext,
  { modelJson, schedule, loss, trainedWith: before }: Training,
): TrainerThreadSource {
  const { training, student } = manifest;
  const { name = 'auto', threads, instructionSet } = student.runtime ?? {};
  return {
    // The person or the image that sets the variable knows the machine.
    runtime: runtime === 'auto' ? name : runtime,
    native: {
      folder: nativeFolder,
      threads: threads ?? noNative.threads,
      instructionSet: instructionSet ?? null,
      trainedWith: before,
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

/** @throws StreamError, ReferenceRefused; the reason of the stop */
async function widthOfTeacher(context: WorkerContext, notes: Notes): Promise<number> {
  const link = await connect(context);
  try {
    const names = jobNames(context.env.manifest.job.uid);
    const columns = await teacherWidth(() => readReference(link, names), context);
    notes.add(widthNote(columns));
    return columns;
  } finally {
    await link.close();
  }
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
