/** One pool of teachers as a Deployment: interchangeable pods that come and go with the free slots. */
import {
  type DistillJob,
  kueue,
  labels,
  safeToEvictAnnotation,
  type TeacherPool,
  teacherName,
  workerContainer,
} from '../api/index.js';

import { metadataOf, selectorOf, withLabels, type WorkerSet } from './metadata.js';
import type { KubernetesObject, WorkerSettings } from './object.js';
import { podTemplate } from './pod.js';
import { teacherResources } from './resources.js';

/**
 * Prefers nodes with other teachers over nodes with other pods. Teachers that come and go beside other pods leave
 * fragments: a pod that needs a whole node then waits for small pods that cannot be preempted (docs/adr/0012).
 */
const apartFromOthers = {
  podAntiAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        podAffinityTerm: {
          labelSelector: { matchExpressions: [{ key: labels.component, operator: 'NotIn', values: ['teacher'] }] },
          namespaceSelector: {},
          topologyKey: 'kubernetes.io/hostname',
        },
      },
    ],
  },
};

/** The API's value for "no deadline": teachers may wait for a slot without limit. */
const noDeadlineSeconds = 2_147_483_647;

/**
 * @param queue LocalQueue of Kueue that the Deployment is in, named by the job or not; null = none
 * @throws OwnerlessJobError
 */
export function teacherDeployment(
  job: DistillJob,
  pool: TeacherPool,
  replicas: number,
  settings: WorkerSettings,
  queue: string | null = job.spec.teacher.queueName ?? null,
): KubernetesObject {
  const { queueName } = job.spec.teacher;
  const workers: WorkerSet = { role: 'teacher', pool: pool.name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: withLabels(
      metadataOf(job, teacherName(job.metadata.name, pool.name), workers),
      queueName === undefined ? {} : { [kueue.queueLabel]: queueName },
    ),
    spec: {
      replicas,
      selector: { matchLabels: selectorOf(job, workers) },
      // Pods of a new template replace old ones in their slots: a surge pod could find no slot, or take another pod's (I5).
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '25%' } },
      progressDeadlineSeconds: noDeadlineSeconds,
      revisionHistoryLimit: 1,
      template: podTemplate(
        job,
        {
          workers,
          annotations: {
            // Without this, scratch folders would keep the autoscaler from removing an idle node.
            [safeToEvictAnnotation]: 'true',
            // Outside a queue, Kueue's topology-aware scheduling must not count teachers as taken room: it would hold jobs back,
            // and no pod would become Pending for which teachers yield. In a queue, the annotation would be a request for a topology.
            ...(queue === null ? { [kueue.unconstrainedTopology]: 'true' } : {}),
          },
          resources: teacherResources(pool),
          variables: {
            DISTILL_POOL: pool.name,
            // One inference thread per requested core, at least one: the API server rounds up.
            DISTILL_THREADS: {
              valueFrom: {
                resourceFieldRef: { containerName: workerContainer, resource: 'requests.cpu', divisor: '1' },
              },
            },
          },
          restartPolicy: 'Always',
          priorityClassName: settings.teacherPriorityClass,
          affinity: apartFromOthers,
          template: pool.template,
        },
        settings,
      ),
    },
  };
}
