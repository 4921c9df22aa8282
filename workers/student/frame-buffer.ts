/**
 * The student's buffer: logits frames that arrived and are not trained yet, brought from stream order to step order.
 *
 * Invariants:
 *  B1 Nothing below the low-water mark (the next step to train) is ever held: late duplicates, zombies' frames and
 *     replays are dropped here (DESIGN §4 "Zombies").
 *  B2 A shard of a step is held at most once; the first one wins.
 */

export interface HeldFrame {
  readonly sequence: number;
  readonly bytes: number;
  /** [rows of the shard, columns]. */
  readonly logits: Float32Array;
}

export type Acceptance = 'held' | 'duplicate' | 'belowLowWater' | 'beyondWindow';

export class FrameBuffer {
  readonly #shards: number;
  readonly #steps = new Map<number, (HeldFrame | undefined)[]>();
  #lowWater: number;
  #limit: number;
  #frames = 0;
  #bytes = 0;
  #lastSequence = 0;

  /** @param limit first step that may not be held yet: nothing grows without bound (DESIGN I4) */
  constructor(options: { readonly shards: number; readonly lowWater: number; readonly limit: number }) {
    this.#shards = options.shards;
    this.#lowWater = options.lowWater;
    this.#limit = options.limit;
  }

  get frames(): number {
    return this.#frames;
  }

  get bytes(): number {
    return this.#bytes;
  }

  allowBelow(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
  }

  accept(step: number, shard: number, frame: HeldFrame): Acceptance {
    this.#lastSequence = Math.max(this.#lastSequence, frame.sequence);
    if (step < this.#lowWater) return 'belowLowWater';
    if (step >= this.#limit || shard >= this.#shards) return 'beyondWindow';
    const held = this.#steps.get(step) ?? new Array<HeldFrame | undefined>(this.#shards).fill(undefined);
    if (held[shard] !== undefined) return 'duplicate';
    held[shard] = frame;
    this.#steps.set(step, held);
    this.#frames += 1;
    this.#bytes += frame.bytes;
    return 'held';
  }

  has(step: number, shard: number): boolean {
    return step < this.#lowWater || this.#steps.get(step)?.[shard] !== undefined;
  }

  complete(step: number): boolean {
    const held = this.#steps.get(step);
    return held?.every((frame) => frame !== undefined) ?? false;
  }

  /** Shards of a step that have not arrived. */
  missing(step: number): number[] {
    const held = this.#steps.get(step);
    const shards: number[] = [];
    for (let shard = 0; shard < this.#shards; shard++) if (held?.[shard] === undefined) shards.push(shard);
    return shards;
  }

  /**
   * Removes a complete step and raises the low-water mark above it.
   * @returns logits [rows, columns] and the smallest stream sequence among its frames
   */
  take(step: number): { readonly logits: Float32Array; readonly sequence: number } {
    const held = this.#steps.get(step)?.filter((frame) => frame !== undefined) ?? [];
    const [only] = held;
    if (only === undefined || held.length !== this.#shards) {
      throw new Error(`step ${step} was taken with ${held.length} of ${this.#shards} shards`);
    }
    this.discardThrough(step);
    const sequence = Math.min(...held.map((frame) => frame.sequence));
    if (held.length === 1) return { logits: only.logits, sequence };
    const logits = new Float32Array(held.reduce((sum, frame) => sum + frame.logits.length, 0));
    let at = 0;
    for (const frame of held) {
      logits.set(frame.logits, at);
      at += frame.logits.length;
    }
    return { logits, sequence };
  }

  /**
   * First stream sequence that a resume at the low-water mark needs: the smallest held one, or the one after all seen,
   * since what is still to come has a higher sequence.
   */
  firstNeededSequence(): number {
    let first = this.#lastSequence + 1;
    for (const held of this.#steps.values()) {
      for (const frame of held) if (frame !== undefined) first = Math.min(first, frame.sequence);
    }
    return first;
  }

  /** Forgets every step up to and including this one: it is trained, or trained on labels alone. */
  discardThrough(step: number): void {
    for (const [key, held] of this.#steps) {
      if (key > step) continue;
      for (const frame of held) {
        if (frame === undefined) continue;
        this.#frames -= 1;
        this.#bytes -= frame.bytes;
      }
      this.#steps.delete(key);
    }
    this.#lowWater = Math.max(this.#lowWater, step + 1);
  }
}
