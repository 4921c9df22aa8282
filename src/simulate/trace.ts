/** One day of a cluster, as the simulation replays it: nodes, the pods of neighbors, distillation jobs. Plain data. */

export interface Trace {
  readonly nodes: readonly TraceNode[];
  /** Pods of other users, earliest first. */
  readonly neighbors: readonly TraceNeighbor[];
  /** Distillation jobs, earliest first. */
  readonly jobs: readonly TraceJob[];
  /** Relative speed of a teacher by the model of its accelerator; 1 for models that are missing. */
  readonly speeds: Readonly<Record<string, number>>;
  readonly timings: Timings;
}

export interface TraceNode {
  readonly name: string;
  /** Kind of accelerator. */
  readonly model: string;
  readonly slots: number;
}

export interface TraceNeighbor {
  readonly name: string;
  readonly arrivesAtSeconds: number;
  /** Run time from its start to its end. */
  readonly runsSeconds: number;
  /** Accelerators that it needs on one node. */
  readonly slots: number;
  /** Share of its only slot, in thousandths; 1000 = whole. A shared slot has no room for a teacher. */
  readonly milli: number;
  /** Kinds of accelerator that the pod accepts; null = any. */
  readonly models: readonly string[] | null;
}

export interface TraceJob {
  readonly uid: string;
  readonly submittedAtSeconds: number;
  readonly weight: number;
  readonly steps: number;
  /** Samples per step. */
  readonly batchSize: number;
  /** Rate of the student when it never waits. */
  readonly studentStepsPerSecond: number;
  /** Rate of one teacher on an accelerator of speed 1. */
  readonly teacherStepsPerSecond: number;
  /** Maximum number of steps that the student feeds ahead, which is also the capacity of the buffer. */
  readonly windowSteps: number;
  readonly bufferTargetSeconds: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

export interface Timings {
  /** Seconds from the binding of a teacher's pod to its first answer: container, process, model load, self-test. */
  readonly teacherStartSeconds: number;
  /** Seconds from SIGTERM until the pod is gone and its slot is free. Never above the grace period. */
  readonly teacherDrainSeconds: number;
  readonly graceSeconds: number;
  /** Seconds from the submission until the student feeds. */
  readonly studentStartSeconds: number;
}
