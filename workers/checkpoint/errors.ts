/** What can be wrong with a checkpoint's bytes, and with the place where checkpoints are kept. */

export type CheckpointFaultKind =
  /** Fewer bytes than it says it has. */
  | 'truncated'
  /** No checkpoint at all. */
  | 'foreign'
  /** Its digest does not match its content. */
  | 'damaged'
  /** Written by another version of this format. */
  | 'version'
  /** Whole, but its header contradicts itself: a fault of the writer. */
  | 'malformed'
  /** Whole, but of another job. */
  | 'otherJob';

export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  readonly kind: CheckpointFaultKind;

  constructor(kind: CheckpointFaultKind, sentence: string, options?: ErrorOptions) {
    super(`checkpoint: ${sentence}`, options);
    this.kind = kind;
  }
}

export type StoreFaultKind =
  /** No space or quota left: room may come. */
  | 'full'
  /** A limit on the size of a file is lower than a checkpoint is long. */
  | 'limited'
  /** The place is made too small for the checkpoints of this job. */
  | 'tooSmall'
  | 'readOnly'
  | 'forbidden'
  /** The checkpoint or its folder is not there (any more). */
  | 'missing'
  /** The medium does not give back what was written. */
  | 'unreadable'
  | 'other';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly kind: StoreFaultKind;
  readonly path: string;

  constructor(kind: StoreFaultKind, path: string, sentence: string, options?: ErrorOptions) {
    super(`checkpoint store ${path}: ${sentence}`, options);
    this.kind = kind;
    this.path = path;
  }
}
