/** What decides how many teachers a simulated job has: one of these a run. */

import type { TeacherPlacement } from '../cluster.js';

export interface Policy {
  readonly name: string;
  /** Preemptible: teachers have a PriorityClass below everybody's. Equal: as without one, neighbors wait for them. */
  readonly priority: 'Preemptible' | 'Equal';
  readonly placement: TeacherPlacement;
  /** Which teachers go first when a job gets fewer: as a ReplicaSet ranks them, or by their pod-deletion-cost. */
  readonly leaving: 'Youngest' | 'BesideNeighbors';
  /** Looks at the cluster every so many seconds; null = never by the clock. */
  readonly everySeconds: number | null;
  /** Looks so many seconds after a change: the way of news through watches, telemetry and queue; null = not for that. */
  readonly afterChangeSeconds: number | null;
  /** … but not sooner than so many seconds after it last looked. */
  readonly restSeconds: number;
  /** Replicas of a job that was just submitted. */
  initialReplicas(job: JobView): number;
  /** Jobs that are not named keep what they have. */
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
  /** Slots that no neighbor holds or was promised: with all teachers gone they would be free. */
  readonly slotsForTeachers: number;
  /** … and those of them that are free by now. */
  readonly freeSlots: number;
}

export interface TeacherView {
  readonly phase: 'Pending' | 'Starting' | 'Ready';
  readonly createdAtSeconds: number;
}

/** What can be known of a job: its spec, its pods, and what its workers push. */
export interface JobView {
  readonly uid: string;
  readonly weight: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly batchSize: number;
  readonly bufferTargetSeconds: number;
  /** What was last asked for. */
  readonly desired: number;
  readonly pendingTeachers: number;
  readonly startingTeachers: number;
  readonly readyTeachers: number;
  /** Each of them. */
  readonly teachers: Iterable<TeacherView>;
  /** The student feeds and tells of itself. */
  readonly isStudentUp: boolean;
  readonly studentStepsPerSecond: number;
  /** Mean of what the ready teachers could do, steps a second; null = none is ready. */
  readonly teacherStepsPerSecond: number | null;
  /** Teachers of speed 1 that keep the student busy: what a person who measured both would say. */
  readonly teachersNeeded: number;
  readonly steps: number;
  readonly windowSteps: number;
  /** Steps whose work items were published, whose logits are stored, which were trained. */
  readonly fedSteps: number;
  readonly labeledSteps: number;
  readonly trainedSteps: number;
  /** Work items that teachers compute just now. */
  readonly inFlightSteps: number;
  /** Counted from the submission on. */
  readonly busyTeacherSeconds: number;
  readonly readyTeacherSeconds: number;
}
