/** One day of a cluster, as the simulation replays it: nodes, the pods of neighbors, distillation jobs. Plain data. */

export interface Trace {
  readonly nodes: readonly TraceNode[];
  /** Pods of other people, earliest first. */
  readonly neighbors: readonly TraceNeighbor[];
  /** Earliest first. */
  readonly jobs: readonly TraceJob[];
  /** Relative speed of a teacher by the model of its accelerator; 1 where none is named. */
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
  /** From its start to its end. */
  readonly runsSeconds: number;
  /** Accelerators that it needs on one node. */
  readonly slots: number;
  /** Of its only slot, in thousandths; 1000 = whole. Pods that share a slot leave nothing of it to a teacher. */
  readonly milli: number;
  /** Kinds of accelerator that it takes; null = any. */
  readonly models: readonly string[] | null;
}

export interface TraceJob {
  readonly uid: string;
  readonly submittedAtSeconds: number;
  readonly weight: number;
  readonly steps: number;
  /** Samples a step. */
  readonly batchSize: number;
  /** Rate of the student that never waits. */
  readonly studentStepsPerSecond: number;
  /** Rate of one teacher on an accelerator of speed 1. */
  readonly teacherStepsPerSecond: number;
  /** Steps that the student feeds ahead at most; so many wait in the buffer at most. */
  readonly windowSteps: number;
  readonly bufferTargetSeconds: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

export interface Timings {
  /** From a bound teacher pod to its first answer: container, process, model load, self-test. */
  readonly teacherStartSeconds: number;
  /** From SIGTERM until the pod is gone and its slot is free. Never above the grace period. */
  readonly teacherDrainSeconds: number;
  readonly graceSeconds: number;
  /** From the submission until the student feeds. */
  readonly studentStartSeconds: number;
}
