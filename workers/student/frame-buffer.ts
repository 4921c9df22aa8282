/**
 * The student's buffer: logits frames that have arrived and are not trained yet. Frames come in the order of the stream
 * and leave in the order of steps.
 *
 * Invariants:
 *  frame-buffer/B1 Nothing below the low-water mark (the next step to train) is ever held: late duplicates, zombies'
 *     frames and replays are dropped here (design §4 "Zombies").
 *  frame-buffer/B2 A shard of a step is held at most once; the first one wins.
 *  frame-buffer/B3 Nothing at or above the limit is held: the buffer is bounded by the window (I4).
 */

export interface HeldFrame {
  /** In the LOGITS stream. */
  readonly sequence: number;
  readonly bytes: number;
  /** [rows of the shard, columns]. */
  readonly logits: Float32Array;
}

/** What becomes of a frame; `foreign`: this job has no such step or shard. */
export type Acceptance = 'held' | 'duplicate' | 'belowLowWater' | 'beyondWindow' | 'foreign';

export interface FrameBufferOptions {
  /** Returns the shards of a step that have rows, ascending; the buffer waits for these alone. */
  readonly shardsOf: (step: number) => readonly number[];
  /** Next step to train. */
  readonly lowWater: number;
  /** First step that may not be held yet. */
  readonly limit: number;
}

export class FrameBuffer {
  readonly #shardsOf: (step: number) => readonly number[];
  readonly #steps = new Map<number, Map<number, HeldFrame>>();
  #lowWater: number;
  #limit: number;
  #frames = 0;
  #bytes = 0;
  #lastSequence = 0;

  constructor({ shardsOf, lowWater, limit }: FrameBufferOptions) {
    this.#shardsOf = shardsOf;
    this.#lowWater = lowWater;
    this.#limit = limit;
  }

  get frames(): number {
    return this.#frames;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Raises the limit. A lower one changes nothing, since steps below the old limit are fed already. */
  allowBelow(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
  }

  /** Returns what `accept` would return, so that a frame that is not wanted need not be decoded. */
  judge(step: number, shard: number): Acceptance {
    if (!Number.isSafeInteger(step)) return 'foreign';
    if (step < this.#lowWater) return 'belowLowWater';
    if (step >= this.#limit) return 'beyondWindow';
    if (!this.#shardsOf(step).includes(shard)) return 'foreign';
    return this.#steps.get(step)?.has(shard) === true ? 'duplicate' : 'held';
  }

  accept(step: number, shard: number, frame: HeldFrame): Acceptance {
    const acceptance = this.judge(step, shard);
    if (acceptance !== 'held') return acceptance;
    const held = this.#steps.get(step) ?? new Map<number, HeldFrame>();
    held.set(shard, frame);
    this.#steps.set(step, held);
    this.#frames += 1;
    this.#bytes += frame.bytes;
    return 'held';
  }

  complete(step: number): boolean {
    return this.#steps.get(step)?.size === this.#shardsOf(step).length;
  }

  /** Returns the shards of a step that are needed and have not arrived. */
  missing(step: number): number[] {
    if (step < this.#lowWater) return [];
    const held = this.#steps.get(step);
    return this.#shardsOf(step).filter((shard) => held?.has(shard) !== true);
  }

  /**
   * Removes a complete step and raises the low-water mark above it.
   * @returns logits [rows, columns] and the stored bytes of its frames
   */
  take(step: number): { readonly logits: Float32Array; readonly bytes: number } {
    const shards = this.#shardsOf(step);
    const held = shards.flatMap((shard) => this.#steps.get(step)?.get(shard) ?? []);
    const [only] = held;
    if (only === undefined || held.length !== shards.length) {
      throw new Error(`step ${step} was taken with ${held.length} of ${shards.length} shards`);
    }
    this.discardThrough(step);
    const bytes = held.reduce((sum, frame) => sum + frame.bytes, 0);
    if (held.length === 1) return { logits: only.logits, bytes };
    const logits = new Float32Array(held.reduce((sum, frame) => sum + frame.logits.length, 0));
    let at = 0;
    for (const frame of held) {
      logits.set(frame.logits, at);
      at += frame.logits.length;
    }
    return { logits, bytes };
  }

  /** Forgets every step up to and including this one. */
  discardThrough(step: number): void {
    for (const [key, held] of this.#steps) {
      if (key > step) continue;
      for (const { bytes } of held.values()) {
        this.#frames -= 1;
        this.#bytes -= bytes;
      }
      this.#steps.delete(key);
    }
    this.#lowWater = Math.max(this.#lowWater, step + 1);
  }

  /** Notes the sequence of a delivered frame, wanted or not. It falls when the stream is created again. */
  delivered(sequence: number): void {
    this.#lastSequence = sequence;
  }

  /** Forgets the last delivery: the stream may have been created again. */
  forgetDeliveries(): void {
    this.#lastSequence = 0;
  }

  /**
   * Returns the first stream sequence that a resume at the low-water mark needs: the smallest one held, or the one after
   * the last delivery. Later frames have higher ones, or their steps are fed again (I2). Held frames of a lost stream only
   * make it smaller, which keeps more.
   */
  firstNeededSequence(): number {
    let first = this.#lastSequence + 1;
    for (const held of this.#steps.values()) {
      for (const { sequence } of held.values()) first = Math.min(first, sequence);
    }
    return first;
  }
}
