/**
 * Stores checkpoints while training continues, one at a time. Owns what is known of the store: which checkpoints are sound,
 * and why the newest one is not stored yet.
 *
 * Invariants:
 *  checkpointer/C1 The fence is checked before a checkpoint becomes visible, and again before the checkpoint counts as
 *     durable or anything is removed.
 *  checkpointer/C2 Only what `surplus` names is removed, and only after a newer checkpoint was read back.
 *  checkpointer/C3 A store that is full, slow or away never stops the training: the newest state waits for room, and a newer
 *     state replaces it. Only the end of the run waits, for a limited time.
 *  checkpointer/C4 At most two states are in memory: one on its way to the store and one that waits.
 */
import { type Clock, sentenceWith, within } from '@distillery/base';

import { type CheckpointKey, type CheckpointStore, prune, StoreError } from '../checkpoint/index.js';
import type { Log } from '../base/index.js';
import { ObjectStoreFull } from '../stream/index.js';

export interface CheckpointerOptions {
  readonly store: CheckpointStore;
  readonly keep: number;
  readonly attempt: number;
  /** The checkpoint that this attempt was loaded from. */
  readonly loaded: CheckpointKey | null;
  /** @throws WorkerError fenced when a newer attempt has claimed the job */
  readonly fence: () => Promise<void>;
  /** Called when a checkpoint is durable: a student that starts now resumes from it. */
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
  /** Time that the training stood still for it. */
  readonly copyMs: number;
}

/** A store that does not answer for this long is in trouble; training continues without it. */
const patienceMs = 5_000;
const retryMs = 5_000;
/** How long the end of a run waits for room; then the process exits with code 74. */
const endLimitMs = 120_000;
/** The same for a process that is asked to stop. */
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

  /** The step of the newest durable checkpoint: a student that starts now resumes at it. */
  get durableStep(): number {
    return this.#durableStep;
  }

  /** Why the newest checkpoint is not stored; null = no fault. */
  get fault(): string | null {
    return this.#fault?.message ?? null;
  }

  /**
   * Waits until the previous checkpoint is stored, or its store is known to be in trouble. The caller does not train
   * meanwhile, so a healthy store gets every checkpoint that is due.
   */
  async ready(): Promise<void> {
    const writing = this.#writing;
    if (writing === null || this.#isTroubled) return;
    const over = new AbortController();
    const leftMs = this.#writingSinceMs + patienceMs - this.#options.clock.now();
    await Promise.race([writing, this.#options.clock.sleep(leftMs, over.signal)]);
    over.abort();
  }

  /** Stores the checkpoint after the one that is being written. It replaces one that still waits. */
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
    // A checkpoint that waits for its next try is tried now.
    this.#wake.abort();
    while (this.#writing !== null) {
      // A checkpoint without a fault is on its way: it gets all the time that the end of a process has.
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
   * Does other work that needs room in the store. While there is none, it makes room and tries again, for a limited time.
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
        log.warn(sentenceWith(error.fault, 'trying again'));
      }
      await this.makeRoom();
      await clock.sleep(retryMs, stop);
    }
  }

  /** Starts no further write. */
  end(): void {
    this.#ended = true;
    this.#wake.abort();
  }

  /** Removes everything but the newest sound checkpoint. */
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
        // A newer one may have arrived meanwhile; it wins.
        this.#waiting ??= checkpoint;
        await this.#options.clock.sleep(retryMs, this.#wake.signal);
      }
    } catch (error) {
      this.#options.onFailure(error);
    }
    // Nothing is awaited since the check of what waits: a checkpoint that is added now starts a new round.
    this.#writing = null;
  }

  /** Returns false when the store has no room. @throws StoreError of another reason, WorkerError */
  async #stored(checkpoint: TakenCheckpoint): Promise<boolean> {
    const { store, keep, attempt, fence, onDurable, clock, log } = this.#options;
    const { step, bytes, copyMs } = checkpoint;
    this.#writingSinceMs = clock.now();
    try {
      await this.#put(checkpoint);
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#fault = error;
      const fault = within(`checkpoint of step ${step} is not stored`, error.fault);
      log.warn(sentenceWith(fault, 'training continues; trying again'));
      return false;
    }
    this.#fault = null;
    await fence();
    this.#sound.push({ step, attempt });
    this.#durableStep = step;
    try {
      await prune(store, { keep, attempt, sound: this.#sound });
    } catch (error) {
      if (!isFull(error)) throw error;
      log.warn(sentenceWith(error.fault, 'older checkpoints are removed later'));
    }
    this.#sound.splice(0, Math.max(0, this.#sound.length - Math.max(1, keep)));
    onDurable(checkpoint);
    log.info({ step, bytes: bytes.length, copyMs: Math.round(copyMs) }, 'checkpoint written');
    return true;
  }

  /** Stores a checkpoint; when there is no room, makes room and tries once more. */
  async #put({ step, bytes }: TakenCheckpoint): Promise<void> {
    const { store, attempt, fence } = this.#options;
    // Without an answer of the fence, nothing is written.
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

/** Whether the store takes nothing now, for want of room or because it is away; it may take it later. */
export function isFull(error: unknown): error is StoreError | ObjectStoreFull {
  if (error instanceof ObjectStoreFull) return true;
  return error instanceof StoreError && (error.reason === 'full' || error.reason === 'away');
}
