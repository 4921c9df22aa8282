/** One pool of teachers as a Deployment: interchangeable pods that come and go with the free slots. */
import {
  type DistillJob,
  labels,
  safeToEvictAnnotation,
  type TeacherPool,
  teacherName,
  workerContainer,
} from '../api/index.js';

import { type Fleet, metadataOf, selectorOf } from './metadata.js';
import type { KubernetesObject, WorkerSettings } from './object.js';
import { podTemplate } from './pod.js';
import { teacherResources } from './resources.js';

/**
 * Teachers keep together, away from pods that are none: those that come and go beside neighbors leave fragments, and who
 * needs a whole node then waits for small pods to end, which nobody may send away (docs/adr/0012). Only preferred.
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

/** What the API takes for "no deadline": teachers may wait for a slot as long as it takes. */
const noDeadlineSeconds = 2_147_483_647;

/** @throws OwnerlessJobError */
export function teacherDeployment(
  job: DistillJob,
  pool: TeacherPool,
  replicas: number,
  settings: WorkerSettings,
): KubernetesObject {
  const fleet: Fleet = { role: 'teacher', pool: pool.name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(job, teacherName(job.metadata.name, pool.name), fleet),
    spec: {
      replicas,
      selector: { matchLabels: selectorOf(job, fleet) },
      // A new template takes the slots of the old one: a surplus pod might find none, or take a neighbor's (I5).
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '25%' } },
      progressDeadlineSeconds: noDeadlineSeconds,
      revisionHistoryLimit: 1,
      template: podTemplate(
        job,
        {
          fleet,
          // Its scratch folders would keep the autoscaler from removing an idle node.
          annotations: { [safeToEvictAnnotation]: 'true' },
          resources: teacherResources(pool),
          variables: {
            DISTILL_POOL: pool.name,
            // One inference thread a core that is asked for, at least one: the API server rounds up.
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
