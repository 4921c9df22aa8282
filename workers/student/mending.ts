/**
 * Mending: makes sure that each missing frame is here or on its way (docs/adr/0007).
 *
 * Invariants:
 *  mending/M1 Level-triggered: a missing frame is probed, and fed again when it is not stored. Both are
 *     idempotent, so a lost message, stream or server costs time, never a step (I2).
 */
import type { Probe } from '../stream/index.js';

import { type Feeder, inParallel } from './feeding.js';
import type { FrameId } from './frames.js';
import type { Gatherer } from './gathering.js';

export interface MenderOptions {
  /** Returns what is stored of one frame. */
  readonly probe: (shard: number, step: number) => Promise<Probe>;
  readonly gatherer: Gatherer;
  readonly feeder: Feeder;
  /** Aborts when the supply is stopped or failed. */
  readonly over: AbortSignal;
}

export class Mender {
  readonly #options: MenderOptions;
  #isMending = false;
  /** Steps below this one are to be mended in the next round. */
  #end = 0;

  constructor(options: MenderOptions) {
    this.#options = options;
  }

  /**
   * Finds or feeds every missing frame below `end`. While a call is mending, a further one only adds its range to the
   * next round.
   * @throws what the stream throws; WorkerError terminal for a frame that cannot be replaced
   */
  async mend(end: number): Promise<void> {
    this.#end = Math.max(this.#end, end);
    if (this.#isMending) return;
    this.#isMending = true;
    const { gatherer, feeder, over } = this.#options;
    while (this.#end > gatherer.nextStep && !over.aborted) {
      const [from, end] = [gatherer.nextStep, this.#end];
      this.#end = 0;
      let found = 0;
      await inParallel(gatherer.missing(from, end), over, async (id) => {
        if (await this.findOrFeed(id)) found += 1;
      });
      // Stored but never delivered: other frames of the window may be missing for the same reason.
      if (found > 0 && end === from + 1) this.#end = Math.max(this.#end, feeder.front);
    }
    // Nothing is awaited between the last check of the range and this: no range is lost.
    this.#isMending = false;
  }

  /**
   * Probes one frame and feeds its item when it is not stored.
   * @returns true when its frame or its dead letter was found stored
   */
  async findOrFeed(id: FrameId): Promise<boolean> {
    const { gatherer, feeder } = this.#options;
    const found = await this.#options.probe(id.shard, id.step);
    // During the probe it may have been delivered, or trained.
    if (!gatherer.isMissing(id)) return false;
    switch (found.kind) {
      case 'frame':
        return gatherer.accept(found.frame);
      case 'dead':
        gatherer.noteDeadLetter(found.item);
        return true;
      case 'absent':
        gatherer.noteGone(id);
        await feeder.feed(id);
        return false;
    }
  }
}
