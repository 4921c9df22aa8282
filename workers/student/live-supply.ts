/**
 * Where the student's logits come from: feeds work items ahead, gathers frames, and mends gaps.
 *
 * Invariants:
 *  logits-source/L1 At most `window` steps are fed ahead of the low-water mark (design §4 "Credits", I4).
 *  logits-source/L2 Level-triggered: for a step it needs, the source probes the stored frame and feeds the step again
 *     when there is none. Both are idempotent, so a lost message, stream or server costs time, never a step (I2).
 *  logits-source/L3 A frame that is damaged, foreign or does not fit never reaches training; its step is asked for
 *     again at most `maxFrameRetries` times.
 *  logits-source/L4 Nobody waits for the stream itself: `take` waits for what feeding, probing and reading bring in the
 *     background, so that `stop` and a failure are answered at once, also while the server is away.
 */
import type { Clock } from '@distillery/base';
import {
  type DamagedFrame,
  type DeadItem,
  FrameError,
  maxFrameRetries,
  maxWindowSteps,
  type Schedule,
  shardRows,
  type WorkItem,
} from '@distillery/protocol';

import { type Log, WorkerError } from '../base/index.js';

import { AnswerTime } from './answer-time.js';
import { DamageLog } from './damage.js';
import { FrameBuffer } from './frame-buffer.js';
import { checkFrame, shardsWithRows, type StoredFrame } from './frames.js';
import { inParallel } from './in-parallel.js';

export type Probe =
  | { readonly kind: 'frame'; readonly frame: StoredFrame }
  | { readonly kind: 'dead'; readonly item: DeadItem }
  | { readonly kind: 'absent' };

/** What the source needs of the stream. */
export interface LogitsStream {
  /** Puts the item into WORK. */
  feed(item: Omit<WorkItem, 'version'>): Promise<'fed' | 'alreadyThere'>;
  probe(shard: number, step: number): Promise<Probe>;
  /** Frames as they are stored, for ever, across reconnects. */
  frames(signal: AbortSignal): AsyncIterable<StoredFrame>;
  /** Calls back after every reconnect: messages may have been lost meanwhile. */
  onReconnect(callback: () => void): void;
}

export interface LogitsSourceOptions {
  readonly stream: LogitsStream;
  readonly schedule: Schedule;
  readonly shards: number;
  readonly columns: number;
  /** First step to train. */
  readonly firstStep: number;
  /** Steps below this one an earlier attempt may have fed: they are looked for before they are fed. */
  readonly fedBefore: number;
  readonly window: number;
  /** What to do with a step that no teacher could do. */
  readonly onFailure: 'Fail' | 'Skip';
  /** Hex digest that every frame must carry; null = the first frame's. */
  readonly teacherDigest: string | null;
  readonly clock: Clock;
  readonly log: Log;
}

export interface TakenLogits {
  /** [rows, columns]; null = train this step on its labels alone. */
  readonly logits: Float32Array | null;
  /** Stored bytes of its frames. */
  readonly bytes: number;
}

/** Starving this long for one step starts a probe. */
const stallMs = 1_000;
const feedConcurrency = 32;
/** Steps beyond the window whose frames were seen; a few bytes each. */
const rememberedSteps = 4 * maxWindowSteps;

interface Place {
  readonly step: number;
  readonly shard: number;
}

export class LogitsSource {
  readonly #options: LogitsSourceOptions;
  readonly #buffer: FrameBuffer;
  readonly #damage = new DamageLog();
  readonly #answerTime = new AnswerTime();
  readonly #dead = new Map<number, DeadItem>();
  readonly #storedAhead = new Set<number>();
  readonly #abort = new AbortController();
  readonly #lanes = { count: feedConcurrency, over: (): boolean => this.#over };
  readonly #probeBelow: number;
  #wake = Promise.withResolvers<undefined>();
  #window: number;
  #next: number;
  /** First step that was not handed to feeding. */
  #front: number;
  #fedSteps: number;
  #digest: string | null;
  #feeding = false;
  #mending = false;
  #mendBelow = 0;
  #failure: Error | null = null;
  #stepBytes = 0;

  constructor(options: LogitsSourceOptions) {
    const { schedule, shards, firstStep, window, fedBefore } = options;
    this.#options = options;
    this.#window = window;
    this.#next = firstStep;
    this.#front = firstStep;
    this.#fedSteps = firstStep;
    this.#digest = options.teacherDigest;
    this.#probeBelow = Math.max(fedBefore, firstStep + window);
    this.#buffer = new FrameBuffer({
      shardsOf: (step) => shardsWithRows(schedule.indices(step).length, shards),
      lowWater: firstStep,
      limit: Math.min(schedule.steps, firstStep + window),
    });
  }

  get buffered(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#buffer.frames, bytes: this.#buffer.bytes };
  }

  get window(): number {
    return this.#window;
  }

  /** Every step below is in WORK, answered, or was. */
  get fedSteps(): number {
    return Math.max(this.#fedSteps, this.#next);
  }

  /** Stored bytes of the largest step seen so far; 0 before the first. */
  get stepBytes(): number {
    return this.#stepBytes;
  }

  /** How long a teacher takes to answer, in seconds; 0 before it is known. */
  get answerSeconds(): number {
    return this.#answerTime.seconds;
  }

  get firstNeededSequence(): number {
    return this.#buffer.firstNeededSequence();
  }

  /** Frames that the operator must delete before their steps can be computed again. */
  get damaged(): DamagedFrame[] {
    return this.#damage.frames;
  }

  setWindow(steps: number): void {
    this.#window = steps;
    this.#moveOn();
  }

  /** Starts reading and feeding; what earlier attempts left stored is found before it is fed. */
  start(): void {
    this.#options.stream.onReconnect(() => {
      this.#buffer.forgetDeliveries();
      this.#mend(this.#front);
    });
    void this.#read();
    this.#moveOn();
  }

  stop(): void {
    this.#abort.abort();
    this.#signal();
  }

  /**
   * Waits for the logits of the next step and raises the low-water mark above it; `stopped` after `stop()`.
   * @throws WorkerError terminal when the step cannot be computed and `onFailure` is Fail, or its frames stay damaged
   */
  async take(step: number): Promise<TakenLogits | 'stopped'> {
    const { clock } = this.#options;
    let probeAtMs = clock.now() + stallMs;
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#abort.signal.aborted) return 'stopped';
      if (this.#buffer.complete(step)) {
        const taken = this.#buffer.take(step);
        this.#stepBytes = Math.max(this.#stepBytes, taken.bytes);
        this.#advance(step + 1);
        return taken;
      }
      const dead = this.#dead.get(step);
      if (dead !== undefined) {
        this.#giveUp(dead);
        this.#buffer.discardThrough(step);
        this.#advance(step + 1);
        return { logits: null, bytes: 0 };
      }
      const nowMs = clock.now();
      if (nowMs >= probeAtMs) {
        this.#mend(step + 1);
        probeAtMs = nowMs + stallMs;
      }
      // Nothing is awaited between the checks above and this: no wake-up is lost.
      await this.#wokenWithin(probeAtMs - nowMs);
    }
  }

  #advance(next: number): void {
    this.#next = next;
    this.#dead.delete(next - 1);
    this.#storedAhead.delete(next - 1);
    this.#damage.discardThrough(next - 1);
    this.#answerTime.forget(next - 1);
    this.#moveOn();
  }

  #moveOn(): void {
    this.#buffer.allowBelow(this.#windowEnd());
    this.#startFeeding();
  }

  #windowEnd(): number {
    return Math.min(this.#options.schedule.steps, this.#next + this.#window);
  }

  /** @throws WorkerError unless the job wants such steps trained on labels alone */
  #giveUp(item: DeadItem): void {
    const sentence =
      `step ${item.step}: no teacher could compute it in ${item.deliveries} deliveries; ` +
      `the last, ${item.teacher}, said: ${item.error}`;
    if (this.#options.onFailure === 'Fail') {
      throw new WorkerError('terminal', `${sentence}. spec.teacher.onFailure: Skip would train it on labels alone`);
    }
    this.#options.log.warn(`${sentence}; trained on labels alone`);
  }

  async #read(): Promise<void> {
    try {
      for await (const frame of this.#options.stream.frames(this.#abort.signal)) {
        this.#buffer.delivered(frame.sequence);
        this.#accept(frame);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * @returns true when the frame was missing and is held now
   * @throws WorkerError terminal when asking again would not help
   */
  #accept(frame: StoredFrame): boolean {
    const { step, shard, sequence, data } = frame;
    const acceptance = this.#buffer.judge(step, shard);
    if (acceptance === 'beyondWindow') this.#remember(step);
    if (acceptance !== 'held') return false;
    try {
      const { schedule, shards, columns } = this.#options;
      const { logits, teacherDigest } = checkFrame(frame, { schedule, shards, columns, teacherDigest: this.#digest });
      this.#digest = teacherDigest;
      this.#buffer.accept(step, shard, { sequence, bytes: data.length, logits });
      this.#damage.gone(step, shard);
      if (this.#buffer.complete(step)) this.#answerTime.answered(step, this.#options.clock.now());
      this.#signal();
      return true;
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#noteDamage(frame, error.message);
      return false;
    }
  }

  /** An earlier attempt fed further ahead. Its frames are not delivered again, so they are looked for in their turn. */
  #remember(step: number): void {
    if (step < this.#options.schedule.steps && this.#storedAhead.size < rememberedSteps) this.#storedAhead.add(step);
  }

  /** @throws WorkerError terminal when this place was wrong too often */
  #noteDamage({ sequence, shard, step }: StoredFrame, reason: string): void {
    const count = this.#damage.note({ sequence, shard, step, reason });
    if (count === null) return;
    if (count > maxFrameRetries) {
      throw new WorkerError(
        'terminal',
        `step ${step}: its logits came back wrong ${count} times, expected one sound frame; the last time: ${reason}; ` +
          "check the teachers and the server's disk",
      );
    }
    this.#options.log.warn(`step ${step}, shard ${shard}: ${reason}; asking for it again`);
  }

  /** Makes sure that every missing frame below `end` is either here or on its way. One round at a time. */
  #mend(end: number): void {
    this.#mendBelow = Math.max(this.#mendBelow, end);
    if (this.#mending) return;
    this.#mending = true;
    void this.#mendRounds().catch((error: unknown) => this.#fail(error));
  }

  async #mendRounds(): Promise<void> {
    while (this.#mendBelow > this.#next && !this.#over) {
      const [from, end] = [this.#next, this.#mendBelow];
      this.#mendBelow = 0;
      const found: Place[] = [];
      await inParallel(this.#missing(from, end), this.#lanes, async (place) => {
        if (await this.#findOrFeed(place)) found.push(place);
      });
      // Stored but never delivered: others of the window may be missing as well.
      if (found.length > 0 && end === from + 1) this.#mendBelow = Math.max(this.#mendBelow, this.#front);
    }
    this.#mending = false;
  }

  #missing(from: number, end: number): Place[] {
    const places: Place[] = [];
    for (let step = from; step < end; step++) {
      for (const shard of this.#buffer.missing(step)) places.push({ step, shard });
    }
    return places;
  }

  /** @returns true when the place's end was found stored, be it a frame or a burial */
  async #findOrFeed({ step, shard }: Place): Promise<boolean> {
    const probe = await this.#options.stream.probe(shard, step);
    // Meanwhile it may have been delivered, or trained.
    if (!this.#buffer.missing(step).includes(shard)) return false;
    switch (probe.kind) {
      case 'frame':
        return this.#accept(probe.frame);
      case 'dead':
        this.#dead.set(step, probe.item);
        this.#signal();
        return true;
      case 'absent':
        this.#damage.gone(step, shard);
        await this.#feed({ step, shard });
        return false;
    }
  }

  #startFeeding(): void {
    if (this.#feeding || this.#over) return;
    this.#feeding = true;
    void this.#feedAhead().catch((error: unknown) => this.#fail(error));
  }

  async #feedAhead(): Promise<void> {
    for (;;) {
      const from = Math.max(this.#front, this.#next);
      // So many steps at a time that the window can move meanwhile.
      const end = Math.min(this.#windowEnd(), from + feedConcurrency);
      // In one go with the check, so that whoever moves the window sees that nobody feeds any more.
      if (from >= end || this.#over) {
        this.#feeding = false;
        return;
      }
      this.#front = end;
      await inParallel(this.#missing(from, end), this.#lanes, async (place) => {
        const maybeStored = place.step < this.#probeBelow || this.#storedAhead.has(place.step);
        await (maybeStored ? this.#findOrFeed(place) : this.#feed(place));
      });
      this.#fedSteps = end;
    }
  }

  async #feed({ step, shard }: Place): Promise<void> {
    const { schedule, shards, stream, clock } = this.#options;
    const indices = schedule.indices(step);
    const { start, end } = shardRows(indices.length, shards, shard);
    this.#answerTime.fed(step, clock.now());
    const outcome = await stream.feed({
      step,
      shard,
      firstRow: start,
      indices: [...indices.subarray(start, end)],
      augmentSeed: schedule.augmentSeed(step),
    });
    if (outcome === 'alreadyThere') this.#answerTime.forget(step);
  }

  get #over(): boolean {
    return this.#failure !== null || this.#abort.signal.aborted;
  }

  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#signal();
  }

  #signal(): void {
    this.#wake.resolve(undefined);
    this.#wake = Promise.withResolvers();
  }

  async #wokenWithin(ms: number): Promise<void> {
    const cancel = new AbortController();
    try {
      await Promise.race([this.#wake.promise, this.#options.clock.sleep(ms, cancel.signal)]);
    } finally {
      cancel.abort();
    }
  }
}
