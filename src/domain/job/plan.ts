/** What a decision wants: plain JSON, logged, shown and replayed (DESIGN §5.6). */
import type { DistillJobStatus, EventClaim } from '../../api/index.js';

import type { PoolPlan } from './request.js';

export interface StreamPlan {
  /** Something of the job's streams is missing and shall be created. */
  readonly provision: boolean;
  /** Which of them; empty when all are. */
  readonly missing: readonly string[];
  /** Logits below this stream sequence are needed by nobody; null = leave them. */
  readonly trimBelow: number | null;
  /** Sequences of stored frames that the student could not read. */
  readonly deleteFrames: readonly number[];
  /** Nobody needs them any more: all of them are deleted. */
  readonly remove: boolean;
}

/** What becomes of the job's own object. */
export type JobPlan =
  | 'Keep'
  /** Mark it, before anything exists that would stay behind without it. */
  | 'AddFinalizer'
  /** Nothing is left: let it go. */
  | 'RemoveFinalizer'
  /** It has been over for as long as ttlSecondsAfterFinished says. */
  | 'Delete';

export interface Plan {
  readonly object: JobPlan;
  /** Remove: the job cannot be run or is being deleted, and no process of it may stay behind. */
  readonly workers: 'Apply' | 'Remove';
  readonly streams: StreamPlan;
  readonly pools: readonly PoolPlan[];
  readonly student: 'Run' | 'Stop';
  readonly status: DistillJobStatus;
  readonly events: readonly EventClaim[];
  /** Milliseconds until time alone may change the decision; null = only when something observed changes. */
  readonly againMs: number | null;
}
