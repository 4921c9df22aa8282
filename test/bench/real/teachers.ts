/** Teachers as people run them without us: one plain Deployment a job, whose pods ask for what ours ask for. */
import { labels, workerContainer } from '../../../src/api/index.js';
import type { Trace, TraceJob } from '../../../src/simulate/index.js';
import type { Api } from '../../kit/cluster/api.js';
import { teacherPriorityClass } from '../../kit/cluster/jobs.js';

export const resource = 'nvidia.com/gpu';
/** Cores that a teacher requests, as ours does. */
export const requestedCpu = 1;

const deploymentsPath = '/apis/apps/v1/namespaces/default/deployments';

/** How kwok delays a pod's readiness and its end, for the trace's times. */
export function delaysOf({ timings }: Trace): Readonly<Record<string, string>> {
  return {
    'pod-ready.stage.kwok.x-k8s.io/delay': `${String(timings.teacherStartSeconds)}s`,
    'pod-delete.stage.kwok.x-k8s.io/delay': `${String(timings.teacherDrainSeconds)}s`,
  };
}

/** @param replicas from the start */
export async function createTeachers(api: Api, trace: Trace, job: TraceJob, replicas: number): Promise<void> {
  const marks = { [labels.job]: job.uid, [labels.component]: 'teacher' };
  await api.post(deploymentsPath, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: job.uid, labels: marks },
    spec: {
      replicas,
      selector: { matchLabels: marks },
      // Waiting for a slot is no failure.
      progressDeadlineSeconds: 2_147_483_647,
      template: {
        metadata: { labels: marks, annotations: delaysOf(trace) },
        spec: {
          priorityClassName: teacherPriorityClass.metadata.name,
          terminationGracePeriodSeconds: trace.timings.graceSeconds,
          containers: [
            {
              name: workerContainer,
              image: 'teacher',
              resources: {
                requests: { cpu: String(requestedCpu), memory: '512Mi', [resource]: '1' },
                limits: { memory: '2Gi', [resource]: '1' },
              },
            },
          ],
        },
      },
    },
  });
}

/** Its pods go with it, by the garbage collector. */
export async function deleteTeachers(api: Api, { uid }: TraceJob): Promise<void> {
  await api.delete(`${deploymentsPath}/${uid}`);
}
