/**
 * The pod of a worker.
 *
 * Invariants:
 *  pod/P1 The pod meets the restricted Pod Security Standard and has no rights at the API server (I7).
 *  pod/P2 The pod holds its own role's credentials for the streams and no others.
 *  pod/P3 The pod depends only on the job's immutable fields, its template and the operator's settings: scaling never
 *     replaces a pod.
 */
import { type NatsTls, natsTlsKeys, quietLibraries, type WorkerRole } from '@distillery/protocol';

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

import { labelsOf, uidOf, type WorkerSet } from './metadata.js';
import { type Mounted, placesOf, remoteVariables } from './mounts.js';
import type { Fields, WorkerSettings } from './object.js';
import { type PodTemplate, withOverlay } from './overlay.js';
import type { Resources } from './resources.js';

/** Key of the manifest in the job's ConfigMap, and the name of its file. */
export const manifestKey = 'manifest.json';

/** Keys of one role in the job's Secret, and the names of their files. */
function keysOf(role: string): { readonly creds: string; readonly password: string } {
  return { creds: `${role}.creds`, password: `${role}.password` };
}

/** User and group of the worker images. */
const imageUser = 10_001;

/**
 * Size limit of the scratch folders. Workers store little on their pod's disk: they read data sets in place and upload
 * checkpoints.
 */
const scratchLimit = '1Gi';

export interface WorkerPod {
  readonly workers: WorkerSet;
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
  const { workers, annotations, resources, variables, restartPolicy, priorityClassName, affinity, template } = worker;
  const { volumes, mounts } = mountedBy(job, workers.role, settings);
  const own: PodTemplate = {
    metadata: { labels: labelsOf(job, workers), annotations },
    spec: {
      restartPolicy,
      terminationGracePeriodSeconds: graceSeconds[workers.role],
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
        // A claim may hold millions of files; change the group only if the root does not have it yet.
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: workerContainer,
          image: imageFor(workers.role, resources, settings),
          imagePullPolicy: settings.imagePullPolicy,
          args: [`dist/workers/${workers.role}/main.js`],
          env: listed({
            ...commonVariables(workers.role, settings),
            ...remoteVariables(job, workers.role, settings),
            ...variables,
          }),
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

function imageFor(
  role: WorkerRole,
  { requests, claims = [] }: Resources,
  { images, accelerators }: WorkerSettings,
): string {
  const needsAccelerator = Object.entries(requests).some(
    ([resource, quantity]) => isAccelerator(resource, accelerators) && milliAmount(quantity) > 0,
  );
  if (!needsAccelerator && claims.length === 0) return images.cpu;
  return role === 'student' ? images.studentGpu : images.gpu;
}

/** Variable of each part of TLS that a worker is given as a file. */
const tlsVariables: Readonly<Record<keyof NatsTls, string>> = {
  ca: 'DISTILL_NATS_CA_FILE',
  cert: 'DISTILL_NATS_CERT_FILE',
  key: 'DISTILL_NATS_KEY_FILE',
};

function commonVariables(
  role: PodRole,
  { natsUrl, natsUsers, natsTls = [], tracing = null }: WorkerSettings,
): Variables {
  const { creds, password } = keysOf(role);
  return {
    DISTILL_MANIFEST: `${workerFolders.job}/${manifestKey}`,
    DISTILL_NATS_URL: natsUrl,
    ...(natsUsers === undefined
      ? { DISTILL_NATS_CREDS_FILE: `${workerFolders.nats}/${creds}` }
      : { DISTILL_NATS_USER: natsUsers[role], DISTILL_NATS_PASSWORD_FILE: `${workerFolders.nats}/${password}` }),
    ...Object.fromEntries(natsTls.map((part) => [tlsVariables[part], `${workerFolders.nats}/${natsTlsKeys[part]}`])),
    DISTILL_POD: { valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    DISTILL_FOLDER: workerFolders.work,
    ...(tracing === null
      ? {}
      : { OTEL_EXPORTER_OTLP_ENDPOINT: tracing.endpoint, OTEL_TRACES_SAMPLER_ARG: String(tracing.ratio) }),
    ...quietLibraries,
  };
}

function listed(variables: Variables): readonly (Fields & { readonly name: string })[] {
  return Object.entries(variables).map(([name, value]) => ({
    name,
    ...(typeof value === 'string' ? { value } : value),
  }));
}

function mountedBy(job: DistillJob, role: PodRole, settings: WorkerSettings): Mounted {
  const { natsUsers, natsTls = [] } = settings;
  const { creds, password } = keysOf(role);
  const key = natsUsers === undefined ? creds : password;
  const inputs = inputsName(job.metadata.name, uidOf(job));
  const volume = (name: string, mountPath: string, source: Fields, isReadOnly: boolean): Mounted => ({
    volumes: [{ name: ownVolumePrefix + name, ...source }],
    mounts: [{ name: ownVolumePrefix + name, mountPath, ...(isReadOnly ? { readOnly: true } : {}) }],
  });
  const manifest = { configMap: { name: inputs, items: [{ key: manifestKey, path: manifestKey }] } };
  // The files belong to root, and fsGroup makes the group ours: readable for the group. 0o440 in decimal, for JSON.
  const items = [key, ...natsTls.map((part) => natsTlsKeys[part])].map((one) => ({ key: one, path: one }));
  const secret = { secret: { secretName: inputs, items, defaultMode: 0o440 } };
  const scratch = { emptyDir: { sizeLimit: scratchLimit } };
  const parts = [
    volume('manifest', workerFolders.job, manifest, true),
    volume('nats', workerFolders.nats, secret, true),
    volume('work', workerFolders.work, scratch, false),
    volume('tmp', workerFolders.temporary, scratch, false),
    placesOf(job, role, settings),
  ];
  return { volumes: parts.flatMap(({ volumes }) => volumes), mounts: parts.flatMap(({ mounts }) => mounts) };
}
