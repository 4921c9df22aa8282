/**
 * The names that our objects carry: the API's own, and those of what a job owns. Names of things in NATS
 * are the protocol's (packages/protocol/src/names.ts).
 */
import { mix32, seedOf } from '@distillery/base';

export const apiGroup = 'distillery.dev';
export const apiVersion = 'distillery.dev/v1alpha1';
export const kind = 'DistillJob';
export const plural = 'distilljobs';

/** On a DistillJob that has streams: they are removed before it goes. */
export const streamsFinalizer = `${apiGroup}/streams`;
/** `"true"` lets a job go although NATS cannot be reached; its streams stay behind. */
export const forceDeleteAnnotation = `${apiGroup}/force-delete`;
/** Of every object that the operator applies: a hash of what was wanted, so that nothing is applied twice. */
export const appliedAnnotation = `${apiGroup}/applied`;
/** Of a student's Job: a hash of its pod template, which can only be changed by making the Job anew. */
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
/** Value of the labels managedBy and name. */
export const appName = 'distillery';

/** Longest name that also fits a label and a batch/v1 Job. */
const longestName = 63;

/** @returns the name of the job's student: one batch/v1 Job, or one process of a local run. */
export function studentName(job: string): string {
  return fitted(`${job}-student`);
}

/**
 * @returns the name of one pool of teachers: one Deployment, or the processes of a local run. No two pairs of job and pool
 *   share a name: where the plain one could be read as another pair, or as a shortened name, it ends in a hash of the pair.
 */
export function teacherName(job: string, pool: string): string {
  const name = `${job}${teacherInfix}${pool}`;
  return isAmbiguous(name) ? hashed(name, `${job}/${pool}`) : fitted(name);
}

/** True for the Deployment of this pool, under its name of today or under the one that versions up to 0.1 gave. */
export function isTeacherName(name: string, job: string, pool: string): boolean {
  return name === teacherName(job, pool) || name === fitted(`${job}${teacherInfix}${pool}`);
}

const teacherInfix = '-teacher-';

/** Job `a` with pool `b-teacher-c` and job `a-teacher-b` with pool `c` are written alike. */
function isAmbiguous(name: string): boolean {
  if (name.indexOf(teacherInfix) !== name.lastIndexOf(teacherInfix)) return true;
  const mayBeShortened = name.length > longestName - hashLength - 1 && /-[0-9a-z]{10}$/.test(name);
  return name.length <= longestName && mayBeShortened;
}

/** @returns the name of what a job's pods share and the operator watches: ServiceAccount and NetworkPolicy. */
export function sharedName(job: string): string {
  return fitted(`${job}-distill`);
}

/**
 * @returns the name of what a job's pods mount: ConfigMap and Secret. The operator may not read these, so the name alone
 *   says whose they are: it holds the job's uid, which nothing else carries by accident.
 */
export function inputsName(job: string, uid: string): string {
  return `${sharedName(job)}-${uid}`;
}

const uuid = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** As `inputsName` makes them, of short and of long names. */
const inputs = new RegExp(`-(distill|[0-9a-z]{10})-${uuid}$`);

/** True for the Secret of any job, and for what versions up to 0.1 called the Secret of this one. */
export function isCredentialsName(name: string, job: string): boolean {
  return inputs.test(name) || name === sharedName(job);
}

const hashLength = 10;

/** Cuts what is too long and ends it in a hash of the whole, so that different names stay different. */
function fitted(name: string): string {
  return name.length <= longestName ? name : hashed(name, name);
}

/** The name, cut where it is too long, and a hash of what it stands for. */
function hashed(name: string, of: string): string {
  const codes = Array.from(of, (character) => character.codePointAt(0) ?? 0);
  const hash = [seedOf(...codes), mix32(seedOf(...codes.reverse()))]
    .map((word) => word.toString(36))
    .join('')
    .slice(0, hashLength);
  return `${name.slice(0, longestName - hash.length - 1).replace(/-+$/, '')}-${hash}`;
}
