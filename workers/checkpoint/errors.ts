/** What can be wrong with a checkpoint's bytes, and with the place where checkpoints are kept. */

import { DistilleryError, type FaultOf, type Retry } from '@distillery/base';

export type CheckpointFaultReason =
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
