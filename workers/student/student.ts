/**
 * The student: trains every step exactly once, in order, and alone owns the training position (design §1, I1).
 *
 * Invariants:
 *  student/S1 Step k is handed to the compute thread only after step k−1; the thread processes its calls in order.
 *  student/S2 What decides later steps (weights, slots, step, metrics) is in the checkpoint and nowhere else; a resumed
 *     attempt continues bit for bit.
 *  student/S3 A student that finds a higher attempt in STATE stops without writing (fencing).
 *  student/S4 Checkpoints and results become visible only after the fence was found unbroken (checkpointer.ts); results
 *     only after the last checkpoint is durable.
 *  student/S5 The first failure, wherever it happens, ends the run, also while the loop waits for logits.
 *  student/S6 Each evaluation that is due is in the metrics once, over all attempts. Whether training ends early follows from
 *     these records alone (early-stop.ts).
 */
import { type Clock, DistilleryError, statementOf } from '@distillery/base';
import {
  type Manifest,
  maxFaultLength,
  type Schedule,
  type StoppedEarly,
  type StudentState,
  type TrainingMetrics,
} from '@distillery/protocol';

import { type Log, Meter, WorkerError } from '../base/index.js';
import { type CheckpointKey, type CheckpointStore, digestOf, encodeCheckpoint } from '../checkpoint/index.js';
import type { Dataset, ReplacedRowsRecord } from '../data/index.js';
import { exportedWeights, type TeacherAnswers } from '../models/training.js';

import { BatchPreparer, type ModelView } from './batches.js';
import { Checkpointer } from './checkpointer.js';
import { type Judged, judge, requireScore } from './early-stop.js';
import { Evaluator } from './evaluator.js';
import type { WriteOnnx } from './onnx.js';
import { Progress, ratesOf } from './progress.js';
import { type AttemptFacts, Reporter, startingState, type StudentStateWriter } from './reporting.js';
import type { ResultStore, StudentResult } from './results.js';
import { storeResults } from './store-results.js';
import { type LogitsSupply, Retention } from './supply.js';
import type { TakenState, TrainerClient, TrainReply } from './trainer-client.js';

/** Where training starts: at step 0, or at a checkpoint. */
export interface StartingPoint {
  readonly step: number;
  readonly metrics: TrainingMetrics | null;
  /** The checkpoint that was loaded; null = none. */
  readonly loaded: CheckpointKey | null;
  /** Digest of the weights before the first step; absent where the seed decides them. */
  readonly startedFrom?: string | undefined;
}

export interface StudentOptions {
  readonly manifest: Manifest;
  readonly schedule: Schedule;
  readonly dataset: Dataset;
  readonly view: ModelView;
  readonly trainer: TrainerClient;
  readonly supply: LogitsSupply;
  readonly facts: AttemptFacts;
  readonly start: StartingPoint;
  /** What the teacher's numbers are. */
  readonly answers: TeacherAnswers;
  /** Rows of the data set that gave way to others so far. */
  readonly replaced: () => ReplacedRowsRecord;
  readonly state: StudentStateWriter;
  readonly checkpoints: CheckpointStore;
  readonly results: ResultStore;
  readonly writeOnnx: WriteOnnx;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells a person, in the log and in the telemetry. */
  readonly note: (message: string) => void;
  /** Aborts when the process is asked to stop. */
  readonly stop: AbortSignal;
}

/** Maximum number of batches on the compute thread: one in work, one waiting. */
const trainingAhead = 2;
/** Batches read and augmented ahead. */
const preparedAhead = 3;

export class Student {
  readonly #options: StudentOptions;
  readonly #batches: BatchPreparer;
  readonly #progress: Progress;
  readonly #retention: Retention;
  readonly #meter = new Meter();
  readonly #checkpointer: Checkpointer;
  readonly #reporter: Reporter;
  readonly #evaluator: Evaluator;
  #phase: StudentState['phase'] = 'Starting';
  #trained: number;
  #lastCheckpointStep: number;
  /** The newest checkpoint on its way from the thread to the checkpointer. */
  #taking: Promise<void> = Promise.resolve();
  #result: StudentState['result'] = null;
  #failure: Error | null = null;

  constructor(options: StudentOptions) {
    const { manifest, dataset, schedule, start, supply, clock, log } = options;
    const { keep } = manifest.student.checkpoint;
    this.#options = options;
    this.#trained = start.step;
    this.#lastCheckpointStep = start.step;
    this.#progress = new Progress(schedule.steps, start.metrics, options.replaced, start.startedFrom);
    this.#progress.computedBy(options.facts.runtime, start.step);
    this.#retention = new Retention(manifest.logits.maxBytes);
    this.#evaluator = new Evaluator({
      trainer: options.trainer,
      split: dataset.test,
      view: options.view,
      steps: schedule.steps,
      everySteps: schedule.stepsPerEpoch * manifest.student.evaluation.everyEpochs,
      teachers: { isMeasured: supply.answersHeldOut, kind: options.answers, answers: () => supply.heldOut() },
    });
    this.#reporter = new Reporter({ writer: options.state, stateNow: () => this.#stateNow(), clock, log });
    this.#checkpointer = new Checkpointer({
      store: options.checkpoints,
      keep,
      attempt: options.facts.attempt,
      loaded: start.loaded,
      fence: () => this.#reporter.report(),
      onDurable: ({ step, firstNeededSequence }) => this.#retention.checkpointed(step, firstNeededSequence, keep),
      onFailure: (error) => this.#fail(error),
      stop: options.stop,
      clock,
      log,
    });
    this.#batches = new BatchPreparer({
      split: dataset.train,
      schedule,
      augment: manifest.training.augment,
      view: options.view,
      ahead: preparedAhead,
    });
  }

  /**
   * Trains to the end, stores the results and reports Done.
   * @throws WorkerError with the ending; the newest checkpoint is whole in any case
   */
  async run(): Promise<StudentResult> {
    const { supply, stop } = this.#options;
    const over = new AbortController();
    void this.#reporter.reportRegularly(over.signal, (error) => this.#fail(error));
    stop.addEventListener('abort', () => supply.stop(), { once: true });
    if (this.#stoppedEarly === undefined) supply.start();
    try {
      await this.#train();
      await this.#endTraining();
      const result = await this.#finish();
      await this.#reporter.report();
      return result;
    } finally {
      over.abort();
      this.#checkpointer.end();
      supply.stop();
    }
  }

  /** Trains up to the last step, or until the process is asked to stop. */
  async #train(): Promise<void> {
    const { schedule, trainer, supply, start, stop, manifest } = this.#options;
    const { everySteps } = manifest.student.checkpoint;
    this.#phase = 'Training';
    await this.#evaluateWhenDue(start.step);
    const inFlight: Promise<void>[] = [];
    for (let step = start.step; step < schedule.steps; step++) {
      if (stop.aborted || this.#stoppedEarly !== undefined) break;
      const [batch, taken] = await Promise.all([this.#batches.take(step), supply.take(step)]);
      if (taken === 'stopped') break;
      this.#retention.trained(taken.bytes);
      // The samples move to the thread, and are gone here.
      const { count } = batch.samples;
      const trained = trainer.train({ ...batch, teacherLogits: taken.logits }).then((reply) => {
        if (taken.isSkipped) this.#progress.skipped(step);
        this.#noteTrained(step, count, reply);
      });
      trained.catch((error: unknown) => this.#fail(error));
      inFlight.push(trained);
      if (inFlight.length >= trainingAhead) await inFlight.shift();
      this.#rethrow();
      const next = step + 1;
      if (this.#evaluator.isDue(next)) {
        await Promise.all(inFlight.splice(0));
        await this.#evaluateWhenDue(next);
      }
      if (next % everySteps === 0 || next === schedule.steps) await this.#checkpoint(next, trained);
    }
    await Promise.all(inFlight);
    this.#rethrow();
  }

  /**
   * Makes the newest state durable.
   * @throws WorkerError stopped when steps are left; StoreError when a finished run has no durable checkpoint in time
   */
  async #endTraining(): Promise<void> {
    const { schedule, supply, log } = this.#options;
    const { steps } = schedule;
    const isEvaluated = !this.#evaluator.isDue(steps) || this.#progress.lastEvaluation?.step === steps;
    const stoppedEarly = this.#stoppedEarly;
    const isFinished = stoppedEarly !== undefined || (this.#trained === steps && isEvaluated);
    if (stoppedEarly !== undefined) {
      // Teachers need not label what was fed ahead.
      this.#phase = 'Exporting';
      supply.stop();
      log.info(stoppedEarly, 'stopped early');
    }
    if (this.#trained > this.#lastCheckpointStep) await this.#checkpoint(this.#trained, Promise.resolve());
    await this.#taking;
    const fault = await this.#checkpointer.settle();
    this.#rethrow();
    if (!isFinished) {
      const next = `the next attempt continues at step ${this.#checkpointer.durableStep}`;
      const why = fault === null ? '' : `, since ${reasonIn(fault)}`;
      throw new WorkerError('stopped', { about: '', problem: `asked to stop; ${next}${why}`, remedy: '' });
    }
    if (fault !== null) throw fault;
  }

  #noteTrained(step: number, rows: number, { loss, metrics, busyMs, idleMs }: TrainReply): void {
    const { supply, manifest, clock } = this.#options;
    this.#trained = step + 1;
    this.#progress.trained(step, loss, metrics);
    this.#meter.add({ atMs: clock.now(), rows, busyMs, idleMs });
    supply.setPace(this.#meter.rates(clock.now()).capableSamplesPerSecond / manifest.training.batchSize);
  }

  async #evaluateWhenDue(step: number): Promise<void> {
    if (!this.#evaluator.isDue(step) || this.#progress.lastEvaluation?.step === step) return;
    this.#phase = 'Evaluating';
    const { stop, log, trainer, manifest } = this.#options;
    const { earlyStop } = manifest.training;
    const record = await this.#evaluator.evaluate(step, () => {
      this.#rethrow();
      return !stop.aborted;
    });
    // Asked to stop meanwhile: the next attempt starts at the same weights and evaluates them.
    if (record === null) return;
    if (earlyStop !== undefined) requireScore(earlyStop, record);
    this.#progress.evaluated(record);
    // Before the next checkpoint, which then holds the record and the weights that belong to it.
    if (earlyStop?.restoreBestWeights === true && this.#judged?.best === record) await trainer.keepWeights();
    this.#phase = 'Training';
    log.info(record, 'evaluated');
  }

  /**
   * Asks for the state, in step order. Training continues while it is encoded and stored: later steps wait for no more
   * than its copy on the thread.
   * @param trained settles when the step before is noted, and before any later one is
   */
  async #checkpoint(step: number, trained: Promise<void>): Promise<void> {
    const { supply, trainer } = this.#options;
    await this.#taking;
    await this.#checkpointer.ready();
    this.#rethrow();
    this.#lastCheckpointStep = step;
    const metrics = trained.then(() => this.#progress.metrics);
    const { firstNeededSequence } = supply.state;
    this.#taking = this.#addCheckpoint(step, firstNeededSequence, metrics, trainer.state()).catch((error: unknown) =>
      this.#fail(error),
    );
  }

  /** Makes bytes of the state and the metrics, and gives them to the checkpointer. */
  async #addCheckpoint(
    step: number,
    firstNeededSequence: number,
    metricsThen: Promise<TrainingMetrics>,
    stateThen: Promise<TakenState>,
  ): Promise<void> {
    const { manifest, facts } = this.#options;
    const [metrics, state] = await Promise.all([metricsThen, stateThen]);
    const bytes = encodeCheckpoint({
      jobUid: manifest.job.uid,
      attempt: facts.attempt,
      step,
      seed: manifest.training.seed,
      optimizer: manifest.student.optimizer.name,
      firstNeededSequence,
      metrics,
      state,
    });
    this.#checkpointer.add({ step, bytes, firstNeededSequence, copyMs: state.busyMs });
  }

  async #finish(): Promise<StudentResult> {
    const { trainer, manifest, facts } = this.#options;
    this.#phase = 'Exporting';
    const best = manifest.training.earlyStop?.restoreBestWeights === true ? (this.#judged?.best ?? null) : null;
    if (best !== null) await trainer.useKeptWeights();
    const evaluation = best ?? this.#progress.lastEvaluation;
    const named = this.#progress.namedWith(evaluation);
    const stoppedEarly = this.#stoppedEarly;
    const early = stoppedEarly === undefined ? {} : { stoppedEarly };
    const digest = digestOf(exportedWeights(await trainer.state()));
    const { filesDigest } = await storeResults(this.#options, {
      facts: {
        job: manifest.job,
        digest,
        parameters: trainer.parameters,
        evaluation,
        steps: this.#trained,
        ...early,
        runtime: facts.runtime,
        metrics: this.#progress.metrics,
        named,
      },
      fence: () => this.#reporter.report(),
      withRoom: (write) => this.#checkpointer.withRoom(write),
    });
    const result = { digest, accuracy: evaluation?.accuracy ?? null, loss: evaluation?.loss ?? null };
    this.#phase = 'Done';
    this.#result = { ...result, filesDigest, metrics: named, ...early };
    return result;
  }

  get #judged(): Judged | null {
    const { earlyStop } = this.#options.manifest.training;
    return earlyStop === undefined ? null : judge(earlyStop, this.#progress.evaluations);
  }

  /** Undefined while steps are to be trained, and when the last one was. */
  get #stoppedEarly(): StoppedEarly | undefined {
    const { manifest, schedule } = this.#options;
    const { earlyStop } = manifest.training;
    const judged = this.#judged;
    if (earlyStop === undefined || judged?.stops !== true || this.#trained === schedule.steps) return undefined;
    return { metric: earlyStop.metric, plannedSteps: schedule.steps, bestStep: judged.best?.step ?? null };
  }

  /** student/S5: stopping the supply ends a pending wait for logits. */
  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#options.supply.stop();
  }

  #rethrow(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #stateNow(): StudentState {
    const { facts, schedule, manifest, supply, clock } = this.#options;
    const { keep } = manifest.student.checkpoint;
    const nowMs = clock.now();
    const isDone = this.#phase === 'Exporting' || this.#phase === 'Done';
    const replaced = this.#progress.replaced.count;
    return {
      ...startingState(facts, this.#trained, nowMs),
      // After an early end no more steps are to come.
      ...(isDone ? { steps: this.#trained } : {}),
      phase: this.#phase,
      epoch: schedule.epochOf(Math.min(this.#trained, schedule.steps - 1)),
      ...ratesOf(this.#meter.rates(nowMs), this.#phase),
      loss: this.#progress.loss,
      accuracy: this.#progress.lastEvaluation?.accuracy ?? null,
      metrics: this.#result?.metrics ?? this.#progress.named,
      ...(replaced === 0 ? {} : { replacedRows: replaced }),
      ...supply.state,
      firstNeededSequence: this.#retention.firstNeededSequence(supply.state.firstNeededSequence, keep),
      checkpointStep: this.#checkpointer.durableStep,
      checkpointFault: this.#checkpointer.fault?.slice(0, maxFaultLength) ?? null,
      result: this.#result,
    };
  }
}

/** Without the remedy: the sentence continues. */
function reasonIn(error: Error): string {
  return error instanceof DistilleryError ? statementOf(error.fault) : error.message;
}
