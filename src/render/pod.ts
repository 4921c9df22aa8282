/**
 * The pod of a worker.
 *
 * Invariants:
 *  pod/P1 It meets the restricted Pod Security Standard, and has no rights at the API server (I7).
 *  pod/P2 It holds its own role's key to the streams and no other.
 *  pod/P3 It depends on the job's immutable fields, its template and the operator's settings alone: changes of scale
 *     never replace a pod.
 */
import { quietLibraries } from '@distillery/protocol';

import {
  type DistillJob,
  graceSeconds,
  inputsName,
  milliAmount,
  ownVolumePrefix,
  type PodOverlay,
  type PodRole,
  sharedName,
  workerContainer,
  workerFolders,
} from '../api/index.js';

import { isAccelerator } from '../domain/index.js';

import { type Fleet, labelsOf, uidOf } from './metadata.js';
import { type Mounted, placesOf } from './mounts.js';
import type { Fields, WorkerSettings } from './object.js';
import { type PodTemplate, withOverlay } from './overlay.js';
import type { Resources } from './resources.js';

/** Key of the manifest in the job's ConfigMap; the name of the file, too. */
export const manifestKey = 'manifest.json';

/** Keys of one role in the job's Secret; the names of the files, too. */
function keysOf(role: string): { readonly creds: string; readonly password: string } {
  return { creds: `${role}.creds`, password: `${role}.password` };
}

/** The user of the worker images. */
const imageUser = 10_001;

/** A worker keeps nothing that is large on its pod's disk: data sets are read where they lie, checkpoints sent away. */
const scratchLimit = '1Gi';

export interface WorkerPod {
  readonly fleet: Fleet;
  readonly annotations: Readonly<Record<string, string>>;
  readonly resources: Resources;
  readonly variables: Variables;
  readonly restartPolicy: 'Always' | 'Never';
  /** Undefined leaves it to the job's template. */
  readonly priorityClassName?: string;
  /** Undefined leaves it to the job's template, which stands where it names any. */
  readonly affinity?: Fields;
  readonly template: PodOverlay;
}

type Variables = Readonly<Record<string, string | { readonly valueFrom: Fields }>>;

export function podTemplate(job: DistillJob, worker: WorkerPod, settings: WorkerSettings): PodTemplate {
  const { fleet, annotations, resources, variables, restartPolicy, priorityClassName, affinity, template } = worker;
  const { volumes, mounts } = mountedBy(job, fleet.role, settings);
  const own: PodTemplate = {
    metadata: { labels: labelsOf(job, fleet), annotations },
    spec: {
      restartPolicy,
      terminationGracePeriodSeconds: graceSeconds[fleet.role],
      ...(priorityClassName === undefined ? {} : { priorityClassName }),
      ...(affinity === undefined ? {} : { affinity }),
      serviceAccountName: sharedName(job.metadata.name),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: imageUser,
        runAsGroup: imageUser,
        fsGroup: imageUser,
        // A claim may hold millions of files; only one that does not belong to the group yet is walked.
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: workerContainer,
          image: imageFor(resources, settings),
          imagePullPolicy: settings.imagePullPolicy,
          args: [`dist/workers/${fleet.role}/main.js`],
          env: listed({ ...commonVariables(fleet.role, settings), ...variables }),
          resources,
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            readOnlyRootFilesystem: true,
          },
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: mounts,
        },
      ],
      volumes,
    },
  };
  return withOverlay(own, template);
}

function imageFor({ requests }: Resources, { images, accelerators }: WorkerSettings): string {
  const needsAccelerator = Object.entries(requests).some(
    ([resource, quantity]) => isAccelerator(resource, accelerators) && milliAmount(quantity) > 0,
  );
  return needsAccelerator ? images.gpu : images.cpu;
}

function commonVariables(role: PodRole, { natsUrl, natsUsers }: WorkerSettings): Variables {
  const { creds, password } = keysOf(role);
  return {
    DISTILL_MANIFEST: `${workerFolders.job}/${manifestKey}`,
    DISTILL_NATS_URL: natsUrl,
    ...(natsUsers === undefined
      ? { DISTILL_NATS_CREDS_FILE: `${workerFolders.nats}/${creds}` }
      : { DISTILL_NATS_USER: natsUsers[role], DISTILL_NATS_PASSWORD_FILE: `${workerFolders.nats}/${password}` }),
    DISTILL_POD: { valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    DISTILL_FOLDER: workerFolders.work,
    ...quietLibraries,
  };
}

function listed(variables: Variables): readonly (Fields & { readonly name: string })[] {
  return Object.entries(variables).map(([name, value]) => ({
    name,
    ...(typeof value === 'string' ? { value } : value),
  }));
}

function mountedBy(job: DistillJob, role: PodRole, { natsUsers }: WorkerSettings): Mounted {
  const { creds, password } = keysOf(role);
  const key = natsUsers === undefined ? creds : password;
  const inputs = inputsName(job.metadata.name, uidOf(job));
  const volume = (name: string, mountPath: string, source: Fields, isReadOnly: boolean): Mounted => ({
    volumes: [{ name: ownVolumePrefix + name, ...source }],
    mounts: [{ name: ownVolumePrefix + name, mountPath, ...(isReadOnly ? { readOnly: true } : {}) }],
  });
  const manifest = { configMap: { name: inputs, items: [{ key: manifestKey, path: manifestKey }] } };
  // Readable for the group, which is ours by fsGroup: the files belong to root. 0o440, but JSON has decimals only.
  const secret = { secret: { secretName: inputs, items: [{ key, path: key }], defaultMode: 0o440 } };
  const scratch = { emptyDir: { sizeLimit: scratchLimit } };
  const parts = [
    volume('manifest', workerFolders.job, manifest, true),
    volume('nats', workerFolders.nats, secret, true),
    volume('work', workerFolders.work, scratch, false),
    volume('tmp', workerFolders.temporary, scratch, false),
    placesOf(job, role),
  ];
  return { volumes: parts.flatMap(({ volumes }) => volumes), mounts: parts.flatMap(({ mounts }) => mounts) };
}
