/**
 * Whose an object is. Anybody may write our labels onto anything; what counts is who controls an object, in which namespace,
 * and under which name. Pure.
 *
 * Invariants:
 *  ownership/W1 An object belongs to a job when the job is its controller, by uid and name, and it lies in the job's
 *     namespace under the name that we give. A label alone never makes it so.
 *  ownership/W2 A pod belongs to a job when its controller does: the student's Job by uid, a teacher's ReplicaSet by
 *     the name that Kubernetes makes of the Deployment's. ReplicaSets are not watched: a user who may create one in a
 *     namespace may create pods there with the job's credentials as well, so their uid would prove nothing more.
 */
import { apiGroup, isTeacherName, kind as jobKind, labels, sharedName, studentName } from '../../../api/index.js';
import type { JobKey } from '../../../controller/index.js';

import type { StoredMetadata } from '../api/index.js';

type Controller = NonNullable<StoredMetadata['ownerReferences']>[number];

/** @returns the one owner that controls it; null = none does */
export function controllerOf({ ownerReferences = [] }: Pick<StoredMetadata, 'ownerReferences'>): Controller | null {
  return ownerReferences.find(({ controller }) => controller === true) ?? null;
}

/** @returns name and uid of the DistillJob that controls it; null = another does, or none */
export function jobOf(
  metadata: Pick<StoredMetadata, 'ownerReferences'>,
): { readonly name: string; readonly uid: string } | null {
  const controller = controllerOf(metadata);
  if (controller?.kind !== jobKind || !controller.apiVersion.startsWith(`${apiGroup}/`)) {
    return null;
  }
  return controller;
}

/** A job as one text, its namespace and name included: a uid alone may be written down anywhere. */
export function identityOf({ namespace, name, uid }: JobKey): string {
  return `${namespace}/${name}/${uid}`;
}

/** True when an object of this kind has a name that we give to an object of this job. */
export function isOurName(kind: string, { name, labels: given = {} }: StoredMetadata, job: string): boolean {
  switch (kind) {
    case 'Deployment':
      return isTeacherName(name, job, given[labels.pool] ?? '');
    case 'Job':
      return name === studentName(job);
    default:
      return name === sharedName(job);
  }
}

/** The job whose pod it is by its own word, where its controller may be ours (ownership/W2); null for every other. */
export function claimedJobOf(metadata: StoredMetadata): JobKey | null {
  const { namespace, labels: given = {} } = metadata;
  const { [labels.jobUid]: uid, [labels.job]: name, [labels.component]: component } = given;
  const controller = controllerOf(metadata);
  if (uid === undefined || name === undefined || controller === null) return null;
  const isOurs =
    component === 'student'
      ? isA(controller, 'batch/v1', 'Job') && controller.name === studentName(name)
      : component === 'teacher' && isA(controller, 'apps/v1', 'ReplicaSet') && isOfTeachers(controller, name, given);
  return isOurs ? { namespace, name, uid } : null;
}

/** A Deployment's ReplicaSet has its name and the hash of its template. */
function isOfTeachers({ name }: Controller, job: string, given: Readonly<Record<string, string>>): boolean {
  const end = `-${given['pod-template-hash'] ?? ''}`;
  return name.endsWith(end) && isTeacherName(name.slice(0, -end.length), job, given[labels.pool] ?? '');
}

function isA(controller: Controller, apiVersion: string, kind: string): boolean {
  return controller.apiVersion === apiVersion && controller.kind === kind;
}
