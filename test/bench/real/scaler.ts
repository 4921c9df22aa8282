/** The interface of a way to scale: it receives the events of jobs and drives the real scaler. */
import type { NatsConnection } from '@nats-io/transport-node';

import type { Job, Trace, TraceJob } from '../../../src/simulate/index.js';
import type { OperatorCluster } from '../../kit/cluster/operator-cluster.js';

/** The cluster of one run. */
export interface Setting {
  readonly world: OperatorCluster;
  readonly trace: Trace;
  /** Connection to its NATS, with all rights. */
  readonly connection: NatsConnection;
}

/** The state that a scaler's workers know at one moment. */
export interface Moment {
  readonly nowSeconds: number;
  /** Jobs that are submitted and not done. */
  readonly jobs: readonly Job[];
  /** Pods that are bound and not terminating, by their job's uid in the trace. */
  readonly teachers: ReadonlyMap<string, readonly RunningTeacher[]>;
}

export interface RunningTeacher {
  readonly name: string;
  readonly isReady: boolean;
}

export interface Scaler {
  submitted(job: TraceJob): Promise<void>;
  /** Called several times per second: does the work and the reports of the workers. */
  work(moment: Moment): Promise<void>;
  /** Called when the last step of a job is trained. @param student name of the student's pod; null = it has none */
  done(job: TraceJob, student: string | null): Promise<void>;
}
