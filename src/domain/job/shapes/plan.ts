/** What a decision wants: plain JSON, logged, shown and replayed (design §5.6). */
import type { DistillJobStatus, EventDraft } from '../../../api/index.js';

export interface StreamPlan {
  /** Create the streams and consumers that are missing. */
  readonly provision: boolean;
  /** The missing ones; empty when all are. */
  readonly missing: readonly string[];
  /** Delete logits below this stream sequence, which no checkpoint needs; null = delete none. */
  readonly trimBelow: number | null;
  /** Sequences of stored frames that the student could not read. */
  readonly deleteFrames: readonly number[];
  /** Delete all streams of the job. */
  readonly remove: boolean;
}

/** What happens to the job's own object. */
export type JobPlan =
  | 'Keep'
  /** Add the finalizer before anything exists that would stay behind without it. */
  | 'AddFinalizer'
  /** Nothing is left: let the object be deleted. */
  | 'RemoveFinalizer'
  /** The job ended ttlSecondsAfterFinished ago. */
  | 'Delete';

export interface PoolPlan {
  readonly name: string;
  readonly replicas: number;
  /** Names of the teachers that leave if the pool has more than these replicas. */
  readonly leave: readonly string[];
}

export interface Plan {
  readonly object: JobPlan;
  /** Remove: the job cannot be run or is being deleted, and no process of it may stay behind. */
  readonly workers: 'Apply' | 'Remove';
  readonly streams: StreamPlan;
  readonly pools: readonly PoolPlan[];
  readonly student: 'Run' | 'Stop';
  readonly status: DistillJobStatus;
  readonly events: readonly EventDraft[];
  /** Milliseconds until time alone may change the decision; null = only a new observation can. */
  readonly againMs: number | null;
}
