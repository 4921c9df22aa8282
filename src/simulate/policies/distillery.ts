/** Ours (interim). */
import type { Decision, JobView, Policy } from './policy.js';

export interface DistilleryOptions {
  readonly reserveShare: number;
  readonly reactSeconds: number;
  placement?: 'Packed' | 'Apart';
  leaving?: 'Youngest' | 'BesideNeighbours';
}

export const usualDistillery: DistilleryOptions = { reserveShare: 0.005, reactSeconds: 1 };

export function distilleryPolicy(options: DistilleryOptions = usualDistillery): Policy {
  return {
    name: 'distillery',
    priority: 'Preemptible',
    placement: options.placement ?? 'Packed',
    leaving: options.leaving ?? 'Youngest',
    everySeconds: null,
    afterChangeSeconds: options.reactSeconds,
    initialReplicas: () => 0,
    decide: ({ jobs, slots, slotsForTeachers }) => {
      const wants = jobs.map((job) => ({ job, want: wanted(job) })).sort((a, b) => a.want - b.want);
      let left = Math.max(0, slotsForTeachers - Math.ceil(options.reserveShare * slots));
      let jobsLeft = wants.length;
      return wants.map(({ job, want }): Decision => {
        const replicas = Math.min(want, Math.floor(left / jobsLeft));
        jobsLeft--;
        left -= replicas;
        return { uid: job.uid, replicas };
      });
    },
  };
}

function wanted(job: JobView): number {
  if (job.labelledSteps >= job.steps) return 0;
  if (!job.isStudentUp) return job.maxReplicas / 2;
  const per = job.teacherStepsPerSecond;
  if (per === null) return Math.min(job.maxReplicas, job.desired || job.maxReplicas / 2);
  const grow = Math.ceil((job.studentStepsPerSecond * 1.1) / per);
  const shrink = Math.ceil((job.studentStepsPerSecond * 1.3) / per);
  return Math.min(job.maxReplicas, Math.max(grow, Math.min(job.desired, shrink)));
}
