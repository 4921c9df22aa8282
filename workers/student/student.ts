/**
 * The student: trains every step exactly once, in order, and alone owns the training position (DESIGN §1, I1).
 *
 * Invariants:
 *  S1 Step k is handed to the compute thread only after step k−1: the thread works its calls off in order.
 *  S2 What decides later steps (weights, slots, step, metrics) is in the checkpoint and nowhere else; a resumed attempt
 *     continues bit for bit.
 *  S3 A student that finds a higher attempt in STATE stops without writing (fencing).
 *  S4 A checkpoint is put only after the fence was found unbroken; results only after the last checkpoint is durable.
 */
import type { Clock } from '../../src/lib/clock.js';
import type { Manifest, Schedule, StudentState } from '../../src/protocol/index.js';
import { type CheckpointStore, digestOf, encodeCheckpoint } from '../checkpoint/index.js';
import type { Dataset } from '../data/index.js';
import type { Evaluation, ExportedModel, TrainerState, TrainingBatch } from '../models/trainer.js';
import { WorkerError } from '../shell/exit.js';
import type { Log } from '../shell/log.js';
import { Meter } from '../shell/meter.js';

import { BatchPreparer } from './batches.js';
import type { LogitsSource } from './logits-source.js';
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
  put(name: string, bytes: Uint8Array): Promise<void>;
}

/** Where training starts: fresh, or at a checkpoint. */
export interface StartingPoint {
  readonly step: number;
  readonly metrics: Metrics | null;
}

export interface StudentOptions {
  readonly manifest: Manifest;
  readonly schedule: Schedule;
  readonly dataset: Dataset;
  readonly trainer: TrainerClient;
  /** null when labels alone carry the loss. */
  readonly source: LogitsSource | null;
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
  #checkpointing: Promise<void> = Promise.resolve();
  #lastCheckpointStep: number;

  constructor(options: StudentOptions) {
    const { manifest, dataset, schedule, start } = options;
    this.#options = options;
    this.#trained = start.step;
    this.#lastCheckpointStep = start.step;
    this.#progress = new Progress(schedule.steps, start.metrics);
    this.#retention = new Retention(manifest.logits.maxBytes);
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
    const telemetry = this.#tellRegularly(over.signal);
    stop.addEventListener('abort', () => source?.stop(), { once: true });
    source?.start();
    try {
      await this.#train();
      const result = await this.#finish();
      await this.#tell();
      return result;
    } finally {
      over.abort();
      source?.stop();
      await telemetry;
    }
  }

  async #train(): Promise<void> {
    const { schedule, source, trainer, start, stop } = this.#options;
    const { everySteps } = this.#options.manifest.student.checkpoint;
    this.#phase = 'Training';
    const inFlight: Promise<void>[] = [];
    for (let step = start.step; step < schedule.steps; step++) {
      if (stop.aborted) break;
      const [batch, taken] = await Promise.all([this.#batches.take(step), source?.take(step) ?? labelsAlone]);
      if (taken === 'stopped') break;
      if (source !== null && taken.logits === null) this.#progress.skipped(step);
      this.#retention.trained(taken.bytes);
      // A failed step must end the run even when this loop waits for logits meanwhile: the next round rethrows.
      const done = trainer.train({ ...batch, teacherLogits: taken.logits }).then((reply) => {
        this.#noteTrained(step, batch.rows, reply);
      });
      done.catch((error: unknown) => (this.#failure ??= asError(error)));
      inFlight.push(done);
      if (inFlight.length >= trainingAhead) await inFlight.shift();
      this.#rethrow();
      const next = step + 1;
      if (this.#evaluationDue(next)) {
        await Promise.all(inFlight.splice(0));
        await this.#evaluate(next);
      }
      if (next % everySteps === 0 || next === schedule.steps) {
        await Promise.all(inFlight.splice(0));
        await this.#checkpoint(next);
      }
    }
    await Promise.all(inFlight);
    if (stop.aborted && this.#trained < schedule.steps) {
      if (this.#trained > this.#lastCheckpointStep) await this.#checkpoint(this.#trained);
      await this.#checkpointing;
      throw new WorkerError('stopped', `asked to stop; the next attempt continues at step ${this.#trained}`);
    }
    await this.#checkpointing;
    this.#rethrow();
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
        stepBytes: source.stepBytes,
        maxBytes: manifest.logits.maxBytes,
      }),
    );
  }

  #evaluationDue(next: number): boolean {
    const { schedule, manifest } = this.#options;
    if (next === schedule.steps) return true;
    return next % (schedule.stepsPerEpoch * manifest.student.evaluation.everyEpochs) === 0;
  }

  async #evaluate(step: number): Promise<void> {
    const { trainer, dataset, log } = this.#options;
    const phase = this.#phase;
    this.#phase = 'Evaluating';
    let correct = 0;
    let lossSum = 0;
    const { test } = dataset;
    for (let from = 0; from < test.length; from += evaluationRows) {
      const rows = Math.min(evaluationRows, test.length - from);
      const indices = Uint32Array.from({ length: rows }, (_, row) => from + row);
      const part = await trainer.evaluate(await test.read(indices), test.labels(indices));
      correct += part.correct;
      lossSum += part.lossSum;
    }
    const record = { step, accuracy: correct / test.length, loss: lossSum / test.length };
    this.#progress.evaluated(record);
    this.#phase = phase;
    log.info(record, 'evaluated');
  }

  /** Takes the state now, in step order, and writes it beside the training that goes on. */
  async #checkpoint(step: number): Promise<void> {
    const { manifest, source, trainer, checkpoints, attempt, log } = this.#options;
    await this.#checkpointing;
    this.#rethrow();
    const firstNeededSequence = source?.firstNeededSequence ?? 0;
    const { metrics } = this.#progress;
    const state = await trainer.state();
    this.#lastCheckpointStep = step;
    const write = async (): Promise<void> => {
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
      // The fence: a newer attempt makes this throw before anything is written.
      await this.#tell();
      this.#rethrow();
      await checkpoints.put(step, attempt, bytes);
      await checkpoints.prune(manifest.student.checkpoint.keep);
      this.#retention.checkpointed(step, firstNeededSequence, manifest.student.checkpoint.keep);
      log.info({ step, bytes: bytes.length }, 'checkpoint written');
    };
    this.#checkpointing = write();
    this.#checkpointing.catch((error: unknown) => (this.#failure ??= asError(error)));
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
    await results.put('model.json', new TextEncoder().encode(model.modelJson));
    await results.put('weights.bin', model.weights);
    await results.put('metrics.json', new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`));
    this.#phase = 'Done';
    this.#result = result;
    return result;
  }

  #rethrow(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  async #tellRegularly(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await this.#tell();
      await this.#options.clock.sleep(telemetryMs, over);
    }
  }

  /** Pushes the state; only a broken fence is an error, an unreachable stream costs a value. */
  async #tell(): Promise<void> {
    try {
      await this.#options.state.update(this.#stateNow());
    } catch (error) {
      if (error instanceof WorkerError && error.ending === 'fenced') this.#failure ??= error;
      else this.#options.log.warn({ error: asError(error).message }, 'telemetry was not pushed');
    }
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
      ...ratesOf(this.#meter.rates(nowMs)),
      loss: this.#progress.loss,
      accuracy: this.#progress.lastEvaluation?.accuracy ?? null,
      buffer: source?.buffered ?? { frames: 0, bytes: 0 },
      window: source?.window ?? 0,
      fedSteps: source?.fedSteps ?? 0,
      shards,
      firstNeededSequence: source === null ? 0 : this.#retention.firstNeededSequence(source.firstNeededSequence, keep),
      resumedFromStep: start.step === 0 ? null : start.step,
      damaged: source?.damaged ?? [],
      result: this.#result,
      updatedAtMs: nowMs,
    };
  }
}

const labelsAlone = Promise.resolve({ logits: null, bytes: 0 });

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
