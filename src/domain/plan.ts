/** What a decision wants: plain JSON, logged, shown and replayed (DESIGN §5.6). */
import type { DistillJobStatus, EventClaim } from '../api/index.js';

import type { PoolPlan } from './demand.js';

export interface StreamPlan {
  /** Something of the job's streams is missing and shall be created. */
  readonly provision: boolean;
  /** Which of them; empty when all are. */
  readonly missing: readonly string[];
  /** Logits below this stream sequence are needed by nobody; null = leave them. */
  readonly trimBelow: number | null;
  /** Sequences of stored frames that the student could not read. */
  readonly deleteFrames: readonly number[];
  /** Teachers that are gone, whose telemetry would only mislead. */
  readonly forgetTeachers: readonly string[];
}

export interface Plan {
  /** False: this version cannot run the job as it is, and nothing of it may stay behind. */
  readonly accepted: boolean;
  readonly streams: StreamPlan;
  readonly pools: readonly PoolPlan[];
  readonly student: 'Run' | 'Stop';
  readonly status: DistillJobStatus;
  readonly events: readonly EventClaim[];
  /** Nothing will change any more unless the job itself does. */
  readonly over: boolean;
}
