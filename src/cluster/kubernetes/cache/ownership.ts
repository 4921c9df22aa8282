/**
 * Which job an object belongs to. Anybody may put our labels on anything; what counts is the controller of an object, its
 * namespace and its name. Pure.
 *
 * Invariants:
 *  ownership/W1 An object belongs to a job if the job is its controller, by uid and name, and the object is in the job's
 *     namespace under the name that we give. A label alone never suffices.
 *  ownership/W2 A pod belongs to a job if its controller does: the student's Job by uid, a teacher's ReplicaSet by the
 *     name that Kubernetes derives from the Deployment's name. ReplicaSets are not watched: a user who may create one
 *     in a namespace may also create pods there with the job's credentials, so their uid would prove nothing more.
 */
import { apiGroup, isTeacherName, kind as jobKind, labels, sharedName, studentName } from '../../../api/index.js';
import type { JobKey } from '../../../controller/index.js';

import type { StoredMetadata } from '../api/index.js';

type Controller = NonNullable<StoredMetadata['ownerReferences']>[number];

/** @returns the owner that controls the object; null = none */
export function controllerOf({ ownerReferences = [] }: Pick<StoredMetadata, 'ownerReferences'>): Controller | null {
  return ownerReferences.find(({ controller }) => controller === true) ?? null;
}

/** @returns name and uid of the DistillJob that controls the object; null = another kind does, or none */
export function jobOf(
  metadata: Pick<StoredMetadata, 'ownerReferences'>,
): { readonly name: string; readonly uid: string } | null {
  const controller = controllerOf(metadata);
  if (controller?.kind !== jobKind || !controller.apiVersion.startsWith(`${apiGroup}/`)) {
    return null;
  }
  return controller;
}

/** A job as one text, with namespace and name: a uid alone can be copied to any object. */
export function identityOf({ namespace, name, uid }: JobKey): string {
  return `${namespace}/${name}/${uid}`;
}

/** True if an object of this kind has the name that we give it for this job. */
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

/** The job that the pod's labels name, if its controller may be ours (ownership/W2); null otherwise. */
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

/** The name of a ReplicaSet is the Deployment's name and the hash of the pod template. */
function isOfTeachers({ name }: Controller, job: string, given: Readonly<Record<string, string>>): boolean {
  const end = `-${given['pod-template-hash'] ?? ''}`;
  return name.endsWith(end) && isTeacherName(name.slice(0, -end.length), job, given[labels.pool] ?? '');
}

function isA(controller: Controller, apiVersion: string, kind: string): boolean {
  return controller.apiVersion === apiVersion && controller.kind === kind;
}
