/**
 * Which stored logits the student may still come back for (design §4 "Retention"). Pure bookkeeping.
 *
 * Frames above the oldest kept checkpoint are worth keeping: a resume then needs no teacher to compute them again. They
 * are only a saving, never the truth (I2): when they would fill more than a quarter of the stream, the mark moves up.
 */

interface Mark {
  readonly step: number;
  /** First stream sequence that a resume at `step` needs. */
  readonly sequence: number;
  /** Bytes of all frames trained before this mark. */
  readonly trainedBytes: number;
}

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

  /** A checkpoint of `step` is durable; only the `keep` newest can be resumed from. */
  checkpointed(step: number, sequence: number, keep: number): void {
    this.#marks.push({ step, sequence, trainedBytes: this.#trainedBytes });
    if (this.#marks.length > keep) this.#marks.splice(0, this.#marks.length - keep);
  }

  /**
   * The first sequence to keep; 0 = keep all.
   * @param current first sequence that the running student itself still needs; it falls when the stream was made anew,
   *   and then the marks of the old one must not rule
   */
  firstNeededSequence(current: number, keep: number): number {
    const fits = (mark: Mark): boolean => this.#trainedBytes - mark.trainedBytes <= this.#maxRetainedBytes;
    if (this.#marks.length < keep && this.#trainedBytes <= this.#maxRetainedBytes) return 0;
    return Math.min(current, this.#marks.find(fits)?.sequence ?? current);
  }
}
