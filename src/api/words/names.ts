/**
 * The names that our objects carry: the API's own, and those of what a job owns. Names of things in NATS
 * are the protocol's (packages/protocol/src/names.ts).
 */
import { mix32, seedOf } from '@distillery/base';

export const apiGroup = 'distillery.dev';
export const apiVersion = 'distillery.dev/v1alpha1';
export const kind = 'DistillJob';
export const plural = 'distilljobs';

/** Finalizer of a DistillJob that has streams: the operator deletes them before the job is removed. */
export const streamsFinalizer = `${apiGroup}/streams`;
/** `"true"` allows the deletion of a job while NATS is unreachable; its streams remain. */
export const forceDeleteAnnotation = `${apiGroup}/force-delete`;
/** Annotation of every object that the operator applies: a hash of the wanted object, so that nothing is applied twice. */
export const appliedAnnotation = `${apiGroup}/applied`;
/** Annotation of a student's Job: a hash of its pod template, which is immutable; a change requires a new Job. */
export const templateAnnotation = `${apiGroup}/template`;
/** The one name under which the operator applies fields. */
export const fieldManager = 'distillery';

export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  /** teacher or student. */
  component: 'app.kubernetes.io/component',
  job: `${apiGroup}/job`,
  jobUid: `${apiGroup}/job-uid`,
  pool: `${apiGroup}/pool`,
} as const;
/** What `spec.managedBy` says for a job of this operator; absent means the same. */
const ownManager = `${apiGroup}/operator`;

/** True when no other controller runs the job: `spec.managedBy` is absent, or names this operator. */
export function isManagedHere(spec: { readonly managedBy?: string | undefined } | undefined): boolean {
  return (spec?.managedBy ?? ownManager) === ownManager;
}

/** Names of Kueue's API (sigs.k8s.io/kueue v0.19, apis/kueue/v1beta2 and pkg/controller/constants). */
export const kueue = {
  group: 'kueue.x-k8s.io',
  /** The version that the operator reads; served since Kueue 0.15. */
  version: 'v1beta2',
  /** LocalQueue of a Job, a Deployment or a pod. */
  queueLabel: 'kueue.x-k8s.io/queue-name',
  /** WorkloadPriorityClass of a Job. */
  priorityLabel: 'kueue.x-k8s.io/priority-class',
  /** On a pod that no queue counts: topology-aware scheduling then does not count it as taken room. */
  unconstrainedTopology: 'kueue.x-k8s.io/podset-unconstrained-topology',
  /** Scheduling gates of pods that wait for quota begin with this. */
  gatePrefix: 'kueue.x-k8s.io/',
  /** A LocalQueue of this name takes objects that name none. */
  defaultQueue: 'default',
} as const;
/** Value of the labels managedBy and name. */
export const appName = 'distillery';

/** Length of the longest name that also fits a label and a batch/v1 Job. */
const longestName = 63;

/** @returns the name of the job's student: one batch/v1 Job, or one process of a local run. */
export function studentName(job: string): string {
  return fitted(`${job}-student`);
}

/**
 * @returns the name of one pool of teachers: one Deployment, or the processes of a local run. No two pairs of job and pool
 *   share a name: a plain name that could be read as another pair, or as a shortened name, ends in a hash of the pair.
 */
export function teacherName(job: string, pool: string): string {
  const name = `${job}${teacherInfix}${pool}`;
  return isAmbiguous(name) ? hashed(name, `${job}/${pool}`) : fitted(name);
}

/** True for the Deployment of this pool, under its current name or the name that versions up to 0.1 gave. */
export function isTeacherName(name: string, job: string, pool: string): boolean {
  return name === teacherName(job, pool) || name === fitted(`${job}${teacherInfix}${pool}`);
}

const teacherInfix = '-teacher-';

/** Job `a` with pool `b-teacher-c` and job `a-teacher-b` with pool `c` would have the same plain name. */
function isAmbiguous(name: string): boolean {
  if (name.indexOf(teacherInfix) !== name.lastIndexOf(teacherInfix)) return true;
  const mayBeShortened = name.length > longestName - hashLength - 1 && /-[0-9a-z]{10}$/.test(name);
  return name.length <= longestName && mayBeShortened;
}

/** @returns the name of a job's ServiceAccount and NetworkPolicy, which its pods share and the operator watches. */
export function sharedName(job: string): string {
  return fitted(`${job}-distill`);
}

/**
 * @returns the name of the ConfigMap and the Secret that a job's pods mount. The operator may not read these, so only the
 *   name shows which job owns them: it contains the job's uid, which no other object has by accident.
 */
export function inputsName(job: string, uid: string): string {
  return `${sharedName(job)}-${uid}`;
}

const uuid = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** Matches the names that `inputsName` makes, from short and from long job names. */
const inputs = new RegExp(`-(distill|[0-9a-z]{10})-${uuid}$`);

/** True for the Secret of any job, and for the name that versions up to 0.1 gave to the Secret of this one. */
export function isCredentialsName(name: string, job: string): boolean {
  return inputs.test(name) || name === sharedName(job);
}

const hashLength = 10;

/** Shortens a name that is too long and appends a hash of the whole name, so that different names stay different. */
function fitted(name: string): string {
  return name.length <= longestName ? name : hashed(name, name);
}

/** The name, shortened if necessary, followed by a hash of its source. */
function hashed(name: string, of: string): string {
  const codes = Array.from(of, (character) => character.codePointAt(0) ?? 0);
  const hash = [seedOf(...codes), mix32(seedOf(...codes.reverse()))]
    .map((word) => word.toString(36))
    .join('')
    .slice(0, hashLength);
  return `${name.slice(0, longestName - hash.length - 1).replace(/-+$/, '')}-${hash}`;
}
