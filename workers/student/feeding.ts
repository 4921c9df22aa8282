/**
 * Feeding: publishes work items ahead of the training, at most a window of steps.
 *
 * Invariants:
 *  feeding/F1 At most `window` steps beyond the next step are fed (design §4 "Credits", I4).
 */
import type { Clock } from '@distillery/base';
import type { WorkItem } from '@distillery/protocol';

import { itemFor, type JobShape, type FrameId } from './frames.js';
import type { Gatherer } from './gathering.js';
import type { AnswerTime } from './window.js';

export interface FeederOptions {
  /** Puts the item into WORK. */
  readonly feed: (item: Omit<WorkItem, 'version'>) => Promise<'fed' | 'alreadyThere'>;
  readonly job: JobShape;
  readonly gatherer: Gatherer;
  /** An earlier attempt may have fed steps below this one: they are probed before they are fed. */
  readonly fedBefore: number;
  /** Steps. */
  readonly window: number;
  readonly answerTime: AnswerTime;
  readonly clock: Clock;
  /** Aborts when the supply is stopped or failed. */
  readonly over: AbortSignal;
}

/** Maximum number of items on their way to the server; also the steps of one round, so that the window can move. */
const feedConcurrency = 32;

export class Feeder {
  readonly #options: FeederOptions;
  readonly #probeBelow: number;
  #window: number;
  #front: number;
  #fedSteps: number;
  #isFeeding = false;

  constructor(options: FeederOptions) {
    const { gatherer, window, fedBefore } = options;
    this.#options = options;
    this.#window = window;
    this.#front = gatherer.nextStep;
    this.#fedSteps = gatherer.nextStep;
    this.#probeBelow = Math.max(fedBefore, gatherer.nextStep + window);
  }

  /** Steps. */
  get window(): number {
    return this.#window;
  }

  /** Feeding has begun for every step below this one. */
  get front(): number {
    return this.#front;
  }

  /** For every step below this one, an item or a frame is or was stored. */
  get fedSteps(): number {
    return Math.max(this.#fedSteps, this.#options.gatherer.nextStep);
  }

  /** Sets the window; steps that are fed already stay fed. */
  setWindow(steps: number): void {
    this.#window = steps;
  }

  /**
   * Feeds up to the end of the window, and on while the window moves. Returns at once when a call is feeding already.
   * @param findOrFeed brings frames that may be stored already
   * @throws what `feed` and `findOrFeed` throw
   */
  async feedAhead(findOrFeed: (id: FrameId) => Promise<unknown>): Promise<void> {
    const { gatherer, over } = this.#options;
    gatherer.allowBelow(this.#windowEnd);
    if (this.#isFeeding) return;
    this.#isFeeding = true;
    for (;;) {
      const from = Math.max(this.#front, gatherer.nextStep);
      const end = Math.min(this.#windowEnd, from + feedConcurrency);
      // Nothing is awaited between this check and the flag: a call after it starts to feed again.
      if (from >= end || over.aborted) {
        this.#isFeeding = false;
        return;
      }
      this.#front = end;
      await inParallel(gatherer.missing(from, end), over, async (id) => {
        const maybeStored = id.step < this.#probeBelow || gatherer.isStoredAhead(id.step);
        await (maybeStored ? findOrFeed(id) : this.feed(id));
      });
      this.#fedSteps = end;
    }
  }

  /** Feeds the item of one frame. @throws what the stream throws */
  async feed(id: FrameId): Promise<void> {
    const { feed, job, answerTime, clock } = this.#options;
    answerTime.fed(id.step, clock.now());
    const outcome = await feed(itemFor(job, id));
    if (outcome === 'alreadyThere') answerTime.forget(id.step);
  }

  get #windowEnd(): number {
    const { job, gatherer } = this.#options;
    return Math.min(job.schedule.steps, gatherer.nextStep + this.#window);
  }
}

/**
 * Works on the items in their order, at most `feedConcurrency` at a time, and starts no further one once `over` aborts.
 * Resolves when all that were started are done.
 * @throws what `work` throws
 */
export async function inParallel<Item>(
  items: readonly Item[],
  over: AbortSignal,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const lanes = Array.from({ length: Math.min(feedConcurrency, items.length) }, async () => {
    for (const item of queue) {
      if (over.aborted) return;
      await work(item);
    }
  });
  await Promise.all(lanes);
}
