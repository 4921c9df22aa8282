/**
 * Gathering: reads frames as they are stored, keeps the ones that answer this job's items, and hands them out step by
 * step. Owns everything that is known of the steps still to take: their frames, their dead letters, their damage.
 *
 * Invariants:
 *  gathering/G1 A frame that is damaged, foreign or does not fit never reaches training; its step is fed again at most
 *     `maxFrameRetries` times.
 */
import type { Clock } from '@distillery/base';
import { type DeadItem, FrameError, maxFrameRetries, maxWindowSteps } from '@distillery/protocol';

import { type Log, WorkerError } from '../base/index.js';
import type { StoredFrame } from '../stream/index.js';

import { FrameBuffer } from './frame-buffer.js';
import { checkFrame, DamageLog, type JobShape, type FrameId, shardsWithRows } from './frames.js';
import type { SupplyState, TakenLogits } from './supply.js';
import type { AnswerTime } from './window.js';

export interface GathererOptions {
  /** Frames as they are stored, across reconnects, until the signal aborts. */
  readonly frames: (signal: AbortSignal) => AsyncIterable<StoredFrame>;
  readonly job: JobShape;
  /** First step to train. */
  readonly firstStep: number;
  /** Hex digest that every frame must carry; null = the digest of the first frame. */
  readonly teacherDigest: string | null;
  readonly answerTime: AnswerTime;
  /** Called for each frame that was missing and is kept now. */
  readonly onKept?: ((frame: StoredFrame) => void) | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the supply is stopped or failed. */
  readonly over: AbortSignal;
}

/** Maximum number of steps beyond the window whose frames are remembered as stored; a few bytes each. */
const rememberedSteps = 4 * maxWindowSteps;

export class Gatherer {
  readonly #options: GathererOptions;
  readonly #buffer: FrameBuffer;
  readonly #damage = new DamageLog();
  readonly #deadLetters = new Map<number, DeadItem>();
  readonly #storedAhead = new Set<number>();
  #nextStep: number;
  #teacherDigest: string | null;
  #news = Promise.withResolvers<undefined>();

  constructor(options: GathererOptions) {
    const { job, firstStep, over } = options;
    this.#options = options;
    this.#nextStep = firstStep;
    this.#teacherDigest = options.teacherDigest;
    this.#buffer = new FrameBuffer({
      shardsOf: (step) => shardsWithRows(job.schedule.rows(step), job.shards),
      lowWater: firstStep,
      limit: firstStep,
    });
    over.addEventListener('abort', () => this.announce(), { once: true });
  }

  /** The next step to take. */
  get nextStep(): number {
    return this.#nextStep;
  }

  /** Hex digest that frames must carry; null = no frame came yet, and any may. */
  get teacherDigest(): string | null {
    return this.#teacherDigest;
  }

  get state(): Pick<SupplyState, 'buffer' | 'damaged' | 'firstNeededSequence'> {
    return {
      buffer: { frames: this.#buffer.frames, bytes: this.#buffer.bytes },
      damaged: this.#damage.frames,
      firstNeededSequence: this.#buffer.firstNeededSequence(),
    };
  }

  /** Reads frames until the supply is over. @throws WorkerError terminal, StreamUnreachable */
  async read(): Promise<void> {
    const { frames, over } = this.#options;
    for await (const frame of frames(over)) {
      this.#buffer.delivered(frame.sequence);
      this.accept(frame);
    }
  }

  /** The stream may have been created again: its sequences and deliveries start over. */
  forgetDeliveries(): void {
    this.#buffer.forgetDeliveries();
  }

  /** Keeps frames of steps below `limit` from now on. A lower limit than before changes nothing. */
  allowBelow(limit: number): void {
    this.#buffer.allowBelow(limit);
  }

  /**
   * Returns true when the frame was missing and is kept now.
   * @throws WorkerError terminal when feeding the step again would not help
   */
  accept(frame: StoredFrame): boolean {
    const { step, shard, sequence, data } = frame;
    const acceptance = this.#buffer.judge(step, shard);
    if (acceptance === 'beyondWindow') this.#remember(step);
    if (acceptance !== 'held') return false;
    const { job, answerTime, onKept, clock } = this.#options;
    try {
      const { logits, teacherDigest } = checkFrame(frame, job, this.#teacherDigest);
      this.#teacherDigest = teacherDigest;
      this.#buffer.accept(step, shard, { sequence, bytes: data.length, logits });
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#noteDamage(frame, error.message);
      return false;
    }
    this.#damage.gone(frame);
    onKept?.(frame);
    if (this.#buffer.complete(step)) answerTime.answered(step, clock.now());
    this.announce();
    return true;
  }

  /** The frame is stored no more. */
  noteGone(id: FrameId): void {
    this.#damage.gone(id);
  }

  noteDeadLetter(item: DeadItem): void {
    this.#deadLetters.set(item.step, item);
    this.announce();
  }

  /** Returns the dead letter of a step; undefined when it has none. */
  deadLetterOf(step: number): DeadItem | undefined {
    return this.#deadLetters.get(step);
  }

  /** Whether a frame of this step was seen while the step was beyond the window. */
  isStoredAhead(step: number): boolean {
    return this.#storedAhead.has(step);
  }

  /** Whether all frames of the step are here. */
  isComplete(step: number): boolean {
    return this.#buffer.complete(step);
  }

  isMissing({ step, shard }: FrameId): boolean {
    return this.#buffer.missing(step).includes(shard);
  }

  /** Returns the frames of the steps from `from` to before `end` whose frames are needed and not here. */
  missing(from: number, end: number): FrameId[] {
    const ids: FrameId[] = [];
    for (let step = from; step < end; step++) {
      for (const shard of this.#buffer.missing(step)) ids.push({ step, shard });
    }
    return ids;
  }

  /** Returns the logits of the next step and moves on to the one after it; null when frames are missing. */
  take(step: number): TakenLogits | null {
    if (!this.#buffer.complete(step)) return null;
    const taken = this.#buffer.take(step);
    this.discardThrough(step);
    return { ...taken, isSkipped: false };
  }

  /** Forgets every step up to and including this one. */
  discardThrough(step: number): void {
    this.#buffer.discardThrough(step);
    this.#damage.discardThrough(step);
    this.#deadLetters.delete(step);
    this.#storedAhead.delete(step);
    this.#options.answerTime.forget(step);
    this.#nextStep = step + 1;
  }

  /** Resolves when a frame or a dead letter arrives, when the supply is over, or after `ms`. */
  async waitForNews(ms: number): Promise<void> {
    const cancel = new AbortController();
    try {
      await Promise.race([this.#news.promise, this.#options.clock.sleep(ms, cancel.signal)]);
    } finally {
      cancel.abort();
    }
  }

  /** Ends a pending wait for news. */
  announce(): void {
    this.#news.resolve(undefined);
    this.#news = Promise.withResolvers();
  }

  /** An earlier attempt fed further ahead. The consumer does not deliver its frames again, so they are probed later. */
  #remember(step: number): void {
    const { schedule } = this.#options.job;
    if (step < schedule.steps && this.#storedAhead.size < rememberedSteps) this.#storedAhead.add(step);
  }

  /** @throws WorkerError terminal when this frame was wrong too often */
  #noteDamage({ sequence, shard, step }: StoredFrame, reason: string): void {
    const count = this.#damage.note({ sequence, shard, step, reason });
    if (count === null) return;
    if (count > maxFrameRetries) {
      throw new WorkerError('terminal', {
        about: `step ${step}`,
        problem: `${count} frames with its logits were wrong; the last one: ${reason}`,
        remedy: 'check the teachers and the disk of the server',
      });
    }
    this.#options.log.warn(`step ${step}, shard ${shard}: ${reason}; feeding it again`);
  }
}
