/** What a report is made of. Everything may be missing but the job. */
import type { NamedMetrics, ResultReport } from '@distillery/protocol';

import type { DistillJob, DistillJobStatus } from '../api/index.js';
import type { History } from '../history/index.js';

/** One student: that of the run, or that of its baseline. */
export interface Trained {
  readonly status: DistillJobStatus | null;
  readonly history: History | null;
  /** `metrics.json` of its result. */
  readonly result: ResultReport | null;
}

export interface ReportInput extends Trained {
  /** Where all of it comes from, such as `run folder /work/runs/a` or `job team-a/mnist of a cluster`. */
  readonly source: string;
  readonly job: DistillJob;
  /** True while a process works on it. */
  readonly isRunning: boolean;
  /** null = there is none. */
  readonly baseline: Trained | null;
  /** null = not measured. */
  readonly teacher: { readonly accuracy: number | null; readonly metrics: NamedMetrics } | null;
  /** What happened, where there is no history: events of the cluster. */
  readonly events: readonly {
    readonly t: number;
    readonly severity: string;
    readonly reason: string;
    readonly message: string;
  }[];
  /** What could not be read, and why: one sentence each. */
  readonly missing: readonly string[];
  readonly madeAtMs: number;
  /** Of Distillery. */
  readonly version: string;
}
