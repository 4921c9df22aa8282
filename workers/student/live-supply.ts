/**
 * The live supply: logits from teachers that work at the same time. Wires feeding, gathering and mending.
 *
 * Invariants:
 *  live-supply/L1 `take` never waits for the stream itself: it waits for what feeding, probing and reading bring in the
 *     background. So `stop` and a failure end it at once, also while the server is away.
 */
import { type Clock, type StatementFault, statementOf } from '@distillery/base';
import type { DeadItem, WorkItem } from '@distillery/protocol';

import { type Log, WorkerError } from '../base/index.js';
import type { Probe, StoredFrame } from '../stream/index.js';

import { Feeder } from './feeding.js';
import type { JobShape } from './frames.js';
import { Gatherer } from './gathering.js';
import { HeldOut, type HeldOutItem, offeredTo } from './held-out.js';
import { Mender } from './mending.js';
import type { HeldOutAnswer, LogitsSupply, SupplyState, TakenLogits } from './supply.js';
import { AnswerTime, type WindowInput } from './window.js';

/** What the live supply needs of the stream. */
export interface LogitsStream {
  /** Puts the item into WORK. */
  feed(item: Omit<WorkItem, 'version'>): Promise<'fed' | 'alreadyThere'>;
  /** Returns what is stored of one frame. */
  probe(shard: number, step: number): Promise<Probe>;
  /** Frames as they are stored, across reconnects, until the signal aborts. */
  frames(signal: AbortSignal): AsyncIterable<StoredFrame>;
  /** Calls back after every reconnect: messages may have been lost meanwhile. */
  onReconnect(callback: () => void): void;
}

/** What the size of the window depends on while the job runs. */
export type WindowMeasures = Pick<WindowInput, 'unstarvedStepsPerSecond' | 'answerSeconds' | 'stepBytes'>;

export interface LiveSupplyOptions extends JobShape {
  readonly stream: LogitsStream;
  /** First step to train. */
  readonly firstStep: number;
  /** An earlier attempt may have fed steps below this one: they are probed before they are fed. */
  readonly fedBefore: number;
  /** Expected stored bytes of one step, for the first window. */
  readonly stepBytes: number;
  /** Returns the number of steps to feed ahead. */
  readonly windowFor: (measures: WindowMeasures) => number;
  /** What to do with a step that no teacher could compute. */
  readonly onFailure: 'Fail' | 'Skip';
  /** Whether such a step has labels to train on: without them none can be skipped. */
  readonly hasLabels: boolean;
  /** Hex digest that every frame must carry; null = the digest of the first frame. */
  readonly teacherDigest: string | null;
  /** Asks for answers to held-out samples; absent = none. */
  readonly heldOutItems?: readonly HeldOutItem[];
  /** Awaited before the first step with answers is handed out. @throws to refuse these teachers */
  readonly checkTeachers?: () => Promise<void>;
  /** Called for each frame that was missing and is kept now. */
  readonly onKept?: ((frame: StoredFrame) => void) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** After waiting this long for one step, the student probes it. */
const stallMs = 1_000;

export class LiveSupply implements LogitsSupply {
  readonly #options: LiveSupplyOptions;
  readonly #answerTime = new AnswerTime();
  readonly #over = new AbortController();
  readonly #gatherer: Gatherer;
  readonly #feeder: Feeder;
  readonly #mender: Mender;
  readonly #heldOut: HeldOut;
  #teachers: 'unchecked' | 'checking' | 'checked' = 'unchecked';
  #failure: Error | null = null;
  /** Stored bytes of the largest step taken so far; 0 before the first. */
  #stepBytes = 0;

  constructor(options: LiveSupplyOptions) {
    const { stream, firstStep, fedBefore, stepBytes, windowFor, teacherDigest, clock, log } = options;
    const { schedule, shards, columns, width } = options;
    this.#options = options;
    const job = { schedule, shards, columns, width };
    const shared = { job, answerTime: this.#answerTime, clock, over: this.#over.signal };
    this.#gatherer = new Gatherer({
      ...shared,
      frames: (signal) => offeredTo(this.#heldOut, stream.frames(signal)),
      firstStep,
      teacherDigest,
      onKept: options.onKept,
      log,
    });
    this.#feeder = new Feeder({
      ...shared,
      feed: (item) => stream.feed(item),
      gatherer: this.#gatherer,
      fedBefore,
      window: windowFor({ unstarvedStepsPerSecond: 0, answerSeconds: 0, stepBytes }),
    });
    this.#heldOut = new HeldOut({
      items: options.heldOutItems ?? [],
      columns,
      positions: schedule.positions,
      feed: (item) => stream.feed(item),
      probe: (shard, step) => stream.probe(shard, step),
      teacherDigest: () => this.#gatherer.teacherDigest,
      clock,
      log,
      over: this.#over.signal,
    });
    this.#mender = new Mender({
      probe: (shard, step) => stream.probe(shard, step),
      gatherer: this.#gatherer,
      feeder: this.#feeder,
      over: this.#over.signal,
    });
  }

  get state(): SupplyState {
    const { window, fedSteps } = this.#feeder;
    return { window, fedSteps, ...this.#gatherer.state };
  }

  /** Starts to read and to feed. Frames that earlier attempts left stored are found before they are fed. */
  start(): void {
    this.#options.stream.onReconnect(() => {
      this.#gatherer.forgetDeliveries();
      this.#inBackground(this.#mender.mend(this.#feeder.front));
    });
    this.#inBackground(this.#gatherer.read());
    this.#feedAhead();
    this.#inBackground(this.#heldOut.gather());
  }

  get answersHeldOut(): boolean {
    return this.#heldOut.isMeasured;
  }

  async heldOut(): Promise<readonly HeldOutAnswer[] | 'stopped'> {
    const answers = await this.#heldOut.answers();
    if (this.#failure !== null) throw this.#failure;
    return answers;
  }

  stop(): void {
    this.#over.abort();
  }

  /** Sets the window by the student's pace and by what was measured of the answers. */
  setPace(unstarvedStepsPerSecond: number): void {
    if (this.#stepBytes === 0) return;
    const answerSeconds = this.#answerTime.seconds;
    this.#feeder.setWindow(
      this.#options.windowFor({ unstarvedStepsPerSecond, answerSeconds, stepBytes: this.#stepBytes }),
    );
    this.#feedAhead();
  }

  async take(step: number): Promise<TakenLogits | 'stopped'> {
    const { clock } = this.#options;
    let probeAtMs = clock.now() + stallMs;
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#over.signal.aborted) return 'stopped';
      const taken = this.#mayTake(step) ? (this.#gatherer.take(step) ?? this.#skipDead(step)) : null;
      if (taken !== null) {
        this.#stepBytes = Math.max(this.#stepBytes, taken.bytes);
        this.#feedAhead();
        return taken;
      }
      const nowMs = clock.now();
      if (nowMs >= probeAtMs) {
        this.#inBackground(this.#mender.mend(step + 1));
        probeAtMs = nowMs + stallMs;
      }
      // Nothing is awaited between the checks above and this wait: no news is missed.
      await this.#gatherer.waitForNews(probeAtMs - nowMs);
    }
  }

  /** Whether the teachers were found to be right for this job, as far as the step has an answer of theirs. */
  #mayTake(step: number): boolean {
    const { checkTeachers } = this.#options;
    if (checkTeachers === undefined || this.#teachers === 'checked' || !this.#gatherer.isComplete(step)) return true;
    if (this.#teachers === 'unchecked') {
      this.#teachers = 'checking';
      const check = async (): Promise<void> => {
        await checkTeachers();
        this.#teachers = 'checked';
        this.#gatherer.announce();
      };
      this.#inBackground(check());
    }
    return false;
  }

  /**
   * Passes over a step that is a dead letter; null when it is none.
   * @throws WorkerError terminal unless the job allows to train such steps on labels alone, and there are labels
   */
  #skipDead(step: number): TakenLogits | null {
    const item = this.#gatherer.deadLetterOf(step);
    if (item === undefined) return null;
    const { onFailure, hasLabels } = this.#options;
    const fault = deadLetterFault(item, hasLabels);
    if (onFailure === 'Fail' || !hasLabels) throw new WorkerError('terminal', fault);
    this.#options.log.warn(`${statementOf(fault)}; trained on labels alone`);
    this.#gatherer.discardThrough(step);
    return { logits: null, bytes: 0, isSkipped: true };
  }

  #feedAhead(): void {
    this.#inBackground(this.#feeder.feedAhead((id) => this.#mender.findOrFeed(id)));
  }

  /** What fails in the background fails the supply: the pending `take` throws it. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (this.#over.signal.aborted) return;
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#over.abort();
    });
  }
}

function deadLetterFault({ step, deliveries, teacher, error }: DeadItem, hasLabels: boolean): StatementFault {
  return {
    about: `step ${step}`,
    problem: `no teacher could compute it in ${deliveries} deliveries; the last error, from ${teacher}: ${error}`,
    remedy: hasLabels
      ? 'set spec.teacher.onFailure to Skip to train such steps on labels alone'
      : 'correct what the error names; without labels no step can be skipped',
  };
}
