/**
 * How far ahead of the trained step the student feeds (design §4 "Credits"), and the answer time that this depends on.
 * Pure.
 */
import { bytesPerRow, headerBytes, type Manifest, maxWindowSteps, teacherPrefetch } from '@distillery/protocol';

export interface WindowInput {
  readonly bufferTargetSeconds: number;
  /** Steps per second of the compute thread while it does not wait; 0 = unknown. */
  readonly unstarvedStepsPerSecond: number;
  /** Seconds from feeding an item to its frame, without the wait in the queue; 0 = unknown. */
  readonly answerSeconds: number;
  /** Stored bytes of one step, all shards. */
  readonly stepBytes: number;
  /** Upper bound of the LOGITS stream. */
  readonly maxBytes: number;
}

/** The window before the first rate is known: enough work for a few teachers. */
const initialSteps = 16;
const leastSteps = 4;

/** A teacher holds two items, so an item takes up to two answer times; twice that when its first teacher dies. */
const answersAhead = 2 * teacherPrefetch;

/**
 * Returns how many steps to feed ahead: the buffer target plus what the teachers hold meanwhile. Without the latter, a
 * fleet whose items take longer than the target could never be fully busy, and a target of the ack wait would not bridge
 * a killed teacher (docs/adr/0013). The window stays below half of `maxBytes` (`Retention` keeps trained frames below a
 * quarter), so that the discard-new of the stream is only a safety net. At least one step, or nothing would move.
 */
export function windowSteps(input: WindowInput): number {
  const wanted =
    input.unstarvedStepsPerSecond > 0
      ? Math.ceil((input.bufferTargetSeconds + answersAhead * input.answerSeconds) * input.unstarvedStepsPerSecond)
      : initialSteps;
  const affordable = Math.floor(input.maxBytes / 2 / input.stepBytes);
  return Math.max(1, Math.min(maxWindowSteps, affordable, Math.max(leastSteps, wanted)));
}

interface StepShape {
  readonly manifest: Manifest;
  readonly columns: number;
  readonly shards: number;
  /** Prediction positions of each sample. */
  readonly positions: number;
}

/** Returns the stored bytes of one full step, headers of its frames included. */
export function stepBytesOf({ manifest, columns, shards, positions }: StepShape): number {
  const { training, logits } = manifest;
  const rows = training.batchSize * positions;
  return shards * headerBytes + rows * bytesPerRow(columns, logits.encoding, logits.topK);
}

/**
 * How long a teacher takes to answer, as the student sees it: the shortest time from feeding an item to its frame. Longer
 * times include a wait in the queue, which the window itself makes longer. The shortest time only falls, so the window
 * never grows because of its own effect (docs/adr/0013).
 */
export class AnswerTime {
  readonly #fedAtMs = new Map<number, number>();
  /** Items fed before the first answer may have waited for teachers to start. */
  #isAnswered = false;
  #shortestMs = Infinity;

  /** Seconds; 0 before the first measurement. */
  get seconds(): number {
    return Number.isFinite(this.#shortestMs) ? this.#shortestMs / 1_000 : 0;
  }

  /** An item of this step, new to the server, is handed to the server. */
  fed(step: number, atMs: number): void {
    if (this.#isAnswered && !this.#fedAtMs.has(step)) this.#fedAtMs.set(step, atMs);
  }

  /** All frames of the step have arrived. */
  answered(step: number, atMs: number): void {
    this.#isAnswered = true;
    const fedAtMs = this.#fedAtMs.get(step);
    if (fedAtMs !== undefined) this.#shortestMs = Math.min(this.#shortestMs, atMs - fedAtMs);
    this.#fedAtMs.delete(step);
  }

  /** Ignores the step: an earlier attempt may have fed its items, or no teacher could compute them. */
  forget(step: number): void {
    this.#fedAtMs.delete(step);
  }
}
