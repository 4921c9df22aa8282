/** The baseline without a scaler: a Deployment with the same number of teachers from the submission to the end. */
import { usualTeachers } from '../../../src/simulate/index.js';

import type { Scaler, Setting } from './scaler.js';
import { createTeachers, deleteTeachers } from './teachers.js';

export function fixedScaler({ world, trace }: Setting): Promise<Scaler> {
  const { api } = world.cluster;
  return Promise.resolve({
    submitted: async (job) => {
      const replicas = Math.min(job.maxReplicas, Math.max(job.minReplicas, usualTeachers));
      await createTeachers(api, trace, job, replicas);
    },
    work: () => Promise.resolve(),
    done: (job) => deleteTeachers(api, job),
  });
}
