/**
 * The names that our objects carry: the API's own, and those of what a job owns. Names of things in NATS
 * are the protocol's (src/protocol/names.ts).
 */
import { mix32, seedOf } from '../lib/random.js';

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

/** @returns the name of one pool of teachers: one Deployment, or the processes of a local run. */
export function teacherName(job: string, pool: string): string {
  return fitted(`${job}-teacher-${pool}`);
}

/** @returns the name of what a job's pods share: ServiceAccount, ConfigMap, Secret and NetworkPolicy. */
export function sharedName(job: string): string {
  return fitted(`${job}-distill`);
}

/** Cuts what is too long and ends it in a hash of the whole, so that different names stay different. */
function fitted(name: string): string {
  if (name.length <= longestName) return name;
  const codes = Array.from(name, (character) => character.codePointAt(0) ?? 0);
  const hash = [seedOf(...codes), mix32(seedOf(...codes.reverse()))]
    .map((word) => word.toString(36))
    .join('')
    .slice(0, 10);
  return `${name.slice(0, longestName - hash.length - 1).replace(/-+$/, '')}-${hash}`;
}
