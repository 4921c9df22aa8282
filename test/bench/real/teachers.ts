/**
 * Teachers as users run them without Distillery: one plain Deployment per job, whose pods have the same requests as ours.
 */
import { labels, workerContainer } from '../../../src/api/index.js';
import type { Trace, TraceJob } from '../../../src/simulate/index.js';
import type { Api } from '../../kit/cluster/api.js';
import { teacherPriorityClass } from '../../kit/cluster/jobs.js';

export const resource = 'nvidia.com/gpu';
/** Cores that a teacher requests, as with Distillery. */
export const requestedCpu = 1;

const deploymentsPath = '/apis/apps/v1/namespaces/default/deployments';

/** Annotations by which kwok delays a pod's readiness and its end by the trace's times. */
export function delaysOf({ timings }: Trace): Readonly<Record<string, string>> {
  return {
    'pod-ready.stage.kwok.x-k8s.io/delay': `${String(timings.teacherStartSeconds)}s`,
    'pod-delete.stage.kwok.x-k8s.io/delay': `${String(timings.teacherDrainSeconds)}s`,
  };
}

/** @param replicas initial number of teachers */
export async function createTeachers(api: Api, trace: Trace, job: TraceJob, replicas: number): Promise<void> {
  const marks = { [labels.job]: job.uid, [labels.component]: 'teacher' };
  await api.post(deploymentsPath, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: job.uid, labels: marks },
    spec: {
      replicas,
      selector: { matchLabels: marks },
      // A wait for a slot is not a failure.
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

/** Deletes the Deployment; the garbage collector deletes its pods. */
export async function deleteTeachers(api: Api, { uid }: TraceJob): Promise<void> {
  await api.delete(`${deploymentsPath}/${uid}`);
}
