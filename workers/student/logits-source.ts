/**
 * Where the student's logits come from: feeds work items ahead, gathers frames, and mends gaps.
 *
 * Invariants:
 *  L1 At most `window` steps are fed ahead of the low-water mark (DESIGN §4 "Credits", I4).
 *  L2 Level-triggered: for a step it needs, the source probes the stored frame and feeds the step again when there is
 *     none. Both are idempotent, so a lost message, stream or server costs time, never a step (I2).
 *  L3 A frame that is damaged, foreign or does not fit never reaches training; its step is asked for again at most
 *     `maxFrameRetries` times.
 */
import {
  decodeFrame,
  FrameError,
  maxFrameRetries,
  type DamagedFrame,
  type DeadItem,
  type Schedule,
  shardRows,
  type WorkItem,
} from '../../src/protocol/index.js';
import type { Clock } from '../../src/lib/clock.js';
import { WorkerError } from '../shell/exit.js';
import type { Log } from '../shell/log.js';

import { FrameBuffer } from './frame-buffer.js';

export interface StoredFrame {
  readonly sequence: number;
  readonly shard: number;
  readonly step: number;
  readonly data: Uint8Array;
}

export type Probe =
  | { readonly kind: 'frame'; readonly frame: StoredFrame }
  | { readonly kind: 'dead'; readonly item: DeadItem }
  | { readonly kind: 'absent' };

/** What the source needs of the stream. */
export interface LogitsStream {
  /** Puts the item into WORK; resolves also when it is there already. */
  feed(item: Omit<WorkItem, 'version'>): Promise<void>;
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
  readonly bytes: number;
}

/** Starving this long for one step starts a probe. */
const stallMs = 1_000;
const feedConcurrency = 32;

export class LogitsSource {
  readonly #options: LogitsSourceOptions;
  readonly #buffer: FrameBuffer;
  readonly #dead = new Map<number, DeadItem>();
  readonly #damaged = new Map<number, DamagedFrame>();
  readonly #damageCounts = new Map<string, number>();
  readonly #abort = new AbortController();
  #wake = Promise.withResolvers<undefined>();
  #window: number;
  #next: number;
  #fed: number;
  #digest: string | null;
  #pumping = false;
  #resync = false;
  #failure: Error | null = null;
  #stepBytes = 0;

  constructor(options: LogitsSourceOptions) {
    this.#options = options;
    this.#window = options.window;
    this.#next = options.firstStep;
    this.#fed = options.firstStep;
    this.#digest = options.teacherDigest;
    this.#buffer = new FrameBuffer({
      shards: options.shards,
      lowWater: options.firstStep,
      limit: options.firstStep + options.window,
    });
  }

  get buffered(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#buffer.frames, bytes: this.#buffer.bytes };
  }

  get window(): number {
    return this.#window;
  }

  get fedSteps(): number {
    return this.#fed;
  }

  /** Stored bytes of the largest step seen so far; 0 before the first. */
  get stepBytes(): number {
    return this.#stepBytes;
  }

  get firstNeededSequence(): number {
    return this.#buffer.firstNeededSequence();
  }

  /** Frames that the operator must delete before their steps can be computed again. */
  get damaged(): DamagedFrame[] {
    return [...this.#damaged.values()].slice(0, 16);
  }

  setWindow(steps: number): void {
    this.#window = steps;
    this.#buffer.allowBelow(this.#next + steps);
    this.#startPump();
  }

  /** Takes over what earlier attempts left stored, then starts reading and feeding. */
  start(): void {
    const { stream } = this.#options;
    stream.onReconnect(() => {
      this.#resync = true;
      this.#signal();
    });
    void this.#read();
    // An earlier attempt may have fed and even received frames of this window that will not be delivered again.
    this.#fed = Math.min(this.#options.schedule.steps, this.#next + this.#window);
    void this.#mend(this.#next, this.#fed).catch((error: unknown) => this.#fail(error));
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
        const before = this.#buffer.bytes;
        const { logits } = this.#buffer.take(step);
        const bytes = before - this.#buffer.bytes;
        this.#stepBytes = Math.max(this.#stepBytes, bytes);
        this.#advance(step + 1);
        return { logits, bytes };
      }
      const dead = this.#dead.get(step);
      if (dead !== undefined) {
        this.#giveUp(dead);
        this.#buffer.discardThrough(step);
        this.#advance(step + 1);
        return { logits: null, bytes: 0 };
      }
      if (this.#resync) {
        this.#resync = false;
        await this.#mend(step, this.#fed);
      } else if (clock.now() >= probeAtMs) {
        // Stored but never delivered: others of the window may be missing as well.
        this.#resync = await this.#mend(step, step + 1);
        probeAtMs = clock.now() + stallMs;
      } else {
        await this.#wokenWithin(probeAtMs - clock.now());
      }
    }
  }

  #advance(next: number): void {
    this.#next = next;
    this.#dead.delete(next - 1);
    for (const [sequence, frame] of this.#damaged) if (frame.step < next) this.#damaged.delete(sequence);
    this.#buffer.allowBelow(next + this.#window);
    this.#startPump();
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
        this.#accept(frame);
        this.#signal();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #accept(frame: StoredFrame): void {
    if (frame.step < this.#next) return;
    try {
      const logits = this.#check(frame);
      this.#damaged.delete(frame.sequence);
      this.#buffer.accept(frame.step, frame.shard, { sequence: frame.sequence, bytes: frame.data.length, logits });
    } catch (error) {
      if (error instanceof FrameError) this.#noteDamage(frame, error.message);
      else this.#fail(error);
    }
  }

  /** @throws FrameError when the frame does not answer what this job asked */
  #check(frame: StoredFrame): Float32Array {
    const { schedule, shards, columns } = this.#options;
    const { header, logits } = decodeFrame(frame.data);
    // No redelivery would mend this one.
    if (header.columns !== columns) throw new WorkerError('terminal', widthSentence(header.columns, columns));
    const range = shardRows(schedule.indices(frame.step).length, shards, frame.shard);
    const expected = [
      ['step', header.step, frame.step],
      ['shard', header.shard, frame.shard],
      ['rows', header.rows, range.end - range.start],
      ['augmentation seed', header.augmentSeed, schedule.augmentSeed(frame.step)],
      ['teacher digest', header.teacherDigest, (this.#digest ??= header.teacherDigest)],
    ] as const;
    for (const [what, found, wanted] of expected) {
      if (found !== wanted) throw new FrameError('foreign', `${what}: found ${String(found)}, expected ${String(wanted)}`);
    }
    return logits;
  }

  #noteDamage(frame: StoredFrame, reason: string): void {
    if (this.#damaged.has(frame.sequence)) return;
    const key = `${frame.step}.${frame.shard}`;
    const count = (this.#damageCounts.get(key) ?? 0) + 1;
    this.#damageCounts.set(key, count);
    if (count > maxFrameRetries) {
      this.#fail(
        new WorkerError('terminal', `step ${frame.step}: its logits came back wrong ${count} times: ${reason}`),
      );
      return;
    }
    this.#options.log.warn(`step ${frame.step}, shard ${frame.shard}: ${reason}; asking for it again`);
    this.#damaged.set(frame.sequence, { sequence: frame.sequence, shard: frame.shard, step: frame.step, reason });
  }

  /**
   * Makes sure that every missing frame of steps from … to−1 is either here or on its way.
   * @returns true when a frame was found stored
   */
  async #mend(from: number, to: number): Promise<boolean> {
    let found = false;
    const jobs: { step: number; shard: number }[] = [];
    for (let step = from; step < to; step++) {
      for (const shard of this.#buffer.missing(step)) jobs.push({ step, shard });
    }
    await inParallel(jobs, feedConcurrency, async ({ step, shard }) => {
      const probe = await this.#options.stream.probe(shard, step);
      switch (probe.kind) {
        case 'frame':
          found = true;
          this.#accept(probe.frame);
          break;
        case 'dead':
          this.#dead.set(step, probe.item);
          break;
        case 'absent':
          await this.#feed(step, shard);
          break;
      }
    });
    this.#signal();
    this.#startPump();
    return found;
  }

  #startPump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    void this.#pump()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#pumping = false;
      });
  }

  async #pump(): Promise<void> {
    const { schedule, shards } = this.#options;
    for (;;) {
      const jobs: { step: number; shard: number }[] = [];
      const end = Math.min(schedule.steps, this.#next + this.#window);
      for (; this.#fed < end && jobs.length < feedConcurrency; this.#fed++) {
        for (let shard = 0; shard < shards; shard++) jobs.push({ step: this.#fed, shard });
      }
      if (jobs.length === 0 || this.#abort.signal.aborted) return;
      await inParallel(jobs, feedConcurrency, ({ step, shard }) => this.#feed(step, shard));
    }
  }

  async #feed(step: number, shard: number): Promise<void> {
    const { schedule, shards, stream } = this.#options;
    const indices = schedule.indices(step);
    const { start, end } = shardRows(indices.length, shards, shard);
    await stream.feed({
      step,
      shard,
      firstRow: start,
      indices: [...indices.subarray(start, end)],
      augmentSeed: schedule.augmentSeed(step),
    });
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

export function widthSentence(teacher: number, student: number): string {
  return (
    `teacher and student differ in width: found ${teacher} logits a sample of the teacher, expected ${student} as the ` +
    `student has; give the student model ${teacher} outputs or take another teacher`
  );
}

async function inParallel<T>(jobs: readonly T[], limit: number, work: (job: T) => Promise<unknown>): Promise<void> {
  const queue = jobs.values();
  const lanes = Array.from({ length: Math.min(limit, jobs.length) }, async () => {
    for (const job of queue) await work(job);
  });
  await Promise.all(lanes);
}
