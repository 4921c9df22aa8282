/** What the bench needs of a way to scale: it is told of jobs, and makes the real thing do its work. */
import type { NatsConnection } from '@nats-io/transport-node';

import type { Job, Trace, TraceJob } from '../../../src/simulate/index.js';
import type { OperatorCluster } from '../../kit/cluster/operator-cluster.js';

/** The cluster of one run. */
export interface Setting {
  readonly world: OperatorCluster;
  readonly trace: Trace;
  /** To its NATS, as a user who may do everything. */
  readonly connection: NatsConnection;
}

/** What a scaler's workers know at a moment. */
export interface Moment {
  readonly nowSeconds: number;
  /** Submitted and not done. */
  readonly jobs: readonly Job[];
  /** Pods that hold a node and were not told to go, by their job's uid in the trace. */
  readonly teachers: ReadonlyMap<string, readonly RunningTeacher[]>;
}

export interface RunningTeacher {
  readonly name: string;
  readonly isReady: boolean;
}

export interface Scaler {
  submitted(job: TraceJob): Promise<void>;
  /** Several times a second: what workers would do or tell. */
  work(moment: Moment): Promise<void>;
  /** Its last step is trained. @param student name of the student's pod; null = it has none */
  done(job: TraceJob, student: string | null): Promise<void>;
}
