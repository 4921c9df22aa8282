/**
 * Brings checkpoints into their store beside the training, one at a time. Owns what is known of the store: which
 * checkpoints are sound, and why the newest one is not there yet.
 *
 * Invariants:
 *  checkpointer/C1 The fence is asked before a checkpoint becomes visible and again before it counts as durable or
 *     anything is removed.
 *  checkpointer/C2 Removed is only what `surplus` names, and only after a newer checkpoint was read back.
 *  checkpointer/C3 A store without room, or one that is slow, never stops the training: the newest state waits for
 *     room, and is replaced by a newer one. Only the end of the run waits, for a limited time.
 *  checkpointer/C4 At most two states are in memory: one on its way to the store and one that waits in its place.
 */
import { type Clock, statementOf } from '@distillery/base';

import { type CheckpointKey, type CheckpointStore, prune, StoreError } from '../checkpoint/index.js';
import type { Log } from '../base/index.js';
import { ObjectStoreFull } from '../stream/index.js';

export interface CheckpointerOptions {
  readonly store: CheckpointStore;
  readonly keep: number;
  readonly attempt: number;
  /** The checkpoint that this attempt was loaded from. */
  readonly loaded: CheckpointKey | null;
  /** @throws WorkerError fenced when a newer attempt has begun */
  readonly fence: () => Promise<void>;
  /** A checkpoint is durable: a student that starts from now on goes on from it. */
  readonly onDurable: (checkpoint: TakenCheckpoint) => void;
  readonly onFailure: (error: unknown) => void;
  /** Aborts when the process must end soon. */
  readonly stop: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
}

export interface TakenCheckpoint {
  readonly step: number;
  readonly bytes: Uint8Array;
  readonly firstNeededSequence: number;
}

/** A store that has not answered for so long is in trouble: the training goes on without it. */
const patienceMs = 5_000;
const retryMs = 5_000;
/** How long the end of a run waits for room before the process ends with exit code 74. */
const endLimitMs = 120_000;
/** The same when it was asked to stop. */
const stopLimitMs = 5_000;

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #sound: CheckpointKey[];
  #durableStep: number;
  #fault: StoreError | ObjectStoreFull | null = null;
  #writing: Promise<void> | null = null;
  #writingSinceMs = 0;
  #waiting: TakenCheckpoint | null = null;
  #newestStep = 0;
  #ended = false;
  #wake = new AbortController();

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#sound = options.loaded === null ? [] : [options.loaded];
    this.#durableStep = options.loaded?.step ?? 0;
  }

  /** Steps that a student which starts now need not train. */
  get durableStep(): number {
    return this.#durableStep;
  }

  /** Why the newest checkpoint is not stored; null while all is well. */
  get fault(): string | null {
    return this.#fault?.message ?? null;
  }

  /**
   * Waits until the checkpoint before is stored, or known to be in trouble. Training stands still meanwhile, so that a
   * store in good order gets every checkpoint that is due.
   */
  async ready(): Promise<void> {
    const writing = this.#writing;
    if (writing === null || this.#isTroubled) return;
    const over = new AbortController();
    const leftMs = this.#writingSinceMs + patienceMs - this.#options.clock.now();
    await Promise.race([writing, this.#options.clock.sleep(leftMs, over.signal)]);
    over.abort();
  }

  /** Stores it in its turn; a state that still waits is dropped for this one. */
  add(checkpoint: TakenCheckpoint): void {
    if (this.#ended) return;
    this.#waiting = checkpoint;
    this.#newestStep = checkpoint.step;
    this.#writing ??= this.#writeAll();
  }

  /**
   * Waits until the newest checkpoint is durable, or was reported to `onFailure`.
   * @returns why it could not be stored within the time limit; null when it is durable
   */
  async settle(): Promise<StoreError | ObjectStoreFull | null> {
    const { clock, stop } = this.#options;
    const startedMs = clock.now();
    // What waits for its next try takes it now.
    this.#wake.abort();
    while (this.#writing !== null) {
      // A checkpoint that is on its way is worth all the time that a process gets to end.
      const limitMs = stop.aborted && this.#fault !== null ? stopLimitMs : endLimitMs;
      const leftMs = startedMs + limitMs - clock.now();
      if (leftMs <= 0) {
        this.end();
        const name = `step ${String(this.#newestStep)}`;
        return (
          this.#fault ??
          new StoreError('full', name, { problem: 'gives no answer', remedy: 'check the store and its disk' })
        );
      }
      const over = new AbortController();
      const signal = stop.aborted ? over.signal : AbortSignal.any([over.signal, stop]);
      await Promise.race([this.#writing, clock.sleep(Math.min(leftMs, retryMs), signal)]);
      over.abort();
    }
    return null;
  }

  /**
   * Does what needs room in the store as well. Without room it is done again, for the limited time of an end.
   * @throws what `work` throws
   */
  async withRoom(work: () => Promise<void>): Promise<void> {
    const { clock, log, stop } = this.#options;
    const endMs = clock.now() + endLimitMs;
    for (;;) {
      try {
        await work();
        this.#fault = null;
        return;
      } catch (error) {
        if (!isFull(error) || stop.aborted || clock.now() >= endMs) throw error;
        this.#fault = error;
        log.warn(`${statementOf(error.fault)}; trying again`);
      }
      await this.makeRoom();
      await clock.sleep(retryMs, stop);
    }
  }

  /** Nothing is written any more, beyond what is on its way. */
  end(): void {
    this.#ended = true;
    this.#wake.abort();
  }

  /** Removes all that the newest sound checkpoint can do without. */
  async makeRoom(): Promise<void> {
    const { store, attempt, fence } = this.#options;
    await fence();
    await store.sweep(attempt);
    await prune(store, { keep: 1, attempt, sound: this.#sound });
  }

  get #isTroubled(): boolean {
    return this.#fault !== null || this.#options.clock.now() - this.#writingSinceMs >= patienceMs;
  }

  async #writeAll(): Promise<void> {
    try {
      for (;;) {
        const checkpoint = this.#waiting;
        if (checkpoint === null || this.#ended) break;
        this.#waiting = null;
        this.#wake = new AbortController();
        if (await this.#stored(checkpoint)) continue;
        // Unless a newer one has come meanwhile.
        this.#waiting ??= checkpoint;
        await this.#options.clock.sleep(retryMs, this.#wake.signal);
      }
    } catch (error) {
      this.#options.onFailure(error);
    }
    // In one step with the check of what waits: one that is added from now on starts the next round.
    this.#writing = null;
  }

  /** @returns false when the store has no room. @throws StoreError of another kind, WorkerError */
  async #stored(checkpoint: TakenCheckpoint): Promise<boolean> {
    const { store, keep, attempt, fence, onDurable, clock, log } = this.#options;
    const { step, bytes } = checkpoint;
    this.#writingSinceMs = clock.now();
    try {
      await this.#put(checkpoint);
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#fault = error;
      log.warn(
        `checkpoint of step ${step} is not stored: ${statementOf(error.fault)}; training goes on, and it is tried again`,
      );
      return false;
    }
    this.#fault = null;
    await fence();
    this.#sound.push({ step, attempt });
    this.#durableStep = step;
    await prune(store, { keep, attempt, sound: this.#sound });
    this.#sound.splice(0, Math.max(0, this.#sound.length - Math.max(1, keep)));
    onDurable(checkpoint);
    log.info({ step, bytes: bytes.length }, 'checkpoint written');
    return true;
  }

  /** Once more with as much room as can be made. */
  async #put({ step, bytes }: TakenCheckpoint): Promise<void> {
    const { store, attempt, fence } = this.#options;
    // Without an answer of the fence nothing is written.
    await fence();
    try {
      await store.put(step, attempt, bytes, fence);
    } catch (error) {
      if (!isFull(error)) throw error;
      await this.makeRoom();
      await store.put(step, attempt, bytes, fence);
    }
  }
}

/** Room may come. */
export function isFull(error: unknown): error is StoreError | ObjectStoreFull {
  return error instanceof ObjectStoreFull || (error instanceof StoreError && error.reason === 'full');
}
