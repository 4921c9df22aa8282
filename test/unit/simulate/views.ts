/** Views of a job in full swing; a test names what matters to it. */
import type { JobView, PolicyView, TeacherView } from '../../../src/simulate/policies/policy.js';

/** Its teachers are old. */
export function jobView(changes: Partial<JobView> = {}): JobView {
  const view = { ...usual, ...changes };
  return { ...view, teachers: changes.teachers ?? oldTeachers(view) };
}

function oldTeachers({ pendingTeachers, startingTeachers, readyTeachers }: Omit<JobView, 'teachers'>): TeacherView[] {
  const some = (count: number, phase: TeacherView['phase']): TeacherView[] =>
    Array.from({ length: count }, () => ({ phase, createdAtSeconds: -1e6 }));
  return [...some(pendingTeachers, 'Pending'), ...some(startingTeachers, 'Starting'), ...some(readyTeachers, 'Ready')];
}

const usual: Omit<JobView, 'teachers'> = {
  uid: 'job-1',
  weight: 1,
  minReplicas: 0,
  maxReplicas: 64,
  batchSize: 100,
  bufferTargetSeconds: 5,
  desired: 4,
  pendingTeachers: 0,
  startingTeachers: 0,
  readyTeachers: 4,
  isStudentUp: true,
  studentStepsPerSecond: 40,
  teacherStepsPerSecond: 10,
  teachersNeeded: 4,
  steps: 10_000,
  windowSteps: 200,
  fedSteps: 1_200,
  labeledSteps: 1_100,
  trainedSteps: 1_000,
  inFlightSteps: 4,
  busyTeacherSeconds: 0,
  readyTeacherSeconds: 0,
};

export function viewAt(nowSeconds: number, jobs: readonly JobView[], changes: Partial<PolicyView> = {}): PolicyView {
  return { nowSeconds, jobs, slots: 100, slotsForTeachers: 100, freeSlots: 96, ...changes };
}
