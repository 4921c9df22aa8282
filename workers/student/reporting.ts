/**
 * Pushes the student's state into STATE, regularly and whenever a write needs the fence: a push that finds a newer attempt
 * fails, so each push also proves that this attempt may still write (student/S3).
 */
import type { Clock } from '@distillery/base';
import type { StudentState } from '@distillery/protocol';

import { type Log, WorkerError } from '../base/index.js';

/** Compare-and-set access to the student's STATE key. */
export interface StudentStateWriter {
  /** @throws WorkerError fenced when another attempt wrote */
  update(state: StudentState): Promise<void>;
}

const intervalMs = 500;

export class Reporter {
  readonly #writer: StudentStateWriter;
  readonly #stateNow: () => StudentState;
  readonly #clock: Clock;
  readonly #log: Log;
  #lastReport: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly writer: StudentStateWriter;
    readonly stateNow: () => StudentState;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#writer = options.writer;
    this.#stateNow = options.stateNow;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Pushes the state as it is once earlier reports are written, so that an older state never replaces a newer one.
   * @throws WorkerError fenced; StreamRefused, StreamUnreachable
   */
  async report(): Promise<void> {
    const report = this.#lastReport.then(() => this.#writer.update(this.#stateNow()));
    this.#lastReport = report.catch(() => undefined);
    await report;
  }

  /** Reports until `over` aborts. Only a broken fence is an error; without an answer of the stream a report is left out. */
  async reportRegularly(over: AbortSignal, onFenced: (error: WorkerError) => void): Promise<void> {
    while (!over.aborted) {
      try {
        await this.report();
      } catch (error) {
        if (error instanceof WorkerError && error.reason === 'fenced') onFenced(error);
        else {
          const message = error instanceof Error ? error.message : String(error);
          this.#log.warn({ error: message }, 'telemetry was not pushed');
        }
      }
      await this.#clock.sleep(intervalMs, over);
    }
  }
}

/** What stays the same during an attempt. */
export interface AttemptFacts {
  readonly attempt: number;
  readonly pod: string;
  readonly runtime: string;
  /** Shards of a step. */
  readonly shards: number;
  readonly steps: number;
  /** Samples of a step. */
  readonly batchSize: number;
  /** What a person should know; it may grow while the attempt lasts. */
  readonly notes: readonly string[];
  /** null = the attempt started at step 0. */
  readonly resumedFromStep: number | null;
}

/** Returns the state of an attempt that has trained nothing yet; `step` is the next step to train. */
export function startingState(facts: AttemptFacts, step: number, nowMs: number): StudentState {
  return {
    ...facts,
    notes: [...facts.notes],
    phase: 'Starting',
    step,
    epoch: 0,
    samplesPerSecond: 0,
    unstarvedSamplesPerSecond: 0,
    waitFraction: 0,
    loss: null,
    accuracy: null,
    metrics: {},
    buffer: { frames: 0, bytes: 0 },
    window: 0,
    fedSteps: step,
    firstNeededSequence: 0,
    damaged: [],
    result: null,
    updatedAtMs: nowMs,
  };
}
