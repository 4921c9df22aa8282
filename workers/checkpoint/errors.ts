/** Errors of the bytes of a checkpoint, and of the place where checkpoints are kept. */

import { DistilleryError, type FaultOf, type Retry } from '@distillery/base';

export type CheckpointFaultReason =
  /** Fewer bytes than its prefix states. */
  | 'truncated'
  /** Not a checkpoint. */
  | 'foreign'
  /** Its digest does not match its content. */
  | 'damaged'
  /** Written by another version of this format. */
  | 'version'
  /** Whole, but its header is invalid: a fault of the writer. */
  | 'malformed'
  /** Whole, but it belongs to another job. */
  | 'otherJob';

export class CheckpointError extends DistilleryError {
  override readonly name = 'CheckpointError';
  readonly kind = 'Checkpoint';
  readonly retry = 'Never';

  constructor(
    readonly reason: CheckpointFaultReason,
    fault: FaultOf,
    options?: ErrorOptions,
  ) {
    super({ ...fault, about: 'checkpoint' }, options);
  }
}

export type StoreFaultReason =
  /** No space or quota left; there may be room later. */
  | 'full'
  /** A limit on file sizes is smaller than the checkpoint. */
  | 'limited'
  /** The place is configured too small for the checkpoints of this job. */
  | 'tooSmall'
  | 'readOnly'
  | 'forbidden'
  /** The checkpoint or its folder does not exist. */
  | 'missing'
  /** The place does not answer now, or its credentials have expired; it may answer later. */
  | 'away'
  /** The medium does not return what was written. */
  | 'unreadable'
  | 'other';

export class StoreError extends DistilleryError {
  override readonly name = 'StoreError';
  readonly kind = 'Store';
  readonly retry: Retry;

  constructor(
    readonly reason: StoreFaultReason,
    readonly path: string,
    fault: FaultOf,
    options?: ErrorOptions,
  ) {
    super({ ...fault, about: `checkpoint store ${path}` }, options);
    this.retry = reason === 'tooSmall' ? 'Never' : 'AfterSomebodyActs';
  }
}
