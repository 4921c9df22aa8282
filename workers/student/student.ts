/**
 * The student: trains every step exactly once, in order, and alone owns the training position (design §1, I1).
 *
 * Invariants:
 *  student/S1 Step k is handed to the compute thread only after step k−1: the thread works its calls off in order.
 *  student/S2 What decides later steps (weights, slots, step, metrics) is in the checkpoint and nowhere else; a resumed
 *     attempt continues bit for bit.
 *  student/S3 A student that finds a higher attempt in STATE stops without writing (fencing).
 *  student/S4 Checkpoints and results become visible only after the fence was found unbroken (checkpointer.ts); results
 *     only after the last checkpoint is durable.
 *  student/S5 The first failure, wherever it happens, ends the run, also while the loop waits for logits.
 *  student/S6 Each evaluation that is due is in the metrics once, over all attempts.
 */
import { createHash } from 'node:crypto';

import type { Clock } from '@distillery/base';
import {
  type Manifest,
  maxFaultLength,
  resultSumsName,
  resultSumsText,
  type Schedule,
  type StudentState,
} from '@distillery/protocol';

import { type CheckpointKey, type CheckpointStore, digestOf, encodeCheckpoint } from '../checkpoint/index.js';
import type { Dataset } from '../data/index.js';
import type { Evaluation, ExportedModel, TrainerState, TrainingBatch } from '../models/training.js';
import { type Log, Meter, WorkerError } from '../base/index.js';

import { BatchPreparer } from './batches.js';
import { Checkpointer, isFull } from './checkpointer.js';
import type { LogitsSource } from './live-supply.js';
import { type Metrics, Progress, ratesOf } from './progress.js';
import { Retention } from './retention.js';
import { windowSteps } from './window.js';

/** The trainer as the main thread sees it: calls are worked off in order. */
export interface TrainerClient {
  readonly parameters: number;
  train(batch: TrainingBatch): Promise<{ readonly loss: number; readonly busyMs: number; readonly idleMs: number }>;
  evaluate(samples: Float32Array, labels: Int32Array): Promise<Evaluation>;
  state(): Promise<TrainerState>;
  export(): Promise<ExportedModel>;
}

/** Compare-and-set access to the STATE key `student`. */
export interface StudentStateWriter {
  /** @throws WorkerError fenced when another attempt wrote */
  update(state: StudentState): Promise<void>;
}

export interface ResultStore {
  /** @param fence asked before the result becomes visible; what it throws is thrown */
  put(name: string, bytes: Uint8Array, fence: () => Promise<void>): Promise<void>;
}

/** Where training starts: fresh, or at a checkpoint. */
export interface StartingPoint {
  readonly step: number;
  readonly metrics: Metrics | null;
  /** The checkpoint that was loaded; null = fresh. */
  readonly loaded: CheckpointKey | null;
}

export interface StudentOptions {
  readonly manifest: Manifest;
  readonly schedule: Schedule;
  readonly dataset: Dataset;
  readonly trainer: TrainerClient;
  /** null when labels alone carry the loss. */
  readonly source: Pick<LogitsSource, keyof LogitsSource> | null;
  readonly shards: number;
  readonly attempt: number;
  readonly start: StartingPoint;
  readonly pod: string;
  readonly runtime: string;
  readonly state: StudentStateWriter;
  readonly checkpoints: CheckpointStore;
  readonly results: ResultStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the process was asked to stop. */
  readonly stop: AbortSignal;
}

export interface StudentResult {
  readonly digest: string;
  readonly accuracy: number;
  readonly loss: number;
}

/** Batches on the compute thread at a time: one in work, one waiting. */
const trainingAhead = 2;
/** Batches read and augmented ahead. */
const preparedAhead = 3;
const evaluationRows = 500;
const telemetryMs = 500;

export class Student {
  readonly #options: StudentOptions;
  readonly #batches: BatchPreparer;
  readonly #progress: Progress;
  readonly #retention: Retention;
  readonly #meter = new Meter();
  #phase: StudentState['phase'] = 'Starting';
  #trained: number;
  #result: StudentState['result'] = null;
  #failure: Error | null = null;
  readonly #checkpointer: Checkpointer;
  #lastCheckpointStep: number;
  #telling: Promise<void> = Promise.resolve();

  constructor(options: StudentOptions) {
    const { manifest, dataset, schedule, start } = options;
    this.#options = options;
    this.#trained = start.step;
    this.#lastCheckpointStep = start.step;
    this.#progress = new Progress(schedule.steps, start.metrics);
    this.#retention = new Retention(manifest.logits.maxBytes);
    const { keep } = manifest.student.checkpoint;
    this.#checkpointer = new Checkpointer({
      store: options.checkpoints,
      keep,
      attempt: options.attempt,
      loaded: start.loaded,
      fence: () => this.#tell(),
      onDurable: ({ step, firstNeededSequence }) => this.#retention.checkpointed(step, firstNeededSequence, keep),
      onFailure: (error) => this.#fail(error),
      stop: options.stop,
      clock: options.clock,
      log: options.log,
    });
    this.#batches = new BatchPreparer({
      split: dataset.train,
      schedule,
      augment: manifest.training.augment,
      ahead: preparedAhead,
    });
  }

  /**
   * Trains to the end, writes the results and says Done.
   * @throws WorkerError with the ending; whatever it throws, the newest checkpoint is whole
   */
  async run(): Promise<StudentResult> {
    const { source, stop } = this.#options;
    const over = new AbortController();
    void this.#tellRegularly(over.signal);
    stop.addEventListener('abort', () => source?.stop(), { once: true });
    source?.start();
    try {
      await this.#train();
      const result = await this.#finish();
      await this.#tell();
      return result;
    } finally {
      over.abort();
      this.#checkpointer.end();
      source?.stop();
    }
  }

  async #train(): Promise<void> {
    const { schedule, source, trainer, start, stop } = this.#options;
    const { everySteps } = this.#options.manifest.student.checkpoint;
    this.#phase = 'Training';
    await this.#evaluateWhenDue(start.step);
    const inFlight: Promise<void>[] = [];
    for (let step = start.step; step < schedule.steps; step++) {
      if (stop.aborted) break;
      const [batch, taken] = await Promise.all([this.#batches.take(step), source?.take(step) ?? labelsAlone]);
      if (taken === 'stopped') break;
      if (source !== null && taken.logits === null) this.#progress.skipped(step);
      this.#retention.trained(taken.bytes);
      const done = trainer.train({ ...batch, teacherLogits: taken.logits }).then((reply) => {
        this.#noteTrained(step, batch.rows, reply);
      });
      done.catch((error: unknown) => this.#fail(error));
      inFlight.push(done);
      if (inFlight.length >= trainingAhead) await inFlight.shift();
      this.#rethrow();
      const next = step + 1;
      if (this.#isEvaluated(next)) {
        await Promise.all(inFlight.splice(0));
        await this.#evaluateWhenDue(next);
      }
      if (next % everySteps === 0 || next === schedule.steps) {
        await Promise.all(inFlight.splice(0));
        await this.#checkpoint(next);
      }
    }
    await Promise.all(inFlight);
    this.#rethrow();
    const finished = this.#trained === schedule.steps && this.#progress.lastEvaluation?.step === schedule.steps;
    if (!finished && this.#trained > this.#lastCheckpointStep) await this.#checkpoint(this.#trained);
    const fault = await this.#settled();
    this.#rethrow();
    if (!finished) {
      const next = `the next attempt continues at step ${this.#checkpointer.durableStep}`;
      throw new WorkerError('stopped', `asked to stop; ${fault === null ? next : `${next}, since ${fault.message}`}`);
    }
    if (fault !== null) throw fault;
  }

  /** @returns why the newest checkpoint could not be stored in time; null when it is */
  async #settled(): Promise<Error | null> {
    try {
      await this.#checkpointer.settle();
      return null;
    } catch (error) {
      if (isFull(error)) return error;
      throw error;
    }
  }

  #noteTrained(step: number, rows: number, reply: { loss: number; busyMs: number; idleMs: number }): void {
    const { source, manifest } = this.#options;
    this.#trained = step + 1;
    this.#progress.trained(step, reply.loss);
    this.#meter.add({ atMs: this.#options.clock.now(), rows, busyMs: reply.busyMs, idleMs: reply.idleMs });
    if (source === null || source.stepBytes === 0) return;
    const rates = this.#meter.rates(this.#options.clock.now());
    source.setWindow(
      windowSteps({
        bufferTargetSeconds: manifest.teacher.bufferTargetSeconds,
        unstarvedStepsPerSecond: rates.capableSamplesPerSecond / manifest.training.batchSize,
        answerSeconds: source.answerSeconds,
        stepBytes: source.stepBytes,
        maxBytes: manifest.logits.maxBytes,
      }),
    );
  }

  /** Whether the weights after so many steps are evaluated. */
  #isEvaluated(step: number): boolean {
    const { schedule, manifest } = this.#options;
    if (step === schedule.steps) return true;
    return step > 0 && step % (schedule.stepsPerEpoch * manifest.student.evaluation.everyEpochs) === 0;
  }

  /** An attempt that is stopped meanwhile leaves the evaluation to the next one, which starts at the same weights. */
  async #evaluateWhenDue(step: number): Promise<void> {
    const { trainer, dataset, log, stop } = this.#options;
    if (!this.#isEvaluated(step) || this.#progress.lastEvaluation?.step === step) return;
    this.#phase = 'Evaluating';
    let correct = 0;
    let lossSum = 0;
    const { test } = dataset;
    for (let from = 0; from < test.length; from += evaluationRows) {
      if (stop.aborted) return;
      this.#rethrow();
      const rows = Math.min(evaluationRows, test.length - from);
      const indices = Uint32Array.from({ length: rows }, (_, row) => from + row);
      const part = await trainer.evaluate(await test.read(indices), test.labels(indices));
      correct += part.correct;
      lossSum += part.lossSum;
    }
    const record = { step, accuracy: correct / test.length, loss: lossSum / test.length };
    this.#progress.evaluated(record);
    this.#phase = 'Training';
    log.info(record, 'evaluated');
  }

  /** Takes the state now, in step order; it is written beside the training that goes on. */
  async #checkpoint(step: number): Promise<void> {
    const { source, trainer, manifest, attempt } = this.#options;
    await this.#checkpointer.ready();
    this.#rethrow();
    const firstNeededSequence = source?.firstNeededSequence ?? 0;
    const { metrics } = this.#progress;
    const state = await trainer.state();
    this.#lastCheckpointStep = step;
    const bytes = encodeCheckpoint({
      jobUid: manifest.job.uid,
      attempt,
      step,
      seed: manifest.training.seed,
      optimizer: manifest.student.optimizer.name,
      firstNeededSequence,
      metrics,
      state,
    });
    this.#checkpointer.add({ step, bytes, firstNeededSequence });
  }

  async #finish(): Promise<StudentResult> {
    const { trainer, results, manifest, schedule, runtime } = this.#options;
    this.#phase = 'Exporting';
    const evaluation = this.#progress.lastEvaluation;
    if (evaluation === null) throw new WorkerError('error', 'the run ended without an evaluation');
    const state = await trainer.state();
    const digest = digestOf(state.weights);
    const model = await trainer.export();
    const result = { digest, accuracy: evaluation.accuracy, loss: evaluation.loss };
    const report = {
      job: manifest.job,
      ...result,
      steps: schedule.steps,
      parameters: trainer.parameters,
      runtime,
      ...this.#progress.metrics,
    };
    const fence = (): Promise<void> => this.#tell();
    const put = (name: string, bytes: Uint8Array): Promise<void> =>
      this.#checkpointer.withRoom(() => results.put(name, bytes, fence));
    await fence();
    const text = new TextEncoder();
    const files: readonly (readonly [name: string, bytes: Uint8Array])[] = [
      ['model.json', text.encode(model.modelJson)],
      ['weights.bin', model.weights],
      ['metrics.json', text.encode(`${JSON.stringify(report, null, 2)}\n`)],
    ];
    // The digest above is of the weights alone; this list is of every byte, the topology included.
    const sums = text.encode(resultSumsText(new Map(files.map(([name, bytes]) => [name, sha256(bytes)]))));
    for (const [name, bytes] of files) await put(name, bytes);
    await put(resultSumsName, sums);
    this.#phase = 'Done';
    this.#result = { ...result, filesDigest: sha256(sums) };
    return result;
  }

  /** student/S5: whoever waits for logits is woken. */
  #fail(error: unknown): void {
    this.#failure ??= asError(error);
    this.#options.source?.stop();
  }

  #rethrow(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Only a broken fence is an error here, an unreachable stream costs a value. */
  async #tellRegularly(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      try {
        await this.#tell();
      } catch (error) {
        if (error instanceof WorkerError && error.ending === 'fenced') this.#fail(error);
        else this.#options.log.warn({ error: asError(error).message }, 'telemetry was not pushed');
      }
      await this.#options.clock.sleep(telemetryMs, over);
    }
  }

  /** Pushes the state as it is when its turn comes, so that an older one never replaces a newer. */
  async #tell(): Promise<void> {
    const told = this.#telling.then(() => this.#options.state.update(this.#stateNow()));
    this.#telling = told.catch(() => undefined);
    await told;
  }

  #stateNow(): StudentState {
    const { attempt, pod, runtime, schedule, manifest, source, shards, start, clock } = this.#options;
    const { keep } = manifest.student.checkpoint;
    const nowMs = clock.now();
    return {
      attempt,
      pod,
      phase: this.#phase,
      runtime,
      step: this.#trained,
      steps: schedule.steps,
      epoch: schedule.epochOf(Math.min(this.#trained, schedule.steps - 1)),
      batchSize: manifest.training.batchSize,
      ...ratesOf(this.#meter.rates(nowMs), this.#phase),
      loss: this.#progress.loss,
      accuracy: this.#progress.lastEvaluation?.accuracy ?? null,
      buffer: source?.buffered ?? { frames: 0, bytes: 0 },
      window: source?.window ?? 0,
      fedSteps: source?.fedSteps ?? 0,
      shards,
      firstNeededSequence: source === null ? 0 : this.#retention.firstNeededSequence(source.firstNeededSequence, keep),
      resumedFromStep: start.step === 0 ? null : start.step,
      damaged: source?.damaged ?? [],
      checkpointFault: this.#checkpointer.fault?.slice(0, maxFaultLength) ?? null,
      result: this.#result,
      updatedAtMs: nowMs,
    };
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const labelsAlone = Promise.resolve({ logits: null, bytes: 0 });

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
