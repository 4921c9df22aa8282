/**
 * When a student waits in a queue of Kueue. Pure. Kueue decides by `spec.suspend` of the student's Job, so this is the one fact that
 * the verdict reads; the Workload only explains it (queued-condition.ts).
 *
 * Invariants:
 *  queued/Q1 While the student waits, the job has no teachers: slots without a student would be idle.
 *  queued/Q2 Without Kueue, a job that names no queue is decided exactly as before.
 */
import type { JobObservation } from '../shapes/index.js';

/** Whether the student waits for Kueue: its Job is held in a queue, or will be when it is created. */
export function isQueued({ job, cluster, engine }: JobObservation): boolean {
  if (engine !== 'cluster' || cluster.student.phase !== 'Absent') return false;
  const { queue = null } = cluster.student;
  return queue === null ? job.spec.queueName !== undefined : !queue.admitted;
}
