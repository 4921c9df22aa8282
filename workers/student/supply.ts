/**
 * Where the student's logits come from, as the student sees it, and which stored logits it may still read again.
 *
 * A supply hands out the logits of each step once and in step order. There are two: `LiveSupply`, whose logits come from
 * teachers that work at the same time, and `labelsAlone`, which has none.
 */
import type { DamagedFrame } from '@distillery/protocol';

export interface TakenLogits {
  /** [rows, columns]; null = train this step on its labels alone. */
  readonly logits: Float32Array | null;
  /** Stored bytes of its frames. */
  readonly bytes: number;
  /** True when the step is a dead letter: it has no logits although the loss uses them. */
  readonly isSkipped: boolean;
}

/** What the teachers answered to some samples of the held-out split. */
export interface HeldOutAnswer {
  /** Indices into the split. */
  readonly indices: readonly number[];
  /** [rows of these samples, columns] */
  readonly logits: Float32Array;
}

/** What the student reports of its supply in its telemetry. */
export interface SupplyState {
  /** Maximum number of steps ahead of the training. */
  readonly window: number;
  /** Every step below this one was asked for, or needs no asking. */
  readonly fedSteps: number;
  /** Frames that are here and not yet taken. */
  readonly buffer: { readonly frames: number; readonly bytes: number };
  /** Stored frames that the operator must delete before their steps can be computed again. */
  readonly damaged: DamagedFrame[];
  /** First LOGITS sequence that the steps still to take may need; 0 = keep all. */
  readonly firstNeededSequence: number;
}

export interface LogitsSupply {
  readonly state: SupplyState;
  /** Starts to work in the background. */
  start(): void;
  /** Ends the work; a pending `take` resolves to `stopped`. */
  stop(): void;
  /**
   * Waits for the logits of the next step.
   * @returns `stopped` after `stop()`
   * @throws WorkerError terminal when the step has no logits and the job does not allow to train it on labels alone
   */
  take(step: number): Promise<TakenLogits | 'stopped'>;
  /** Whether teachers answer held-out samples. */
  readonly answersHeldOut: boolean;
  /** Waits for these answers. @throws what ended the supply */
  heldOut(): Promise<readonly HeldOutAnswer[] | 'stopped'>;
  /** Reports how fast the student trains while it does not wait, so that the supply can work far enough ahead. */
  setPace(unstarvedStepsPerSecond: number): void;
}

/** The supply of a job whose loss uses labels alone. */
export function labelsAlone(): LogitsSupply {
  const over = new AbortController();
  return {
    state: { window: 0, fedSteps: 0, buffer: { frames: 0, bytes: 0 }, damaged: [], firstNeededSequence: 0 },
    start: () => undefined,
    stop: () => over.abort(),
    take: () => Promise.resolve(over.signal.aborted ? 'stopped' : { logits: null, bytes: 0, isSkipped: false }),
    answersHeldOut: false,
    heldOut: () => Promise.resolve([]),
    setPace: () => undefined,
  };
}

interface Mark {
  readonly step: number;
  /** First stream sequence that a resume at `step` needs. */
  readonly sequence: number;
  /** Bytes of all frames trained before this mark. */
  readonly trainedBytes: number;
}

/**
 * Which stored logits a student that resumes from a kept checkpoint would read (design §4 "Retention"). Pure bookkeeping.
 *
 * Frames above the oldest kept checkpoint save teachers' work on a resume. They are only a saving (I2): when they would
 * fill more than a quarter of the stream, the mark moves up.
 */
export class Retention {
  readonly #maxRetainedBytes: number;
  #marks: Mark[] = [];
  #trainedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxRetainedBytes = maxBytes / 4;
  }

  trained(bytes: number): void {
    this.#trainedBytes += bytes;
  }

  /** The checkpoint of `step` is durable; only the `keep` newest ones can be resumed from. */
  checkpointed(step: number, sequence: number, keep: number): void {
    this.#marks.push({ step, sequence, trainedBytes: this.#trainedBytes });
    if (this.#marks.length > keep) this.#marks.splice(0, this.#marks.length - keep);
  }

  /**
   * Returns the first sequence to keep; 0 = keep all.
   * @param current first sequence that the running student needs. It falls when the stream is created again; the marks
   *   of the old stream must not count then.
   */
  firstNeededSequence(current: number, keep: number): number {
    const fits = (mark: Mark): boolean => this.#trainedBytes - mark.trainedBytes <= this.#maxRetainedBytes;
    if (this.#marks.length < keep && this.#trainedBytes <= this.#maxRetainedBytes) return 0;
    return Math.min(current, this.#marks.find(fits)?.sequence ?? current);
  }
}
