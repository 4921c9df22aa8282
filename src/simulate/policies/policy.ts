/** A policy decides how many teachers a simulated job has; each run uses one. */

import type { TeacherPlacement } from '../cluster.js';

export interface Policy {
  readonly name: string;
  /**
   * Preemptible: the PriorityClass of teachers is below that of all other pods. Equal: they have none, and neighbors wait
   * for them.
   */
  readonly priority: 'Preemptible' | 'Equal';
  readonly placement: TeacherPlacement;
  /** Which teachers leave first when a job is scaled down: in the order of a ReplicaSet, or by their pod-deletion-cost. */
  readonly leaving: 'Youngest' | 'BesideNeighbors';
  /** Interval between periodic decisions, in seconds; null = none. */
  readonly everySeconds: number | null;
  /**
   * Delay from a change to the decision on it, in seconds: watches, telemetry and queue; null = changes cause no decision.
   */
  readonly afterChangeSeconds: number | null;
  /** Minimum time between two decisions, in seconds. */
  readonly restSeconds: number;
  /** Replicas of a newly submitted job. */
  initialReplicas(job: JobView): number;
  /** Decides the replicas of jobs; jobs that are not named keep their replicas. */
  decide(view: PolicyView): readonly Decision[];
}

export interface Decision {
  readonly uid: string;
  readonly replicas: number;
}

export interface PolicyView {
  readonly nowSeconds: number;
  /** Jobs that are not done, in order of submission. */
  readonly jobs: readonly JobView[];
  readonly slots: number;
  /** Slots that no neighbor holds or was promised: all of them would be free without teachers. */
  readonly slotsForTeachers: number;
  /** The part of `slotsForTeachers` that is free now. */
  readonly freeSlots: number;
}

export interface TeacherView {
  readonly phase: 'Pending' | 'Starting' | 'Ready';
  readonly createdAtSeconds: number;
}

/** The observable state of a job: its spec, its pods, and the telemetry of its workers. */
export interface JobView {
  readonly uid: string;
  readonly weight: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly batchSize: number;
  readonly bufferTargetSeconds: number;
  /** Replicas that were last requested. */
  readonly desired: number;
  readonly pendingTeachers: number;
  readonly startingTeachers: number;
  readonly readyTeachers: number;
  /** All teachers, one by one. */
  readonly teachers: Iterable<TeacherView>;
  /** The student feeds work and sends telemetry. */
  readonly isStudentUp: boolean;
  readonly studentStepsPerSecond: number;
  /** Mean capacity of a ready teacher, in steps per second; null = none is ready. */
  readonly teacherStepsPerSecond: number | null;
  /** Teachers of speed 1 that keep the student busy, as measured in advance. */
  readonly teachersNeeded: number;
  readonly steps: number;
  readonly windowSteps: number;
  /** Steps whose work items were published, whose logits are stored, which were trained. */
  readonly fedSteps: number;
  readonly labeledSteps: number;
  readonly trainedSteps: number;
  /** Work items that teachers are computing. */
  readonly inFlightSteps: number;
  /** Teacher-seconds since the submission: of computing teachers, and of all ready ones. */
  readonly busyTeacherSeconds: number;
  readonly readyTeacherSeconds: number;
}
